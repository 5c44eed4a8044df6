use super::hook::{Called as _, Trigger};
use super::releases::Fact;
use super::yaml::is_printable;
use super::{
    AbsolutePath, BridgeCommand, DEFAULT_CLIENT_SECRET, LogComponent, Mode, NativeTls, Preset, Request,
    Service, Treatment, Version, Wish, WishRow, emit, example, include, preset,
};
use crate::extension::Hook;
use crate::host::Host;
use crate::net::{Address, Transport};
use crate::report::{Finding, FindingId, Severity};
use crate::units::Size;

/// What will be written, every decision made.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub(super) request: Request,
    findings: Vec<Finding>,
}

impl Configuration {
    /// Settles what the chosen release makes of `request`.
    ///
    /// # Errors
    /// When EG would refuse a part of it or silently pass over it, or could not use it as meant.
    pub fn decide(mut request: Request) -> Result<Self, ConfigurationError> {
        check_addresses(&request.service)?;
        check_place(&request)?;
        check_home(&request)?;
        check_message_size(&request)?;
        request.retry.check()?;
        preset::settle(&mut request);
        let mut findings = unsupported(&request)?;
        findings.extend(include::settle(&mut request)?);
        findings.extend(never_loaded(&request));
        findings.extend(request.hooks.iter().filter_map(|hook| never_called(&request, *hook)));
        findings.extend(settle_service(&mut request));
        if request.hooks.is_empty() {
            request.hooks = default_hooks(&request);
        }
        tidy(&mut request);
        if request.name.is_some() {
            name_entries(&mut findings);
        }
        Ok(Self { request, findings })
    }

    /// What the user should know about it: warnings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The release that it is written for.
    pub fn version(&self) -> Version {
        self.request.version
    }

    /// Where that gets its resources from.
    pub fn mode(&self) -> Mode {
        self.request.mode
    }

    /// The bridge to run, unless EG does the TLS.
    pub fn bridge(&self) -> Option<&BridgeCommand> {
        match &self.request.service {
            Service::Bridge(bridge) => Some(bridge),
            Service::NativeTls(_) | Service::Plaintext(_) => None,
        }
    }

    /// The `extensionManager` to paste into an EnvoyGateway file, or that whole file: the same text every time.
    pub fn yaml(&self) -> String {
        emit::yaml(self)
    }

    /// Resources that make EG call the extension in standalone mode: a gateway with one route, which Envoy answers
    /// itself. The same text every time.
    pub fn example(&self) -> String {
        example::resources(self)
    }
}

/// The user wishes for something that could not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// Its directories there would be those of the machine, such as `/run`.
    #[error("`{}` is the root of this machine", home.as_str())]
    Home {
        /// As typed.
        home: AbsolutePath,
    },
    /// EG reads it for that hook only.
    #[error("kinds can be chosen for the hook `Translation` only, which is not among the named ones")]
    IncludeAll,
    /// Zero is refused by EG at every hook; above the limit no protobuf message can be.
    #[error("a message size of `{size}` is out of range")]
    MessageSize {
        /// As typed.
        size: Size,
    },
    /// Envoy does not run as a process of this host.
    #[error("EG keeps no files on this host in the mode `{}`", mode.name())]
    NoHost {
        /// As typed.
        mode: Mode,
    },
    /// EG reads files in standalone mode, and nowhere else.
    #[error("EG reads no resources from files in the mode `{}`", mode.name())]
    NoResourceFiles {
        /// As typed.
        mode: Mode,
    },
    /// EG reads nothing else in standalone mode.
    #[error("in standalone mode EG needs a directory that it reads resources from")]
    NoResourcesDirectory,
    /// EG's plaintext goes to a host and a port.
    #[error("`{server}` is not the plaintext address of a host")]
    Plaintext {
        /// As typed.
        server: Address,
    },
    /// gRPC refuses fewer at every hook.
    #[error("gRPC makes 2 attempts or more, not {attempts}")]
    RetryAttempts {
        /// As typed.
        attempts: u32,
    },
    /// gRPC refuses it at every hook.
    #[error("gRPC takes no pause of length zero")]
    RetryBackoff,
    /// EG's TLS goes to a host and a port.
    #[error("EG's own TLS does not go to `{server}`")]
    Server {
        /// As typed.
        server: Address,
    },
    /// The release does not have it, and would not say so.
    #[error("{} needs EG {}: EG {version} {}", row.name, row.since, row.before)]
    Unsupported {
        /// What was asked for.
        row: &'static WishRow,
        /// As typed.
        version: Version,
    },
    /// A port that cannot be called, or a path that cannot be in a comment.
    #[error("no server can be called at `{}`", upstream.escape_debug())]
    Upstream {
        /// As typed.
        upstream: String,
    },
}

