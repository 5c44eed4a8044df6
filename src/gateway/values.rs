use std::fmt::{self, Display};
use std::path::{Component, Path};
use std::str::FromStr;

use super::ValueError;
use super::yaml::is_printable;
use crate::net::{SOCKET_PATH_LIMIT, is_directory};

/// A path that may stand in a YAML comment: UTF-8 without control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TextPath(String);

impl TextPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file or directory in it.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0.strip_suffix('/').unwrap_or(&self.0)))
    }
}

impl TryFrom<&Path> for TextPath {
    type Error = ValueError;

    fn try_from(path: &Path) -> Result<Self, ValueError> {
        path.to_str()
            .filter(|text| !text.is_empty() && text.chars().all(is_printable))
            .map(|text| Self(text.to_owned()))
            .ok_or_else(|| ValueError::UnprintablePath { path: path.to_owned() })
    }
}

/// A path that does not depend on the directory in which EG is started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AbsolutePath(TextPath);

impl AbsolutePath {
    /// The path.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A file or directory in it.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }
}

impl AbsolutePath {
    /// True for `/`, however it is written.
    pub(super) fn is_root(&self) -> bool {
        Path::new(self.as_str()).components().all(|part| !matches!(part, Component::Normal(_)))
    }
}

impl TryFrom<&Path> for AbsolutePath {
    type Error = ValueError;

    fn try_from(path: &Path) -> Result<Self, ValueError> {
        let text = TextPath::try_from(path)?;
        if !path.is_absolute() {
            return Err(ValueError::RelativePath { path: path.to_owned() });
        }
        Ok(Self(text))
    }
}

/// A unix socket that EG can call.
///
/// EG pastes the path into `unix://PATH` and lets grpc-go take that apart as a URL, so a relative path becomes a host
/// and `?`, `#` and `%` cut or change it (main:internal/extension/grpc.go, grpc-go v1.83.0:clientconn.go).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SocketPath(AbsolutePath);

impl SocketPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<&Path> for SocketPath {
    type Error = ValueError;

    fn try_from(path: &Path) -> Result<Self, ValueError> {
        let absolute = AbsolutePath::try_from(path)?;
        if absolute.as_str().len() > SOCKET_PATH_LIMIT {
            return Err(ValueError::LongSocketPath { path: path.to_owned() });
        }
        if is_directory(absolute.as_str()) {
            return Err(ValueError::SocketDirectory { path: path.to_owned() });
        }
        if absolute.as_str().contains(['?', '#', '%']) {
            return Err(ValueError::UrlSocketPath { path: path.to_owned() });
        }
        Ok(Self(absolute))
    }
}

/// A kind of resource that the extension brings along, typed as `GROUP/VERSION/KIND`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.group, self.version, self.kind)
    }
}

impl FromStr for Resource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let malformed = || ValueError::Resource { text: text.to_owned() };
        let [group, version, kind] =
            text.split('/').collect::<Vec<_>>().try_into().map_err(|_| malformed())?;
        let starts_with_letter = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic());
        let fits = is_subdomain(group)
            && is_label(version)
            && starts_with_letter(version)
            && is_label(&kind.to_ascii_lowercase())
            && starts_with_letter(kind);
        if !fits {
            return Err(malformed());
        }
        Ok(Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() })
    }
}

/// The name of a Secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretName(String);

impl SecretName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_subdomain(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::SecretName { text: text.to_owned() })
    }
}

/// The name of an extension in the list of several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManagerName(String);

impl ManagerName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ManagerName {
    type Err = ValueError;

    /// EG takes any text. It stands in log lines and metrics, where a plain one is of use.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_subdomain(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::ManagerName { text: text.to_owned() })
    }
}

/// A namespace of Kubernetes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Namespace(String);

impl Namespace {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_label(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::Namespace { text: text.to_owned() })
    }
}

/// The name of a Deployment, a container or a Service: what all three take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectName(String);

impl ObjectName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // A Service's name begins with a letter.
        if is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::ObjectName { text: text.to_owned() })
    }
}

/// A reference to a container's image. Only the registry knows whether there is one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image(String);

impl Image {
    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Image {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(ValueError::Image { text: text.to_owned() })
    }
}

/// The name by which a GatewayClass chooses this EG: `DOMAIN/PATH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ControllerName(String);

impl ControllerName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ControllerName {
    type Err = ValueError;

    /// The pattern of `spec.controllerName` in the GatewayClass CRD: another name could never be chosen.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let path = |path: &str| {
            !path.is_empty()
                && path
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte))
        };
        match text.split_once('/') {
            Some((domain, rest)) if text.len() <= 253 && is_subdomain(domain) && path(rest) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ValueError::ControllerName { text: text.to_owned() }),
        }
    }
}

/// A DNS label as Kubernetes names things (RFC 1123, lower case).
fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_segment(text)
}

/// A DNS subdomain as Kubernetes names things.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_segment)
}

fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn resources_are_group_version_kind() {
        let resource: Resource = "example.io/v1alpha1/HeaderPolicy".parse().expect("well formed");
        assert_eq!(resource.to_string(), "example.io/v1alpha1/HeaderPolicy");
        for text in [
            "",
            "HeaderPolicy",
            "v1/Secret",
            "example.io/v1alpha1/",
            "example.io//HeaderPolicy",
            "/v1/Secret",
            "example.io/v1/Header Policy",
            "example.io/1/HeaderPolicy",
            "Example.io/v1/HeaderPolicy",
            "example.io/v1/HeaderPolicy/x",
            "example.io/v1/Header\nPolicy",
        ] {
            text.parse::<Resource>().expect_err(text);
        }
    }

    #[test]
    fn sockets_are_what_survives_a_url() {
        let socket = |text: &str| SocketPath::try_from(Path::new(text));
        let longest = format!("/{}", "x".repeat(SOCKET_PATH_LIMIT - 1));
        for text in ["/run/egext/eg.sock", "/run/my socket", longest.as_str()] {
            assert_eq!(socket(text).expect(text).as_str(), text);
        }
        let too_long = format!("{longest}x");
        for text in [
            "",
            "eg.sock",
            "./eg.sock",
            "/",
            "/run/",
            "/run/.",
            "/run/..",
            "/run/a?b",
            "/run/a#b",
            "/run/a%20b",
            "/run/a\nb",
            too_long.as_str(),
        ] {
            socket(text).expect_err(text);
        }
    }

    #[test]
    fn controller_names_fit_a_gateway_class() {
        for text in ["gateway.envoyproxy.io/gatewayclass-controller", "a/b/c", "a/~%"] {
            assert_eq!(text.parse::<ControllerName>().expect(text).as_str(), text);
        }
        for text in
            ["", "a", "/a", "a/", "A/b", "a/b c", "a.-b/c", "a/b\n", &format!("a/{}", "b".repeat(252))]
        {
            text.parse::<ControllerName>().expect_err(text);
        }
    }

    #[test]
    fn a_directory_joins_with_one_slash() {
        for text in ["/srv/eg", "/srv/eg/"] {
            let path = AbsolutePath::try_from(Path::new(text)).expect(text);
            assert_eq!(path.join("data").as_str(), "/srv/eg/data");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = text.parse::<Resource>();
            let _ = text.parse::<SecretName>();
            let _ = text.parse::<Namespace>();
            let _ = text.parse::<ControllerName>();
            let _ = SocketPath::try_from(Path::new(&text));
        }
    }
}
