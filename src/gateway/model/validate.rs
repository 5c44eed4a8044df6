//! `SetEnvoyGatewayDefaults` and `ValidateEnvoyGateway`, in their order: EG names the first refusal only. The others here are
//! those that it names once that is mended, as far as they do not depend on it.
//!
//! A key without a value is one that is not there, for EG.

use std::collections::HashSet;

use super::manager::{Manager, managers as all_managers};
use super::quantity::Quantity;
use super::{Reason, Refused, go};
use crate::gateway::document::{Entry, Kind, Node, Place};
use crate::gateway::releases::{Fact, Refusal, Release, Version};

/// Why `release` ends at its start, if it does. The types of all values are those that EG expects.
pub(in crate::gateway) fn validate(root: &Node, release: Release) -> Vec<Refused> {
    let check = Check { release };
    let controller = || {
        let gateway =
            entry(root, "gateway").filter(|gateway| text(&gateway.value, "controllerName").is_empty())?;
        check.refuse(Refusal::ControllerName, &[], within(gateway, "controllerName"))
    };
    let provider = entry(root, "provider").map(|provider| check.provider(provider)).unwrap_or_default();
    let before = [
        root.at(&["logging", "level"]).and_then(|level| check.log_levels(level)),
        entry(root, "rateLimit").and_then(|limit| check.rate_limit(limit)),
    ];
    let behind = [
        entry(root, "telemetry").and_then(|telemetry| check.telemetry(telemetry)),
        root.set("xdsServer").and_then(|server| check.xds_server(server)),
        root.set("extensionApis").and_then(|settings| check.lua(settings)),
    ];
    let mut all: Vec<_> = controller().into_iter().chain(provider).collect();
    all.extend(before.into_iter().flatten());
    all.extend(check.managers(root));
    all.extend(behind.into_iter().flatten());
    all
}

struct Check {
    release: Release,
}

impl Check {
    #[expect(clippy::unnecessary_wraps, reason = "it is what all checks end with")]
    fn refuse(&self, id: Refusal, values: &[&str], place: Place) -> Option<Refused> {
        Some(Refused::of(id, values, place, self.release))
    }

    fn provider(&self, provider: &Entry) -> Vec<Refused> {
        let refused = match text(&provider.value, "type") {
            "Kubernetes" => provider.value.set("kubernetes").and_then(|kubernetes| self.watch(kubernetes)),
            "Custom" => match entry(&provider.value, "custom") {
                None => self.refuse(Refusal::CustomEmpty, &[], within(provider, "custom")),
                Some(custom) => {
                    return self.resource(custom).into_iter().chain(self.infrastructure(custom)).collect();
                }
            },
            _ => self.refuse(Refusal::ProviderType, &[], within(provider, "type")),
        };
        refused.into_iter().collect()
    }

    fn watch(&self, kubernetes: &Node) -> Option<Refused> {
        let watch = entry(kubernetes, "watch")?;
        let has = |key: &str| watch.value.set(key).is_some();
        let is_empty = |key: &str| watch.value.set(key).is_none_or(|list| list.items().is_empty());
        let id = match text(&watch.value, "type") {
            "Namespaces" if is_empty("namespaces") => Refusal::WatchNamespaces,
            "NamespaceSelector" if !has("namespaceSelector") => Refusal::WatchSelector,
            "Namespaces" | "NamespaceSelector" => return None,
            _ => Refusal::WatchType,
        };
        self.refuse(id, &[], watch.key_place)
    }

    fn resource(&self, custom: &Entry) -> Option<Refused> {
        let resource = entry(&custom.value, "resource").unwrap_or(custom);
        let is_there = resource.key_place != custom.key_place;
        match if is_there { text(&resource.value, "type") } else { "" } {
            "File" => match entry(&resource.value, "file") {
                None => self.refuse(Refusal::FileMissing, &[], within(resource, "file")),
                Some(file) => {
                    let is_empty = file.value.set("paths").is_none_or(|paths| paths.items().is_empty());
                    is_empty
                        .then(|| within(file, "paths"))
                        .and_then(|place| self.refuse(Refusal::FilePaths, &[], place))
                }
            },
            "Kubernetes" if self.release.has(Fact::CustomKubernetes) => {
                self.watch(resource.value.set("kubernetes")?)
            }
            other => self.refuse(Refusal::ResourceType, &[other], within(resource, "type")),
        }
    }

