use std::path::Path;

use time::OffsetDateTime;

use super::presented::{Question, client_in};
use super::{Advised, CertsError};
use crate::cli::CertsCheck;
use crate::commands::Error;
use crate::commands::material::Files as _;
use crate::host::Host;
use crate::input::is_stdin;
use crate::pki::audit::{LeafFiles, Questions, Scope, audit};
use crate::pki::inspect::PemFile;
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, IdentityError, NameError, SubjectName, ca_files};
use crate::render;
use crate::report::{Report, Severity};

pub(super) fn run(arguments: &CertsCheck, now: OffsetDateTime) -> Result<Report, Error> {
    let question = Question::new(&arguments.server)?;
    let questions = questions(arguments)?;
    let scope = scope(arguments)?;
    if scope.leaves.is_empty() {
        return Err(
            CertsError::NothingToCheck { directory: directory(arguments).to_owned(), role: None }.into()
        );
    }
    let mut audit = audit(&scope, &questions, now).map_err(CertsError::from)?;
    // Of the other side alone nothing was looked at, which is not fine.
    if !scope.leaves.iter().any(|leaf| audit.looked_at(&leaf.certificate)) {
        return Err(CertsError::NothingToCheck {
            directory: directory(arguments).to_owned(),
            role: questions.role,
        }
        .into());
    }
    // A server's file that cannot be judged has a finding, which says more.
    let is_fine = || audit.findings().all(|finding| finding.severity < Severity::Error);
    if question.is_none() && !arguments.for_name.is_empty() && !audit.has_server() && is_fine() {
        return Err(CertsError::NoServerToName { directory: directory(arguments).to_owned() }.into());
    }
    if let Some(question) = question {
        let address = question.address.to_string();
        // What is wrong with the files has been found; here only what the server presents counts.
        let anchors = Anchors::load(&scope.ca).ok();
        let directory = directory(arguments);
        match question.ask(anchors.as_ref(), client_in(directory).as_ref(), directory, now)? {
            Ok(chain) => {
                audit
                    .presented(&address, question.host, &chain, &questions, now)
                    .map_err(CertsError::from)?;
            }
            Err(finding) => audit.not_presented(&address, finding),
        }
    }
    Ok(render::certs::check::report(audit, now))
}

fn questions(arguments: &CertsCheck) -> Result<Questions, CertsError> {
    let mut names = Vec::new();
    for text in &arguments.for_name {
        let name = text.trim().parse::<SubjectName>().map_err(not_called)?;
        let host = match &name {
            SubjectName::Ip(address) => Host::Ip(*address),
            name => Host::Name(name.to_string()),
        };
        if name.to_string().starts_with('*') {
            return Err(CertsError::WildcardAsked { name: name.to_string() });
        }
        names.push((name, host));
    }
    Ok(Questions {
        within: arguments.within,
        names,
        role: arguments.role,
        allowed_key_mode: arguments.allow_key_mode.unwrap_or_default(),
    })
}

/// An id is no name that a client connects to, and its own flag is not one of this command.
fn not_called(error: NameError) -> CertsError {
    match &error {
        NameError::SpiffeAsName { .. } => {
            let hint = "leave it out: clients connect to host names and IP addresses";
            Advised::new(error, hint.to_owned()).into()
        }
        _ => error.into(),
    }
}

fn refuse_directory_and_file(arguments: &CertsCheck) -> Result<(), CertsError> {
    let Some(directory) = &arguments.directory else { return Ok(()) };
    let material = &arguments.material;
    let flags = [(&material.ca, "--ca"), (&material.cert, "--cert"), (&material.key, "--key")];
    match flags.into_iter().find(|(file, _)| file.is_some()) {
        Some((_, flag)) => Err(CertsError::DirectoryAndFile { directory: directory.clone(), flag }),
        None => Ok(()),
    }
}

fn scope(arguments: &CertsCheck) -> Result<Scope, CertsError> {
    refuse_directory_and_file(arguments)?;
    if let Some(path) = arguments.directory.as_ref().filter(|path| path.is_file()) {
        return Err(CertsError::FileAsDirectory { path: path.clone() });
    }
    let material = &arguments.material;
    if let Some((certificate, key)) = material.named_pair()? {
        for path in [certificate, key].into_iter().filter(|path| !is_stdin(path)) {
            // A file that was typed must exist; otherwise it is a mistake.
            path.metadata().map_err(|source| IdentityError::Unreadable { path: path.clone(), source })?;
        }
        let ca = material.ca.clone().unwrap_or_else(|| directory(arguments).join(CA_CERTIFICATE_FILE));
        let leaf = LeafFiles { certificate: certificate.clone(), key: key.clone(), role: arguments.role };
        return Ok(Scope::of_files(ca, [leaf]));
    }
    let directory = directory(arguments);
    let scope = Scope::of_directory(directory).map_err(CertsError::from);
    let mut scope = match arguments.directory {
        // It was named as what to check, not by `--dir`.
        Some(_) => scope?,
        None => scope.map_err(|error| error.without_set(directory))?,
    };
    if let Some(ca) = &material.ca {
        scope.ca.clone_from(ca);
        (scope.ca_key, scope.left_ca_key) = (None, None);
    }
    if let (Some(key), Some(passphrase)) = (&mut scope.ca_key, &arguments.ca_key_passphrase_file)
        && PemFile::read(&key.path).is_ok_and(|file| file.is_locked())
    {
        key.passphrase = Some(ca_files::read_passphrase(passphrase)?);
    }
    Ok(scope)
}

pub(super) fn directory(arguments: &CertsCheck) -> &Path {
    arguments.directory.as_deref().unwrap_or_else(|| arguments.material.directory())
}
