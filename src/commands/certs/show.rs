//! `egext certs show`: what files hold and what servers present.

use std::fs;
use std::path::Path;

use time::OffsetDateTime;

use super::CertsError;
use super::presented::{Question, client_in};
use crate::cli::CertsShow;
use crate::commands::Error;
use crate::commands::material::DEFAULT_DIRECTORY;
use crate::host::Host;
use crate::pki::inspect::{PemFile, entries};
use crate::pki::{
    Anchors, CA_CERTIFICATE_FILE, Certificate, Found, IdentityError, Passphrase, SubjectName, verify_server,
};
use crate::render::certs::show::{LeftOut, Shown, Verified};
use crate::report::{Finding, FindingId, Report, chain};

pub(super) fn run(arguments: &CertsShow, now: OffsetDateTime) -> Result<Report, Error> {
    let question = Question::new(&arguments.server)?;
    let mut shown = Shown::default();
    if arguments.paths.is_empty() && question.is_none() {
        let read = directory(&mut shown, &arguments.dir);
        read.map_err(|error| error.without_set(&arguments.dir))?;
    }
    for path in &arguments.paths {
        if path.is_dir() {
            directory(&mut shown, path)?;
        } else {
            shown.files.push(PemFile::read(path).map_err(CertsError::from)?);
        }
    }
    if let Some(passphrase) = &arguments.ca_key_passphrase_file {
        unlock(&mut shown, passphrase)?;
    }
    if let Some(question) = question {
        refuse_missing(&arguments.dir)?;
        let anchors = Anchors::load(&arguments.dir.join(CA_CERTIFICATE_FILE)).ok();
        match question.ask(anchors.as_ref(), client_in(&arguments.dir).as_ref(), &arguments.dir, now)? {
            Ok(chain) => {
                let file = presented(&question.address.to_string(), &chain)?;
                shown.verified = Some(verified(&question, &file.certificates, anchors.as_ref(), now));
                shown.files.push(file);
            }
            Err(finding) => shown.findings.push(finding),
        }
    }
    if shown.has_nothing() {
        return Err(nothing(shown, arguments).into());
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

/// Text files of a directory that hold neither certificates nor keys are none of our business. Broken files are,
/// and so are those that may hold some in another form.
fn directory(shown: &mut Shown, path: &Path) -> Result<(), CertsError> {
    let mut leave_out = |path, error, reason| shown.left_out.push(LeftOut { path, reason, error });
    for path in entries(path)? {
        match PemFile::read(&path) {
            Ok(PemFile { otherwise: Some(Found::Text), .. }) => {}
            Ok(PemFile { otherwise: Some(found), path, .. }) => {
                let reason = found.to_string();
                leave_out(path.clone(), IdentityError::NoCertificate { path, found }, reason);
            }
            Ok(file) => shown.files.push(file),
            Err(error @ IdentityError::TooLarge { limit, .. }) => {
                leave_out(path.clone(), error, format!("it is larger than {} KiB", limit / 1024));
            }
            Err(error @ IdentityError::NotAFile { kind, .. }) => {
                leave_out(path.clone(), error, format!("it is {kind}"));
            }
            Err(error) => {
                let subject = path.display().to_string();
                shown.findings.push(Finding::of_error(FindingId::CertsUnusable, subject, &error));
            }
        }
    }
    Ok(())
}

/// Opens the CA's key, and every other that has the same passphrase. One at least has to open.
fn unlock(shown: &mut Shown, passphrase: &Path) -> Result<(), CertsError> {
    let locked = || shown.files.iter().enumerate().filter(|(_, file)| file.is_locked());
    if locked().next().is_none() {
        return Ok(());
    }
    let passphrase = Passphrase::read(passphrase)?;
    let (opened, closed): (Vec<_>, Vec<_>) =
        locked().map(|(index, file)| (index, file.unlock(&passphrase))).partition(|(_, file)| file.is_ok());
    if opened.is_empty() {
        return closed.into_iter().try_for_each(|(_, file)| Ok(file.map(|_| ())?));
    }
    for (index, file) in opened {
        shown.files[index] = file?;
    }
    Ok(())
}

fn nothing(mut shown: Shown, arguments: &CertsShow) -> CertsError {
    if !shown.left_out.is_empty() {
        return shown.left_out.swap_remove(0).error.into();
    }
    match shown.files.iter().find_map(|file| Some((file.path.clone(), file.otherwise.clone()?))) {
        Some((path, found)) => IdentityError::NoCertificate { path, found }.into(),
        None => {
            CertsError::NothingToShow { directory: arguments.paths.first().unwrap_or(&arguments.dir).clone() }
        }
    }
}

/// Would a client trust what a server presents?
fn verified(
    question: &Question<'_>,
    presented: &[Certificate],
    anchors: Option<&Anchors>,
    now: OffsetDateTime,
) -> Verified {
    let name = match question.host {
        Host::Ip(address) => SubjectName::Ip(*address),
        Host::Name(name) => SubjectName::Dns(name.trim_end_matches('.').to_owned()),
    };
    let judged = anchors.map(|anchors| {
        let refusal = verify_server(presented, anchors, &name, now).err();
        (anchors.path().display().to_string(), refusal.map(|refusal| chain(&refusal)))
    });
    Verified { address: question.address.to_string(), name, judged }
}