fn check_addresses(service: &Service) -> Result<(), ConfigurationError> {
    match service {
        Service::Bridge(BridgeCommand { upstream, .. }) => {
            let typed = upstream.to_string();
            let is_callable = !matches!(upstream, Address::Tcp { port: 0, .. });
            if is_callable && typed.chars().all(is_printable) {
                return Ok(());
            }
            Err(ConfigurationError::Upstream { upstream: typed })
        }
        Service::NativeTls(NativeTls { server, .. }) => match host_and_port(server, Transport::Tls) {
            Some(_) => Ok(()),
            None => Err(ConfigurationError::Server { server: server.clone() }),
        },
        Service::Plaintext(server) => match host_and_port(server, Transport::Plaintext) {
            Some(_) => Ok(()),
            None => Err(ConfigurationError::Plaintext { server: server.clone() }),
        },
    }
}

/// Are the files where EG keeps and looks for some?
fn check_place(request: &Request) -> Result<(), ConfigurationError> {
    let (mode, Some(file)) = (request.mode, &request.file) else { return Ok(()) };
    match (mode.has_api(), file.resources_dirs.is_empty()) {
        (false, true) => return Err(ConfigurationError::NoResourcesDirectory),
        (true, false) => return Err(ConfigurationError::NoResourceFiles { mode }),
        _ => {}
    }
    if mode == Mode::Kubernetes && file.home.is_some() {
        return Err(ConfigurationError::NoHost { mode });
    }
    Ok(())
}

fn check_home(request: &Request) -> Result<(), ConfigurationError> {
    let home = request.file.as_ref().and_then(|file| file.home.as_ref());
    match home.filter(|home| home.is_root()) {
        Some(home) => Err(ConfigurationError::Home { home: home.clone() }),
        None => Ok(()),
    }
}

fn check_message_size(request: &Request) -> Result<(), ConfigurationError> {
    let is_wrong = |size: &Size| !(LEAST_MESSAGE..MESSAGE_LIMIT).contains(&size.octets());
    match request.max_message_size.filter(is_wrong) {
        Some(size) => Err(ConfigurationError::MessageSize { size }),
        None => Ok(()),
    }
}

/// What the release does not do, as far as it is only a warning.
fn unsupported(request: &Request) -> Result<Vec<Finding>, ConfigurationError> {
    let version = request.version;
    let mut findings = Vec::new();
    for (wish, subject) in asked_for(request) {
        let row = wish.row();
        match row.treatment {
            _ if row.since <= version => {}
            Treatment::Refuse => return Err(ConfigurationError::Unsupported { row, version }),
            Treatment::Warn(id) => {
                let hint =
                    format!("from EG {} on this works: `--eg-version {0}` if that is what runs", row.since);
                let message = format!("EG {version} {}", row.before);
                findings.push(Finding::new(id, subject, message).with_hint(hint));
            }
        }
    }
    Ok(findings)
}

/// What follows for the server from all else.
fn settle_service(request: &mut Request) -> Option<Finding> {
    match &mut request.service {
        Service::Bridge(bridge) => {
            // With an answer EG would publish nothing, and would not ask again. If it may fail open, it needs the answer.
            bridge.hold = !request.fail_open;
            if let Some(file) = &request.file {
                bridge.resync.clone_from(&file.resources_dirs);
                keep_first_of_each(&mut bridge.resync);
            }
            None
        }
        Service::NativeTls(tls) => {
            if request.version.has(Fact::ClientCertificateRef) && tls.client_secret.is_none() {
                tls.client_secret = Some(DEFAULT_CLIENT_SECRET.parse().expect("the name of a Secret"));
            }
            (!request.mode.has_api()).then(native_tls_is_not_used)
        }
        Service::Plaintext(_) => None,
    }
}

/// Where EG can call a server by itself.
pub(super) fn host_and_port(server: &Address, with: Transport) -> Option<(&Host, u16)> {
    match server {
        Address::Tcp { host, port: port @ 1.., transport } if *transport == with => Some((host, *port)),
        Address::Tcp { .. } | Address::Unix(_) => None,
    }
}

/// Which [`Wish`] the request has, and the key that it is about.
fn asked_for(request: &Request) -> impl Iterator<Item = (Wish, &'static str)> {
    let client_secret =
        matches!(&request.service, Service::NativeTls(NativeTls { client_secret: Some(_), .. }));
    let home = request.file.as_ref().is_some_and(|file| file.home.is_some());
    let backends = !request.backend_resources.is_empty();
    let policies = !request.policy_resources.is_empty();
    let resources = !request.resources.is_empty();
    let is_loaded = !request.mode.has_api();
    let logging = request.file.iter().flat_map(|file| &file.logging);
    let logs_xds = logging.into_iter().any(|setting| setting.component == LogComponent::Xds);
    let wishes = [
        (request.preset == Some(Preset::AiGateway), Wish::AiGateway, "extensionManager"),
        (backends, Wish::BackendResources, "extensionManager.backendResources"),
        (client_secret, Wish::ClientCertificate, "extensionManager.service.tls.clientCertificateRef"),
        (request.mode == Mode::CustomKubernetes, Wish::CustomKubernetes, "provider.custom.resource"),
        (request.name.is_some(), Wish::SeveralManagers, "extensionManagers"),
        (logs_xds, Wish::XdsLog, "logging.level"),
        (home, Wish::HostDirectories, "provider.custom.infrastructure.host"),
        (backends && is_loaded, Wish::ResourcesFromFiles, "extensionManager.backendResources"),
        (policies && is_loaded, Wish::ResourcesFromFiles, "extensionManager.policyResources"),
        (resources && is_loaded, Wish::ResourcesFromFiles, "extensionManager.resources"),
        (
            policies && !resources && !backends && request.hooks.contains(&Hook::Route),
            Wish::RoutePolicies,
            "extensionManager.hooks",
        ),
        (
            !request.include_all.is_empty(),
            Wish::TranslationKinds,
            "extensionManager.hooks.xdsTranslator.translation",
        ),
    ];
    let wishes = wishes.into_iter().filter(|(asked, ..)| *asked).map(|(_, wish, key)| (wish, key));
    let hooks = request.hooks.iter().filter_map(|hook| hook.wish());
    wishes.chain(hooks.map(|wish| (wish, "extensionManager.hooks")))
}

