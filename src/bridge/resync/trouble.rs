//! What keeps a marker from being written, or from having an effect, as findings.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::marker::WriteError;
use super::resources::Broken;
use crate::report::{Finding, FindingId};
use crate::shell::shell_path;

/// The directory cannot be opened.
pub(super) fn unreadable(directory: &Path, error: &io::Error) -> Finding {
    let path = shell_path(directory);
    let hint = match error.kind() {
        io::ErrorKind::NotFound => format!(
            "create it and start the bridge again, or name the directory that Envoy Gateway watches: `ls -ld {path}`"
        ),
        io::ErrorKind::NotADirectory => NAME_THE_DIRECTORY.to_owned(),
        _ => format!("run the bridge as a user who may read it: `ls -ld {path}`; {EXCHANGED}"),
    };
    let message = format!("the resource directory cannot be read: {error}");
    Finding::new(FindingId::BridgeResyncDirectory, directory.display().to_string(), message).with_hint(hint)
}

/// No marker could be written to the directory, or removed from it.
pub(super) fn unwritable(directory: &Path, error: &WriteError) -> Finding {
    let subject = directory.display().to_string();
    let path = shell_path(directory);
    let error = match error {
        WriteError::Foreign(file) => {
            let message =
                format!("`{}` is not a marker of this bridge, and is left as it is", file.display());
            let hint = format!("look at it, and move it out of the directory: `ls -l {}`", shell_path(file));
            return Finding::new(FindingId::BridgeResyncForeign, subject, message).with_hint(hint);
        }
        WriteError::Io(error) => error,
    };
    let hint = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS | Errno::PERM) => {
            format!("run the bridge as a user who may write to it: `ls -ld {path}`; {EXCHANGED}")
        }
        Some(Errno::ROFS) => {
            "the file system is mounted read-only: mount it writable for the bridge, or use `--connect-wait forever`"
                .to_owned()
        }
        Some(Errno::NOSPC | Errno::DQUOT) => format!("make room on its file system: `df -h {path}`"),
        _ => format!("look at the directory: `ls -ld {path}`"),
    };
    let message = format!("a marker cannot be written to the resource directory: {error}");
    Finding::new(FindingId::BridgeResyncDirectory, subject, message).with_hint(hint)
}

/// There is nothing that a marker could be attached to.
pub(super) fn no_gateway(directory: &Path, broken: &[Broken]) -> Finding {
    let message = "no Gateway is in the files of the resource directory, so no marker can be attached to one";
    let hint = match broken.first() {
        Some(file) => format!("`{}` cannot be loaded: {}", file.path.display(), file.why),
        None => NAME_THE_DIRECTORY.to_owned(),
    };
    Finding::new(FindingId::BridgeResyncNoGateway, directory.display().to_string(), message).with_hint(hint)
}

/// A Gateway that keeps its old configuration.
pub(super) fn closed(directory: &Path, gateway: &str) -> Finding {
    let message = format!(
        "no listener of the Gateway `{gateway}` accepts HTTPRoutes, so no marker can be attached to it"
    );
    let hint = "allow HTTPRoutes of the Gateway's own namespace in `allowedRoutes` of an HTTP or HTTPS listener, or use \
                `--connect-wait forever`";
    Finding::new(FindingId::BridgeResyncNoListener, directory.display().to_string(), message).with_hint(hint)
}

/// The marker was written, and Envoy Gateway did not call.
pub(super) fn no_effect(directory: &Path, broken: &[Broken]) -> Finding {
    let subject = directory.display().to_string();
    let waited = super::EFFECT.as_secs();
    let message =
        format!("Envoy Gateway has not called within {waited} s of a new marker in the resource directory");
    let (message, hint) = match broken.first() {
        Some(Broken { path, why }) => (
            format!("{message}: `{}` keeps it from loading the directory ({why})", path.display()),
            format!("mend the file or move it out of the directory: `ls -l {}`", shell_path(path)),
        ),
        None => (
            message,
            "see whether Envoy Gateway runs, whether it watches this directory (`provider.custom.resource.file.paths`) and \
             whether its log has `error when reload resources`"
                .to_owned(),
        ),
    };
    Finding::new(FindingId::BridgeResyncNoEffect, subject, message).with_hint(hint)
}

/// There have been so many that something else is wrong.
pub(super) fn capped(directory: &Path) -> Finding {
    let most = super::MOST_AN_HOUR;
    let message = format!(
        "{most} markers were written within an hour: there is none until the first of them is an hour old"
    );
    let hint = "find out why the extension server is lost so often: the lines of this log before this one";
    Finding::new(FindingId::BridgeResyncCapped, directory.display().to_string(), message).with_hint(hint)
}

/// The sandbox has rules for directories, not for their names.
const EXCHANGED: &str = "if it is another directory than at the start of the bridge, restart it: its sandbox permits only that one";

const NAME_THE_DIRECTORY: &str = "name the directory that Envoy Gateway watches: `provider.custom.resource.file.paths` of its \
                                  configuration";
