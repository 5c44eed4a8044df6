//! Which file is what, and what several of them say together.

use std::borrow::Cow;

use super::certificates::{self, Certificates, is_pem};
use super::manifests::{self, Secret};
use super::part::{Content, Part, content};
use super::references::{self, Object};
use super::resources::Loader;
use super::secrets;
use super::{
    Cause, Checked, Document, FILE_LIMIT, Format, Found, Node, NotRead, Place, Questions, Source, Unreadable,
    Verdict, document, location, not_checked, one, several, unreadable,
};

/// Checks `sources` as EG would read each of them.
pub fn check(sources: &[Source], questions: &Questions) -> Vec<Checked> {
    let texts: Vec<_> = sources.iter().map(text).collect();
    let kind = |(source, text): &(&Source, &Result<Cow<'_, str>, Unreadable>)| match text {
        _ if source.is_resource => Kind::Resource,
        Ok(text) if is_pem(text) => Kind::Pem,
        _ => Kind::Configuration,
    };
    let of_kind = |wanted| sources.iter().zip(&texts).filter(move |it| kind(it) == wanted);
    let configurations: Vec<_> =
        of_kind(Kind::Configuration).map(|(source, text)| (source, documents(text))).collect();
    let mut looked = Looked::new(questions);
    for (source, documents) in &configurations {
        looked.at_configuration(source, documents);
    }
    for (source, text) in of_kind(Kind::Pem) {
        looked.at_pem(source, text.as_deref().unwrap_or_default());
    }
    let loader = Loader::new(&looked.gateways, questions.release);
    for (source, text) in of_kind(Kind::Resource) {
        looked.at_resource(source, text.as_deref().map_err(|error| error.why.as_str()), &loader);
    }
    let mut all = looked.together();
    let place = |checked: &Checked| sources.iter().position(|source| source.path == checked.path);
    all.sort_by_key(place);
    all
}

/// What is done with a file.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Configuration,
    Pem,
    Resource,
}

/// What was looked at so far.
struct Looked<'a> {
    questions: &'a Questions,
    gateways: Vec<(&'a str, Part<'a>)>,
    secrets: Vec<Secret<'a>>,
    certificates: Vec<Certificates<'a>>,
    objects: Vec<Object>,
    all: Vec<Checked>,
}

impl<'a> Looked<'a> {
    const fn new(questions: &'a Questions) -> Self {
        Self {
            questions,
            gateways: Vec::new(),
            secrets: Vec::new(),
            certificates: Vec::new(),
            objects: Vec::new(),
            all: Vec::new(),
        }
    }

    fn at_configuration(
        &mut self,
        source: &'a Source,
        documents: &'a Result<Vec<Document>, (Format, Unreadable)>,
    ) {
        let mut found = Found::new(&source.path, self.questions.release);
        let content = match documents {
            Ok(documents) => {
                self.secrets.extend(manifests::secrets(&source.path, documents));
                of_all(documents)
            }
            Err((format, error)) => Content::Unreadable(*format, error.clone()),
        };
        let (verdict, summary) = match content {
            Content::Part(part) => {
                found.shift = part.shift;
                let result = one(&mut found, &part, self.questions);
                self.gateways.push((source.path.as_str(), part));
                result
            }
            Content::Unreadable(format, error) => {
                found.add(error.place, unreadable(&source.path, format, &error));
                (Verdict::Unreadable, None)
            }
            Content::Secrets => (Verdict::Secrets, None),
            Content::Other(kind) => {
                found.add(Place::START, not_checked(&source.path, &kind));
                (Verdict::NotChecked, None)
            }
        };
        self.all.push(Checked { path: source.path.clone(), verdict, summary, findings: found.sorted() });
    }

    fn at_pem(&mut self, source: &'a Source, text: &str) {
        let certificates = Certificates::of(&source.path, text);
        let mut findings = Vec::new();
        if certificates.is_none() {
            let finding = not_checked(&source.path, "a file in PEM without a certificate");
            findings.push(finding.at(location(&source.path, Place::START)));
        }
        let verdict = if certificates.is_some() { Verdict::Certificates } else { Verdict::NotChecked };
        self.certificates.extend(certificates);
        self.all.push(Checked { path: source.path.clone(), verdict, summary: None, findings });
    }

    fn at_resource(&mut self, source: &Source, text: Result<&str, &str>, loader: &Loader) {
        let mut found = Found::new(&source.path, self.questions.release);
        let (verdict, summary) = match &source.bytes {
            // EG has no limit.
            Err(NotRead::Oversized) => {
                found.add(Place::START, not_checked(&source.path, "a very large file"));
                (Verdict::NotChecked, None)
            }
            _ => loader.check(&mut found, text, &mut self.objects),
        };
        self.all.push(Checked { path: source.path.clone(), verdict, summary, findings: found.sorted() });
    }

    /// With what only several files show.
    fn together(mut self) -> Vec<Checked> {
        if self.gateways.is_empty() {
            for checked in &mut self.all {
                let what = match checked.verdict {
                    Verdict::Certificates => "a certificate without the file that says what EG calls",
                    Verdict::Secrets => "a Secret without the file that refers to it",
                    _ => continue,
                };
                let finding = not_checked(&checked.path, what);
                checked.findings.push(finding.at(location(&checked.path, Place::START)));
            }
        }
        let Questions { release, namespace, now, .. } = self.questions;
        let (namespace, release) = (namespace.as_str(), *release);
        let mut findings = several::check(&self.gateways);
        findings.extend(references::check(&self.gateways, &self.objects, release));
        findings.extend(secrets::check(&self.gateways, &self.secrets, (namespace, release)));
        let known = (&*self.secrets, &*self.certificates);
        findings.extend(certificates::check(&self.gateways, known, (namespace, release, *now)));
        for finding in findings {
            let path = finding.location.as_ref().map(|location| location.path.clone());
            let mut files = self.all.iter_mut().rev();
            if let Some(checked) = files.find(|checked| Some(&checked.path) == path.as_ref()) {
                checked.findings.push(finding);
            }
        }
        self.all
    }
}

