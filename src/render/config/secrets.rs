//! Secrets of Kubernetes, written to a file or to stdout.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::gateway::{Secrets, Version};
use crate::pki::{CA_CERTIFICATE_FILE, Certificate, Role};
use crate::render::certs::lines::{self, words};
use crate::report::{Body, Report, Style};
use crate::shell::shell_path;

/// What was written.
pub(crate) struct Written<'a> {
    /// The release that reads them.
    pub(crate) version: Version,
    /// Of the set.
    pub(crate) directory: &'a Path,
    /// As typed.
    pub(crate) out: &'a Path,
    pub(crate) secrets: &'a Secrets<'a>,
    /// EG's own certificate.
    pub(crate) leaf: Option<&'a Certificate>,
}

/// What `egext config secrets` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// The release of Envoy Gateway that it is for.
    eg_version: String,
    /// The file with the manifests.
    file: String,
    /// Where the Secrets are.
    namespace: String,
    /// How many CA certificates are in the Secret with the CA.
    ca_certificates: usize,
    secrets: Vec<Secret>,
}

/// One of the Secrets.
#[derive(Serialize, JsonSchema)]
struct Secret {
    name: String,
    /// What it was made from.
    files: Vec<String>,
}

/// `streamed` is the text that goes to stdout.
pub(crate) fn report(
    written: &Written<'_>,
    streamed: Option<Zeroizing<String>>,
    now: OffsetDateTime,
) -> Report {
    let Written { version, directory, out, secrets, leaf } = *written;
    let mut report = Report::new("config secrets");
    let place = if streamed.is_some() { "stdout".to_owned() } else { format!("`{}`", out.display()) };
    lines::title(&mut report, Style::Good, "wrote", &format!(" Secrets for EG {version} to {place}"));
    if let Some(leaf) = leaf {
        lines::certificate(&mut report, Role::Client.name(), leaf, &leaf.key.to_string(), now);
    }
    let made = sources(directory, secrets);
    lines::files(&mut report, &made);
    let count = secrets.ca_certificates();
    if count > 1 {
        lines::note(
            &mut report,
            &format!("`{}` has {count} CA certificates, and EG trusts each of them", made[0].0),
        );
    }
    report.detail(&Details {
        eg_version: version.to_string(),
        file: words(out),
        namespace: secrets.namespace.as_str().to_owned(),
        ca_certificates: count,
        secrets: made
            .into_iter()
            .map(|(name, files)| Secret { name, files: files.iter().map(|path| words(path)).collect() })
            .collect(),
    });
    if let Some(yaml) = streamed {
        report.body = Body::Data(Zeroizing::new(yaml.as_bytes().to_vec()));
        return report;
    }
    let apply = format!("`kubectl apply --server-side -f {}`", shell_path(out));
    let then = if leaf.is_some() { ", then remove the file: it holds a private key" } else { "" };
    report.talk.blank().hint(format!("{apply}{then}"));
    report
}

/// The names of the Secrets, and what each was made from.
fn sources(directory: &Path, secrets: &Secrets<'_>) -> Vec<(String, Vec<PathBuf>)> {
    let ca = (secrets.ca_secret.as_str().to_owned(), vec![directory.join(CA_CERTIFICATE_FILE)]);
    let pair = [Role::Client.certificate_file(), Role::Client.key_file()].map(|name| directory.join(name));
    let client = secrets.client.as_ref().map(|client| (client.name.as_str().to_owned(), pair.to_vec()));
    [ca].into_iter().chain(client).collect()
}
