use std::path::PathBuf;

use clap::Args;

use super::{CallFlags, Material, Omitted, values};
use crate::gateway::DEFAULT_NAMESPACE;
use crate::host::Host;
use crate::net::{Address, Placement};
use crate::units::{Span, Within};

/// Test the channel to a server layer by layer.
#[derive(Args, Debug)]
#[command(after_help = PROBE_HELP)]
pub struct Probe {
    /// Server to probe: `host:port`, `tcp://host:port` or `unix:/path`
    ///
    /// `host:port` uses TLS, as does `tls://host:port`; the other two are plaintext. The port defaults to 5005. Several
    /// servers are probed at once; a comma separates servers, too: name a socket with a comma in its path in
    /// `--targets-file`. The targets of gRPC `dns:host:port`, `dns:///host:port`, `ipv4:` and `ipv6:` mean TLS,
    /// and port 443 without a port.
    #[arg(value_name = "ADDRESS", required_unless_present_any = ["targets_file", "gateway_config"], env = "EGEXT_PROBE_ADDRESS", value_delimiter = ',', value_parser = Address::of_server)]
    pub addresses: Vec<Address>,
    /// File with servers to probe, one a line
    ///
    /// `-` is stdin. Empty lines are skipped. `#` at the beginning of a line or after a blank begins a comment.
    #[arg(long, value_name = "FILE", env = "EGEXT_TARGETS_FILE")]
    pub targets_file: Option<PathBuf>,
    /// Name expected in the server's certificate [default: host of the address]
    ///
    /// It is also the name that is sent as SNI.
    #[arg(long, value_name = "NAME", env = "EGEXT_SERVER_NAME")]
    pub server_name: Option<Host>,
    /// IP address to use for a host, in place of what the resolver says; repeatable
    ///
    /// `extension.internal:127.0.0.1` connects targets with the host `extension.internal` to 127.0.0.1; an IPv6 address stands
    /// in brackets. The certificate is still verified for the host, and SNI has it too. Several addresses of one host are
    /// tried one after the other.
    #[arg(long, value_name = "HOST:IP", value_delimiter = ',', value_parser = values::parsed_item::<Placement>(), env = "EGEXT_RESOLVE")]
    pub resolve: Vec<Placement>,
    /// Limit of one attempt, all layers together
    #[arg(long, value_name = "DURATION", default_value = "5s", env = "EGEXT_TIMEOUT")]
    pub timeout: Span,
    /// Retry until the server is healthy, for at most this long
    ///
    /// Each cause is reported once while the probe waits.
    #[arg(long, value_name = "DURATION", env = "EGEXT_WAIT")]
    pub wait: Option<Span>,
    /// Go on until stopped, and print each change of a server's health
    ///
    /// Uses `Health/Watch` of gRPC on a connection that is kept, and asks every `--interval` if the server does not know that
    /// method. If the connection is lost, all layers are probed again. Each change is one line, or one JSON object on a line
    /// with `-o json`. SIGINT and SIGTERM end it with the exit code of the last states.
    #[arg(long)]
    pub watch: bool,
    /// Time between two calls to a server that is watched
    ///
    /// The call shows that the server is still there, and how it is if it does not know `Health/Watch`.
    #[arg(long, value_name = "DURATION", default_value = "5s", requires = "watch", env = "EGEXT_INTERVAL")]
    pub interval: Span,
    /// Warn of certificates that expire within this time [default: the last third]
    ///
    /// A percentage is a fraction of each certificate's lifetime. The default is its last third, at most 30d.
    #[arg(long, value_name = "SPAN|PERCENT", env = "EGEXT_WITHIN")]
    pub within: Option<Within>,
    /// Take the flags of another program: `grpc-health-probe`
    ///
    /// It comes first: `egext probe --compat grpc-health-probe -addr=:5005 -tls`. What follows are the flags of that
    /// program, and the exit codes are its own, too. The binary does the same if it is called `grpc_health_probe`.
    #[arg(long, value_name = "PROGRAM", value_parser = ["grpc-health-probe"], ignore_case = true)]
    pub compat: Option<String>,
    /// Probe the servers that EG calls with this configuration, as EG does
    ///
    /// Takes the address, the CA, the client certificate, `maxMessageSize` and `retry` of every extension manager from an
    /// EnvoyGateway file and the Secrets in `--resources`.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["addresses", "targets_file", "server_name", "max_message_size", "dir", "ca", "cert", "key"],
        env = "EGEXT_GATEWAY_CONFIG"
    )]
    pub gateway_config: Option<PathBuf>,
    /// Directories with the Secrets of `--gateway-config`; repeatable
    #[arg(
        long,
        value_name = "DIR",
        requires = "gateway_config",
        env = "EGEXT_RESOURCES",
        value_delimiter = ','
    )]
    pub resources: Vec<PathBuf>,
    /// Namespace in which EG runs, for Secrets of `--gateway-config` without one
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAMESPACE, env = "EGEXT_NAMESPACE")]
    pub namespace: String,
    /// Release of EG whose TLS is judged by the layer `gateway`
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Leave out the layer `gateway`: EG connects through a bridge
    ///
    /// That layer says whether EG's own TLS could connect to a server with TLS: it sends the name that EG sends, and judges
    /// the server's certificate as Go does. `egext bridge` connects differently.
    #[arg(long, env = "EGEXT_NO_GATEWAY")]
    pub no_gateway: bool,
    /// What is known, and left out.
    #[command(flatten)]
    pub omitted: Omitted,
    /// Report an error if a server speaks TLS: it must be plaintext
    ///
    /// For a bridge's socket, or a sidecar's port that is written as `tcp://host:port`. Targets with TLS are refused.
    #[arg(
        long,
        conflicts_with_all = ["no_policy", "gateway_config", "server_name", "dir", "ca", "cert", "key"],
        env = "EGEXT_EXPECT_PLAINTEXT"
    )]
    pub expect_plaintext: bool,
    /// Print every fact of each layer
    ///
    /// Below the layer that it belongs to: addresses that were tried, certificates of both sides, the CAs from which the
    /// server accepts certificates, its HTTP/2 settings. `-o json` always has them.
    #[arg(short, long, env = "EGEXT_VERBOSE")]
    pub verbose: bool,
    /// What is asked for.
    #[command(flatten)]
    pub calls: CallFlags,
    /// What we trust and what we show.
    #[command(flatten)]
    pub material: Material,
}

const PROBE_HELP: &str = "\
Examples:
  egext probe localhost:5005                   # mTLS with the files in `certs/`
  egext probe localhost:5005 --wait 60s        # wait for a server that is starting
  egext probe localhost:5005 --watch           # a line for each change, until Ctrl-C
  egext probe unix:/run/egext/eg.sock -o json  # a bridge's socket, JSON for a program
  egext probe a.internal:5005 b.internal:5005  # several at once
  egext probe localhost:5005 --no-gateway      # EG connects through a bridge
  egext probe --gateway-config eg.yaml --resources secrets  # whom EG calls, as it calls them

Layers: resolve, connect, tls, alpn, mtls, http2, grpc, health. The first that fails names the cause.
If they pass, a server with TLS is looked at as others see it: by EG's own TLS (gateway), and by
clients that it must refuse (policy).
Exit codes: 0 every target is healthy, 1 a finding, 2 could not run.";