    fn infrastructure(&self, custom: &Entry) -> Option<Refused> {
        let infrastructure = entry(&custom.value, "infrastructure")?;
        let value = &infrastructure.value;
        match text(value, "type") {
            "Host" if value.set("host").is_none() => {
                self.refuse(Refusal::HostMissing, &[], within(infrastructure, "host"))
            }
            "Host" => None,
            "Remote" if self.release.has(Fact::RemoteInfrastructure) => match entry(value, "remote") {
                None => self.refuse(Refusal::RemoteMissing, &[], within(infrastructure, "remote")),
                Some(remote) => match entry(&remote.value, "service") {
                    None => self.refuse(Refusal::RemoteService, &[], within(remote, "service")),
                    service => self.service(service, remote.key_place),
                },
            },
            other => self.refuse(Refusal::InfrastructureType, &[other], within(infrastructure, "type")),
        }
    }

    /// Go walks a map in no order, so of two mistakes either may be named.
    fn log_levels(&self, level: &Node) -> Option<Refused> {
        let is_known = |component: &str| {
            COMPONENTS.contains(&component) || (component == "xds" && self.release.has(Fact::LogXds))
        };
        level.entries().iter().filter(|entry| !entry.is_overridden).find_map(|entry| {
            if !is_known(&entry.key) {
                return self.refuse(Refusal::LogComponent, &[], entry.key_place);
            }
            let is_level = LEVELS.contains(&entry.value.text().unwrap_or_default());
            (!is_level).then(|| self.refuse(Refusal::LogLevel, &[], entry.value.place)).flatten()
        })
    }

    fn rate_limit(&self, limit: &Entry) -> Option<Refused> {
        let backend = entry(&limit.value, "backend").unwrap_or(limit);
        let kind = if backend.key_place == limit.key_place { "" } else { text(&backend.value, "type") };
        if kind != "Redis" {
            return self.refuse(Refusal::RateLimitBackend, &[kind], within(backend, "type"));
        }
        let has_references = self.release.minor >= Version::V1_9;
        let Some(redis) = entry(&backend.value, "redis") else {
            return self.refuse(Refusal::RateLimitEmpty, &[], within(backend, "redis"));
        };
        let (url, reference) = (text(&redis.value, "url"), redis.value.set("urlRef"));
        if !has_references && url.is_empty() {
            return self.refuse(Refusal::RateLimitEmpty, &[], within(redis, "url"));
        }
        if has_references && url.is_empty() == reference.is_none() {
            return self.refuse(Refusal::RateLimitUrlOrRef, &[], redis.key_place);
        }
        if let Some(reference) = reference.filter(|_| has_references) {
            return self.redis_reference(reference, within(redis, "urlRef"));
        }
        // 1.4 does not know of several.
        let hosts: Vec<_> =
            if self.release.minor == Version::V1_4 { vec![url] } else { url.split(',').collect() };
        let error = hosts.into_iter().find_map(go::url_error)?;
        self.refuse(Refusal::RateLimitUrl, &[&error], value_place(redis, "url"))
    }

    fn redis_reference(&self, reference: &Node, place: Place) -> Option<Refused> {
        match reference.set("secretKeyRef") {
            Some(key) if !text(key, "name").is_empty() && !text(key, "key").is_empty() => {
                let is_optional = key.set("optional").is_some_and(Node::is_true);
                is_optional.then(|| self.refuse(Refusal::RateLimitOptional, &[], place)).flatten()
            }
            _ => self.refuse(Refusal::RateLimitReference, &[], place),
        }
    }

