//! What EG refuses, in its own words, and what helps.

use super::{Found, Node, clipped};
use crate::gateway::model::{Reason, Refused};
use crate::gateway::releases::{Refusal, STATUS_CODES};
use crate::report::{Finding, FindingId};

pub(super) fn at_start(found: &mut Found<'_>, refused: &Refused, root: &Node) {
    // EG goes on with the whole file.
    let cut = if refused.text.ends_with(" in") { " '...'" } else { "" };
    let message = format!("EG {} ends at its start: {}{cut}", found.release, clipped(&refused.text));
    let finding = Finding::new(FindingId::ConfigRefused, found.path, message);
    let hint = hint(found, refused, root);
    found.add(refused.place, finding.with_hint(hint));
}

/// EG names one thing, and the next one when that is mended.
pub(super) fn later(found: &mut Found<'_>, refused: &Refused, first: &Refused, root: &Node) {
    let line = found.shift.outer(first.place).line;
    let message = format!(
        "EG {} refuses this, too, once line {line} is mended: {}",
        found.release,
        clipped(&refused.text)
    );
    let finding = Finding::new(FindingId::ConfigRefused, found.path, message);
    let hint = hint(found, refused, root);
    found.add(refused.place, finding.with_hint(hint));
}

pub(super) fn on_reload(found: &mut Found<'_>, refused: &Refused) {
    let message = format!(
        "EG {} starts with this file, but refuses it when it changes: {}",
        found.release, refused.text
    );
    let finding = Finding::new(FindingId::ConfigRefusedOnReload, found.path, message);
    found.add(
        refused.place,
        finding
            .with_hint("write `gateway.controllerName` and `provider.type`, even if they are EG's defaults"),
    );
}

fn hint(found: &Found<'_>, refused: &Refused, root: &Node) -> String {
    match &refused.reason {
        // Such as a prompt of a shell and a command, copied with the file.
        Reason::Type { .. } if root.text().is_some() => format!(
            "remove line {}: with it, this document is one text, and not keys and values",
            found.shift.outer(refused.place).line
        ),
        Reason::NotANumber => "put it into quotes if it is a text".to_owned(),
        Reason::Other => "change the value in this line as EG says".to_owned(),
        Reason::Quantity(written) => quantity(written),
        Reason::Refusal(id) => of_refusal(*id, root),
        Reason::Type { found, expected } => of_type(found, expected),
    }
}

/// Units of Kubernetes have no `B`, and their case counts.
fn quantity(written: &str) -> String {
    let digits = written.len() - written.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = written.split_at(digits);
    let unit = unit.trim().trim_end_matches(['b', 'B']).to_ascii_lowercase();
    let units = ["k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    match units.iter().find(|known| known.eq_ignore_ascii_case(&unit)) {
        Some(unit) if !number.is_empty() => format!("write `{number}{unit}`"),
        _ => "write a size as Kubernetes does: `4Mi`, `512Ki` or the number of bytes".to_owned(),
    }
}

fn of_type(found: &str, expected: &str) -> String {
    match (found, expected) {
        ("string", "number" | "bool") => "write it without quotes".to_owned(),
        ("bool" | "number", "string") => {
            "put it into quotes: YAML takes words such as `yes`, `on` and `1.10` for other things".to_owned()
        }
        (_, "duration") => "write a number and a unit: `100ms`, `1s`".to_owned(),
        (_, "bool") => "write `true` or `false`".to_owned(),
        (_, "array") => "write a list: `[a]`, or `- a` in a line of its own".to_owned(),
        (_, "object") => "write keys and values below it, with more indentation".to_owned(),
        (_, expected) => format!("write a {expected}"),
    }
}

