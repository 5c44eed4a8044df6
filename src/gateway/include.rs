//! Which resources the hook `Translation` gets (`hooks.xdsTranslator.translation`, EG 1.5 and later).

use super::releases::Fact;
use super::yaml::{KeyValue, Node};
use super::{ConfigurationError, Request, Wish};
use crate::choice::choices;
use crate::extension::Hook;
use crate::report::{Finding, FindingId};

/// A kind of Envoy's resources that EG sends with the hook `Translation`, all of them at once.
///
/// It replaces what it had of that kind by what the answer holds (v1.9.0:internal/xds/translator/extension.go:282).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum Included {
    Listener,
    Route,
    Cluster,
    Secret,
}

choices! { Included { Listener => "listener", Route => "route", Cluster => "cluster", Secret => "secret" } }

/// Fills in what `Translation` gets: all kinds, if the hook was named. Otherwise EG's own default is written out, clusters
/// and secrets, because a server that knows no others would delete them by its answer.
pub(super) fn settle(request: &mut Request) -> Result<Option<Finding>, ConfigurationError> {
    let named = request.hooks.contains(&Hook::Translation);
    if !request.include_all.is_empty() && !request.hooks.is_empty() && !named {
        return Err(ConfigurationError::IncludeAll);
    }
    if request.include_all.is_empty() && request.version.has(Fact::TranslationKinds) {
        request.include_all = match request.hooks.is_empty() {
            true => vec![Included::Cluster, Included::Secret],
            false if named => Included::ALL.to_vec(),
            false => Vec::new(),
        };
    }
    request.include_all.sort_unstable();
    request.include_all.dedup();
    let sees_all =
        [Included::Listener, Included::Route].iter().all(|kind| request.include_all.contains(kind));
    Ok((named && !sees_all).then(|| blind(request)))
}

/// A server that attaches a filter to listeners waits in vain for them.
fn blind(request: &Request) -> Finding {
    let (message, hint) = if request.version.has(Fact::TranslationKinds) {
        let missing: Vec<_> = [Included::Listener, Included::Route]
            .into_iter()
            .filter(|kind| !request.include_all.contains(kind))
            .map(|kind| format!("{}s", kind.name()))
            .collect();
        (
            format!("`Translation` gets no {}, so it can change none", missing.join(" and no ")),
            "leave `--include-all` out to send all kinds, unless the server changes clusters and secrets only"
                .to_owned(),
        )
    } else {
        let since = Wish::TranslationKinds.row().since;
        (
            format!(
                "EG {} sends `Translation` no listeners and no routes, so it can change none",
                request.version
            ),
            format!("from EG {since} on it does: `--eg-version {since}` if that is what runs"),
        )
    };
    Finding::new(FindingId::ConfigTranslationBlind, "extensionManager.hooks", message).with_hint(hint)
}

/// The key `translation`, all four kinds written out; `None` where EG's default stands.
pub(super) fn translation(request: &Request) -> Option<KeyValue> {
    let included = &request.include_all;
    let kind = |kind: &Included| {
        let value = Node::Bool(included.contains(kind));
        KeyValue::new(kind.name(), vec![KeyValue::new("includeAll", value)])
    };
    (!included.is_empty()).then(|| {
        KeyValue::new("translation", Included::ALL.iter().map(kind).collect::<Vec<_>>()).commented(COMMENT)
    })
}

const COMMENT: &str = "\
What `Translation` gets: nothing of a kind with `false`. Its answer replaces what EG had of each included
kind: the server sends back all of them, changed or not, and what it leaves out is deleted.";
