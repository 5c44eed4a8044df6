use std::path::PathBuf;

use clap::Args;

use super::Omitted;
use super::directory::directory;
use crate::gateway::DEFAULT_NAMESPACE;
use crate::host::Host;
use crate::net::Address;
use crate::units::Span;

/// Look at every part of the channel and name the first thing that is wrong.
#[derive(Args, Debug)]
#[command(after_help = AFTER_DOCTOR)]
pub struct Doctor {
    /// EnvoyGateway file, or resource directory [default: `envoy-gateway.yaml`]
    ///
    /// What `egext config check` reads, with the Secrets that EG uses for its own TLS. Without it, `envoy-gateway.yaml` is
    /// looked for here, in `/etc/envoy-gateway` and in `/config`.
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Directory with the set of `egext certs init` [default: the bridge's, or certs]
    #[arg(long, value_name = "DIR", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: Option<PathBuf>,
    /// Extension server, such as `host:port` [default: the one that the bridge calls]
    ///
    /// Without a bridge that says whom it calls, it is the one that EG calls. If nothing names one, `localhost:5005` is
    /// tried, and it is no error if that does not work.
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_DOCTOR_SERVER", value_parser = Address::of_server)]
    pub server: Option<Address>,
    /// Name expected in the server's certificate [default: host of the address]
    #[arg(long, value_name = "NAME", env = "EGEXT_SERVER_NAME")]
    pub server_name: Option<Host>,
    /// Socket of the bridge [default: the one that EG calls]
    ///
    /// Without a file that names one, it is `/run/egext/eg.sock`, if that is there.
    #[arg(long, value_name = "PATH", env = "EGEXT_SOCKET")]
    pub socket: Option<PathBuf>,
    /// Admin server of the bridge [default: `admin.sock` beside its socket]
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_ADMIN", value_parser = super::bridge::admin_address)]
    pub admin: Option<Address>,
    /// Release of EG that reads the files, such as 1.9 or 1.5.0
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Namespace in which EG runs, for Secrets without one
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAMESPACE, env = "EGEXT_NAMESPACE")]
    pub namespace: String,
    /// Limit of each question to the server or the bridge
    #[arg(long, value_name = "DURATION", default_value = "5s", env = "EGEXT_TIMEOUT")]
    pub timeout: Span,
    /// What is known, and left out.
    #[command(flatten)]
    pub omitted: Omitted,
}

const AFTER_DOCTOR: &str = "\
Examples:
  egext doctor                          # everything at its usual place
  egext doctor envoy-gateway.yaml --dir /etc/egext/certs
  egext doctor envoy-gateway.yaml secrets.yaml   # EG's own TLS, as EG does it
  egext doctor --server extension.internal:5005 --admin 127.0.0.1:9464
  egext doctor --no-policy              # the server asks for no client certificates, on purpose
  egext doctor -o json                  # for a program

It changes nothing and calls no hook. From the ground up: the certificates, the server, what it presents, the bridge, its socket, the files of EG. What is not there is skipped, and what nothing names is no error.
Exit codes: 0 nothing is wrong, 1 a finding, 2 could not run.";
