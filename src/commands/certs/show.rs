//! `egext certs show`: what files hold and what servers present.

use std::fs;
use std::path::Path;

use time::OffsetDateTime;

use super::CertsError;
use super::presented::{Question, client_in};
use crate::cli::CertsShow;
use crate::commands::Error;
use crate::commands::material::DEFAULT_DIRECTORY;
use crate::pki::inspect::PemFile;
use crate::pki::{
    Anchors, CA_CERTIFICATE_FILE, Certificate, IdentityError, SubjectName, ca_files, verify_server,
};
use crate::render::certs::show::{Shown, Verified};
use crate::report::{Report, chain};

pub(super) fn run(arguments: &CertsShow, now: OffsetDateTime) -> Result<Report, Error> {
    let question = Question::new(&arguments.server)?;
    let mut shown = Shown::default();
    if arguments.paths.is_empty() && question.is_none() {
        let read = shown.files.add_directory(&arguments.dir).map_err(CertsError::from);
        read.map_err(|error| error.without_set(&arguments.dir))?;
    }
    for path in &arguments.paths {
        if path.is_dir() {
            shown.files.add_directory(path).map_err(CertsError::from)?;
        } else {
            shown.files.readable.push(PemFile::read(path).map_err(CertsError::from)?);
        }
    }
    if let Some(passphrase) = &arguments.ca_key_passphrase_file
        && shown.files.is_locked()
    {
        let passphrase = ca_files::read_passphrase(passphrase).map_err(CertsError::from)?;
        shown.files.unlock(&passphrase).map_err(CertsError::from)?;
    }
    if let Some(question) = question {
        refuse_missing(&arguments.dir)?;
        let anchors = Anchors::load(&arguments.dir.join(CA_CERTIFICATE_FILE)).ok();
        match question.ask(anchors.as_ref(), client_in(&arguments.dir).as_ref(), &arguments.dir, now)? {
            Ok(chain) => {
                let file = presented(&question.address.to_string(), &chain)?;
                shown.verified = Some(verified(&question, &file.certificates, anchors.as_ref(), now));
                shown.files.readable.push(file);
            }
            Err(finding) => shown.finding = Some(finding),
        }
    }
    if shown.finding.is_none() && shown.files.has_nothing() {
        let directory = || arguments.paths.first().unwrap_or(&arguments.dir).clone();
        let nothing = shown.files.nothing().map(CertsError::from);
        return Err(nothing.unwrap_or_else(|| CertsError::NothingToShow { directory: directory() }).into());
    }
    Ok(if arguments.short { shown.short(now) } else { shown.report(now) })
}

/// A directory that is not the default one was named to be used.
fn refuse_missing(directory: &Path) -> Result<(), CertsError> {
    match fs::metadata(directory) {
        Err(source) if directory != Path::new(DEFAULT_DIRECTORY) => {
            let path = directory.to_owned();
            Err(CertsError::from(IdentityError::Unreadable { path, source }).without_set(directory))
        }
        _ => Ok(()),
    }
}

fn presented(address: &str, chain: &[rustls_pki_types::CertificateDer<'_>]) -> Result<PemFile, CertsError> {
    PemFile::presented(address, chain).map_err(CertsError::from)
}

/// Would a client trust what a server presents?
fn verified(
    question: &Question<'_>,
    presented: &[Certificate],
    anchors: Option<&Anchors>,
    now: OffsetDateTime,
) -> Verified {
    let name = SubjectName::from(question.host);
    let judged = anchors.map(|anchors| {
        let refusal = verify_server(presented, anchors, &name, now).err();
        (anchors.path().display().to_string(), refusal.map(|refusal| chain(&refusal)))
    });
    Verified { address: question.address.to_string(), name, judged }
}
