//! What a release of Envoy Gateway (EG) makes of files that people have: findings with the place of each.
//!
//! An error means that EG ends, that every hook fails, or that the extension is not called although it is configured.

mod called;
mod certificates;
mod crds;
mod envoy;
mod fields;
mod hooks;
mod keys;
mod looked;
mod managers;
mod manifests;
mod part;
mod peers;
mod provider;
mod references;
mod refused;
mod resources;
mod secrets;
mod service;
mod several;
mod summary;
mod unclear;

pub use called::{Called, called};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Namespace;
use super::config_map::Shift;
use super::document::{self, Cause, Document, Format, Node, Place, Unreadable};
use super::model::{self, Decoded, Manager};
use super::releases::Release;
use crate::report::{Finding, FindingId, Location};
use part::Part;
use summary::summary;
use unclear::Unclear;

/// A file that is to be checked.
#[derive(Debug)]
pub struct Source {
    /// As it was named.
    pub path: String,
    /// What it contains, or why that was not read. People name files with keys, too.
    pub bytes: Result<Zeroizing<Vec<u8>>, NotRead>,
    /// Is it in a directory that was named?
    pub is_resource: bool,
}

/// Why a file was not read.
#[derive(Debug)]
pub enum NotRead {
    /// It has more than [`FILE_LIMIT`] bytes.
    Oversized,
    /// EG could not read it either: in words.
    Other(String),
}

/// What came of a file.
#[derive(Debug)]
pub struct Checked {
    /// As it was named.
    pub path: String,
    /// What EG does with it at its start.
    pub verdict: Verdict,
    /// In a few words, what it configures.
    pub summary: Option<String>,
    /// What was found in it.
    pub findings: Vec<Finding>,
}

/// What EG does with a file at its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It starts.
    Accepted,
    /// The file has certificates, which are checked against what another file says.
    Certificates,
    /// The file is none that is checked.
    NotChecked,
    /// It ends.
    Refused,
    /// The file is in a resource directory.
    Resource,
    /// The file has Secrets, which are checked where another file refers to them.
    Secrets,
    /// It ends, because it cannot parse the file.
    Unreadable,
}

/// What else decides.
#[derive(Debug)]
pub struct Questions {
    /// The release that reads the files.
    pub release: Release,
    /// How EG runs, for a part of a file that does not say it.
    pub mode: Option<super::Mode>,
    /// Where EG runs: there it looks for Secrets for which no namespace is written.
    pub namespace: Namespace,
    /// When certificates have to be valid.
    pub now: OffsetDateTime,
    /// The largest message that the extension sends, if it is known (octets).
    pub server_limit: Option<u64>,
    /// What there is in a place on the machine where EG runs; `None` if it runs elsewhere.
    pub look: Option<fn(&str) -> InPlace>,
}

/// What there is where EG is to find a resource directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InPlace {
    /// A link to a directory, which EG takes for a file (`Lstat`).
    LinkToDirectory,
    /// Nothing.
    Nothing,
    /// A directory, a file, or something that this user may not look at.
    Other,
}

fn unreadable(path: &str, format: Format, error: &Unreadable) -> Finding {
    let format = format.name();
    let not_read = || format!("not {format}: {}", error.why);
    let (message, hint) = match error.cause {
        Cause::Directive => (not_read(), "take the line out, and the `---` below it".to_owned()),
        Cause::Limit => (error.why.clone(), "name the EnvoyGateway file, which has a few KiB".to_owned()),
        Cause::Syntax => (
            not_read(),
            match format {
                "JSON" => "EG reads a file that begins with `{` as JSON only: put the keys into double quotes, or write YAML without braces".to_owned(),
                _ => "look at this line and the one above it: indentation, quotes, a missing colon".to_owned(),
            },
        ),
        Cause::Tab => (
            not_read(),
            "YAML is indented with spaces: replace the tab".to_owned(),
        ),
        Cause::Template => (
            not_read(),
            "render the template first: `helm template ... | egext config check -`".to_owned(),
        ),
    };
    Finding::new(FindingId::ConfigUnreadable, path, clipped(&message)).with_hint(hint)
}

fn one(found: &mut Found<'_>, part: &Part<'_>, questions: &Questions) -> (Verdict, Option<String>) {
    let release = questions.release;
    let document = &*part.document;
    keys::documents(found, document);
    keys::misplaced(found, &part.misplaced);
    let decoded = model::decode(document, release);
    keys::ignored(found, &decoded.ignored);
    keys::twice(found, &decoded.twice, document.format);
    let is_refused = refuse(found, part, decoded);
    let provider = document.root.get("provider");
    let mode = match part.is_whole {
        true if provider.is_some_and(|provider| !found.unclear.is_clear(provider.key_place)) => None,
        true => Some(Mode::of(&document.root)),
        false => questions.mode.map(Mode::from),
    };
    let facts = Facts {
        root: &document.root,
        mode,
        managers: model::managers(&document.root, release),
        release,
        questions,
    };
    hooks::check(found, &facts);
    service::check(found, &facts);
    provider::check(found, &facts);
    managers::check(found, &facts);
    match is_refused {
        false => (Verdict::Accepted, Some(summary(&facts))),
        true => (Verdict::Refused, None),
    }
}