/// The first document as EG reads it, and others if it is none for EG.
pub(super) fn documents(
    text: &Result<Cow<'_, str>, Unreadable>,
) -> Result<Vec<Document>, (Format, Unreadable)> {
    let text = text.as_ref().map_err(|error| (Format::Yaml, error.clone()))?;
    let wrong = |error| (Format::of(text), error);
    match document::read(text) {
        Ok(first) if first.rest.is_some() && is_foreign(&first) => document::read_all(text).map_err(wrong),
        Ok(first) => Ok(vec![first]),
        // What begins with a brace is JSON for EG, and for `kubectl` also YAML, and several documents.
        Err(error) if Format::of(text) == Format::Json => {
            let all = document::read_all(text).ok();
            all.filter(|all| all.first().is_some_and(is_foreign)).ok_or_else(|| wrong(error))
        }
        Err(error) => Err(wrong(error)),
    }
}

/// Is it an object that `kubectl` reads, and not EG?
fn is_foreign(document: &Document) -> bool {
    matches!(content(document), Content::Secrets | Content::Other(_))
}

/// In a stream of objects, as `helm template` prints it, the ConfigMap with EG's file is one of many.
pub(super) fn of_all(documents: &[Document]) -> Content<'_> {
    let is_config_map =
        |document: &&Document| document.root.set("kind").and_then(Node::text) == Some("ConfigMap");
    let mut others = documents.iter().skip(1).filter(is_config_map).map(content);
    let first = documents.first().map_or_else(|| Content::Other("an empty file".to_owned()), content);
    match first {
        Content::Other(_) | Content::Secrets => {
            others.find(|content| !matches!(content, Content::Other(_))).unwrap_or(first)
        }
        first => first,
    }
}

/// go-yaml reads UTF-16 as well if it begins with a mark; Windows writes it.
pub(super) fn text(source: &Source) -> Result<Cow<'_, str>, Unreadable> {
    let refuse = |place, why: String| Err(Unreadable { place, why, cause: Cause::Limit });
    let bytes = match &source.bytes {
        Ok(bytes) => bytes,
        Err(NotRead::Oversized) => {
            return refuse(Place::START, format!("it has more than {} MiB", FILE_LIMIT >> 20));
        }
        Err(NotRead::Other(why)) => return refuse(Place::START, why.clone()),
    };
    let units: Option<fn([u8; 2]) -> u16> = match bytes.get(..2) {
        Some([0xff, 0xfe]) => Some(u16::from_le_bytes),
        Some([0xfe, 0xff]) => Some(u16::from_be_bytes),
        _ => None,
    };
    if let Some(unit) = units {
        let units: Vec<_> = bytes.chunks_exact(2).skip(1).map(|pair| unit([pair[0], pair[1]])).collect();
        let text = String::from_utf16(&units).ok().filter(|_| bytes.len() % 2 == 0);
        return text.map_or_else(
            || refuse(Place::START, "it is not text in UTF-16".to_owned()),
            |text| Ok(text.into()),
        );
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) => refuse(Place::of(bytes, error.valid_up_to()), "it is not text in UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateway::Version;
    use crate::report::Severity;

    fn checked(text: String, is_resource: bool) -> Vec<Checked> {
        let bytes = Ok(text.into_bytes().into());
        let source = Source { path: "a".to_owned(), bytes, is_resource };
        let namespace = "a".parse().expect("a namespace");
        let now = time::OffsetDateTime::UNIX_EPOCH;
        let release = Version::V1_9.into();
        let questions = Questions { release, mode: None, namespace, now, server_limit: None, look: None };
        check(&[source], &questions)
    }

    /// What is in a file, and what is not, in any order.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("kind: EnvoyGateway\n".to_owned()),
            Just("apiVersion: gateway.envoyproxy.io/v1alpha1\n".to_owned()),
            Just("extensionManager:\n".to_owned()),
            Just("  hooks: {xdsTranslator: {post: [Route]}}\n".to_owned()),
            Just("  service: &s\n    unix: {path: /a}\n".to_owned()),
            Just("  <<: *s\n".to_owned()),
            Just("---\n".to_owned()),
            Just("data: |\n  kind: EnvoyGateway\n".to_owned()),
            "[-a-z:{}\\[\\]&*<\"'|> \n\t#,?!%0-9.\u{e9}]{0,20}",
        ]
    }

    proptest! {
        #[test]
        fn no_text_panics(pieces in prop::collection::vec(piece(), 0..12), is_resource: bool) {
            for checked in checked(pieces.concat(), is_resource) {
                let is_grave = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
                let is_refused = matches!(checked.verdict, Verdict::Refused | Verdict::Unreadable);
                prop_assert!(is_grave || !is_refused, "a refusal says why: {checked:?}");
                for finding in &checked.findings {
                    prop_assert!(!finding.message.contains('\n'), "{finding:?}");
                }
            }
        }
    }
}
