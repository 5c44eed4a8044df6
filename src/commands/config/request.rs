//! From flags to what the library is asked for.

use std::path::PathBuf;

use super::ConfigError;
use crate::cli::{Extension, Gateway, Hooks, RetryFlags, Variables};
use crate::commands::Alone;
use crate::gateway::{
    AbsolutePath, BridgeCommand, Mode, NativeTls, Preset, Request, Retry, Service, SocketPath, TextPath,
    ValueError, WholeFile, hook_called,
};
use crate::net::{Address, Transport};

/// The file of `egext config gateway`.
pub(super) fn of_gateway(arguments: &Gateway, variables: &Variables) -> Result<Request, ConfigError> {
    let extension = &arguments.extension;
    request(extension, extension.mode, Some(whole_file(arguments, variables)?), variables)
}

/// The part of `egext config stanza`, and what `egext config patch` puts into a file.
pub(super) fn of_part(
    extension: &Extension,
    mode: Mode,
    variables: &Variables,
) -> Result<Request, ConfigError> {
    request(extension, mode, None, variables)
}

/// The directory of `--with-example`, which is one of those that EG reads.
pub(super) fn example_directory<'a>(arguments: &'a Gateway, variables: &Variables) -> Option<&'a PathBuf> {
    // A variable can be meant for another mode.
    let has_use = arguments.extension.mode == Mode::Standalone || !variables.set("--with-example");
    arguments.with_example.as_ref().filter(|_| has_use)
}

fn whole_file(arguments: &Gateway, variables: &Variables) -> Result<WholeFile, ConfigError> {
    let mode = arguments.extension.mode;
    // A variable can be meant for another mode.
    let has = |flag, has_use: bool| has_use || !variables.set(flag);
    let has_files = has("--resources-dir", mode == Mode::Standalone);
    let has_home = has("--home", mode != Mode::Kubernetes);
    let directory = |path: &PathBuf| AbsolutePath::try_from(path.as_path());
    Ok(WholeFile {
        resources_dirs: arguments
            .resources_dir
            .iter()
            .filter(|_| has_files)
            .chain(example_directory(arguments, variables))
            .map(directory)
            .collect::<Result<_, _>>()?,
        controller_name: arguments.controller_name.parse()?,
        home: arguments.home.as_ref().filter(|_| has_home).map(directory).transpose()?,
        backend_api: arguments.enable_backend_api,
        logging: parse_all(&arguments.logging)?,
    })
}

/// The flags as values, each well formed.
fn request(
    arguments: &Extension,
    mode: Mode,
    file: Option<WholeFile>,
    variables: &Variables,
) -> Result<Request, ConfigError> {
    Ok(Request {
        version: arguments.eg_version.parse()?,
        mode,
        file,
        ..of_hooks(&arguments.hooks, service(arguments, mode, variables)?)?
    })
}

/// What `egext config kubernetes` has in common with the others.
pub(super) fn of_hooks(arguments: &Hooks, service: Service) -> Result<Request, ValueError> {
    Ok(Request {
        name: arguments.name.as_deref().map(str::parse).transpose()?,
        retry: retry(&arguments.retry)?,
        preset: arguments.preset,
        hooks: arguments.hook.iter().map(|text| hook_called(text)).collect::<Result<_, _>>()?,
        include_all: arguments.include_all.clone(),
        resources: parse_all(&arguments.resource)?,
        policy_resources: parse_all(&arguments.policy_resource)?,
        backend_resources: parse_all(&arguments.backend_resource)?,
        fail_open: arguments.fail_open,
        max_message_size: arguments.max_message_size,
        ..Request::with_service(service)
    })
}

fn service(extension: &Extension, mode: Mode, variables: &Variables) -> Result<Service, ConfigError> {
    let (arguments, preset) = (&extension.service, extension.hooks.preset);
    let material = TextPath::try_from(arguments.dir.as_path())?;
    if arguments.native_tls {
        let alone = Alone { given: "--native-tls", missing: "--server" };
        let server = arguments.server.as_ref().ok_or(alone)?;
        return Ok(Service::NativeTls(NativeTls {
            server: server.parse()?,
            material,
            namespace: arguments.namespace.parse()?,
            ca_secret: arguments.ca_secret.parse()?,
            client_secret: arguments.client_secret.as_deref().map(str::parse).transpose()?,
        }));
    }
    // In Kubernetes the server of a preset has a Service, unless a bridge was asked for.
    let in_kubernetes = preset.filter(|_| mode == Mode::Kubernetes && arguments.upstream.is_none());
    let server = arguments.server.as_deref().or(in_kubernetes.map(Preset::in_kubernetes));
    if let Some(server) = server {
        let server: Address = server.parse()?;
        // A variable can be meant for `--native-tls`.
        if server.transport() == Transport::Plaintext || !variables.set("--server") {
            return Ok(Service::Plaintext(server));
        }
    }
    let upstream = preset.map_or(DEFAULT_UPSTREAM, Preset::upstream);
    Ok(Service::Bridge(BridgeCommand {
        socket: SocketPath::try_from(arguments.socket.as_path())?,
        alone: extension.hooks.name.is_none(),
        upstream: arguments.upstream.as_deref().unwrap_or(upstream).parse()?,
        material,
        hold: false,
        resync: Vec::new(),
    }))
}

fn retry(arguments: &RetryFlags) -> Result<Retry, ValueError> {
    Ok(Retry {
        max_attempts: arguments.retry_attempts,
        initial_backoff: arguments.retry_backoff,
        max_backoff: arguments.retry_max_backoff,
        multiplier: arguments.retry_multiplier.as_deref().map(str::parse).transpose()?,
        codes: parse_all(&arguments.retry_code)?,
    })
}

fn parse_all<T: std::str::FromStr<Err = ValueError>>(texts: &[String]) -> Result<Vec<T>, ValueError> {
    texts.iter().map(|text| text.parse()).collect()
}

/// Where extension servers listen, by the examples.
const DEFAULT_UPSTREAM: &str = "localhost:5005";
