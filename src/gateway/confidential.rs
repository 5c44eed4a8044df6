//! What of a file is not shown.

use crate::printable::without_user_of_url;

/// A line of a file with `***` in place of what may be a secret: the user in a URL, a token, the value of a key that
/// says so.
pub fn masked(line: &str) -> String {
    let mut masked = String::new();
    let mut is_secret = false;
    for word in line.split_inclusive([' ', '\t']) {
        let content = word.trim_end();
        let end = &word[content.len()..];
        masked += &match content {
            "" => String::new(),
            _ if is_secret => HIDDEN.to_owned(),
            _ => without_user_of_url(content).unwrap_or_else(|| content.to_owned()),
        };
        masked += end;
        is_secret |= is_label(content);
    }
    masked
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

/// Is what stands behind it a secret?
fn is_label(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'']).to_ascii_lowercase();
    let is_key = || {
        let key = word.strip_suffix(':').unwrap_or_default().trim_matches(['"', '\'']);
        ["apikey", "credential", "credentials", "passphrase", "password", "passwd", "secretkey", "token"]
            .iter()
            .any(|end| key.replace(['-', '_'], "").ends_with(end))
    };
    ["basic", "bearer"].contains(&&*word) || is_key()
}

const HIDDEN: &str = "***";

/// The shortest private key, Ed25519 in PKCS#8, has 64 characters, and so has a line of PEM.
const ENCODED: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (line, shown) in [
            ("  url: redis://user:hunter2@redis:6379\n", "  url: redis://***@redis:6379\n"),
            ("  value: Bearer 0123 4567\n", "  value: Bearer *** ***\n"),
            ("  value: \"Bearer 0123\"\n", "  value: \"Bearer ***\n"),
            ("  redisPassword: hunter2", "  redisPassword: ***"),
            ("  \"api-key\":\thunter2\r\n", "  \"api-key\":\t***\r\n"),
            ("  kind: Secret\n", "  kind: Secret\n"),
            ("  path: /run/a@b.sock\n", "  path: /run/a@b.sock\n"),
        ] {
            assert_eq!(masked(line), shown);
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
