use super::Advice;
use crate::pki::NameError;

impl Advice for NameError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::CommonName { name, .. } if name.contains('.') => {
                "host names belong to `--san` and `--client-san`".to_owned()
            }
            Self::CommonName { .. } => "choose a short one for people, such as `egext server`".to_owned(),
            Self::Spiffe { .. } | Self::SpiffeSide { .. } => {
                "type `server=spiffe://example.org/extension`, and the client's likewise".to_owned()
            }
            Self::SpiffeAsName { name } => format!("type `--spiffe-id server={name}`, or `client=`"),
            Self::Url { host: Some(host), .. } => format!("type `{host}`"),
            Self::Email { .. } | Self::Empty | Self::Malformed { .. } | Self::Url { .. } => {
                "names look like `extension.example.com`, `*.example.com`, `10.0.0.7` or `fd00::7`".to_owned()
            }
            Self::Network { .. } => "type the addresses that clients connect to, or a host name".to_owned(),
            Self::Kind { rest, .. } => format!("type `{rest}`"),
            Self::International { .. } => "type its ASCII form, which begins with `xn--`".to_owned(),
            Self::Brackets { host, .. } | Self::Port { host, .. } => format!("type `{host}`"),
            Self::TrailingDot { name } => format!("type `{}`", name.trim_end_matches('.')),
            Self::Underscore { name } => format!(
                "give the host another name, such as `{}` (a network alias, in Docker Compose)",
                name.replace('_', "-")
            ),
            Self::Unspecified { .. } => "type the address that clients connect to".to_owned(),
            Self::Wildcard { .. } => "type `*.example.com`, or the names themselves".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::SubjectName;

    #[test]
    fn each_mistake_gets_its_advice() {
        for (text, hint) in [
            ("localhost:5005", "type `localhost`"),
            ("[::1]:5005", "type `::1`"),
            ("[::1]", "type `::1`"),
            ("example.com.", "type `example.com`"),
            (
                "my_service",
                "give the host another name, such as `my-service` (a network alias, in Docker Compose)",
            ),
            ("ftp://files.example/a", "type `files.example`"),
            ("https://user:pw@[::1]:443", "type `::1`"),
            ("bücher.example", "type its ASCII form, which begins with `xn--`"),
            ("0.0.0.0", "type the address that clients connect to"),
            ("*.com", "type `*.example.com`, or the names themselves"),
            ("a.*.example.com", "type `*.example.com`, or the names themselves"),
            ("f*.example.com", "type `*.example.com`, or the names themselves"),
        ] {
            assert_eq!(text.parse::<SubjectName>().expect_err(text).advice().expect(text), hint, "{text}");
        }
    }
}
