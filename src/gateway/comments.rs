//! The texts of the comments. Lines with values from the user are separate from these, so that no path breaks a line.

use super::{
    BridgeCommand, DEFAULT_CA_SECRET, DEFAULT_CLIENT_SECRET, DEFAULT_NAMESPACE, Mode, NativeTls, Request,
    SecretName, Version,
};
use crate::net::Address;
use crate::shell::shell_word;

/// What EG, the bridge and the server say to each other, and what becomes of it when one is down.
pub(super) fn about_bridge(bridge: &BridgeCommand, request: &Request) -> String {
    let mode = request.mode;
    let what = match &bridge.upstream {
        _ if bridge.is_tls() => {
            "EG speaks plaintext HTTP/2 on the socket, the bridge speaks mutual TLS to the server."
        }
        Address::Tcp { host, .. } if !host.is_loopback() => PLAINTEXT_TO_A_HOST,
        _ => "EG speaks plaintext HTTP/2 on the socket, and so does the bridge to the server.",
    };
    let down = match (bridge.hold, &request.name) {
        (true, _) => HOLD,
        (false, None) => ANSWER,
        (false, Some(_)) => ANSWER_ONE_OF_SEVERAL,
    };
    let again = match mode {
        Mode::Standalone if bridge.resync.is_empty() => NOT_AGAIN,
        Mode::Standalone => AGAIN,
        Mode::CustomKubernetes | Mode::Kubernetes => NOT_AGAIN_IN_KUBERNETES,
    };
    let place = if mode == Mode::Kubernetes { SIDECAR } else { "" };
    format!("{place}{what}\n{WHEN_DOWN}{down}{again}")
}

/// Where EG's own TLS works, and what it needs there.
pub(super) fn about_native_tls(tls: &NativeTls, version: Version, mode: Mode) -> String {
    let works = if mode.has_api() { NATIVE_TLS } else { WHERE_NATIVE_TLS_WORKS };
    let NativeTls { server, client_secret, .. } = tls;
    let client = match client_secret {
        Some(_) => String::new(),
        None => format!(
            "EG {version} has no `clientCertificateRef` (1.6 and later do), so it presents no certificate: a server\n\
             that demands one refuses it.\n"
        ),
    };
    format!(
        "{works}\
         The Secrets, from the files of `egext certs init`:\n\
         \x20 {}\n\
         {client}\n\
         EG sends the name `{}` in its TLS hello, with the port in it. OpenSSL and Go let that pass;\n\
         a server with rustls (tonic) refuses the connection, and EG waits without a word.\n",
        secrets_command(tls, version),
        server.authority(),
    )
}

/// What makes the Secrets; flags with their default are left out.
fn secrets_command(tls: &NativeTls, version: Version) -> String {
    let NativeTls { material, namespace, ca_secret, client_secret, .. } = tls;
    let client = client_secret.as_ref().map_or(DEFAULT_CLIENT_SECRET, SecretName::as_str);
    let release = if client_secret.is_some() { Version::default() } else { version };
    let flags = [
        ("--eg-version", release.name(), Version::default().name()),
        ("--dir", material.as_str(), ""),
        ("--ca-secret", ca_secret.as_str(), DEFAULT_CA_SECRET),
        ("--client-secret", client, DEFAULT_CLIENT_SECRET),
        ("--namespace", namespace.as_str(), DEFAULT_NAMESPACE),
    ];
    let flags = flags.into_iter().filter(|(_, value, default)| value != default);
    let flags = flags.map(|(flag, value, _)| format!(" {flag} {}", shell_word(value)));
    format!("egext config secrets{} | kubectl apply --server-side -f -", flags.collect::<String>())
}

const PLAINTEXT_TO_A_HOST: &str = "\
EG speaks plaintext HTTP/2 on the socket, and so does the bridge to the server. If that is another
machine, the calls can be read and changed on the way, and keys of Secrets are in them: let the server
speak TLS.";

const WHEN_DOWN: &str = "\
Start the bridge before EG: while no program listens on the socket, EG waits without a limit and without
an error, for all gateways.
";

