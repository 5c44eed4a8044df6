//! What an extension server in Kubernetes needs: certificates by cert-manager, values of Envoy Gateway's (EG's) Helm
//! chart, and patches of Deployments that others have written.
//!
//! cert-manager makes, renews and stores every certificate. What is decided here is what EG makes of the result: under
//! which key it reads the CA, which keys may change, and where a bridge is needed because EG's own TLS does not reach
//! the server.

mod certificates;
mod deployment;
mod helm;
mod trust;

use std::collections::BTreeSet;

use super::yaml::{KeyValue, Node, comment, document};
use super::{
    Configuration, ConfigurationError, Image, Mode, Namespace, NativeTls, ObjectName, Request, SecretName,
    Service, TextPath,
};
use crate::choice::choices;
use crate::host::Host;
use crate::net::{Address, Transport};
use crate::report::Finding;

/// What is in the cluster already, and what the rest is to be called.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Of the extension server, and of everything that is written.
    pub namespace: Namespace,
    /// The extension server's.
    pub deployment: ObjectName,
    /// The container in it that serves the calls.
    pub container: ObjectName,
    /// The Service in front of it.
    pub service: ObjectName,
    /// Of the Service and of the container: where TLS is spoken.
    pub port: u16,
    /// Gets the CA. An Issuer has the same name.
    pub ca_secret: SecretName,
    /// Gets the certificate of EG, or of the bridge in its pod. None means: `egext-client` if the release can use one.
    pub client_secret: Option<SecretName>,
    /// Gets the server's certificate.
    pub server_secret: SecretName,
    /// Where both sides find the CA certificates that they trust. None means: in the CA's own Secret, and in the copies
    /// that cert-manager makes of it.
    pub trust: Option<Trust>,
    /// Where bridges run.
    pub sidecars: Sidecars,
    /// Has `egext` in its PATH. Only containers with a bridge need it.
    pub image: Option<Image>,
    /// Where a server without TLS listens in its pod.
    pub plaintext_port: u16,
}

/// A Secret with the certificates of several CAs, made and kept current by trust-manager.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The Secret. The Bundle has the same name.
    pub secret: SecretName,
    /// Secrets of CAs that are trusted next to [`Cluster::ca_secret`].
    pub others: Vec<SecretName>,
}

/// Which side has a bridge in its pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sidecars {
    /// EG and the server use their own TLS.
    None,
    /// EG's side. Its own TLS sends a name that rustls rejects.
    Gateway,
    /// Both: the server has no TLS. A bridge on the server's side alone would be of no use, because it uses rustls.
    Both,
}

choices! { Sidecars { None => "none", Gateway => "gateway", Both => "both" } }

/// A part of what is written: a file of its own.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// The CA, its Issuer, and the Issuer of the CA.
    Ca,
    /// Certificates of both sides.
    Certificates,
    /// A Bundle of trust-manager.
    Trust,
    /// Values of EG's Helm chart.
    Values,
    /// Patch of the extension server's Deployment.
    Server,
    /// Patch of EG's Deployment.
    Gateway,
}

choices! {
    Part {
        Ca => "ca",
        Certificates => "certificates",
        Trust => "trust",
        Values => "values",
        Server => "server",
        Gateway => "gateway"
    }
}

impl Part {
    /// The name of its file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Ca => "ca.yaml",
            Self::Certificates => "certificates.yaml",
            Self::Trust => "trust-bundle.yaml",
            Self::Values => "envoy-gateway-values.yaml",
            Self::Server => "extension-server-patch.yaml",
            Self::Gateway => "envoy-gateway-patch.yaml",
        }
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// What it is.
    pub part: Part,
    /// Its text: one or more documents.
    pub yaml: String,
}

/// What will be written, every decision made.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    cluster: Cluster,
    configuration: Configuration,
}

impl Kubernetes {
    /// Settles what the chosen release makes of `extension` in this cluster. Mode, service and file of `extension` do
    /// not count.
    ///
    /// # Errors
    /// When EG would refuse or ignore a part of it, when two certificates would get one Secret, or a bridge has no image.
    pub fn decide(mut cluster: Cluster, extension: Request) -> Result<Self, KubernetesError> {
        if cluster.sidecars != Sidecars::None && cluster.image.is_none() {
            return Err(KubernetesError::NoImage);
        }
        let client = cluster.client_secret.as_ref().map_or(super::DEFAULT_CLIENT_SECRET, SecretName::as_str);
        each_has_its_own_secret(&cluster, client)?;
        if cluster.sidecars != Sidecars::None {
            cluster.client_secret = Some(client.parse().expect("a name already"));
        }
        let request = Request { mode: Mode::Kubernetes, service: cluster.called(), file: None, ..extension };
        let configuration = Configuration::decide(request)?;
        if let Service::NativeTls(NativeTls { client_secret, .. }) = &configuration.request.service {
            cluster.client_secret.clone_from(client_secret);
        }
        Ok(Self { cluster, configuration })
    }

    /// What the user should know about it: warnings.
    pub fn findings(&self) -> &[Finding] {
        self.configuration.findings()
    }