    fn managers(&self, root: &Node) -> Vec<Refused> {
        let one = entry(root, "extensionManager");
        let has_several = self.release.has(Fact::SeveralManagers);
        let Some(several) = entry(root, "extensionManagers").filter(|_| has_several) else {
            let managers = one.map(|_| all_managers(root, self.release)).unwrap_or_default();
            return managers.first().map(|manager| self.manager(manager)).unwrap_or_default();
        };
        if several.value.items().is_empty() {
            return self.refuse(Refusal::NoManager, &[], several.key_place).into_iter().collect();
        }
        if one.is_some() {
            return self.refuse(Refusal::BothManagers, &[], several.key_place).into_iter().collect();
        }
        let mut names = HashSet::new();
        let mut all = Vec::new();
        for (index, manager) in all_managers(root, self.release).iter().enumerate() {
            let (name, index) = (text(manager.node, "name"), index.to_string());
            if name.is_empty() {
                all.extend(self.refuse(Refusal::ManagerName, &[&index], manager.place));
            } else if !names.insert(name) {
                let place = manager.node.set("name").map_or(manager.place, |name| name.place);
                all.extend(self.refuse(Refusal::ManagerTwice, &[&index, &go::quoted(name)], place));
            }
            all.extend(self.manager(manager).into_iter().map(|refused| {
                let text = format!("extension manager {}: {}", go::quoted(name), refused.text);
                Refused { text, ..refused }
            }));
        }
        all
    }

    fn manager(&self, manager: &Manager<'_>) -> Vec<Refused> {
        let has_none = manager.hooks("pre").is_empty() && manager.hooks("post").is_empty();
        let hooks = manager.node.get("hooks").map_or(manager.place, |hooks| hooks.key_place);
        let hooks = has_none.then(|| Refused::of(Refusal::Hooks, &[], hooks, self.release));
        let service = self.service(entry(manager.node, "service"), manager.place);
        hooks.into_iter().chain(service).collect()
    }

    /// `place` is where it should be.
    fn service(&self, service: Option<&Entry>, place: Place) -> Option<Refused> {
        let Some(service) = service else { return self.refuse(Refusal::ServiceMissing, &[], place) };
        let value = &service.value;
        let blocks = ["fqdn", "ip", "unix"].iter().filter(|key| value.set(key).is_some()).count();
        match blocks + usize::from(!text(value, "host").is_empty()) {
            0 => return self.refuse(Refusal::Target, &[], service.key_place),
            1 => {}
            _ => return self.refuse(Refusal::Targets, &[], service.key_place),
        }
        let tls = entry(value, "tls")?;
        let reference = entry(&tls.value, "certificateRef");
        if !self.release.has(Fact::CertificateRefNoKind) {
            return match reference.and_then(|reference| reference.value.set("kind")) {
                None => self.refuse(Refusal::CertificateRefKind, &[], within(tls, "certificateRef")),
                Some(kind) if kind.text() != Some("Secret") => {
                    self.refuse(Refusal::CertificateRefOther, &[], kind.place)
                }
                Some(_) => None,
            };
        }
        let is_other = |reference: &&Entry| {
            let differs = |key: &str, known: &str| {
                reference.value.set(key).is_some_and(|value| value.text().unwrap_or_default() != known)
            };
            differs("group", "") || differs("kind", "Secret")
        };
        if let Some(reference) = reference.filter(is_other) {
            return self.refuse(Refusal::CertificateRef, &[], reference.key_place);
        }
        let client = entry(&tls.value, "clientCertificateRef").filter(is_other)?;
        self.refuse(Refusal::ClientCertificateRef, &[], client.key_place)
    }