/// Is there a kind of resource that makes EG call this hook?
fn has_trigger(request: &Request, hook: Hook) -> bool {
    match hook.trigger() {
        Trigger::AnyGateway => true,
        Trigger::BackendResource => !request.backend_resources.is_empty(),
        Trigger::RouteExtension => {
            [&request.resources, &request.policy_resources, &request.backend_resources]
                .iter()
                .any(|kinds| !kinds.is_empty())
        }
    }
}

fn never_called(request: &Request, hook: Hook) -> Option<Finding> {
    let needed = match hook.trigger() {
        Trigger::AnyGateway => return None,
        Trigger::BackendResource => "--backend-resource",
        Trigger::RouteExtension => "--resource",
    };
    (!has_trigger(request, hook)).then(|| {
        let message = format!("EG never calls `{hook}` here: it does so {}", hook.called());
        Finding::new(FindingId::ConfigHookNotCalled, "extensionManager.hooks", message)
            .with_hint(format!("name the kind with `{needed} GROUP/VERSION/KIND`, or leave the hook out"))
    })
}

/// Objects that a list of extensions keeps EG from loading ([`Fact::LoadCustomPlural`]).
fn never_loaded(request: &Request) -> Option<Finding> {
    let has_kinds = [&request.resources, &request.policy_resources, &request.backend_resources]
        .iter()
        .any(|kinds| !kinds.is_empty());
    (request.name.is_some() && has_kinds && !request.mode.has_api()).then(|| {
        Finding::new(
            FindingId::ConfigResourceNotLoadable,
            "extensionManagers",
            "from files EG loads no object of a kind in `extensionManagers`, and applies no file at all when one has any",
        )
        .with_hint("leave `--name` out: objects of a single extension are loaded")
    })
}

/// A named extension is written as the only entry of a list: the key of a single one is not in the file.
fn name_entries(findings: &mut [Finding]) {
    for finding in findings {
        if let Some(key) = finding.subject.strip_prefix("extensionManager.") {
            finding.subject = format!("extensionManagers[0].{key}");
        }
    }
}

fn default_hooks(request: &Request) -> Vec<Hook> {
    let is_called = |hook: &Hook| {
        hook.by_default()
            && has_trigger(request, *hook)
            && (*hook != Hook::Route
                || !request.resources.is_empty()
                || !request.backend_resources.is_empty()
                || request.version.has(Fact::HookRoutePolicy))
    };
    Hook::ALL.iter().copied().filter(is_called).collect()
}

fn native_tls_is_not_used() -> Finding {
    let finding = Finding::new(
        FindingId::ConfigNativeTlsUnusable,
        "extensionManager.service.tls",
        "no release of EG can use TLS to an extension server in standalone mode: every hook fails",
    )
    .with_hint("leave out `--native-tls`: a socket and a bridge work with all of them");
    // It was asked for, and is of use with another provider.
    Finding { severity: Severity::Warning, ..finding }
}

/// Hooks in the order of the calls; nothing twice.
fn tidy(request: &mut Request) {
    request.hooks.sort_unstable();
    request.hooks.dedup();
    for resources in [&mut request.resources, &mut request.policy_resources, &mut request.backend_resources] {
        keep_first_of_each(resources);
    }
    if let Some(file) = &mut request.file {
        keep_first_of_each(&mut file.resources_dirs);
    }
}

fn keep_first_of_each<T: PartialEq>(items: &mut Vec<T>) {
    let mut index = 0;
    while index < items.len() {
        let (before, rest) = items.split_at(index);
        if before.contains(&rest[0]) {
            items.remove(index);
        } else {
            index += 1;
        }
    }
}

/// EG sends no hook whose message is larger than the limit: one of 4 or 16 bytes is one of which the unit was forgotten.
const LEAST_MESSAGE: u64 = 1 << 10;

/// No protobuf message reaches this size; it also fits EG's `int` on every machine.
const MESSAGE_LIMIT: u64 = 2 << 30;
