use std::fs;

use serde_json::{Value, json};
use snapbox::assert_data_eq;
use snapbox::cmd::{OutputAssert, cargo_bin};
use snapbox::str;
use tempfile::TempDir;

use crate::command::Command;

fn egext(arguments: &[&str]) -> Command {
    Command::new(cargo_bin!("egext")).args(arguments)
}

/// stdout of a run that must succeed without a word on stderr.
fn written(arguments: &[&str]) -> String {
    let assert = egext(arguments).assert().success().stderr_eq("");
    String::from_utf8(assert.get_output().stdout.clone()).expect("UTF-8")
}

fn json(assert: OutputAssert) -> Value {
    let output = assert.stderr_eq("");
    serde_json::from_slice(&output.get_output().stdout).expect("one object")
}

/// The file's content as `config ARGUMENTS --check FILE` judges it.
#[expect(clippy::disallowed_methods, reason = "the product does not write this file, its user does")]
fn check(content: &[u8], arguments: &[&str]) -> (TempDir, OutputAssert) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("eg.yaml"), content).expect("a file");
    let assert = egext(arguments).args(["--check", "eg.yaml"]).current_dir(directory.path()).assert();
    (directory, assert)
}

#[test]
fn a_stanza_has_the_socket_and_says_which_bridge_belongs_to_it() {
    assert_data_eq!(
        written(&["config", "stanza"]),
        str![[r#"
# For Envoy Gateway (EG) 1.9 in standalone mode. Made by `egext config stanza`.
# Belongs at the top level of the EnvoyGateway file, beside `gateway` and `provider`.
#
# The bridge:
#   egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs
#
# EG speaks plaintext HTTP/2 on the socket, the bridge speaks mutual TLS to the server.
# Start the bridge before EG: while nobody listens on the socket, EG waits without a limit and without an
# error, for all gateways. While the server is down, the bridge answers with the cause and EG logs it;
# EG asks again only when one of its resource files changes.
extensionManager:
  service:
    unix:
      path: /run/egext/eg.sock
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - VirtualHost   # for each virtual host that has a route
        - HTTPListener  # for each listener, EG's own readiness listener among them
        - Translation   # once at the end; the clusters and secrets in the answer replace all there were
  # When the extension answers an error, EG logs it and keeps the configuration that it published before.
  failOpen: false

"#]]
    );
}

#[test]
fn every_wish_is_in_the_stanza() {
    let yaml = written(&[
        "config",
        "stanza",
        "--eg-version=v1.8.3",
        "--socket=/run/my socket",
        "--upstream=tcp://[::1]:5005",
        "--hook=translation,Endpoints",
        "--hook=Cluster",
        "--hook=Translation",
        "--resource=example.io/v1alpha1/HeaderPolicy,example.io/v1/Other",
        "--policy-resource=example.io/v1/Policy",
        "--backend-resource=example.io/v1/Bucket",
        "--fail-open",
        "--max-message-size=16MiB",
    ]);
    assert_data_eq!(
        yaml,
        str![[r##"
# For Envoy Gateway (EG) 1.8 in standalone mode. Made by `egext config stanza`.
# Belongs at the top level of the EnvoyGateway file, beside `gateway` and `provider`.
#
# The bridge:
#   egext bridge --listen 'unix:/run/my socket' --upstream 'tcp://[::1]:5005'
#
# EG speaks plaintext HTTP/2 on the socket, and so does the bridge to the server.
# Start the bridge before EG: while nobody listens on the socket, EG waits without a limit and without an
# error, for all gateways. While the server is down, the bridge answers with the cause and EG logs it;
# EG asks again only when one of its resource files changes.
extensionManager:
  service:
    unix:
      path: "/run/my socket"
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - Cluster      # for each cluster made from a backend resource
        - Endpoints    # for each cluster whose endpoints EG sends apart (EDS)
        - Translation  # once at the end, with what stands below under `translation`
      # What `Translation` gets. Its answer replaces what EG had of each included kind: the server sends back all
      # of them, changed or not, and what it leaves out is deleted.
      translation:
        listener:
          includeAll: true
        route:
          includeAll: true
        cluster:
          includeAll: true
        secret:
          includeAll: true
  resources:
    - group: example.io
      version: v1alpha1
      kind: HeaderPolicy
    - group: example.io
      version: v1
      kind: Other
  policyResources:
    - group: example.io
      version: v1
      kind: Policy
  backendResources:
    - group: example.io
      version: v1
      kind: Bucket
  # When the extension answers an error, EG logs it and publishes its configuration without the extension.
  # A call without an answer is no error.
  failOpen: true
  # EG's limit in both directions. The server has its own, often 4Mi for what it receives.
  maxMessageSize: "16Mi"

"##]]
    );
}

#[test]
fn a_whole_file_for_the_newest_version() {
    let yaml = written(&[
        "config",
        "gateway",
        "--resources-dir=/etc/eg/resources",
        "--resources-dir=/etc/eg/more",
        "--resources-dir=/etc/eg/resources",
        "--home=/srv/my eg",
        "--resource=example.io/v1alpha1/HeaderPolicy",
        "--enable-backend-api",
    ]);
    assert_data_eq!(
        yaml,
        str![[r##"
# Envoy Gateway (EG) 1.9 in standalone mode: resources from files, Envoy on this host.
# Made by `egext config gateway`. In this order:
#   envoy-gateway certgen --local --config-home '/srv/my eg/config'
#   egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs
#   envoy-gateway server --config-path FILE
# `certgen` makes the certificates between EG and Envoy: once, a second run replaces them all.
#
# EG speaks plaintext HTTP/2 on the socket, the bridge speaks mutual TLS to the server.
# Start the bridge before EG: while nobody listens on the socket, EG waits without a limit and without an
# error, for all gateways. While the server is down, the bridge answers with the cause and EG logs it;
# EG asks again only when one of its resource files changes.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
provider:
  type: Custom
  custom:
    resource:
      type: File
      file:
        # Directories with the Gateway API resources; they exist before EG starts, and EG does not look into
        # their subdirectories. With one bad file in them, EG applies none.
        paths:
          - /etc/eg/resources
          - /etc/eg/more
    infrastructure:
      type: Host
      # Four different directories: Envoy is looked for elsewhere when all are the same.
      host:
        configHome: "/srv/my eg/config"
        dataHome: "/srv/my eg/data"
        stateHome: "/srv/my eg/state"
        runtimeDir: "/srv/my eg/run"
extensionApis:
  enableBackend: true
extensionManager:
  service:
    unix:
      path: /run/egext/eg.sock
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - Route         # for each route that a resource of the extension is attached to
        - VirtualHost   # for each virtual host that has a route
        - HTTPListener  # for each listener, EG's own readiness listener among them
        - Translation   # once at the end; the clusters and secrets in the answer replace all there were
  resources:
    - group: example.io
      version: v1alpha1
      kind: HeaderPolicy
  # When the extension answers an error, EG logs it and keeps the configuration that it published before.
  failOpen: false

"##]]
    );
}

#[test]
fn a_whole_file_for_the_oldest_version() {
    let yaml = written(&["config", "gateway", "--resources-dir=/etc/eg", "--eg-version=1.4"]);
    assert_data_eq!(
        yaml,
        str![[r#"
# Envoy Gateway (EG) 1.4 in standalone mode: resources from files, Envoy on this host.
# Made by `egext config gateway`. In this order:
#   envoy-gateway certgen --local
#   egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs
#   envoy-gateway server --config-path FILE
# `certgen` makes the certificates between EG and Envoy: once, a second run replaces them all.
#
# EG speaks plaintext HTTP/2 on the socket, the bridge speaks mutual TLS to the server.
# Start the bridge before EG: while nobody listens on the socket, EG waits without a limit and without an
# error, for all gateways. While the server is down, the bridge answers with the cause and EG logs it;
# EG asks again only when one of its resource files changes.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
provider:
  type: Custom
  custom:
    resource:
      type: File
      file:
        # Directories with the Gateway API resources; they exist before EG starts, and EG does not look into
        # their subdirectories. With one bad file in them, EG applies none.
        paths:
          - /etc/eg
    infrastructure:
      type: Host
      host: {}
extensionManager:
  service:
    unix:
      path: /run/egext/eg.sock
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - VirtualHost   # for each virtual host that has a route
        - HTTPListener  # for each listener, EG's own readiness listener among them
        - Translation   # once at the end; the clusters and secrets in the answer replace all there were
  # When the extension answers an error, EG logs it and keeps the configuration that it published before.
  failOpen: false

"#]]
    );
}

#[test]
fn native_tls_is_written_and_its_limits_are_told() {
    egext(&["config", "stanza", "--native-tls", "--server=extension.internal:5005", "--dir=/etc/egext"])
        .assert()
        .success()
        .stderr_eq(str![[r#"
  ‼ extensionManager.service.tls: no release of EG can use TLS to an extension server in standalone mode: every hook fails
    hint: leave out `--native-tls`: a socket and a bridge work with all of them

1 warning (`egext explain config.native-tls-unusable` says more)

"#]])
        .stdout_eq(str![[r##"
# For Envoy Gateway (EG) 1.9 in standalone mode. Made by `egext config stanza`.
# Belongs at the top level of the EnvoyGateway file, beside `gateway` and `provider`.
#
# EG's own TLS. It works only where EG reads Secrets from the Kubernetes API:
#   provider.type Kubernetes                                      EG 1.4 and later
#   provider.type Custom with custom.resource.type Kubernetes     EG 1.9 and later
# In standalone mode (custom.resource.type File) it works in no release: every hook fails with `the
# registered extension's service config has TLS enabled but no k8s client was provided`.
#
# The Secrets, from the files of `egext certs init`:
#   kubectl -n envoy-gateway-system create secret generic egext-ca --from-file=tls.crt=/etc/egext/ca.crt
#   kubectl -n envoy-gateway-system create secret tls egext-client --cert=/etc/egext/client.crt --key=/etc/egext/client.key
#
# EG sends the name `extension.internal:5005` in its TLS hello, with the port in it. OpenSSL and Go let that pass;
# a server with rustls (tonic) refuses the connection, and EG waits without a word.
extensionManager:
  service:
    fqdn:
      hostname: extension.internal
      port: 5005
    tls:
      # The CA that issued the server's certificate, under the key `tls.crt`.
      certificateRef:
        group: ""
        kind: Secret
        name: egext-ca
        namespace: envoy-gateway-system
      # EG's own certificate and key: `tls.crt` and `tls.key`.
      clientCertificateRef:
        group: ""
        kind: Secret
        name: egext-client
        namespace: envoy-gateway-system
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - VirtualHost   # for each virtual host that has a route
        - HTTPListener  # for each listener, EG's own readiness listener among them
        - Translation   # once at the end; the clusters and secrets in the answer replace all there were
  # When the extension answers an error, EG logs it and keeps the configuration that it published before.
  failOpen: false

"##]]);
}

#[test]
fn native_tls_before_1_6_has_no_client_certificate() {
    egext(&[
        "config",
        "stanza",
        "--native-tls",
        "--server=[::1]:5005",
        "--eg-version=1.5",
        "--ca-secret=my-ca",
        "--namespace=my-namespace",
    ])
    .assert()
    .success()
    .stdout_eq(str![[r##"
# For Envoy Gateway (EG) 1.5 in standalone mode. Made by `egext config stanza`.
# Belongs at the top level of the EnvoyGateway file, beside `gateway` and `provider`.
#
# EG's own TLS. It works only where EG reads Secrets from the Kubernetes API:
#   provider.type Kubernetes                                      EG 1.4 and later
#   provider.type Custom with custom.resource.type Kubernetes     EG 1.9 and later
# In standalone mode (custom.resource.type File) it works in no release: every hook fails with `the
# registered extension's service config has TLS enabled but no k8s client was provided`.
#
# The Secrets, from the files of `egext certs init`:
#   kubectl -n my-namespace create secret generic my-ca --from-file=tls.crt=certs/ca.crt
# EG 1.5 has no `clientCertificateRef` (1.6 and later do), so it presents no certificate: a server
# that demands one refuses it.
#
# EG sends the name `[::1]:5005` in its TLS hello, with the port in it. OpenSSL and Go let that pass;
# a server with rustls (tonic) refuses the connection, and EG waits without a word.
extensionManager:
  service:
    ip:
      address: "::1"
      port: 5005
    tls:
      # The CA that issued the server's certificate, under the key `tls.crt`.
      certificateRef:
        group: ""
        kind: Secret
        name: my-ca
        namespace: my-namespace
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - VirtualHost   # for each virtual host that has a route
        - HTTPListener  # for each listener, EG's own readiness listener among them
        - Translation   # once at the end; the clusters and secrets in the answer replace all there were
  # When the extension answers an error, EG logs it and keeps the configuration that it published before.
  failOpen: false

"##]]);
}

#[test]
fn what_has_no_effect_is_a_warning() {
    egext(&["config", "stanza", "--eg-version=1.6", "--resource=example.io/v1/A", "--hook=Cluster,Route"])
        .assert()
        .success()
        .stderr_eq(str![[r#"
  ‼ extensionManager.resources: EG 1.6 cannot load such objects from files, and applies no file at all when one has any
    hint: from EG 1.7 on this works: `--eg-version 1.7` if that is what runs
  ‼ extensionManager.hooks: EG never calls `Cluster` here: it does so for each cluster made from a backend resource
    hint: name the kind with `--backend-resource GROUP/VERSION/KIND`, or leave the hook out

2 warnings (`egext explain config.resource-not-loadable` says more)

"#]]);
    egext(&["config", "stanza", "--eg-version=1.8", "--policy-resource=example.io/v1/A", "--hook=Route"])
        .arg("--fail-on=warning")
        .assert()
        .code(1)
        .stderr_eq(str![[r#"
  ‼ extensionManager.hooks: EG 1.8 calls `Route` only for routes with a filter of a `--resource` kind
    hint: from EG 1.9 on this works: `--eg-version 1.9` if that is what runs

1 warning (`egext explain config.hook-not-called` says more)

"#]]);
}

#[test]
fn what_translation_gets_is_written_out() {
    let included = |arguments: &[&str]| {
        let yaml = written(&[&["config", "stanza"], arguments].concat());
        let file: Value = serde_saphyr::from_str(&yaml).expect("what we wrote");
        file["extensionManager"]["hooks"]["xdsTranslator"]["translation"].clone()
    };
    let kinds = |listener: bool, route: bool, cluster: bool, secret: bool| {
        let kind = |include: bool| json!({ "includeAll": include });
        json!({ "listener": kind(listener), "route": kind(route), "cluster": kind(cluster), "secret": kind(secret) })
    };
    assert_eq!(included(&[]), Value::Null, "EG's default stands where no hook is named");
    assert_eq!(included(&["--hook=Route", "--resource=example.io/v1/A"]), Value::Null);
    assert_eq!(included(&["--hook=Translation"]), kinds(true, true, true, true));
    assert_eq!(included(&["--hook=Translation", "--eg-version=1.5"]), kinds(true, true, true, true));
    let two = ["--hook=Translation", "--include-all=route,listener", "--include-all=route"];
    assert_eq!(included(&two), kinds(true, true, false, false));
    assert_eq!(included(&["--include-all=listener"]), kinds(true, false, false, false));
}

#[test]
fn a_translation_without_listeners_and_routes_is_a_warning() {
    for (arguments, expected) in [
        (
            &["--hook=Translation", "--include-all=cluster,secret"][..],
            str![[r#"
  ‼ extensionManager.hooks: `Translation` gets no listeners and no routes, so it can change none
    hint: leave `--include-all` out to send all kinds, unless the server changes clusters and secrets only

1 warning (`egext explain config.translation-blind` says more)

"#]],
        ),
        (
            &["--hook=Translation", "--include-all=listener"],
            str![[r#"
  ‼ extensionManager.hooks: `Translation` gets no routes, so it can change none
    hint: leave `--include-all` out to send all kinds, unless the server changes clusters and secrets only

1 warning (`egext explain config.translation-blind` says more)

"#]],
        ),
        (
            &["--hook=Translation", "--eg-version=1.4"],
            str![[r#"
  ‼ extensionManager.hooks: EG 1.4 sends `Translation` no listeners and no routes, so it can change none
    hint: from EG 1.5 on it does: `--eg-version 1.5` if that is what runs

1 warning (`egext explain config.translation-blind` says more)

"#]],
        ),
    ] {
        egext(&["config", "stanza"]).args(arguments).assert().success().stderr_eq(expected);
    }
}

#[test]
fn a_message_size_may_be_typed_as_kubernetes_writes_it() {
    for (typed, in_file) in [("4Mi", "4Mi"), ("4MiB", "4Mi"), ("1000M", "1G"), ("1Gi", "1Gi"), ("64k", "64k")]
    {
        let yaml = written(&["config", "stanza", "--max-message-size", typed]);
        assert!(yaml.contains(&format!("maxMessageSize: \"{in_file}\"")), "{typed}: {yaml}");
    }
}

#[test]
fn without_hooks_those_are_asked_for_that_can_be_called() {
    let hooks = |arguments: &[&str]| {
        let yaml = written(&[&["config", "stanza"], arguments].concat());
        yaml.lines()
            .filter_map(|line| Some(line.split_once("        - ")?.1.split_once("  # ")?.0.trim().to_owned()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(hooks(&[]), "VirtualHost HTTPListener Translation");
    assert_eq!(hooks(&["--resource=example.io/v1/A"]), "Route VirtualHost HTTPListener Translation");
    assert_eq!(hooks(&["--policy-resource=example.io/v1/A"]), "Route VirtualHost HTTPListener Translation");
    assert_eq!(
        hooks(&["--policy-resource=example.io/v1/A", "--eg-version=1.8"]),
        "VirtualHost HTTPListener Translation"
    );
    assert_eq!(
        hooks(&["--backend-resource=example.io/v1/A"]),
        "VirtualHost HTTPListener Cluster Translation"
    );
}

#[test]
fn what_the_version_does_not_know_is_refused() {
    for (arguments, expected) in [
        (
            &["--hook=Endpoints", "--eg-version=1.6"][..],
            str![[r#"
error: `--hook Endpoints` needs EG 1.8: EG 1.6 never calls it
  hint: leave it out, or choose `--eg-version 1.8` or later if that is what runs

"#]],
        ),
        (
            &["--hook=Cluster", "--eg-version=1.4"],
            str![[r#"
error: `--hook Cluster` needs EG 1.5: EG 1.4 never calls it
  hint: leave it out, or choose `--eg-version 1.5` or later if that is what runs

"#]],
        ),
        (
            &["--backend-resource=example.io/v1/A", "--eg-version=1.4.6"],
            str![[r#"
error: `--backend-resource` needs EG 1.5: EG 1.4 passes over `backendResources`
  hint: leave it out, or choose `--eg-version 1.5` or later if that is what runs

"#]],
        ),
        (
            &["--native-tls", "--server=a:1", "--client-secret=mine", "--eg-version=1.5"],
            str![[r#"
error: `--client-secret` needs EG 1.6: EG 1.5 presents no client certificate to an extension server
  hint: leave it out, or choose `--eg-version 1.6` or later if that is what runs

"#]],
        ),
        (
            &["--include-all=cluster", "--eg-version=1.4"],
            str![[r#"
error: `--include-all` needs EG 1.5: EG 1.4 sends `Translation` all clusters and secrets, and nothing else
  hint: leave it out, or choose `--eg-version 1.5` or later if that is what runs

"#]],
        ),
        (
            &["--include-all=cluster", "--hook=Route"],
            str![[r#"
error: `--include-all` is for the hook `Translation`, which is not among the named ones
  hint: add `--hook Translation`, or leave `--include-all` out

"#]],
        ),
        (
            &["--eg-version=1.3"],
            str![[r#"
error: `1.3` is not a release of EG that egext can write for
  hint: one of 1.4, 1.5, 1.6, 1.7, 1.8, 1.9; before 1.4, EG outside Kubernetes calls no extension server

"#]],
        ),
    ] {
        egext(&["config", "stanza"]).args(arguments).assert().code(2).stdout_eq("").stderr_eq(expected);
    }
    egext(&["config", "gateway", "--resources-dir=/a", "--home=/b", "--eg-version=1.5"])
        .assert()
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `--home` needs EG 1.6: EG 1.5 keeps its files in `/tmp/envoy-gateway`, whatever the configuration says
  hint: leave it out, or choose `--eg-version 1.6` or later if that is what runs

"#]]);
}

#[test]
fn what_envoy_gateway_would_misread_is_refused() {
    let long = format!("--socket=/{}", "x".repeat(107));
    for (arguments, expected) in [
        (
            &["--socket=run/eg.sock"][..],
            str![[r#"
error: `run/eg.sock` is not an absolute path
  hint: write it from the root, beginning with `/`

"#]],
        ),
        (
            &["--socket=/run/eg%20.sock"],
            str![[r#"
error: EG reads the path of the socket as a URL, where `?`, `#` and `%` have a meaning: `/run/eg%20.sock`
  hint: choose a plain short path, such as `/run/egext/eg.sock`

"#]],
        ),
        (
            &[long.as_str()],
            str![[r#"
error: the path of a unix socket has at most 107 bytes, `/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` has 108
  hint: choose a plain short path, such as `/run/egext/eg.sock`

"#]],
        ),
        (
            &["--dir=a\nb"],
            str![[r#"
error: the path "a/nb" is empty, not UTF-8 or has control characters
  hint: rename it, or reach it by a symbolic link

"#]],
        ),
        (
            &["--upstream=nonsense"],
            str![[r#"
error: `nonsense` is not an address; expected `host:port`, `tls://host:port`, `tcp://host:port` or `unix:/path`
  hint: write `nonsense:5005`

"#]],
        ),
        (
            &["--upstream=localhost:0"],
            str![[r#"
error: no server can be called at "localhost:0"
  hint: as in `--upstream localhost:5005`

"#]],
        ),
        (
            &["--hook=Listener"],
            str![[r#"
error: EG has no hook `Listener`
  hint: one of Route, VirtualHost, HTTPListener, Cluster, Endpoints, Translation

"#]],
        ),
        (
            &["--resource=HeaderPolicy"],
            str![[r#"
error: `HeaderPolicy` is not a kind of resource
  hint: group, version and kind as in the CRD: `example.io/v1alpha1/HeaderPolicy`

"#]],
        ),
        (
            &["--max-message-size=0"],
            str![[r#"
error: `--max-message-size 0` is out of range
  hint: more than 0 and less than 2GiB, such as `16Mi`

"#]],
        ),
        (
            &["--max-message-size=2GiB"],
            str![[r#"
error: `--max-message-size 2GiB` is out of range
  hint: more than 0 and less than 2GiB, such as `16Mi`

"#]],
        ),
        (
            &["--native-tls", "--server=unix:/run/eg.sock"],
            str![[r#"
error: `--native-tls` does not go to `unix:/run/eg.sock`
  hint: write `--server host:port`, with the port that it listens on

"#]],
        ),
        (
            &["--native-tls", "--server=a:1", "--ca-secret=My_CA"],
            str![[r#"
error: `My_CA` is not the name of a Secret
  hint: lower case letters, digits and dashes, as in `egext-ca`

"#]],
        ),
        (
            &["--native-tls", "--server=a:1", "--namespace=a.b"],
            str![[r#"
error: `a.b` is not the name of a namespace
  hint: lower case letters, digits and dashes, as in `egext-ca`

"#]],
        ),
    ] {
        egext(&["config", "stanza"]).args(arguments).assert().code(2).stdout_eq("").stderr_eq(expected);
    }
    for (arguments, expected) in [
        (
            &["--resources-dir=resources"][..],
            str![[r#"
error: `resources` is not an absolute path
  hint: write it from the root, beginning with `/`

"#]],
        ),
        (
            &["--resources-dir=/a", "--home=b"],
            str![[r#"
error: `b` is not an absolute path
  hint: write it from the root, beginning with `/`

"#]],
        ),
        (
            &["--resources-dir=/a", "--controller-name=mine"],
            str![[r#"
error: `mine` is not a controller name
  hint: a domain and a path, as in `gateway.envoyproxy.io/gatewayclass-controller`

"#]],
        ),
    ] {
        egext(&["config", "gateway"]).args(arguments).assert().code(2).stdout_eq("").stderr_eq(expected);
    }
}

#[test]
fn flags_that_would_do_nothing_are_refused() {
    for arguments in [
        &["--native-tls"][..],
        &["--native-tls", "--server=a:1", "--socket=/run/eg.sock"],
        &["--native-tls", "--server=a:1", "--upstream=a:1"],
        &["--server=a:1"],
        &["--client-secret=a"],
        &["--ca-secret=a"],
        &["--namespace=a"],
    ] {
        egext(&["config", "stanza"]).args(arguments).assert().code(2).stdout_eq("");
    }
}

#[test]
fn flags_may_come_from_the_environment() {
    let typed = written(&["config", "stanza", "--eg-version=1.7", "--hook=VirtualHost", "--socket=/run/a"]);
    let from_environment = egext(&["config", "stanza"])
        .env("EGEXT_EG_VERSION", "1.7")
        .env("EGEXT_HOOK", "VirtualHost")
        .env("EGEXT_SOCKET", "/run/a")
        .assert()
        .success();
    assert_data_eq!(from_environment.get_output().stdout.clone(), typed);
}

#[test]
fn the_order_of_hooks_and_repetitions_change_nothing() {
    let one = written(&["config", "stanza", "--hook=Translation,VirtualHost"]);
    let other = written(&["config", "stanza", "--hook=virtualhost", "--hook=Translation,VirtualHost"]);
    assert_eq!(one, other);
}

#[test]
fn an_unchanged_file_passes_the_check() {
    let yaml = written(&["config", "stanza"]);
    let (_directory, run) = check(yaml.as_bytes(), &["config", "stanza"]);
    run.success().stderr_eq("").stdout_eq(str![[r#"
  √ `eg.yaml` is what `egext config stanza` writes

"#]]);
}

#[test]
fn a_changed_file_fails_the_check_with_a_diff() {
    let yaml = written(&["config", "stanza"]).replace("failOpen: false", "failOpen: true");
    let (_directory, run) = check(yaml.as_bytes(), &["config", "stanza"]);
    run.code(1).stderr_eq("").stdout_eq(str![[r#"
  × eg.yaml: not what `egext config stanza` writes for these flags
    hint: `-` is in the file, `+` would be; without `--check` the whole text is printed, for `>`

1 error (`egext explain config.differs` says more)

--- eg.yaml
+++ egext config stanza
@@ -20,4 +20,4 @@
         - HTTPListener  # for each listener, EG's own readiness listener among them
         - Translation   # once at the end; the clusters and secrets in the answer replace all there were
   # When the extension answers an error, EG logs it and keeps the configuration that it published before.
-  failOpen: true
+  failOpen: false

"#]]);
}

#[test]
fn a_difference_does_not_reach_the_terminal_as_it_is() {
    let yaml = written(&["config", "stanza"]);
    let hostile = yaml.replace("failOpen: false", "failOpen:\ttrue # \u{1b}[2J\u{9b}31m\u{202e}\r");
    let (_directory, run) = check(hostile.as_bytes(), &["config", "stanza"]);
    let run = run.code(1);
    let diff = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let line = "\n-  failOpen:\ttrue # \\u{1b}[2J\\u{9b}31m\\u{202e}\r\n";
    assert!(diff.contains(line), "{diff:?}");
}

#[test]
fn a_check_against_other_flags_fails() {
    let yaml = written(&["config", "gateway", "--resources-dir=/a", "--eg-version=1.9"]);
    let (_directory, run) =
        check(yaml.as_bytes(), &["config", "gateway", "--resources-dir=/a", "--eg-version=1.8"]);
    run.code(1);
}

#[test]
fn the_report_in_json_has_what_a_person_gets_and_more() {
    let flags = ["config", "stanza", "--hook=VirtualHost", "--eg-version=v1.8.1"];
    let json = json(egext(&flags).arg("-o=json").assert().success());
    assert_eq!(json["command"], "config stanza");
    assert_eq!(json["status"], "ok");
    assert_eq!(json["eg_version"], "1.8");
    assert_eq!(json["mode"], "standalone");
    assert_eq!(
        json["bridge_command"],
        "egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs"
    );
    assert_eq!(json["yaml"], written(&flags));
}

#[test]
fn with_native_tls_there_is_no_bridge_command() {
    let json =
        json(egext(&["config", "stanza", "--native-tls", "--server=a:1", "-o=json"]).assert().success());
    assert!(json["bridge_command"].is_null());
    assert_eq!(json["findings"][0]["id"], "config.native-tls-unusable");
    assert_eq!(json["findings"][0]["severity"], "warning");
}

#[test]
fn a_check_in_json_has_the_diff() {
    let flags = ["config", "stanza", "--hook=VirtualHost"];
    let other = b"extensionManager: {}\n";
    let (_directory, human) = check(other, &flags);
    let (_directory, run) = check(other, &[&flags[..], &["-o=json"]].concat());
    let json = json(run.code(1));
    assert_eq!(json["findings"][0]["id"], "config.differs");
    assert_eq!(json["check"]["file"], "eg.yaml");
    assert_eq!(json["check"]["same"], false);
    assert_eq!(json["yaml"], written(&flags));
    let human = String::from_utf8(human.get_output().stdout.clone()).expect("UTF-8");
    assert!(human.ends_with(json["diff"].as_str().expect("text")), "{human}");

    let (_directory, run) = check(written(&flags).as_bytes(), &[&flags[..], &["-o=json"]].concat());
    let json = self::json(run.success());
    assert_eq!(json["check"]["same"], true);
    assert!(json.get("diff").is_none());
}

#[test]
fn what_a_file_of_another_kind_holds_is_not_shown() {
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    for (content, found) in [
        (key.to_owned(), "holds a private key"),
        (written(&["config", "stanza"]) + key, "holds a private key"),
        (key.replace("PRIVATE KEY", "CERTIFICATE"), "holds PEM blocks"),
        (
            written(&["config", "stanza"]) + &format!("# {}\n", "c2VjcmV0".repeat(8)),
            "holds what may be a key in Base64",
        ),
        (
            written(&["config", "stanza"]) + "---\nkind: Secret\ndata:\n  token: c2VjcmV0\n",
            "is no EnvoyGateway configuration with an `extensionManager`",
        ),
        ("password: c2VjcmV0\n".to_owned(), "is no EnvoyGateway configuration with an `extensionManager`"),
        ("c2VjcmV0\n".to_owned(), "is no EnvoyGateway configuration with an `extensionManager`"),
    ] {
        for flags in [&["config", "stanza"][..], &["config", "stanza", "-o=json"]] {
            let (_directory, run) = check(content.as_bytes(), flags);
            let output = run.code(2).get_output().clone();
            let [out, err] =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
            assert!(!(out.clone() + &err).contains("c2VjcmV0"), "{out}{err}");
            let expected = format!(
                "error: `eg.yaml` {found}, so it is not compared\n  hint: `--check` takes a file that this command wrote\n"
            );
            assert_eq!(err, expected);
        }
    }
}

#[test]
fn a_check_of_something_that_is_no_text_file_cannot_run() {
    let (directory, run) = check(b"\xff", &["config", "stanza"]);
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
error: `eg.yaml` is not UTF-8 text
  hint: `--check` takes a file that this command wrote

"#]]);
    let (_directory, run) = check(&vec![b'#'; (1 << 20) + 1], &["config", "stanza"]);
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
error: `eg.yaml` is larger than 1024 KiB
  hint: `--check` takes a file that this command wrote

"#]]);
    for (path, expected) in [
        (
            "missing.yaml",
            str![[r#"
error: cannot read `missing.yaml`: No such file or directory (os error 2)
  hint: the same command without `--check` and with `> FILE` writes it

"#]],
        ),
        (
            ".",
            str![[r#"
error: `.` is a directory, not a file
  hint: `--check` takes a file that this command wrote

"#]],
        ),
    ] {
        egext(&["config", "stanza", "--check", path])
            .current_dir(directory.path())
            .assert()
            .code(2)
            .stdout_eq("")
            .stderr_eq(expected);
    }
}
