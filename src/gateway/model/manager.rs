use crate::gateway::document::{Node, Place};
use crate::gateway::releases::{Fact, Release};

/// One extension manager of a file.
#[derive(Debug)]
pub(in crate::gateway) struct Manager<'a> {
    /// Its mapping.
    pub(in crate::gateway) node: &'a Node,
    /// Its key, or its place in the list.
    pub(in crate::gateway) place: Place,
    /// `extensionManager` or `extensionManagers[1]`.
    pub(in crate::gateway) path: String,
}

impl<'a> Manager<'a> {
    /// The values of `pre` or `post`.
    pub(in crate::gateway) fn hooks(&self, which: &str) -> &'a [Node] {
        self.node.at(&["hooks", "xdsTranslator", which]).map(Node::items).unwrap_or_default()
    }
}

/// The extension managers that `release` reads.
pub(in crate::gateway) fn managers(root: &Node, release: Release) -> Vec<Manager<'_>> {
    let several = root.get("extensionManagers").filter(|_| release.has(Fact::SeveralManagers));
    let one = root.get("extensionManager").filter(|entry| root.set(&entry.key).is_some());
    let one =
        one.map(|entry| Manager { node: &entry.value, place: entry.key_place, path: entry.key.to_string() });
    let all = several.into_iter().flat_map(|entry| entry.value.items().iter().enumerate());
    let all = all.map(|(index, node)| Manager {
        node,
        place: node.place,
        path: format!("extensionManagers[{index}]"),
    });
    one.into_iter().chain(all).collect()
}