    /// What EG is told about its extension.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Where it is.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Why there is nothing to write for this part, if there is nothing.
    pub fn lacks(&self, part: Part) -> Option<KubernetesError> {
        match part {
            Part::Trust if self.cluster.trust.is_none() => Some(KubernetesError::NoTrustPart),
            Part::Gateway if self.cluster.sidecars == Sidecars::None => Some(KubernetesError::NoGatewayPart),
            _ => None,
        }
    }

    /// The text of one part: the same every time.
    pub fn manifest(&self, part: Part) -> Manifest {
        let yaml = match part {
            Part::Ca => certificates::ca(&self.cluster),
            Part::Certificates => certificates::leaves(&self.cluster),
            Part::Trust => trust::yaml(&self.cluster),
            Part::Values => helm::yaml(&self.cluster, &self.configuration),
            Part::Server => deployment::of_server(&self.cluster),
            Part::Gateway => deployment::of_gateway(&self.cluster, self.configuration.request.fail_open),
        };
        Manifest { part, yaml }
    }
}

impl Cluster {
    /// How EG reaches the server.
    pub fn called(&self) -> Service {
        if self.sidecars != Sidecars::None {
            return Service::Plaintext(Address::Tcp {
                host: Host::Ip(std::net::Ipv4Addr::LOCALHOST.into()),
                port: BRIDGE_PORT,
                transport: Transport::Plaintext,
            });
        }
        let host = self.host().parse().expect("labels with dots are a name");
        Service::NativeTls(NativeTls {
            server: Address::Tcp { host, port: self.port, transport: Transport::Tls },
            // Only the comment about files names it.
            material: TextPath::try_from(std::path::Path::new("certs")).expect("a path"),
            namespace: self.namespace.clone(),
            ca_secret: self.trust.as_ref().map_or(&self.ca_secret, |trust| &trust.secret).clone(),
            client_secret: self.client_secret.clone(),
        })
    }

    /// The Service's name. Without the cluster's domain, which is not always `cluster.local`.
    fn host(&self) -> String {
        format!("{}.{}.svc", self.service.as_str(), self.namespace.as_str())
    }
}

/// The user wishes for something that could not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubernetesError {
    /// EG would refuse or ignore it.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// No image of `egext` is published.
    #[error("a bridge needs an image that has `egext`, and none is named")]
    NoImage,
    /// EG's Deployment stays as it is.
    #[error("nothing is to be written for `{}`: no bridge runs in EG's pod", Part::Gateway.name())]
    NoGatewayPart,
    /// The CA's own Secret is enough.
    #[error("nothing is to be written for `{}`: no Secret is named for it", Part::Trust.name())]
    NoTrustPart,
    /// cert-manager would overwrite one with the other, again and again, and so would trust-manager.
    #[error("the Secret `{name}` is named twice")]
    SameSecret {
        /// As typed.
        name: String,
    },
}

/// No Secret has two makers, and none is both a CA's and another certificate's.
fn each_has_its_own_secret(cluster: &Cluster, client: &str) -> Result<(), KubernetesError> {
    let trusted =
        cluster.trust.iter().flat_map(|Trust { secret, others }| [secret].into_iter().chain(others));
    let own = [cluster.ca_secret.as_str(), cluster.server_secret.as_str(), client, PROBE_SECRET];
    let mut seen = BTreeSet::new();
    match own.into_iter().chain(trusted.map(SecretName::as_str)).find(|name| !seen.insert(*name)) {
        Some(name) => Err(KubernetesError::SameSecret { name: name.to_owned() }),
        None => Ok(()),
    }
}

/// A document with a comment above it.
fn commented(note: &str, entries: &[KeyValue]) -> String {
    let mut text = String::new();
    comment(&mut text, note, 0);
    text.push_str(&document(entries));
    text
}

/// An object in a namespace.
fn object(
    version: &'static str,
    kind: &'static str,
    name: &str,
    namespace: &Namespace,
    spec: Vec<KeyValue>,
) -> Vec<KeyValue> {
    let metadata = vec![KeyValue::new("name", name), KeyValue::new("namespace", namespace.as_str())];
    object_with(version, kind, metadata, spec)
}

/// The four keys of every object.
fn object_with(
    version: &'static str,
    kind: &'static str,
    metadata: Vec<KeyValue>,
    spec: Vec<KeyValue>,
) -> Vec<KeyValue> {
    vec![
        KeyValue::new("apiVersion", version),
        KeyValue::new("kind", kind),
        KeyValue::new("metadata", metadata),
        KeyValue::new("spec", spec),
    ]
}

fn texts<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Node {
    let item = |text: S| super::yaml::Item { value: text.as_ref().into(), note: "" };
    Node::List(texts.into_iter().map(item).collect())
}

fn maps(maps: impl IntoIterator<Item = Vec<KeyValue>>) -> Node {
    let item = |map: Vec<KeyValue>| super::yaml::Item { value: map.into(), note: "" };
    Node::List(maps.into_iter().map(item).collect())
}

/// The Secret with the certificate of `egext probe`.
const PROBE_SECRET: &str = "egext-probe";

/// Where the bridge in EG's pod listens, on the loopback address. No port of EG.
const BRIDGE_PORT: u16 = 5005;
