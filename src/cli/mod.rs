//! What can be typed, or set in the environment: clap types and help texts.

mod bridge;
mod certs;
mod config;
mod demo;
mod directory;
mod doctor;
mod environment;
mod explain;
mod generate;
mod health_probe;
mod material;
mod name;
mod omitted;
mod output;
mod parse;
mod probe;
mod probe_calls;
mod usage;
mod values;

pub use bridge::{AdminAddressError, Bridge, Callers};
pub use certs::{
    Activate, Certs, CertsCheck, CertsCommand, CertsInit, CertsIssue, CertsPack, CertsRemove, CertsRenew,
    CertsRotateCa, CertsShow, Changes, Finish, NewKeyPassphrase, OtherCa, Prepare, RotationStep, Server,
    SignerFlags, Status, Step,
};
pub use config::{
    Config, ConfigCheck, ConfigCommand, Extension, Gateway, Hooks, Kubernetes, Names, Patch, RetryFlags,
    Secrets, ServiceFlags, Stanza, Versions,
};
pub use demo::Demo;
pub use doctor::Doctor;
pub use environment::Variables;
pub use explain::Explain;
pub use generate::{Completions, Generate, GenerateCommand, Man};
pub use health_probe::{
    GoDuration, HealthProbe, HealthProbeSecurity, HealthProbeStop, HealthProbeTls, health_probe,
};
pub use material::Material;
pub use omitted::Omitted;
pub(crate) use output::{HUMAN_AND_JSON, ONLY_HUMAN, WITH_CHECKS};
pub use output::{Output, formats};
pub use parse::{Stop, parse};
pub use probe::Probe;
pub use probe_calls::CallFlags;
pub use usage::UsageError;

use clap::{Parser, Subcommand};

/// TLS bootstrap and connectivity toolkit for Envoy Gateway extension servers.
#[derive(Debug, Parser)]
#[command(
    name = "egext",
    version,
    about,
    propagate_version = true,
    max_term_width = 100,
    after_help = AFTER_HELP
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to print.
    #[command(flatten)]
    pub output: Output,
    /// What was taken from the environment.
    #[arg(skip)]
    pub variables: Variables,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Create, check, renew and replace the certificates of both sides
    Certs(Certs),
    /// Write Envoy Gateway (EG) configuration that works for its release
    Config(Box<Config>),
    /// Test the channel to a server layer by layer
    Probe(Box<Probe>),
    /// Proxy gRPC calls between plaintext and mutual TLS
    Bridge(Box<Bridge>),
    /// Run everything once in a temporary directory
    Demo(Demo),
    /// Look at every part of the channel and name the first thing that is wrong
    Doctor(Doctor),
    /// Explain a finding: cause and cure
    Explain(Explain),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print a manual page
    Man(Man),
    /// Print the version
    Version,
    /// Generate completions, manual pages and documentation, for packagers
    #[command(hide = true)]
    Generate(Generate),
}

const AFTER_HELP: &str = "\
Examples:
  egext demo                                 # everything once, in two seconds
  egext certs init --san extension.internal  # a CA and certificates for both sides
  egext probe localhost:5005                 # what works and what does not, layer by layer
  egext doctor                               # the first thing that is wrong, and the next command
  egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005
  egext config stanza --socket /run/egext/eg.sock

Exit codes: 0 fine, 1 a finding, 2 could not run, 3 something is due (`certs check`, `certs renew --dry-run`).
`help` before a command, or `--help` after it, explains it and names the environment variables of its flags.
Flags that destroy something have no variable.";
