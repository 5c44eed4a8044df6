//! What EG writes to its log (`logging.level`).

use std::str::FromStr;

use super::ValueError;
use super::yaml::KeyValue;
use crate::choice::choices;

/// A part of EG with a level of its own.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum LogComponent {
    /// All that have no level of their own.
    Default,
    GatewayApi,
    GlobalRatelimit,
    Infrastructure,
    Provider,
    /// From 1.5 on, in place of the two others.
    Xds,
    XdsServer,
    XdsTranslator,
}

choices! { LogComponent {
    Default => "default",
    GatewayApi => "gateway-api",
    GlobalRatelimit => "global-ratelimit",
    Infrastructure => "infrastructure",
    Provider => "provider",
    Xds => "xds",
    XdsServer => "xds-server",
    XdsTranslator => "xds-translator"
} }

/// How much is written. EG refuses every other word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

choices! { LogLevel { Debug => "debug", Info => "info", Warn => "warn", Error => "error" } }

/// A level for a component, typed as `COMPONENT=LEVEL`, or as `LEVEL` for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogSetting {
    /// Of what.
    pub component: LogComponent,
    /// How much.
    pub level: LogLevel,
}

impl FromStr for LogSetting {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (component, level) = text.split_once('=').unwrap_or((LogComponent::Default.name(), text));
        let parsed = component.parse().ok().zip(level.parse().ok());
        let (component, level) = parsed.ok_or_else(|| ValueError::LogSetting { text: text.to_owned() })?;
        Ok(Self { component, level })
    }
}

/// The key; of two levels for a component the last one counts.
pub(super) fn entry(settings: &[LogSetting]) -> Option<KeyValue> {
    let level = |component: &LogComponent| {
        let of_it = settings.iter().rfind(|setting| setting.component == *component);
        of_it.map(|setting| KeyValue::new(component.name(), setting.level.name()))
    };
    let levels = LogComponent::ALL.iter().filter_map(level).collect::<Vec<_>>();
    (!levels.is_empty()).then(|| KeyValue::new("logging", vec![KeyValue::new("level", levels)]))
}
