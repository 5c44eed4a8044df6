use std::path::PathBuf;

use clap::Args;

use crate::cli::directory::directory;
use crate::cli::values;
use crate::pki::KeyType;
use crate::units::Span;

/// Create a CA, and a certificate and key for each side of the channel.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsInit {
    /// Host names and IP addresses of the server, as with `--san`
    ///
    /// The server gets the names given here, those of `--san`, and `localhost`, `127.0.0.1` and `::1`.
    /// `EGEXT_SAN` counts only if no name is typed here.
    #[arg(value_name = "NAME", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Output directory; created with mode 0700 if missing
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Host name, IP address or URI of the server; may be repeated
    ///
    /// A list with commas works as well. `localhost`, `127.0.0.1` and `::1` are added unless `--no-local-names`
    /// is given.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_SAN")]
    pub san: Vec<String>,
    /// Leave out `localhost`, `127.0.0.1` and `::1`
    #[arg(long, env = "EGEXT_NO_LOCAL_NAMES")]
    pub no_local_names: bool,
    /// Name of the client; may be repeated [default: client.egext.internal]
    ///
    /// Servers can use it in access lists. A list with commas works as well.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_CLIENT_SAN")]
    pub client_san: Vec<String>,
    /// SPIFFE id of a side, as `server=ID` or `client=ID`; may be repeated
    ///
    /// For example `server=spiffe://example.org/extension`. X509-SVID requires such a certificate to be valid for
    /// both client and server use.
    #[arg(long, value_name = "SIDE=ID", value_delimiter = ',', env = "EGEXT_SPIFFE_ID")]
    pub spiffe_id: Vec<String>,
    /// Common name of the server's certificate [default: egext server]
    ///
    /// It is for people: no peer verifies it.
    #[arg(long, alias = "server-name", value_name = "NAME", env = "EGEXT_SERVER_COMMON_NAME")]
    pub server_common_name: Option<String>,
    /// Common name of the client's certificate [default: egext client]
    ///
    /// It is for people: no peer verifies it.
    #[arg(long, alias = "client-name", value_name = "NAME", env = "EGEXT_CLIENT_COMMON_NAME")]
    pub client_common_name: Option<String>,
    /// Lifetime of both leaf certificates, from now [default: 365d]
    ///
    /// Never longer than that of the CA.
    #[arg(long, value_name = "SPAN", env = "EGEXT_LIFETIME")]
    pub lifetime: Option<Span>,
    /// Lifetime of the CA, from now [default: 5y]
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["ca_cert", "ca_key"], env = "EGEXT_CA_LIFETIME")]
    pub ca_lifetime: Option<Span>,
    /// Type of all keys [default: p256]
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), ignore_case = true, env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Restrict the new CA to the names of this set
    ///
    /// Java ignores such constraints in a root. Envoy rejects IP addresses below such a CA.
    #[arg(long, conflicts_with_all = ["ca_cert", "ca_key"], env = "EGEXT_NAME_CONSTRAINTS")]
    pub name_constraints: bool,
    /// Discard the new CA's key (for CI): nothing can be issued or renewed later
    ///
    /// Lifetimes default to 24h then.
    #[arg(long, conflicts_with_all = ["ca_cert", "ca_key", "ca_key_passphrase_file"])]
    pub discard_ca_key: bool,
    /// File whose first line is the passphrase of the CA key; `-` for stdin
    ///
    /// Encrypts the key of a new CA, or decrypts the key given with `--ca-key`.
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
    /// Certificate of an existing CA to use, with those above it up to the root (PEM)
    #[arg(long, value_name = "FILE", requires = "ca_key", env = "EGEXT_CA_CERT")]
    pub ca_cert: Option<PathBuf>,
    /// Private key of `--ca-cert` (PEM: PKCS#8, PKCS#1 or SEC1)
    ///
    /// It may be encrypted. It is read, not copied.
    #[arg(long, value_name = "FILE", requires = "ca_cert", env = "EGEXT_CA_KEY")]
    pub ca_key: Option<PathBuf>,
    /// Replace an existing set, including its CA
    ///
    /// Both sides then need their new files: the old and the new set do not trust each other.
    #[arg(long)]
    pub force: bool,
    /// Say what would be created, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs init                                   # for a server on this machine
  egext certs init extension.internal 10.0.0.7       # for a server with a name and an address
  egext certs init --discard-ca-key                  # for CI: valid one day, CA key not kept
  egext certs init --ca-cert ca.crt --ca-key ca.key  # by an existing CA
  egext certs init --force                           # replace the set

A second run changes nothing, and says until when the certificates are valid.";