/// Tells what EG refuses: the first thing, and what it will refuse once that is mended. From now on nothing is told of a
/// value that the decoder refuses.
fn refuse(found: &mut Found<'_>, part: &Part<'_>, decoded: Decoded) -> bool {
    let root = &part.document.root;
    let Decoded { refused: undecoded, further, .. } = decoded;
    let unclear = Unclear::of(root, undecoded.iter().chain(&further));
    let invalid = model::validate(root, found.release).into_iter();
    let invalid = invalid.filter(|refused| unclear.is_clear(refused.place)).take(SHOWN);
    let mut all = undecoded.into_iter().chain(further).chain(invalid);
    let first = all.next();
    match &first {
        Some(first) => {
            refused::at_start(found, first, root);
            for later in all {
                refused::later(found, &later, first, root);
            }
        }
        None => {
            let on_reload = model::validate_reload(root, found.release).filter(|_| part.is_whole);
            if let Some(refused) = on_reload {
                refused::on_reload(found, &refused);
            }
        }
    }
    found.unclear = unclear;
    first.is_some()
}

fn not_checked(path: &str, kind: &str) -> Finding {
    let message = format!("this is {}, which is not checked", clipped(kind));
    Finding::new(FindingId::ConfigNotChecked, path, message)
        .with_hint("name the file that EG is started with: `envoy-gateway server --config-path FILE`")
}

/// What the rules look at. The types of all values are those that EG expects.
struct Facts<'a> {
    root: &'a Node,
    mode: Option<Mode>,
    managers: Vec<Manager<'a>>,
    release: Release,
    questions: &'a Questions,
}

impl Facts<'_> {
    /// Where EG gets its resources from files, `extensionManager` and the Kubernetes API have nothing in common.
    fn is_from_files(&self) -> bool {
        matches!(self.mode, Some(Mode::Standalone | Mode::Files))
    }
}

/// Where EG gets its resources from, and where Envoy runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// From files, with Envoy anywhere else than on this host.
    Files,
    /// From the API of Kubernetes.
    Kubernetes,
    /// From files, with Envoy on this host.
    Standalone,
}

impl Mode {
    /// EG has Kubernetes as its default.
    fn of(root: &Node) -> Self {
        let text = |path: &[&str]| root.at(path).and_then(Node::text).unwrap_or_default();
        let is_custom = text(&["provider", "type"]) == "Custom";
        let is_file = text(&["provider", "custom", "resource", "type"]) == "File";
        let is_host = text(&["provider", "custom", "infrastructure", "type"]) == "Host";
        match (is_custom && is_file, is_host) {
            (true, true) => Self::Standalone,
            (true, false) => Self::Files,
            (false, _) => Self::Kubernetes,
        }
    }

    fn from(mode: super::Mode) -> Self {
        if mode.has_api() { Self::Kubernetes } else { Self::Standalone }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Files => "resources from files",
            Self::Kubernetes => "resources from Kubernetes",
            Self::Standalone => "standalone",
        }
    }
}

/// What was found in one file so far.
struct Found<'a> {
    path: &'a str,
    release: Release,
    /// Where the part stands that is looked at.
    shift: Shift,
    /// Of which values nothing is told.
    unclear: Unclear,
    findings: Vec<Finding>,
    /// How many more there were.
    more: usize,
}

impl<'a> Found<'a> {
    fn new(path: &'a str, release: Release) -> Self {
        Self { path, release, shift: Shift::None, unclear: Unclear::default(), findings: Vec::new(), more: 0 }
    }

    /// `place` is one of the part.
    fn add(&mut self, place: Place, finding: Finding) {
        if !self.unclear.is_clear(place) {
            return;
        }
        if self.is_full() {
            return self.leave_out();
        }
        self.findings.push(finding.at(location(self.path, self.shift.outer(place))));
    }

    /// Is what is found from now on only counted? To look for what was meant by a word takes longer than all the rest.
    fn is_full(&self) -> bool {
        self.findings.len() == SHOWN
    }

    /// Counts a finding that is not shown.
    fn leave_out(&mut self) {
        self.more += 1;
    }

    /// In the order of the file.
    fn sorted(self) -> Vec<Finding> {
        let mut findings = self.findings;
        findings.sort_by_key(|finding| finding.location.as_ref().map(|at| (at.line, at.column)));
        if let Some(last) = findings.pop() {
            let more = format!("{} more findings", self.more);
            findings.push(if self.more > 0 { last.with_evidence("not shown", more) } else { last });
        }
        findings
    }
}

fn location(path: &str, place: Place) -> Location {
    Location { path: path.to_owned(), line: place.line, column: place.column }
}

/// A text of the file in a message, which has one line.
fn clipped(text: &str) -> String {
    let line: String = text.chars().take(CLIP).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if line.len() < text.len() { format!("{line}…") } else { line }
}

/// More than a person reads.
const SHOWN: usize = 200;

/// Longer than any message of EG that is not about a long text.
const CLIP: usize = 300;

pub use super::document::FILE_LIMIT;
pub use looked::check;
pub use peers::{Lack, Pair, Pauses, Peer, PeerTls, obstacle, peers};
