use std::path::Path;

use super::ConfigError;
use super::request::of_hooks;
use crate::cli;
use crate::gateway::{Cluster, Kubernetes, KubernetesError, Manifest, Part, Request, Trust};
use crate::input::is_stdin;
use crate::pki::store;
use crate::pki::store::StoreError;
use crate::render::config::kubernetes as rendered;
use crate::report::Report;

/// `egext config kubernetes`
pub(super) fn run(arguments: &cli::Kubernetes) -> Result<Report, ConfigError> {
    let kubernetes = decide(arguments)?;
    let manifests = manifests(&kubernetes, &arguments.part)?;
    let is_streamed = is_stdin(&arguments.out);
    if !is_streamed {
        write(&arguments.out, &manifests)?;
    }
    Ok(rendered::report(&kubernetes, &manifests, (!is_streamed).then_some(&arguments.out)))
}

fn decide(arguments: &cli::Kubernetes) -> Result<Kubernetes, ConfigError> {
    let cli::Names {
        namespace,
        deployment,
        container,
        service_name,
        port,
        plaintext_port,
        ca_secret,
        client_secret,
        server_secret,
        trust_secret,
        also_trust,
    } = &arguments.names;
    let cluster = Cluster {
        namespace: namespace.parse()?,
        deployment: deployment.parse()?,
        container: container.as_ref().unwrap_or(deployment).parse()?,
        service: service_name.as_ref().unwrap_or(deployment).parse()?,
        port: *port,
        ca_secret: ca_secret.parse()?,
        client_secret: client_secret.as_deref().map(str::parse).transpose()?,
        server_secret: server_secret.parse()?,
        trust: trust_secret.as_deref().map(|secret| trust(secret, also_trust)).transpose()?,
        sidecars: arguments.bridge,
        image: arguments.image.as_deref().map(str::parse).transpose()?,
        plaintext_port: *plaintext_port,
    };
    let extension =
        Request { version: arguments.eg_version.parse()?, ..of_hooks(&arguments.hooks, cluster.called())? };
    Ok(Kubernetes::decide(cluster, extension)?)
}

fn trust(secret: &str, others: &[String]) -> Result<Trust, ConfigError> {
    let others = others.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    Ok(Trust { secret: secret.parse()?, others })
}

/// The parts that are wished for, each once, or all that there are.
fn manifests(kubernetes: &Kubernetes, wished: &[Part]) -> Result<Vec<Manifest>, KubernetesError> {
    if let Some(error) = wished.iter().find_map(|part| kubernetes.lacks(*part)) {
        return Err(error);
    }
    let is_wished =
        |part: &Part| kubernetes.lacks(*part).is_none() && (wished.is_empty() || wished.contains(part));
    Ok(Part::ALL.iter().copied().filter(is_wished).map(|part| kubernetes.manifest(part)).collect())
}

/// All or nothing, as far as it can be known before the first one.
fn write(directory: &Path, manifests: &[Manifest]) -> Result<(), ConfigError> {
    let paths = || manifests.iter().map(|manifest| directory.join(manifest.part.file()));
    if let Some(path) = paths().find(|path| path.symlink_metadata().is_ok()) {
        return Err(ConfigError::Manifests(StoreError::Exists { path }));
    }
    store::make_directory(directory).map_err(ConfigError::Manifests)?;
    for (path, manifest) in paths().zip(manifests) {
        store::write_alone(&path, manifest.yaml.as_bytes()).map_err(ConfigError::Manifests)?;
    }
    Ok(())
}
