//! `egext doctor`: where everything is, by its name or by convention.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::interval_at;

use super::config::{look, sources};
use super::material::DEFAULT_DIRECTORY;
use super::probe::{BETWEEN_LOOKS, native, tls, tls_of_files};
use super::signals::Signals;
use super::{Clock, Error, block_on};
use crate::cli::{self, Material};
use crate::doctor::{Files, Known, Origin, Plan, Story, Tls, examine};
use crate::gateway::{Questions, Release};
use crate::net::Address;
use crate::probe::enough_for_a_probe;
use crate::render::probe::Progress;
use crate::render::{self, Live, Printer};
use crate::report::{Finding, Report};

pub(super) fn run(arguments: cli::Doctor, clock: Clock, printer: &Printer) -> Result<Report, Error> {
    if arguments.timeout.duration().is_zero() {
        return Err(Error::ZeroLimit { flag: "--timeout" });
    }
    let plan = plan(arguments, clock)?;
    let story = block_on(story(plan, clock, printer))??;
    Ok(render::doctor::report(&story))
}

/// Looks at every part, and shows what is going on.
async fn story(mut plan: Plan, clock: Clock, printer: &Printer) -> Result<Story, Error> {
    let (sender, mut news) = unbounded_channel();
    let mut live = printer.live();
    plan.news = live.is_some().then_some(sender);
    // They are probed one after the other.
    let mut progress = Progress::new(1);
    // A program that reads the result gets one, also if it loses patience with a server that is silent.
    let mut signals = Signals::listen().map_err(Error::Runtime)?;
    enough_for_a_probe()?;
    let mut examining = pin!(examine(plan, clock));
    let mut looks = interval_at((Instant::now() + BETWEEN_LOOKS).into(), BETWEEN_LOOKS);
    loop {
        tokio::select! {
            biased;
            Some(news) = news.recv() => progress.note(&news, Instant::now()),
            story = &mut examining => return Ok(story?),
            _ = looks.tick(), if live.is_some() => {
                let line = progress.line(Instant::now());
                match line {
                    Some(line) => live.iter_mut().for_each(|live| live.show(&line)),
                    None => live.iter_mut().for_each(Live::erase),
                }
            }
            _ = signals.next() => return Err(Error::Interrupted),
        }
    }
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
        news: None,
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
