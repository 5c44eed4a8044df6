//! A text means what it did before, but for the extension.

use super::merge::{are_equal, is_way};
use super::{Entry, Node, Target, managers};
use crate::gateway::config_map::embedded;
use crate::gateway::document;

/// Is all that is not `wanted` what it was?
pub(super) fn is_kept(target: Target, before: &Node, after: &Node, wanted: &Node) -> bool {
    if target == Target::ConfigMap {
        return is_kept_inside(before, after, wanted);
    }
    // A preset has keys beside the extension.
    let keys: Vec<_> = wanted.entries().iter().map(|entry| &*entry.key).collect();
    are_equal_beside(Some(before), Some(after), target.path(), &keys)
        && match (at(before, target.path()), at(after, target.path())) {
            (Some(before), Some(after)) => keys_are_kept(before, after, wanted),
            (before, _) => before.is_none(),
        }
}

fn is_kept_inside(before: &Node, after: &Node, wanted: &Node) -> bool {
    let (Some((key, inner)), Some((new_key, new_inner))) = (embedded(before), embedded(after)) else {
        return false;
    };
    let read = |node: &Node| document::read(node.text()?).ok();
    let (Some(inner), Some(new_inner)) = (read(inner), read(new_inner)) else { return false };
    key == new_key
        && are_equal_beside(Some(before), Some(after), &["data"], &[key])
        && is_kept(Target::EnvoyGateway, &inner.root, &new_inner.root, wanted)
}

/// All is equal but the values of `keys` in the mapping at `path`. A mapping on the way may be new.
fn are_equal_beside(before: Option<&Node>, after: Option<&Node>, path: &[&str], keys: &[&str]) -> bool {
    let left_out = path.first().map_or(keys, std::slice::from_ref);
    let (old, new) = (others(before, left_out), others(after, left_out));
    let is_same = |(old, new): (&&Entry, &&Entry)| old.key == new.key && are_equal(&old.value, &new.value);
    let are_equal = old.len() == new.len() && old.iter().zip(&new).all(is_same);
    let Some((first, rest)) = path.split_first() else { return are_equal };
    let [before, after] = [before, after].map(|node| node?.get(first).map(|entry| &entry.value));
    are_equal && are_equal_beside(before, after, rest, keys)
}

/// What was below a key that is wanted, and is not wanted itself, is there as it was; but not another way to the extension.
fn keys_are_kept(before: &Node, after: &Node, wanted: &Node) -> bool {
    wanted.entries().iter().all(|wanted| {
        let [before, after] = [before, after].map(|node| node.get(&wanted.key).map(|entry| &entry.value));
        // That all is there that is wanted is known before: then nothing more has to be changed.
        let (Some(before), Some(after)) = (before, after) else { return before.is_none() || after.is_some() };
        if &*wanted.key == managers::KEY {
            return managers_are_kept(before, after, &wanted.value);
        }
        let foreign = |entry: &&Entry| wanted.value.get(&entry.key).is_none() && !is_way(&wanted.key, entry);
        let is_kept =
            |entry: &Entry| after.get(&entry.key).is_some_and(|found| are_equal(&found.value, &entry.value));
        before.entries().iter().filter(foreign).all(is_kept) && keys_are_kept(before, after, &wanted.value)
    })
}

/// Every extension stays, with what is not wanted of the one that is changed.
fn managers_are_kept(before: &Node, after: &Node, wanted: &Node) -> bool {
    before.items().iter().zip(after.items()).all(|(before, after)| {
        let mut wanted = wanted.items().iter();
        match wanted.find(|wanted| managers::name(wanted) == managers::name(before)) {
            Some(wanted) => keys_are_kept(before, after, wanted),
            None => are_equal(before, after),
        }
    }) && before.items().len() <= after.items().len()
}

fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| node.get(key).map(|entry| &entry.value))
}

fn others<'n>(node: Option<&'n Node>, left_out: &[&str]) -> Vec<&'n Entry> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    entries.filter(|entry| !left_out.contains(&&*entry.key)).collect()
}
