//! Is a text an EnvoyGateway configuration?

/// True for YAML whose top level is a mapping with an `extensionManager`: what this program writes, or a file of Envoy
/// Gateway that has it pasted in. Looks at the lines without indentation only, where YAML of this kind has its keys.
pub fn is_envoy_gateway(text: &str) -> bool {
    let content = |line: &&str| {
        let other = line.trim_end().is_empty() || line.starts_with([' ', '\t', '#']);
        !other && !matches!(line.trim_end(), "---" | "...")
    };
    let mut keys = text.lines().filter(content).map(|line| {
        let (key, _) = line.split_once(':')?;
        key.bytes().all(|byte| byte.is_ascii_alphabetic()).then_some(key)
    });
    let mut found = false;
    keys.all(|key| {
        found |= key == Some("extensionManager");
        key.is_some()
    }) && found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_not_taken_for_it() {
        for text in [
            "extensionManager:\n  failOpen: true\n",
            "# note\n---\nkind: EnvoyGateway\nextensionManager: {}\n",
            "kind: EnvoyGateway\r\nextensionManager:\r\n- indented\r\n".replace("- ", "  ").as_str(),
        ] {
            assert!(is_envoy_gateway(text), "{text}");
        }
        for text in [
            "",
            "other\n",
            "kind: Secret\ndata:\n  key: c2VjcmV0\n",
            "password=1\nextensionManager:\n",
            "{\"extensionManager\": {}}\n",
            " extensionManager:\n",
        ] {
            assert!(!is_envoy_gateway(text), "{text}");
        }
    }
}
