use std::fs;
use std::path::{Component, Path, PathBuf};

use super::StoreError;

/// Is `directory`, or anything above it, where Envoy Gateway keeps its own certificates?
///
/// Its home can be anywhere (`--config-home`), so it is known by what is in it: a certificate in two of the
/// three directories that `envoy-gateway certgen --local` makes. One of them alone may belong to another program.
pub(super) fn refuse(directory: &Path) -> Result<(), StoreError> {
    let real = existing(directory);
    match real.ancestors().find(|ancestor| is_home(ancestor) || is_filled(ancestor)) {
        Some(home) => Err(StoreError::GatewayHome { home: home.into() }),
        None => Ok(()),
    }
}

/// `directory` without links; where it is missing, what it would be.
pub(super) fn existing(directory: &Path) -> PathBuf {
    let ancestors =
        directory.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    for (ancestor, original) in ancestors.zip(directory.ancestors()) {
        if let Ok(real) = fs::canonicalize(ancestor) {
            let missing = directory.strip_prefix(original).unwrap_or(Path::new(""));
            return missing.components().fold(real, |path, component| match component {
                Component::Normal(name) => path.join(name),
                _ => path,
            });
        }
    }
    directory.into()
}

/// A default home, whatever is in it: that of releases up to 1.5, and that of later ones.
fn is_home(path: &Path) -> bool {
    path == Path::new("/tmp/envoy-gateway/certs") || path.ends_with(".config/envoy-gateway/certs")
}

fn is_filled(path: &Path) -> bool {
    let filled = SUBDIRECTORIES.iter().filter(|name| path.join(name).join("tls.crt").exists());
    filled.count() >= 2
}

const SUBDIRECTORIES: [&str; 3] = ["envoy", "envoy-gateway", "envoy-rate-limit"];
