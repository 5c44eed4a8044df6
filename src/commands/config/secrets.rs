use std::io::{self, IsTerminal as _};

use time::OffsetDateTime;

use super::ConfigError;
use crate::cli::Secrets;
use crate::gateway::{
    self, ClientSecret, ConfigurationError, DEFAULT_CLIENT_SECRET, Namespace, SecretName, Version, Wish,
};
use crate::input::is_stdin;
use crate::pki::Role;
use crate::pki::pack::{Pack, load_ca};
use crate::pki::store;
use crate::render::config::secrets::{self as rendered, Written};
use crate::report::Report;

/// `egext config secrets`
pub(super) fn run(arguments: &Secrets, now: OffsetDateTime) -> Result<Report, ConfigError> {
    let Secrets { dir, out, .. } = arguments;
    let namespace: Namespace = arguments.namespace.parse()?;
    let ca_secret: SecretName = arguments.ca_secret.parse()?;
    let (version, client_secret) = client(arguments)?;
    let pack = client_secret.as_ref().map(|_| Pack::load(dir, Role::Client, None)).transpose()?;
    if let Some(pack) = &pack {
        pack.refuse_expired(now)?;
    }
    let alone = if pack.is_none() { Some(load_ca(dir)?) } else { None };
    let secrets = gateway::Secrets {
        namespace: &namespace,
        ca_secret: &ca_secret,
        ca: pack.as_ref().map(Pack::ca).or(alone.as_ref().map(|pem| pem.as_str())).unwrap_or_default(),
        client: Option::zip(client_secret.as_ref(), pack.as_ref()).map(|(name, pack)| ClientSecret {
            name,
            chain: pack.chain(),
            key: pack.key(),
        }),
    };
    let is_streamed = is_stdin(out);
    let yaml = secrets.yaml();
    if !is_streamed {
        if out.is_dir() {
            return Err(ConfigError::OutDirectory { path: out.clone() });
        }
        store::write_alone(out, yaml.as_bytes()).map_err(ConfigError::Out)?;
    } else if pack.is_some() && io::stdout().is_terminal() {
        // It holds a key, which stays in the scrollback of a terminal.
        return Err(ConfigError::SecretsOnTerminal);
    }
    let written =
        Written { version, directory: dir, out, secrets: &secrets, leaf: pack.as_ref().map(Pack::leaf) };
    Ok(rendered::report(&written, is_streamed.then_some(yaml), now))
}

/// What the release makes of a client certificate.
fn client(arguments: &Secrets) -> Result<(Version, Option<SecretName>), ConfigError> {
    let version: Version = arguments.eg_version.parse()?;
    let row = Wish::ClientCertificate.row();
    let typed = arguments.client_secret.as_deref();
    if version < row.since {
        return match typed {
            Some(_) => Err(ConfigurationError::Unsupported { row, version }.into()),
            None => Ok((version, None)),
        };
    }
    Ok((version, Some(typed.unwrap_or(DEFAULT_CLIENT_SECRET).parse()?)))
}
