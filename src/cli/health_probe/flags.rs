//! Flags as Go's package `flag` reads them: one dash or two, `-name value` or `-name=value`, and of two values the last.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use super::{GoDuration, HealthProbeStop};
use crate::printable::printable;

/// The values of all flags.
#[derive(Debug, Default)]
pub(super) struct Flags {
    values: BTreeMap<&'static str, Value>,
    headers: Vec<(String, String)>,
}

#[derive(Debug)]
enum Value {
    Duration(GoDuration),
    Switch(bool),
    Text(String),
}

/// What a flag takes, with its default.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Duration(i64),
    /// `name: value`, any number of times.
    Header,
    Switch,
    Text(&'static str),
}

impl Flags {
    /// Reads what stands behind the program's name, up to the first word that is no flag: Go leaves the rest alone.
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, HealthProbeStop> {
        let mut flags = Self::default();
        let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
        while let Some(argument) = arguments.next() {
            let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) else { break };
            let name = name.strip_prefix('-').unwrap_or(name);
            if name.is_empty() {
                break;
            }
            if name.starts_with(['-', '=']) {
                return Err(usage(format!("bad flag syntax: {}", printable(&argument))));
            }
            let (name, value) =
                name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            let Some((name, kind, _)) = ALL.iter().find(|(known, ..)| *known == name) else {
                return Err(match name {
                    "h" | "help" => HealthProbeStop::Help(help()),
                    name => usage(format!("flag provided but not defined: -{}", printable(name))),
                });
            };
            match (kind, value) {
                (Kind::Switch, value) => flags.switch(name, value.unwrap_or("true"))?,
                (kind, Some(value)) => flags.set(name, *kind, value)?,
                (kind, None) => match arguments.next() {
                    Some(value) => flags.set(name, *kind, &value)?,
                    None => return Err(usage(format!("flag needs an argument: -{name}"))),
                },
            }
        }
        Ok(flags)
    }

    fn switch(&mut self, name: &'static str, value: &str) -> Result<(), HealthProbeStop> {
        let on = match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            value => {
                let value = printable(value);
                return Err(usage(format!("invalid boolean value \"{value}\" for -{name}: parse error")));
            }
        };
        self.values.insert(name, Value::Switch(on));
        Ok(())
    }

    fn set(&mut self, name: &'static str, kind: Kind, value: &str) -> Result<(), HealthProbeStop> {
        match kind {
            Kind::Duration(_) => {
                let duration = GoDuration::parse(value).ok_or_else(|| {
                    usage(format!("invalid value \"{}\" for flag -{name}: parse error", printable(value)))
                })?;
                self.values.insert(name, Value::Duration(duration));
            }
            Kind::Header => {
                // Not with its value, which may be a token.
                let refused =
                    || usage(format!("invalid RPC header for flag -{name}: expected 'name: value'"));
                let (key, value) = value.split_once(':').ok_or_else(refused)?;
                self.headers.push((key.to_lowercase(), value.trim_start().to_owned()));
            }
            Kind::Switch => self.switch(name, value)?,
            Kind::Text(_) => {
                self.values.insert(name, Value::Text(value.to_owned()));
            }
        }
        Ok(())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Switch(true)))
    }

    pub(super) fn text(&self, name: &str) -> String {
        match (self.values.get(name), kind(name)) {
            (Some(Value::Text(text)), _) => text.clone(),
            (_, Kind::Text(default)) => default.to_owned(),
            _ => String::new(),
        }
    }

    pub(super) fn duration(&self, name: &str) -> GoDuration {
        match (self.values.get(name), kind(name)) {
            (Some(Value::Duration(duration)), _) => *duration,
            (_, Kind::Duration(default)) => GoDuration(default),
            _ => GoDuration(0),
        }
    }

    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