fn of_refusal(id: Refusal, root: &Node) -> String {
    match id {
        Refusal::KindMissing if root.is_null() => {
            "the file has nothing in it: `egext config gateway --resources-dir DIR` prints a complete one"
        }
        Refusal::KindMissing => "write `kind: EnvoyGateway`",
        Refusal::VersionMissing => "write `apiVersion: gateway.envoyproxy.io/v1alpha1`",
        Refusal::OtherKind => {
            "write `apiVersion: gateway.envoyproxy.io/v1alpha1` and `kind: EnvoyGateway`"
        }
        Refusal::ControllerName => {
            "write `controllerName: gateway.envoyproxy.io/gatewayclass-controller`, or leave `gateway` out"
        }
        Refusal::ProviderType => "write `type: Kubernetes`, or `type: Custom` to run outside Kubernetes",
        Refusal::WatchNamespaces => "name the namespaces: `namespaces: [NAME]`",
        Refusal::WatchSelector => "write `namespaceSelector`",
        Refusal::WatchType => "write `type: Namespaces` or `type: NamespaceSelector`",
        Refusal::CustomEmpty => {
            "write `custom`; `egext config gateway --resources-dir DIR` prints a complete file"
        }
        Refusal::FileMissing => "write `file: {paths: [DIR]}`",
        Refusal::FilePaths => "name the directory with the resource files: `paths: [DIR]`",
        Refusal::ResourceType => "write `type: File`; with `Kubernetes` here EG has to be 1.9 or later",
        Refusal::HostMissing => "write `host: {}`: without a value the key does not count",
        Refusal::RemoteMissing => "write `remote`",
        Refusal::RemoteService => "write `service` with the address of the infrastructure",
        Refusal::InfrastructureType => "write `type: Host`",
        Refusal::LogLevel => "write `debug`, `info`, `warn` or `error`",
        Refusal::LogComponent => {
            "the components are `default`, `provider`, `gateway-api`, `xds-translator`, `xds-server`, `infrastructure` and `global-ratelimit`"
        }
        Refusal::RateLimitBackend => "write `type: Redis`",
        Refusal::RateLimitEmpty => "write `redis: {url: HOST:PORT}`",
        Refusal::RateLimitUrl => "write a host name and a port, or `redis://ADDRESS:PORT`",
        Refusal::RateLimitUrlOrRef => "keep one of `url` and `urlRef`",
        Refusal::RateLimitReference => "write `secretKeyRef: {name: NAME, key: KEY}`",
        Refusal::RateLimitOptional => "take `optional` out",
        Refusal::BothManagers => "keep one of them: with one extension, `extensionManager`",
        Refusal::NoManager => "take `extensionManagers` out, or write an extension into it",
        Refusal::ManagerName => "write `name`",
        Refusal::ManagerTwice => "give each extension a name of its own",
        Refusal::Hooks => return hooks(root),
        Refusal::ServiceMissing => {
            "write `service: {unix: {path: PATH}}` with the socket of the bridge, or `service: {fqdn: {hostname: NAME, port: PORT}}`"
        }
        Refusal::Target => {
            "write one of `fqdn: {hostname: NAME, port: PORT}`, `ip: {address: ADDRESS, port: PORT}` and `unix: {path: PATH}`"
        }
        Refusal::Targets => "keep one of `fqdn`, `ip`, `unix` and `host`",
        Refusal::CertificateRefKind => "write `certificateRef: {kind: Secret, name: NAME}`",
        Refusal::CertificateRefOther | Refusal::CertificateRef | Refusal::ClientCertificateRef => {
            "write `kind: Secret`, and no `group`"
        }
        Refusal::Lua => "take `disableLua` out: `enableLua` has taken its place",
    }
    .to_owned()
}

/// EG does not read hooks that are one level too high. That is another finding.
fn hooks(root: &Node) -> String {
    let is_misplaced = root.at(&["extensionManager", "hooks", "post"]).is_some();
    match is_misplaced {
        true => "move `post` into `hooks.xdsTranslator`".to_owned(),
        false => "write `hooks: {xdsTranslator: {post: [Translation]}}` with the hooks that the extension implements".to_owned(),
    }
}

/// For a message that lists them.
pub(super) fn status_codes() -> String {
    STATUS_CODES.join(", ")
}
