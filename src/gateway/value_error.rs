use std::path::PathBuf;

use super::releases::STATUS_CODES;
use super::{LogComponent, LogLevel, Version};
use crate::extension::Hook;
use crate::net::SOCKET_PATH_LIMIT;
use crate::report::Hint;

/// The user typed something that EG or Kubernetes would not take.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Not `DOMAIN/PATH`.
    #[error("`{text}` is not a controller name")]
    ControllerName {
        /// As typed.
        text: String,
    },
    /// EG passes over hooks that it does not know.
    #[error("EG has no hook `{text}`")]
    Hook {
        /// As typed.
        text: String,
    },
    /// No reference to an image has a blank or a control character.
    #[error("`{}` is not the name of an image", text.escape_debug())]
    Image {
        /// As typed.
        text: String,
    },
    /// The kernel does not take it.
    #[error("the path of a unix socket has at most {SOCKET_PATH_LIMIT} bytes, `{}` has {}", path.display(), path.as_os_str().len())]
    LongSocketPath {
        /// As typed.
        path: PathBuf,
    },
    /// EG refuses other components and levels.
    #[error("`{text}` is not a level of EG's log")]
    LogSetting {
        /// As typed.
        text: String,
    },
    /// Nothing for a log line or a metric.
    #[error("`{text}` is not a name for an extension")]
    ManagerName {
        /// As typed.
        text: String,
    },
    /// Zero, or not a number.
    #[error("`{text}` is not a factor")]
    Multiplier {
        /// As typed.
        text: String,
    },
    /// Not a DNS label.
    #[error("`{text}` is not the name of a namespace")]
    Namespace {
        /// As typed.
        text: String,
    },
    /// Not a DNS label that begins with a letter.
    #[error("`{text}` is not the name of a Deployment, a container or a Service")]
    ObjectName {
        /// As typed.
        text: String,
    },
    /// EG would look for it wherever it was started.
    #[error("`{}` is not an absolute path", path.display())]
    RelativePath {
        /// As typed.
        path: PathBuf,
    },
    /// Not `GROUP/VERSION/KIND`.
    #[error("`{text}` is not a kind of resource")]
    Resource {
        /// As typed.
        text: String,
    },
    /// Not a DNS subdomain.
    #[error("`{text}` is not the name of a Secret")]
    SecretName {
        /// As typed.
        text: String,
    },
    /// A directory, where a socket is to be named.
    #[error("`{}` is the path of a directory, not of a socket", path.display())]
    SocketDirectory {
        /// As typed.
        path: PathBuf,
    },
    /// It could not be written into a YAML file so that every reader agrees on it.
    #[error("the path `{}` is empty, not UTF-8 or has control characters", path.to_string_lossy().escape_debug())]
    UnprintablePath {
        /// As typed.
        path: PathBuf,
    },
    /// EG would call another path.
    #[error("EG reads the path of the socket as a URL, where `?`, `#` and `%` have a meaning: `{}`", path.display())]
    UrlSocketPath {
        /// As typed.
        path: PathBuf,
    },
    /// EG refuses it at every hook.
    #[error("`{text}` is not a status code that EG knows")]
    StatusCode {
        /// As typed.
        text: String,
    },
    /// A release that we know nothing about, or that never calls an extension server in this mode.
    #[error("`{text}` is not a release of EG that egext can write for")]
    Version {
        /// As typed.
        text: String,
    },
}

impl Hint for ValueError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::ControllerName { .. } => {
                "a domain and a path, as in `gateway.envoyproxy.io/gatewayclass-controller`".to_owned()
            }
            Self::Hook { .. } => {
                let names = Hook::ALL.iter().map(|hook| hook.name()).collect::<Vec<_>>();
                format!("one of {}", names.join(", "))
            }
            Self::Image { .. } => "write it as in a container: `example.org/egext:1`".to_owned(),
            Self::LongSocketPath { .. } | Self::UrlSocketPath { .. } => {
                "choose a plain short path, such as `/run/egext/eg.sock`".to_owned()
            }
            Self::LogSetting { .. } => format!(
                "levels are {}; components are {}",
                LogLevel::ALL.iter().map(|level| level.name()).collect::<Vec<_>>().join(", "),
                LogComponent::ALL.iter().map(|component| component.name()).collect::<Vec<_>>().join(", "),
            ),
            Self::Multiplier { .. } => "a number greater than zero, such as `2` or `1.5`".to_owned(),
            Self::StatusCode { .. } => format!("one of {}", STATUS_CODES.join(", ")),
            Self::ManagerName { .. } => {
                "lower case letters, digits and dashes, as in `my-extension`".to_owned()
            }
            Self::Namespace { .. } | Self::SecretName { .. } => {
                "lower case letters, digits and dashes, as in `egext-ca`".to_owned()
            }
            Self::ObjectName { .. } => {
                "at most 63 lower case letters, digits and dashes, as in `extension-server`".to_owned()
            }
            Self::RelativePath { path } => match path.to_str().and_then(|path| path.strip_prefix("unix:")) {
                Some(path) if path.starts_with('/') => format!("write it without `unix:`: `{path}`"),
                _ => {
                    "write it from the root: `$PWD/` in front of it, if it is below this directory".to_owned()
                }
            },
            Self::Resource { .. } => {
                "group, version and kind as in the CRD: `example.io/v1alpha1/HeaderPolicy`".to_owned()
            }
            Self::SocketDirectory { path } => {
                format!("name the socket in it: `{}`", path.join("eg.sock").display())
            }
            Self::UnprintablePath { .. } => "rename it, or reach it by a symbolic link".to_owned(),
            Self::Version { .. } => {
                let names = Version::ALL.iter().map(ToString::to_string).collect::<Vec<_>>();
                format!(
                    "one of {}; before 1.4, EG outside Kubernetes calls no extension server",
                    names.join(", ")
                )
            }
        })
    }
}
