use std::path::PathBuf;

use clap::Args;

use super::Extension;

/// Put the extension into an existing EnvoyGateway file, ConfigMap or Helm values.
#[derive(Args, Debug)]
#[command(after_help = AFTER_PATCH)]
pub struct Patch {
    /// File to change; `-` to read stdin and write stdout
    pub file: PathBuf,
    /// FILE has Helm values, even if it has no `config.envoyGateway` yet
    #[arg(long)]
    pub helm_values: bool,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What is put in.
    #[command(flatten)]
    pub extension: Extension,
}

const AFTER_PATCH: &str = "\
What `egext config stanza` prints for the same flags is put in. Comments, order and style stay, and
so do keys that it does not print. Hooks of the file, what `Translation` gets there and failOpen stay
unless a flag names them.
With --name it is put into `extensionManagers`, in the place of the one of that name or at the end.

Look first, then write:
  egext config patch envoy-gateway.yaml --dry-run
  egext config patch envoy-gateway.yaml
  helm get values eg -n envoy-gateway-system -o yaml |
    egext config patch - --helm-values > values.yaml";
