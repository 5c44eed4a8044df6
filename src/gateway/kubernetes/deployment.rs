//! Patches of Deployments: strategic merge patches, as `kubectl patch` and kustomize take them.

use super::super::SecretName;
use super::super::yaml::{KeyValue, Node};
use super::trust::CA_KEY;
use super::{BRIDGE_PORT, Cluster, PROBE_SECRET, Sidecars, commented, maps, object, texts};

/// The extension server's: its certificate, and a probe.
pub(super) fn of_server(cluster: &Cluster) -> String {
    let server = Volume { name: SERVER_VOLUME, secret: cluster.server_secret.as_str() };
    let probe = Volume { name: PROBE_SECRET, secret: PROBE_SECRET };
    let (note, container) = match cluster.sidecars {
        Sidecars::None | Sidecars::Gateway => (SERVER, own_tls(cluster)),
        Sidecars::Both => (SERVER_BRIDGE, server_bridge(cluster)),
    };
    let clients = if cluster.trust.is_some() { "a CA in `/etc/egext/trust/tls.crt`" } else { "`ca.crt`" };
    let note = format!(
        "{note} {clients}.\n\x20 kubectl patch deployment {} --namespace {} --patch-file FILE",
        cluster.deployment.as_str(),
        cluster.namespace.as_str()
    );
    patch(&note, cluster.deployment.as_str(), cluster, container, vec![server, probe])
}

/// EG's own: a bridge next to it.
pub(super) fn of_gateway(cluster: &Cluster, fail_open: bool) -> String {
    let secret = cluster.client_secret.as_ref().map_or("", SecretName::as_str);
    let listen = format!("tcp://127.0.0.1:{BRIDGE_PORT}");
    let upstream = format!("{}:{}", cluster.host(), cluster.port);
    let mut command = bridge(cluster, &listen, &upstream, CLIENT_VOLUME);
    if !fail_open {
        // With an answer EG would publish nothing, and would not ask again.
        command.extend(["--connect-wait".to_owned(), "forever".to_owned()]);
    }
    let mut container = sidecar(cluster, command);
    container.push(KeyValue::new("volumeMounts", mounts(cluster, &[CLIENT_VOLUME])));
    let note = format!(
        "{GATEWAY}\n\x20 kubectl patch deployment {GATEWAY_DEPLOYMENT} --namespace {} --patch-file FILE",
        cluster.namespace.as_str()
    );
    patch(&note, GATEWAY_DEPLOYMENT, cluster, container, vec![Volume { name: CLIENT_VOLUME, secret }])
}

fn patch<'a>(
    note: &str,
    name: &str,
    cluster: &'a Cluster,
    container: Vec<KeyValue>,
    mut secrets: Vec<Volume<'a>>,
) -> String {
    let trust = cluster.trust.as_ref();
    secrets.extend(trust.map(|trust| Volume { name: TRUST_VOLUME, secret: trust.secret.as_str() }));
    let pod =
        vec![KeyValue::new("containers", maps([container])), KeyValue::new("volumes", volumes(&secrets))];
    let spec = vec![KeyValue::new("template", vec![KeyValue::new("spec", pod)])];
    commented(note, &object("apps/v1", "Deployment", name, &cluster.namespace, spec))
}

fn own_tls(cluster: &Cluster) -> Vec<KeyValue> {
    let mut probe = readiness(cluster);
    // Without it, the handler of an existing probe would stay next to this one.
    probe.insert(0, KeyValue::new("$patch", "replace"));
    vec![
        KeyValue::new("name", cluster.container.as_str()),
        KeyValue::new("readinessProbe", probe).commented(PROBE_IN_SERVER),
        KeyValue::new("volumeMounts", mounts(cluster, &[SERVER_VOLUME, PROBE_SECRET])),
    ]
}

fn server_bridge(cluster: &Cluster) -> Vec<KeyValue> {
    let listen = format!("tls://0.0.0.0:{}", cluster.port);
    let upstream = format!("tcp://127.0.0.1:{}", cluster.plaintext_port);
    let mut container = sidecar(cluster, bridge(cluster, &listen, &upstream, SERVER_VOLUME));
    let port = vec![KeyValue::new("containerPort", Node::Integer(cluster.port.into()))];
    container.extend([
        KeyValue::new("ports", maps([port])),
        KeyValue::new("readinessProbe", readiness(cluster)).commented(PROBE_IN_BRIDGE),
        KeyValue::new("volumeMounts", mounts(cluster, &[SERVER_VOLUME, PROBE_SECRET])),
    ]);
    container
}

