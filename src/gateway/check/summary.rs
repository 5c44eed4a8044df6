use super::{Facts, Mode, Node, clipped};
use crate::gateway::document::Kind;

/// What EG does with a file that it accepts: `standalone, hooks Route, Translation, to unix:/run/egext/eg.sock`.
pub(super) fn summary(facts: &Facts<'_>) -> String {
    let mut words: Vec<String> = facts.mode.map(Mode::name).map(str::to_owned).into_iter().collect();
    for manager in &facts.managers {
        let hooks: Vec<_> = manager.hooks("post").iter().filter_map(Node::text).map(clipped).collect();
        let tls = if manager.node.at(&["service", "tls"]).is_some() { "TLS" } else { "plaintext" };
        words.push(format!("hooks {}", hooks.join(", ")));
        words.push(format!("{tls} to {}", clipped(&target(manager.node))));
    }
    if facts.managers.is_empty() {
        words.push("no extension".to_owned());
    }
    clipped(&words.join("; "))
}

fn target(manager: &Node) -> String {
    let Some(service) = manager.set("service") else { return String::new() };
    let text = |node: &Node, key: &str| node.set(key).and_then(Node::text).unwrap_or_default().to_owned();
    let port = |node: &Node| match node.set("port").map(|port| &port.kind) {
        Some(Kind::Integer(port)) => *port,
        _ => 0,
    };
    let host =
        |key: &str, name: &str| service.set(key).map(|node| format!("{}:{}", text(node, name), port(node)));
    host("fqdn", "hostname")
        .or_else(|| host("ip", "address"))
        .or_else(|| service.set("unix").map(|unix| format!("unix:{}", text(unix, "path"))))
        .unwrap_or_else(|| format!("{}:{}", text(service, "host"), port(service)))
}