const SIDECAR: &str = "\
The bridge is a container of EG's pod, with the socket in a volume that both containers mount.
";

/// EG calls the server by itself.
pub(super) const PLAINTEXT: &str = "\
EG speaks plaintext HTTP/2 to the server. On the way the calls can be read and changed, and keys of Secrets
are in them: `--native-tls` and `egext bridge` are two ways to TLS.
While no program listens there, EG waits without a limit and without an error, for all gateways.";

const NATIVE_TLS: &str = "\
EG's own TLS. EG reads the Secrets from the API of Kubernetes, again for each new connection.

";

const HOLD: &str = "\
While the server is down, calls wait in the bridge, whose log says why, and EG goes on when it is back.
What only the operator can change is answered with the cause, and EG logs it.
";

const ANSWER: &str = "\
While the server is down, the bridge answers with the cause, and EG logs it.
";

const ANSWER_ONE_OF_SEVERAL: &str = "\
While the server is down, the bridge answers with the cause. With two or more extensions EG does not log it:
the log of the bridge says why.
";

const AGAIN: &str = "\
EG does not ask again after an error: `--resync` makes it ask when the server is back.
";

const NOT_AGAIN: &str = "\
EG does not ask again after an error: add `--resync DIR` to the bridge, with the directory of EG's resources.
";

const NOT_AGAIN_IN_KUBERNETES: &str = "\
EG does not ask again after an error, until one of its resources changes.
";

// The two conditions are v1.4.0:internal/cmd/server.go:164 and v1.9.0:api/v1alpha1/envoygateway_helpers.go:387.
const WHERE_NATIVE_TLS_WORKS: &str = "\
EG's own TLS. It works only where EG reads Secrets from the Kubernetes API:
  provider.type Kubernetes                                      EG 1.4 and later
  provider.type Custom with custom.resource.type Kubernetes     EG 1.9 and later
In standalone mode (custom.resource.type File) it works in no release: every hook fails with `the
registered extension's service config has TLS enabled but no k8s client was provided`.

";

pub(super) const NOT_LOADABLE: &str = "\
EG before 1.7 cannot load such objects from files (`no kind \"X\" is registered`), and applies no file
at all when one has any. Keep them out of its directories.";

pub(super) const WATCHED: &str = "\
EG watches these kinds: their CRDs are there before EG starts, and its ClusterRole permits get, list and
watch, for policies also `update` of their status.";

pub(super) const SEVERAL: &str = "\
EG calls the extensions of this list in their order. If the file has such a list, this is one more entry of
it: of two lists EG reads the last, and with an `extensionManager` besides it does not start.";

pub(super) const NO_ELECTION: &str = "There is one EG, so it elects no leader.";

pub(super) const FAIL_OPEN: &str = "\
When the extension answers an error, EG logs it and publishes its configuration without the extension.
A call without an answer is no error.";

/// With one entry EG works as with `extensionManager`; of two or more it passes over the error of one that may fail
/// (v1.9.1:internal/extension/registry/composite_hook_client.go:53, v1.8.0 the same on line 52).
pub(super) const FAIL_OPEN_ONE_OF_SEVERAL: &str = "\
When the extension answers an error, EG publishes its configuration without the extension. With two or more
extensions in the list it does not log the error. A call without an answer is no error.";

pub(super) const FAIL_CLOSED: &str = "\
When the extension answers an error, EG logs it and keeps the configuration that it published before.";

pub(super) const MESSAGE_SIZE: &str = "\
EG's limit in both directions. The server has its own, often 4Mi for what it receives.";

pub(super) const TRANSLATION: &str = "once at the end, with what stands below under `translation`";

pub(super) const HOOKS: &str =
    "The server must answer each of these: UNIMPLEMENTED is an error like any other.";

pub(super) const HOST_DIRECTORIES: &str =
    "Four different directories: Envoy is looked for elsewhere when all are the same.";

pub(super) const RESOURCES_DIRS: &str = "\
Directories with the Gateway API resources; they exist before EG starts, and EG does not look into
their subdirectories. With one bad file in them, EG applies none.";
