//! Hooks that EG never calls, and what the hook `Translation` does not get.

use super::{Facts, Found, Node, clipped};
use crate::extension::Hook;
use crate::gateway::model::{Manager, nearest_word};
use crate::gateway::releases::Fact;
use crate::gateway::{Included, hook_names};
use crate::report::{Finding, FindingId, Severity};

pub(super) fn check(found: &mut Found<'_>, facts: &Facts<'_>) {
    for manager in &facts.managers {
        pre(found, manager);
        // These rules are about one key because of what another one has.
        let keys = ["hooks", "resources", "policyResources", "backendResources"];
        let mut entries = keys.iter().filter_map(|key| manager.node.get(key));
        let are_clear = entries.all(|entry| found.unclear.is_clear(entry.key_place));
        for hook in manager.hooks("post") {
            match hook_named(hook) {
                None => unknown(found, manager, hook),
                Some(known) if are_clear => one(found, facts, manager, (hook, known)),
                Some(_) => {}
            }
        }
        if are_clear {
            translation(found, facts, manager);
            without_hook(found, manager);
        }
    }
}

/// Kinds that EG looks for, and never tells the extension of.
fn without_hook(found: &mut Found<'_>, manager: &Manager<'_>) {
    let post = manager.hooks("post");
    let has = |hook: Hook| post.iter().any(|it| it.text() == Some(hook.name()));
    let rows: [(&str, &[Hook]); 2] =
        [("resources", &[Hook::Route]), ("backendResources", &[Hook::Cluster, Hook::Route])];
    for (key, hooks) in rows {
        let Some(kinds) = manager.node.get(key).filter(|kinds| !kinds.value.items().is_empty()) else {
            continue;
        };
        if post.is_empty() || hooks.iter().any(|hook| has(*hook)) {
            continue;
        }
        let names: Vec<_> = hooks.iter().map(|hook| format!("`{}`", hook.name())).collect();
        let message =
            format!("no hook is called for these kinds: {} is not among those of `post`", names.join(" or "));
        let finding =
            Finding::new(FindingId::ConfigResourceWithoutHook, format!("{}.{key}", manager.path), message);
        found.add(kinds.key_place, finding.with_hint(format!("add {} to `post`", names[0])));
    }
}

fn pre(found: &mut Found<'_>, manager: &Manager<'_>) {
    let Some(first) = manager.hooks("pre").first() else { return };
    let message = format!("EG {} calls no hook of `pre`", found.release);
    let mut finding = Finding::new(FindingId::ConfigPreHooks, format!("{}.hooks", manager.path), message)
        .with_hint("move them to `post`");
    if !manager.hooks("post").is_empty() {
        finding.severity = Severity::Warning;
    }
    found.add(first.place, finding);
}

fn hook_named(node: &Node) -> Option<Hook> {
    Hook::ALL.iter().copied().find(|hook| Some(hook.name()) == node.text())
}

fn unknown(found: &mut Found<'_>, manager: &Manager<'_>, node: &Node) {
    if found.is_full() {
        return found.leave_out();
    }
    let text = node.text().unwrap_or_default();
    let message =
        format!("EG {} has no hook `{}`, and ignores it without a message", found.release, clipped(text));
    let hint = match nearest_word(text, hook_names().into_iter()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the hooks are {}", hook_names().join(", ")),
    };
    let subject = format!("{}.hooks", manager.path);
    found.add(node.place, Finding::new(FindingId::ConfigHookUnknown, subject, message).with_hint(hint));
}

fn one(found: &mut Found<'_>, facts: &Facts<'_>, manager: &Manager<'_>, (node, hook): (&Node, Hook)) {
    let subject = format!("{}.hooks", manager.path);
    if let Some((why, hint)) = never_called(facts, manager, hook) {
        let message = format!("EG {} never calls `{hook}` here: {why}", found.release);
        let finding = Finding::new(FindingId::ConfigHookNotCalled, subject, message);
        found.add(node.place, finding.with_hint(hint));
    }
}

fn never_called(
    facts: &Facts<'_>,
    manager: &Manager<'_>,
    hook: Hook,
) -> Option<(&'static str, &'static str)> {
    let has = |fact| facts.release.has(fact);
    let names = |key: &str| manager.node.set(key).is_some_and(|kinds| !kinds.items().is_empty());
    let later = "use a later release, or take the hook out";
    match hook {
        Hook::Cluster if !has(Fact::HookCluster) => Some(("it came with EG 1.5", later)),
        Hook::Cluster if !names("backendResources") => Some((
            "it does so for backends of a kind in `backendResources`, and there is none",
            "name the kind in `backendResources`, or take the hook out",
        )),
        Hook::Endpoints if !has(Fact::HookEndpoints) => Some(("it came with EG 1.8", later)),
        Hook::Route if names("resources") => None,
        Hook::Route if names("backendResources") && has(Fact::HookRouteBackend) => None,
        Hook::Route if !names("policyResources") => Some((
            "it does so for routes that an object of the extension is attached to, and no kind is named",
            "name the kind in `resources`, or take the hook out",
        )),
        Hook::Route if !has(Fact::HookRoutePolicy) => Some((
            "before EG 1.9 only a filter of a kind in `resources` leads to a call",
            "name a kind in `resources`, or take the hook out",
        )),
        _ => None,
    }
}

fn translation(found: &mut Found<'_>, facts: &Facts<'_>, manager: &Manager<'_>) {
    let hooks = manager.hooks("post");
    let subject = format!("{}.hooks", manager.path);
    let Some(hook) = hooks.iter().find(|hook| hook.text() == Some(Hook::Translation.name())) else {
        // One in another case has a finding of its own.
        let is_meant =
            |hook: &Node| hook.text().is_some_and(|it| it.eq_ignore_ascii_case(Hook::Translation.name()));
        let unused = manager.node.at(&["hooks", "xdsTranslator"]).and_then(|it| it.get("translation"));
        if let Some(unused) = unused.filter(|_| !hooks.iter().any(is_meant)) {
            let message = "`translation` has no use: the hook `Translation` is not among those of `post`";
            let finding = Finding::new(FindingId::ConfigTranslationUnused, subject, message);
            found.add(
                unused.key_place,
                finding.with_hint("add `Translation` to `post`, or take `translation` out"),
            );
        }
        return;
    };
    if !facts.release.has(Fact::TranslationKinds) {
        let message = format!(
            "EG {} sends `Translation` no listeners and no routes, so it can change none",
            found.release
        );
        let finding = Finding::new(FindingId::ConfigTranslationBlind, subject, message);
        return found.add(
            hook.place,
            finding.with_hint("use EG 1.5 or later if the extension changes listeners or routes"),
        );
    }
    let is_missing = |kind: &Included| {
        let path = ["hooks", "xdsTranslator", "translation", kind.name(), "includeAll"];
        // `false` is a decision.
        manager.node.at(&path).is_none()
    };
    let missing: Vec<_> = [Included::Listener, Included::Route].into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return;
    }
    let names =
        |word: &str| missing.iter().map(|kind| format!("{}s", kind.name())).collect::<Vec<_>>().join(word);
    let message =
        format!("EG {} sends `Translation` no {}, so it can change none", found.release, names(" and no "));
    let keys: Vec<_> = missing.iter().map(|kind| format!("{}: {{includeAll: true}}", kind.name())).collect();
    let hint = format!(
        "write `translation: {{{}}}` into `hooks.xdsTranslator`, or `false` if the extension leaves them alone",
        keys.join(", ")
    );
    found.add(hook.place, Finding::new(FindingId::ConfigTranslationBlind, subject, message).with_hint(hint));
}