    fn telemetry(&self, telemetry: &Entry) -> Option<Refused> {
        let is_checked = self.release.minor >= Version::V1_8;
        for item in telemetry.value.at(&["metrics", "sinks"]).map(Node::items).unwrap_or_default() {
            if text(item, "type") != "OpenTelemetry" {
                continue;
            }
            match item.set("openTelemetry") {
                None => {
                    return other("OpenTelemetry is required when sink Type is OpenTelemetry", item.place);
                }
                Some(sink) if is_checked => match open_telemetry(sink) {
                    None => {}
                    refused => return refused,
                },
                Some(_) => {}
            }
        }
        let traces = entry(&telemetry.value, "traces").filter(|_| is_checked)?;
        match traces.value.at(&["sink", "openTelemetry"]) {
            None => {
                let words = "OpenTelemetry is required when trace sink Type is OpenTelemetry";
                other(words, traces.key_place)
            }
            Some(sink) => open_telemetry(sink),
        }
    }

    fn xds_server(&self, server: &Node) -> Option<Refused> {
        if self.release.minor < Version::V1_6 {
            return None;
        }
        let ages = ["maxConnectionAge", "maxConnectionAgeGrace"];
        let wrong_size = || {
            let size = server.set("maxReceiveMessageSize").filter(|_| self.release.minor >= Version::V1_9)?;
            let is_fine = Quantity::of(size)?.integer.is_some_and(|size| size > 0);
            (!is_fine)
                .then(|| other("xdsServer.maxReceiveMessageSize must be greater than zero", size.place))
                .flatten()
        };
        ages.iter().find_map(|key| duration(server, key, &format!("xdsServer.{key}"))).or_else(wrong_size)
    }

    fn lua(&self, settings: &Node) -> Option<Refused> {
        let disable = entry(settings, "disableLua").filter(|_| self.release.minor >= Version::V1_9)?;
        let enabled = settings.set("enableLua").is_some_and(Node::is_true);
        (disable.value.is_true() == enabled)
            .then(|| self.refuse(Refusal::Lua, &[], disable.key_place))
            .flatten()
    }
}

fn open_telemetry(sink: &Node) -> Option<Refused> {
    let protocol = text(sink, "protocol");
    if !["grpc", "http"].contains(&protocol) {
        let words = format!(
            "unsupported protocol {protocol} for OpenTelemetry sink, only 'grpc' and 'http' are supported"
        );
        return other(&words, sink.set("protocol").unwrap_or(sink).place);
    }
    ["exportInterval", "exportTimeout"].iter().find_map(|key| duration(sink, key, key))
}

/// `name` is in EG's words; the text about a wrong duration is Go's.
fn duration(node: &Node, key: &str, name: &str) -> Option<Refused> {
    let value = node.set(key)?;
    let written = value.text().unwrap_or_default();
    match go::duration(written) {
        Err(error) => other(&format!("invalid {name}: {error}"), value.place),
        Ok(nanoseconds) if nanoseconds <= 0.0 => {
            other(&format!("{name} must be greater than zero"), value.place)
        }
        Ok(_) => None,
    }
}

/// A sentence that has nothing to do with extensions.
#[expect(clippy::unnecessary_wraps, reason = "it is what all checks end with")]
fn other(text: &str, place: Place) -> Option<Refused> {
    Some(Refused { place, text: text.to_owned(), reason: Reason::Other })
}

/// The entry of a key that has a value.
fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.get(key).filter(|entry| !matches!(entry.value.kind, Kind::Null))
}

/// Where `key` stands, with or without a value; else where the mapping is named that lacks it.
fn within(of: &Entry, key: &str) -> Place {
    of.value.get(key).map_or(of.key_place, |entry| entry.key_place)
}

fn value_place(of: &Entry, key: &str) -> Place {
    of.value.set(key).map_or(of.key_place, |value| value.place)
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.set(key).and_then(Node::text).unwrap_or_default()
}

const COMPONENTS: &[&str] = &[
    "default",
    "provider",
    "gateway-api",
    "xds-translator",
    "xds-server",
    "infrastructure",
    "global-ratelimit",
];

const LEVELS: &[&str] = &["debug", "error", "warn", "info"];
