//! Is a text an EnvoyGateway configuration?

/// True for one YAML document whose top level is a mapping with an `extensionManager`: what this program writes, or a file of Envoy
/// Gateway that has it pasted in. Looks at the lines without indentation only, where YAML of this kind has its keys.
pub fn is_envoy_gateway(text: &str) -> bool {
    let content = |line: &&str| !line.trim_end().is_empty() && !line.starts_with([' ', '\t', '#']);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().filter(content).peekable();
    lines.next_if(|line| line.trim_end() == "---");
    let mut found = false;
    let own = lines.all(|line| {
        let Some((key, value)) = line.split_once(':') else { return false };
        found |= ["extensionManager", "extensionManagers"].contains(&key);
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_key && (key != "kind" || value.trim().trim_matches(['"', '\'']) == "EnvoyGateway")
    });
    own && found
}

/// Is there a word that may be a key without its PEM markers, or PEM in Base64 as Kubernetes writes it?
pub fn has_encoded_secret(text: &str) -> bool {
    let encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    text.as_bytes().split(|byte| !encoded(*byte)).any(|word| {
        let has = |kind: fn(&u8) -> bool| word.iter().any(kind);
        // A path looks alike, and begins with what keys do not begin with.
        word.len() >= ENCODED
            && word[0] != b'/'
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_uppercase)
    })
}

/// The shortest private key, Ed25519 in PKCS#8, has 64 characters, and so has a line of PEM.
const ENCODED: usize = 44;

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
            "extensionManager: {}\n---\nkind: Secret\ndata:\n  key: c2VjcmV0\n",
            "extensionManager: {}\n---\nstringData:\n  key: c2VjcmV0\n",
            "kind: Secret\nextensionManager: {}\n",
        ] {
            assert!(!is_envoy_gateway(text), "{text}");
        }
    }
    #[test]
    fn paths_are_not_taken_for_keys() {
        let key = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for text in [key.to_owned(), format!("# note\n  key: \"{key}\"\n"), format!("k={}", &key[..48])] {
            assert!(has_encoded_secret(&text), "{text}");
        }
        for text in [
            "path: /var/lib/Extension2/sockets/OfTheGateway/which/is/long/enough/to/be/one".to_owned(),
            format!("# sha256:{}\n", "0f".repeat(32)),
            "aVeryLongNameOfAServiceWithoutAnyNumberInItWhichIsStillAName".to_owned(),
        ] {
            assert!(!has_encoded_secret(&text), "{text}");
        }
    }
}
