//! `extensionManagers`: extensions by their names. The others in the list, and the order, stay: EG calls them one after another.

use super::merge::Merge;
use super::{Node, PatchError, flow, lists};

/// Puts extensions into a list that comes with the line after it: each in the place of the one of its name, or at the end.
pub(super) fn put(
    merge: &mut Merge<'_>,
    (list, list_end): (&Node, usize),
    (new, new_end): (&[Node], usize),
) -> Result<(), PatchError> {
    if flow::is_flow(merge.lines, list) {
        return put_in_flow(merge, list, new);
    }
    let old = list.items();
    for (index, wanted) in new.iter().enumerate() {
        let new_lines = lists::span(merge.source, new, index, new_end);
        let Some(at) = position(old, wanted) else {
            lists::append(merge, (old, list_end), new_lines);
            continue;
        };
        let end = lists::span(merge.lines, old, at, list_end).end;
        match flow::is_flow(merge.lines, &old[at]) {
            true => flow::map(merge, &old[at], wanted)?,
            false => merge.map(&old[at], (wanted, new_lines.end), end)?,
        }
    }
    Ok(())
}

/// The same in brackets.
pub(super) fn put_in_flow(merge: &mut Merge<'_>, list: &Node, new: &[Node]) -> Result<(), PatchError> {
    for wanted in new {
        match position(list.items(), wanted) {
            Some(at) => flow::map(merge, &list.items()[at], wanted)?,
            None => flow::append(merge, list, wanted),
        }
    }
    Ok(())
}

/// Where the one of this name stands.
fn position(items: &[Node], wanted: &Node) -> Option<usize> {
    let wanted = name(wanted)?;
    items.iter().position(|item| name(item) == Some(wanted))
}

/// What an extension is called.
pub(super) fn name(item: &Node) -> Option<&str> {
    item.set("name").and_then(Node::text)
}

/// The list.
pub(super) const KEY: &str = "extensionManagers";
