use crate::gateway::document::Node;
use crate::gateway::releases::Version;
use crate::gateway::schema::{ROOT, Shape, field, fields};

/// What was probably meant by a key that EG does not read.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::gateway) enum Meant {
    /// A key that is written as well, and counts.
    Counts(&'static str),
    /// A later release stopped reading it: the last one that does.
    Earlier(Version),
    /// The same letters in other case.
    OtherCase(&'static str),
    /// The same key elsewhere: the path of the mapping it belongs to, empty for the top level.
    OtherLevel(String),
    /// An earlier release does not read it: the first one that does.
    Later(Version),
    /// A key with a few other letters.
    Typing(&'static str),
}

/// What `key` of the type `of` may stand for. `node` is its mapping, `path` ends with the key.
pub(super) fn meant(node: &Node, of: &str, path: &str, key: &str, version: Version) -> Option<Meant> {
    let other_release = fields(of).iter().find(|field| field.key == key);
    if let Some(field) = other_release {
        return Some(match field.since > version {
            true => Meant::Later(field.since),
            false => Meant::Earlier(field.until),
        });
    }
    let here = || fields(of).iter().filter(|field| field.is_of(version));
    let is_written = |key: &str| node.get(key).is_some();
    if let Some(field) = here().find(|field| field.key.eq_ignore_ascii_case(key)) {
        let key = field.key;
        return Some(if is_written(key) { Meant::Counts(key) } else { Meant::OtherCase(key) });
    }
    let parent = path.strip_suffix(key).unwrap_or_default().trim_end_matches('.');
    if let Some(level) = other_level(parent, key, version) {
        return Some(Meant::OtherLevel(level));
    }
    let near = nearest_word(key, here().map(|field| field.key))?;
    Some(if is_written(near) { Meant::Counts(near) } else { Meant::Typing(near) })
}

/// The word that differs least from `text`, if it differs by a slip of the fingers.
pub(in crate::gateway) fn nearest_word<'a>(
    text: &str,
    words: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let text = text.to_lowercase();
    let allowed = if text.chars().count() < 6 { 1 } else { 2 };
    // Nothing that anyone would have typed.
    if text.chars().count() > 40 {
        return None;
    }
    let measured = words.map(|word| (distance(&text, &word.to_lowercase()), word));
    measured.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|it| it.1)
}

/// How many letters have to be put in, taken out, replaced or exchanged with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The nearest mapping in which EG reads this key. Of the keys that many types have, only those close by count.
fn other_level(parent: &str, key: &str, version: Version) -> Option<String> {
    let mut found = Vec::new();
    let top = parent.split(['.', '[']).next().unwrap_or_default();
    collect(ROOT, key, version, &mut String::new(), &mut found);
    // `extensionManagers[0]` is the same type as `extensionManager`.
    let plural = parent.split('.').next().filter(|first| first.starts_with("extensionManagers["));
    let steps = |path: &str| path.split('.').filter(|step| !step.is_empty()).count();
    found
        .into_iter()
        .map(|path| match (plural, path.strip_prefix("extensionManager")) {
            (Some(plural), Some(rest)) => format!("{plural}{rest}"),
            _ => path,
        })
        .filter(|path| path != parent)
        .filter(|path| !COMMON.contains(&key) || path.starts_with(top) && !top.is_empty())
        .min_by_key(|path| {
            let shared = path.split('.').zip(parent.split('.')).take_while(|(a, b)| a == b).count();
            let shared = if path.is_empty() || parent.is_empty() { 0 } else { shared };
            steps(path) + steps(parent) - 2 * shared
        })
}

/// The paths of all mappings with this key, without those that describe Envoy's Pods.
fn collect(of: &str, key: &str, version: Version, path: &mut String, found: &mut Vec<String>) {
    if field(of, key, version).is_some() {
        found.push(path.clone());
    }
    for field in fields(of).iter().filter(|field| field.is_of(version)) {
        // A list has no one place, and what deploys Envoy has hundreds of keys with common names.
        let Shape::Object(inner) = &field.shape else { continue };
        let is_ours = !path.is_empty() || TOPS.contains(&field.key);
        if !is_ours || field.key == "rateLimitDeployment" || path.matches('.').count() > 4 {
            continue;
        }
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(field.key);
        collect(inner, key, version, path, found);
        path.truncate(length);
    }
}

/// What extensions and the ways of running EG have to do with.
const TOPS: &[&str] = &["extensionApis", "extensionManager", "gateway", "logging", "provider", "xdsServer"];

/// Keys of many types: far away they are another thing.
const COMMON: &[&str] = &["group", "host", "kind", "level", "name", "namespace", "path", "port", "type"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_at_another_level_is_found_where_it_is_nearest() {
        let level = |parent: &str, key: &str| other_level(parent, key, Version::V1_9);
        assert_eq!(level("extensionManager", "tls").as_deref(), Some("extensionManager.service"));
        assert_eq!(level("extensionManager.service", "failOpen").as_deref(), Some("extensionManager"));
        assert_eq!(
            level("extensionManagers[1].service", "failOpen").as_deref(),
            Some("extensionManagers[1]")
        );
        assert_eq!(level("provider", "extensionManager").as_deref(), Some(""));
        assert_eq!(
            level("extensionManager.hooks", "post").as_deref(),
            Some("extensionManager.hooks.xdsTranslator")
        );
        assert_eq!(level("gateway", "path"), None);
        assert_eq!(level("", "nonsense"), None);
    }

    #[test]
    fn a_slip_of_the_fingers_is_one_letter_or_two() {
        let near = |text: &str| nearest_word(text, ["service", "hooks", "failOpen"].into_iter());
        assert_eq!(near("serivce"), Some("service"));
        assert_eq!(near("hook"), Some("hooks"));
        assert_eq!(near("fail_Opn"), Some("failOpen"));
        assert_eq!(near("hk"), None);
        assert_eq!(near(&"x".repeat(100_000)), None);
    }
}