/// What contradicts itself or is missing, in the order in which that program looks.
pub(super) fn contradiction(flags: &Flags) -> Option<String> {
    let has = |name: &str| flags.is_set(name) || !flags.text(name).is_empty();
    if !has("addr") {
        return Some("error: -addr not specified".to_owned());
    }
    for name in ["connect-timeout", "rpc-timeout"] {
        let duration = flags.duration(name);
        if duration.0 <= 0 {
            return Some(format!("error: -{name} must be greater than zero (specified: {duration})"));
        }
    }
    let rows: [(bool, &str); 10] = [
        (has("alts") && has("spiffe"), "-alts and -spiffe are mutually incompatible"),
        (has("tls") && has("alts"), "cannot specify -tls with -alts"),
        (!has("tls") && has("tls-no-verify"), "specified -tls-no-verify without specifying -tls"),
        (!has("tls") && has("tls-ca-cert"), "specified -tls-ca-cert without specifying -tls"),
        (!has("tls") && has("tls-client-cert"), "specified -tls-client-cert without specifying -tls"),
        (!has("tls") && has("tls-server-name"), "specified -tls-server-name without specifying -tls"),
        (
            has("tls-client-cert") && !has("tls-client-key"),
            "specified -tls-client-cert without specifying -tls-client-key",
        ),
        (
            !has("tls-client-cert") && has("tls-client-key"),
            "specified -tls-client-key without specifying -tls-client-cert",
        ),
        (
            has("tls-no-verify") && has("tls-ca-cert"),
            "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used)",
        ),
        (
            has("tls-no-verify") && has("tls-server-name"),
            "cannot specify -tls-server-name with -tls-no-verify (server name would not be used)",
        ),
    ];
    if let Some((_, words)) = rows.iter().find(|(wrong, _)| *wrong) {
        return Some(format!("error: {words}"));
    }
    // That program says this later, and without the word in front.
    (has("tls") && has("spiffe")).then(|| "-tls and -spiffe are mutually incompatible".to_owned())
}

fn kind(name: &str) -> Kind {
    ALL.iter().find(|(known, ..)| *known == name).map_or(Kind::Switch, |(_, kind, _)| *kind)
}

fn usage(words: String) -> HealthProbeStop {
    HealthProbeStop::Usage(words)
}

fn help() -> String {
    let mut text = "Usage:\n".to_owned();
    for (name, kind, help) in ALL {
        // Writing to a string does not fail.
        let _ = match kind {
            Kind::Duration(default) => {
                writeln!(text, "  -{name} duration\n        {help} (default {})", GoDuration(*default))
            }
            Kind::Header => writeln!(text, "  -{name} 'name: value'\n        {help}"),
            Kind::Switch => writeln!(text, "  -{name}\n        {help}"),
            Kind::Text("") => writeln!(text, "  -{name} string\n        {help}"),
            Kind::Text(default) => writeln!(text, "  -{name} string\n        {help} (default {default})"),
        };
    }
    text
}

/// Every flag of 0.4.56 and 0.4.57.
const ALL: &[(&str, Kind, &str)] = &[
    ("addr", Kind::Text(""), "server: `host:port`, `unix:path` or another target of gRPC; required"),
    ("alts", Kind::Switch, "fails with exit code 2: ALTS works only between machines of Google Cloud"),
    ("connect-timeout", Kind::Duration(SECOND), "limit of the connection, TLS and HTTP/2 among it"),
    ("gzip", Kind::Switch, "compress requests and accept compressed answers"),
    ("rpc-header", Kind::Header, "metadata of the call; may be repeated"),
    ("rpc-timeout", Kind::Duration(SECOND), "limit of the call"),
    ("service", Kind::Text(""), "service whose health to check; without it, the whole server"),
    ("spiffe", Kind::Switch, "use TLS with the certificate of the Workload API at SPIFFE_ENDPOINT_SOCKET"),
    ("tls", Kind::Switch, "use TLS"),
    (
        "tls-ca-cert",
        Kind::Text(""),
        "CA certificates to verify the server against; without it, those of the system",
    ),
    ("tls-client-cert", Kind::Text(""), "client certificate"),
    ("tls-client-key", Kind::Text(""), "private key of the client certificate"),
    ("tls-no-verify", Kind::Switch, "do not verify the server's certificate"),
    ("tls-server-name", Kind::Text(""), "name expected in the server's certificate"),
    ("user-agent", Kind::Text("grpc_health_probe"), "how the client calls itself"),
    ("v", Kind::Switch, "print what is done"),
    ("version", Kind::Switch, "print the version"),
];

const SECOND: i64 = 1_000_000_000;
