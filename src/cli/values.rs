//! Parsers of the library's values, with a description of each for the help.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{
    PathBufValueParser, PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser,
};
use clap::{Arg, Command, Error};

use crate::gateway::{Included, Mode, Part, Preset, Sidecars, hook_names};
use crate::pki::{KeyType, Role};
use crate::render::LogFormat;
use crate::render::{Colour, Format};
use crate::report::{FindingId, Severity};

pub(super) fn colour() -> impl TypedValueParser<Value = Colour> {
    words(Colour::ALL, Colour::name, |colour| match colour {
        Colour::Auto => "On a terminal, unless NO_COLOR is set",
        Colour::Always => "Also into a file or a pipe",
        Colour::Never => "Never",
    })
}

pub(super) fn format() -> impl TypedValueParser<Value = Format> {
    words(Format::ALL, Format::name, |format| match format {
        Format::Github => "Workflow commands on stdout, for annotations of GitHub (`config check`, `probe`)",
        Format::Human => "Aligned lines for a person",
        Format::Json => "One JSON object on stdout",
        Format::Junit => {
            "JUnit XML on stdout, for CI servers (`certs check`, `config check`, `config --check`, `doctor`, `probe`)"
        }
        Format::Pem => "The certificates themselves on stdout (`certs show`)",
        Format::Prometheus => "Metrics on stdout, for a textfile collector (`certs check`, `probe`)",
        Format::Sarif => "SARIF on stdout, for what shows results of analysers (`config check`, `probe`)",
        Format::Short => "One line for each target on stdout, its fields between tabs (`probe`)",
    })
}

/// Any text: what is no hook is refused later. A shell offers those that there are.
pub(super) fn hook() -> impl TypedValueParser<Value = String> {
    Item(Offered(hook_names))
}

/// The same for the ids of findings.
pub(super) fn id() -> impl TypedValueParser<Value = String> {
    Offered(|| FindingId::ALL.iter().map(|id| id.name()).collect())
}

/// The same for a list of them.
pub(super) fn id_item() -> impl TypedValueParser<Value = String> {
    Item(id())
}

pub(super) fn included() -> impl TypedValueParser<Value = Included> {
    Item(words(Included::ALL, Included::name, |_| ""))
}

/// An item of a list of texts.
pub(super) fn item() -> impl TypedValueParser<Value = String> {
    Item(StringValueParser::new())
}

/// An item of a list of values that are read from text.
pub(super) fn parsed_item<T>() -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    Item(StringValueParser::new().try_map(|text| text.parse::<T>()))
}

/// An item of a list of paths, which begin with `/`.
pub(super) fn path_item() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| match path.to_str() {
        Some(text) => PathBuf::from(text.trim_start()),
        None => path,
    })
}

pub(super) fn key_type() -> impl TypedValueParser<Value = KeyType> {
    words(KeyType::ALL, KeyType::name, |kind| match kind {
        KeyType::P256 => "ECDSA on P-256: accepted everywhere",
        KeyType::P384 => "ECDSA on P-384: Envoy as a client takes it with TLS 1.3 only",
        KeyType::Rsa2048 => "RSA of 2048 bits, for peers that know nothing else",
        KeyType::Rsa3072 => "RSA of 3072 bits",
        KeyType::Ed25519 => "Ed25519: Envoy and some verifiers reject it",
        KeyType::P521 | KeyType::Rsa4096 => "Only by a renewal, in place of such a key",
    })
}

pub(super) fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    words(LogFormat::ALL, LogFormat::name, |format| match format {
        LogFormat::Auto => "Lines for the systemd journal if stderr is connected to it, otherwise `text`",
        LogFormat::Json => "One JSON object for each event",
        LogFormat::Text => "Time, level, message, fields",
    })
}

pub(super) fn mode() -> impl TypedValueParser<Value = Mode> {
    words(Mode::ALL, Mode::name, |mode| match mode {
        Mode::Standalone => "Resources from files, Envoy as a process on the same host",
        Mode::CustomKubernetes => "Resources from Kubernetes, Envoy as a process on the same host",
        Mode::Kubernetes => "Resources from Kubernetes, Envoy as pods",
    })
}

pub(super) fn part() -> impl TypedValueParser<Value = Part> {
    words(Part::ALL, Part::name, |part| match part {
        Part::Ca => "The CA and its Issuers, for cert-manager",
        Part::Certificates => "Certificates of both sides, for cert-manager",
        Part::Trust => "Bundle of trust-manager, with `--trust-secret`",
        Part::Values => "Values of EG's Helm chart",
        Part::Server => "Patch of the extension server's Deployment",
        Part::Gateway => "Patch of EG's Deployment, if a bridge runs there",
    })
}

pub(super) fn preset() -> impl TypedValueParser<Value = Preset> {
    words(Preset::ALL, Preset::name, |preset| match preset {
        Preset::AiGateway => "Envoy AI Gateway",
    })
}

pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    words(Role::ALL, Role::name, |role| match role {
        Role::Client => "The side that opens connections: Envoy Gateway, or the bridge next to it",
        Role::Server => "The extension server",
    })
}

pub(super) fn severity() -> impl TypedValueParser<Value = Severity> {
    words(Severity::ALL, Severity::name, |severity| match severity {
        Severity::Info => "Good to know",
        Severity::Warning => "Works now, but not for long or not with every peer",
        Severity::Error => "Does not work",
    })
}

pub(super) fn sidecars() -> impl TypedValueParser<Value = Sidecars> {
    words(Sidecars::ALL, Sidecars::name, |sidecars| match sidecars {
        Sidecars::None => "EG and the server use their own TLS",
        Sidecars::Gateway => "A bridge in EG's pod, for a server with rustls (tonic)",
        Sidecars::Both => "A bridge in both pods, for a server without TLS",
    })
}

/// Reads an item of a list, which may have blanks around it: `listener, route`.
#[derive(Clone)]
struct Item<P>(P);

impl<P: TypedValueParser> TypedValueParser for Item<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, Error> {
        let trimmed = value.to_str().map(|text| OsStr::new(text.trim()));
        self.0.parse_ref(command, arg, trimmed.unwrap_or(value))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

/// Takes any text. The words are for completion.
#[derive(Clone)]
struct Offered(fn() -> Vec<&'static str>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// A parser of the names of `all`; a help text that is empty is left out.
fn words<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let possible = all.iter().map(move |value| match help(*value) {
        "" => PossibleValue::new(name(*value)),
        help => PossibleValue::new(name(*value)).help(help),
    });
    PossibleValuesParser::new(possible).map(move |word| {
        let is = |value: &&T| name(**value).eq_ignore_ascii_case(&word);
        *all.iter().find(is).expect("clap lets no other word through")
    })
}