/// A container that runs a bridge, as the strictest Pod Security Standard demands it.
fn sidecar(cluster: &Cluster, command: Vec<String>) -> Vec<KeyValue> {
    let image = cluster.image.as_ref().map_or("", |image| image.as_str());
    let dropped = vec![KeyValue::new("drop", texts(["ALL"]))];
    let security = vec![
        KeyValue::new("allowPrivilegeEscalation", Node::Bool(false)),
        KeyValue::new("capabilities", dropped),
        KeyValue::new("readOnlyRootFilesystem", Node::Bool(true)),
        KeyValue::new("runAsNonRoot", Node::Bool(true)),
        KeyValue::new("runAsUser", Node::Integer(65532)),
        KeyValue::new("seccompProfile", vec![KeyValue::new("type", "RuntimeDefault")]),
    ];
    vec![
        KeyValue::new("name", "egext-bridge"),
        KeyValue::new("image", image),
        KeyValue::new("command", texts(command)),
        KeyValue::new("securityContext", security),
    ]
}

fn bridge(cluster: &Cluster, listen: &str, upstream: &str, volume: &str) -> Vec<String> {
    let mut command =
        ["egext", "bridge", "--listen", listen, "--upstream", upstream].map(str::to_owned).to_vec();
    command.extend(files(cluster, volume));
    command
}

/// The flags for the files of a volume: with a Bundle, its CA certificates count and not the copy of one of them.
fn files(cluster: &Cluster, volume: &str) -> Vec<String> {
    let mut flags = vec!["--dir".to_owned(), directory(volume)];
    if cluster.trust.is_some() {
        flags.extend(["--ca".to_owned(), format!("{}/{CA_KEY}", directory(TRUST_VOLUME))]);
    }
    flags
}

/// The whole way of a call: TLS, both certificates, and the server's health. What other clients would find does not change
/// from one probe to the next, and looking fills the server's log.
fn readiness(cluster: &Cluster) -> Vec<KeyValue> {
    let address = format!("localhost:{}", cluster.port);
    let mut command = ["egext", "probe", &address, "--no-gateway", "--no-policy"].map(str::to_owned).to_vec();
    command.extend(files(cluster, PROBE_SECRET));
    vec![
        KeyValue::new("exec", vec![KeyValue::new("command", texts(command))]),
        KeyValue::new("periodSeconds", Node::Integer(10)),
        KeyValue::new("timeoutSeconds", Node::Integer(6)),
    ]
}

fn mounts(cluster: &Cluster, volumes: &[&'static str]) -> Node {
    let trust = cluster.trust.as_ref().map(|_| TRUST_VOLUME);
    maps(volumes.iter().copied().chain(trust).map(|name| {
        vec![
            KeyValue::new("name", name),
            KeyValue::new("mountPath", directory(name).as_str()),
            KeyValue::new("readOnly", Node::Bool(true)),
        ]
    }))
}

/// Where a volume is mounted: as a whole, because a `subPath` is never updated.
fn directory(volume: &str) -> String {
    format!("/etc/egext/{}", volume.trim_start_matches("egext-"))
}

/// A Secret in a pod. The volume's name is a DNS label, which the name of a Secret need not be.
#[derive(Clone, Copy)]
struct Volume<'a> {
    name: &'static str,
    secret: &'a str,
}

fn volumes(volumes: &[Volume<'_>]) -> Node {
    maps(volumes.iter().map(|volume| {
        vec![
            KeyValue::new("name", volume.name),
            KeyValue::new("secret", vec![KeyValue::new("secretName", volume.secret)]),
        ]
    }))
}

const CLIENT_VOLUME: &str = "egext-client";
const SERVER_VOLUME: &str = "egext-server";
const TRUST_VOLUME: &str = "egext-trust";

/// The chart does not let its name be chosen.
const GATEWAY_DEPLOYMENT: &str = "envoy-gateway";

const SERVER: &str = "\
Patch of the extension server's Deployment. Made by `egext config kubernetes`. The server has to read `tls.crt`
and `tls.key`, and to demand client certificates issued by";

const SERVER_BRIDGE: &str = "\
Patch of the extension server's Deployment. Made by `egext config kubernetes`. The server has to listen without
TLS on the loopback address of its pod. The bridge serves callers with a certificate issued by";

const GATEWAY: &str = "\
Patch of EG's Deployment. Made by `egext config kubernetes`. EG's chart has no value for further containers; run
this again after each `helm upgrade`, or let kustomize do it. The Secret has to be in EG's own namespace.

The bridge has no readiness probe on purpose: while the extension server is down, an EG that is not ready
would also lose its connections to Envoy.";

const PROBE_IN_SERVER: &str = "\
The image needs `egext` in its PATH. A probe of the kubelet itself (`grpc`) has no TLS.";

const PROBE_IN_BRIDGE: &str = "Through the bridge, as EG's calls go.";
