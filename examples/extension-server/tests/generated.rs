//! `src/generated/` is what `proto/extension.proto` says.
//!
//! Regenerate with `EXTENSION_SERVER_BLESS=1 cargo test -p extension-server --test generated`.

use std::fs;
use std::path::Path;

use protox::Compiler;
use protox::file::{File, FileResolver};

#[test]
fn the_generated_code_is_up_to_date() {
    let fresh = generate();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated").join(NAME);
    if std::env::var_os("EXTENSION_SERVER_BLESS").is_some() {
        fs::copy(fresh.path().join(NAME), &committed).expect("write the generated file");
    }
    let fresh = fs::read_to_string(fresh.path().join(NAME)).expect("generated just now");
    let committed = fs::read_to_string(committed).expect("committed");
    assert!(
        fresh == committed,
        "`proto/extension.proto` changed; the first lines of this file say what to do"
    );
}

fn generate() -> tempfile::TempDir {
    let mut compiler = Compiler::with_file_resolver(Sources);
    compiler.include_imports(true).open_file("extension.proto").expect("the definition compiles");
    let directory = tempfile::tempdir().expect("temporary directory");
    tonic_prost_build::configure()
        .extern_path(".envoy", "::envoy_types::pb::envoy")
        .out_dir(directory.path())
        .compile_fds(compiler.file_descriptor_set())
        .expect("code is generated");
    directory
}

/// The definition, and for each of Envoy's files that it imports the names alone.
struct Sources;

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == "extension.proto" {
            return File::from_source(name, include_str!("../proto/extension.proto"));
        }
        let (_, package, messages) = ENVOY
            .iter()
            .find(|(file, ..)| *file == name)
            .ok_or_else(|| protox::Error::file_not_found(name))?;
        // A message without fields would be `Copy`, and one of whole numbers `Eq`: prost derives that for the
        // messages around it, and the real types have neither. Hence a string and a floating-point field.
        let bodies: String = messages
            .iter()
            .map(|message| format!("message {message} {{ string name = 1; double number = 2; }}\n"))
            .collect();
        File::from_source(name, &format!("syntax = \"proto3\";\npackage {package};\n{bodies}"))
    }
}

const NAME: &str = "envoygateway.extension.rs";

const ENVOY: &[(&str, &str, &[&str])] = &[
    ("envoy/config/cluster/v3/cluster.proto", "envoy.config.cluster.v3", &["Cluster"]),
    ("envoy/config/endpoint/v3/endpoint.proto", "envoy.config.endpoint.v3", &["ClusterLoadAssignment"]),
    ("envoy/config/listener/v3/listener.proto", "envoy.config.listener.v3", &["Listener"]),
    ("envoy/config/route/v3/route.proto", "envoy.config.route.v3", &["RouteConfiguration"]),
    ("envoy/config/route/v3/route_components.proto", "envoy.config.route.v3", &["Route", "VirtualHost"]),
    (
        "envoy/extensions/transport_sockets/tls/v3/secret.proto",
        "envoy.extensions.transport_sockets.tls.v3",
        &["Secret"],
    ),
];
