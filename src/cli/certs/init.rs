use std::path::PathBuf;

use clap::Args;

use crate::cli::values;
use crate::pki::KeyType;
use crate::units::Span;

/// Make a private CA, and a certificate and key for each side of the channel.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsInit {
    /// Host names and IP addresses of the server, as with `--san`
    ///
    /// Both together are its names, and `localhost`, `127.0.0.1` and `::1`. `EGEXT_SAN` counts only if none is typed.
    #[arg(value_name = "NAME", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Where to put them; made for you alone if it is missing
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Host name or IP address under which clients reach the server; may be repeated, or a list with commas.
    /// `localhost`, `127.0.0.1` and `::1` are among the names, too. A URI is possible as well
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_SAN")]
    pub san: Vec<String>,
    /// Leave out `localhost`, `127.0.0.1` and `::1`: nobody calls the server from its own machine
    #[arg(long, env = "EGEXT_NO_LOCAL_NAMES")]
    pub no_local_names: bool,
    /// Name of the client, for access lists; may be repeated, or a list with commas
    /// [default: client.egext.internal]
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_CLIENT_SAN")]
    pub client_san: Vec<String>,
    /// SPIFFE id of a side, such as `server=spiffe://example.org/extension`; may be repeated.
    /// Its certificate then passes for both sides, as X509-SVID demands
    #[arg(long, value_name = "SIDE=ID", value_delimiter = ',', env = "EGEXT_SPIFFE_ID")]
    pub spiffe_id: Vec<String>,
    /// Common name of the server's certificate, for people: nothing verifies it [default: egext server]
    #[arg(long, alias = "server-name", value_name = "NAME", env = "EGEXT_SERVER_COMMON_NAME")]
    pub server_common_name: Option<String>,
    /// Common name of the client's certificate, for people: nothing verifies it [default: egext client]
    #[arg(long, alias = "client-name", value_name = "NAME", env = "EGEXT_CLIENT_COMMON_NAME")]
    pub client_common_name: Option<String>,
    /// How long both sides' certificates live, from now; never longer than the CA [default: 365d]
    #[arg(long, value_name = "SPAN", env = "EGEXT_LIFETIME")]
    pub lifetime: Option<Span>,
    /// How long the CA lives, from now [default: 5y]
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["ca_cert", "ca_key"], env = "EGEXT_CA_LIFETIME")]
    pub ca_lifetime: Option<Span>,
    /// Kind of all keys [default: p256]
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Let the new CA issue certificates for the names of this set only. Java does not look at that in a root;
    /// Envoy refuses IP addresses below such a CA
    #[arg(long, conflicts_with_all = ["ca_cert", "ca_key"], env = "EGEXT_NAME_CONSTRAINTS")]
    pub name_constraints: bool,
    /// Throw the new CA's key away, for CI: nothing can be issued or renewed later. Everything lives 24h then,
    /// unless the lifetimes say otherwise
    #[arg(long, conflicts_with_all = ["ca_cert", "ca_key", "ca_key_passphrase_file"])]
    pub discard_ca_key: bool,
    /// File with the passphrase of the CA's key on its first line; `-` for stdin. A new CA's key is encrypted
    /// with it, one that is brought along is opened
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
    /// Certificate of your own CA, and of those above it up to the root (PEM), to use in place of a new one
    #[arg(long, value_name = "FILE", requires = "ca_key", env = "EGEXT_CA_CERT")]
    pub ca_cert: Option<PathBuf>,
    /// The key of `--ca-cert` (PEM: PKCS#8, PKCS#1 or SEC1, also encrypted); it is read, not copied
    #[arg(long, value_name = "FILE", requires = "ca_cert", env = "EGEXT_CA_KEY")]
    pub ca_key: Option<PathBuf>,
    /// Replace an existing set, CA and all; both sides then need their new files
    #[arg(long)]
    pub force: bool,
    /// Say what would be made, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs init                                    for a server on this machine
  egext certs init extension.internal 10.0.0.7        for one that is reached by name and address
  egext certs init --discard-ca-key                   for a CI job: a day, and no CA key to lose
  egext certs init --ca-cert ca.crt --ca-key ca.key   by your own CA
  egext certs init --force                            a new set in place of the old one

A second run changes nothing, and says until when the certificates are valid.";
