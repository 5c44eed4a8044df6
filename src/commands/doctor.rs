//! `egext doctor`: where everything is, by its name or by convention.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{look, sources};
use super::material::DEFAULT_DIRECTORY;
use super::probe::{native, tls, tls_of_files};
use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::cli::{self, Material};
use crate::doctor::{Files, Known, Origin, Plan, Tls, examine};
use crate::gateway::{Questions, Release};
use crate::net::Address;
use crate::probe::enough_for_a_probe;
use crate::render;
use crate::report::{Finding, Report};

pub(super) fn run(arguments: cli::Doctor, clock: Clock) -> Result<Report, Error> {
    if arguments.timeout.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--timeout" });
    }
    let plan = plan(arguments, clock)?;
    let story = block_on(async {
        // A program that reads the result gets one, also if it loses patience with a server that is silent.
        let mut signals = Signals::listen().map_err(Error::Runtime)?;
        enough_for_a_probe()?;
        tokio::select! {
            story = examine(plan, clock) => Ok(story?),
            _ = signals.next() => Err(Error::Interrupted),
        }
    })??;
    Ok(render::doctor::report(&story))
}

fn plan(arguments: cli::Doctor, clock: Clock) -> Result<Plan, Error> {
    let release: Release = arguments.eg_version.parse().map_err(super::ConfigError::from)?;
    let namespace = arguments.namespace.parse().map_err(super::ConfigError::from)?;
    let paths = if arguments.paths.is_empty() { usual_file() } else { arguments.paths };
    let mut sources = sources(&paths).map_err(super::ConfigError::from)?;
    let questions =
        Questions { release, mode: None, namespace, now: clock(), server_limit: None, look: Some(look) };
    let native = native::all(&mut sources, &questions)?;
    let origin = if arguments.dir.is_some() { Origin::Named } else { Origin::Guessed };
    Ok(Plan {
        directory: Known { value: arguments.dir.unwrap_or(DEFAULT_DIRECTORY.into()), origin },
        load,
        server: arguments.server,
        server_name: arguments.server_name,
        admin: arguments.admin,
        socket: arguments.socket.map(without_scheme),
        sources,
        native,
        questions,
        limit: arguments.timeout.duration(),
        policy: !arguments.omitted.no_policy,
        skip: arguments.omitted.findings()?,
    })
}

fn load(files: &Files) -> Result<Tls, Box<Finding>> {
    let loaded = match files.clone() {
        Files::Directory(directory) => {
            tls(&Material { dir: Some(directory), ca: None, cert: None, key: None })
        }
        Files::Named { ca, pair } => tls_of_files(&ca, pair),
    };
    match loaded {
        Ok((client, own)) => Ok(Tls { client: Arc::new(client), own }),
        Err(missing) => Err(Box::new(Finding::of_error(missing.id, files.name(), &missing.error))),
    }
}

/// Other flags take it as an address.
fn without_scheme(path: PathBuf) -> PathBuf {
    match path.to_str().filter(|text| text.starts_with("unix:")).map(str::parse) {
        Some(Ok(Address::Unix(path))) => path,
        _ => path,
    }
}

/// Where people put it, and where the image and the Helm chart of EG do.
fn usual_file() -> Vec<PathBuf> {
    let places =
        ["envoy-gateway.yaml", "/etc/envoy-gateway/envoy-gateway.yaml", "/config/envoy-gateway.yaml"];
    places.into_iter().find(|place| Path::new(place).is_file()).map(PathBuf::from).into_iter().collect()
}
