//! The six calls of Envoy Gateway.

use std::fmt::Write as _;

use tonic::{Request, Response, Status};
use tracing::info;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::policy::ResponseHeader;
use crate::proto::envoy_gateway_extension_server::EnvoyGatewayExtension;
use crate::proto::{
    PostClusterModifyRequest, PostClusterModifyResponse, PostEndpointsModifyRequest,
    PostEndpointsModifyResponse, PostHttpListenerModifyRequest, PostHttpListenerModifyResponse,
    PostRouteModifyRequest, PostRouteModifyResponse, PostTranslateModifyRequest, PostTranslateModifyResponse,
    PostVirtualHostModifyRequest, PostVirtualHostModifyResponse,
};

/// Applies the policies. It has no state: Envoy Gateway sends with each object all that concerns it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extension;

#[tonic::async_trait]
impl EnvoyGatewayExtension for Extension {
    /// The one call that changes something: the route gets the headers of the resources that it refers to.
    ///
    /// An answered error is what the operator sees in Envoy Gateway's log, and unless `failOpen` is set the
    /// configuration in force stays as it is.
    async fn post_route_modify(
        &self,
        request: Request<PostRouteModifyRequest>,
    ) -> Result<Response<PostRouteModifyResponse>, Status> {
        let client = client(&request);
        let PostRouteModifyRequest { mut route, post_route_context } = request.into_inner();
        let resources = post_route_context.unwrap_or_default().extension_resources;
        let mut headers = 0;
        if let Some(route) = &mut route {
            for resource in &resources {
                let header = ResponseHeader::from_json(&resource.unstructured_bytes)
                    .map_err(|error| Status::invalid_argument(error.to_string()))?;
                if let Some(header) = header {
                    header.apply(route);
                    headers += 1;
                }
            }
        }
        let name = route.as_ref().map_or("", |route| &route.name);
        info!(hook = "PostRouteModify", name, resources = resources.len(), headers, client);
        Ok(Response::new(PostRouteModifyResponse { route }))
    }

    async fn post_virtual_host_modify(
        &self,
        request: Request<PostVirtualHostModifyRequest>,
    ) -> Result<Response<PostVirtualHostModifyResponse>, Status> {
        let client = client(&request);
        let virtual_host = request.into_inner().virtual_host;
        let name = virtual_host.as_ref().map_or("", |host| &host.name);
        info!(hook = "PostVirtualHostModify", name, client);
        Ok(Response::new(PostVirtualHostModifyResponse { virtual_host }))
    }

    async fn post_http_listener_modify(
        &self,
        request: Request<PostHttpListenerModifyRequest>,
    ) -> Result<Response<PostHttpListenerModifyResponse>, Status> {
        let client = client(&request);
        let listener = request.into_inner().listener;
        let name = listener.as_ref().map_or("", |listener| &listener.name);
        info!(hook = "PostHTTPListenerModify", name, client);
        Ok(Response::new(PostHttpListenerModifyResponse { listener }))
    }

    async fn post_cluster_modify(
        &self,
        request: Request<PostClusterModifyRequest>,
    ) -> Result<Response<PostClusterModifyResponse>, Status> {
        let client = client(&request);
        let cluster = request.into_inner().cluster;
        let name = cluster.as_ref().map_or("", |cluster| &cluster.name);
        info!(hook = "PostClusterModify", name, client);
        Ok(Response::new(PostClusterModifyResponse { cluster }))
    }

    async fn post_endpoints_modify(
        &self,
        request: Request<PostEndpointsModifyRequest>,
    ) -> Result<Response<PostEndpointsModifyResponse>, Status> {
        let client = client(&request);
        let load_assignment = request.into_inner().load_assignment;
        let name = load_assignment.as_ref().map_or("", |assignment| &assignment.cluster_name);
        info!(hook = "PostEndpointsModify", name, client);
        Ok(Response::new(PostEndpointsModifyResponse { load_assignment }))
    }

    /// The lists of the answer replace those of the request: an empty answer would delete every cluster.
    async fn post_translate_modify(
        &self,
        request: Request<PostTranslateModifyRequest>,
    ) -> Result<Response<PostTranslateModifyResponse>, Status> {
        let client = client(&request);
        let PostTranslateModifyRequest { clusters, secrets, listeners, routes, .. } = request.into_inner();
        info!(
            hook = "PostTranslateModify",
            clusters = clusters.len(),
            secrets = secrets.len(),
            listeners = listeners.len(),
            routes = routes.len(),
            client,
        );
        Ok(Response::new(PostTranslateModifyResponse { clusters, secrets, listeners, routes }))
    }
}

/// Who calls: subject and names of the client's certificate, or `plaintext`.
///
/// The certificate was verified when the connection began; this only reads it.
fn client<T>(request: &Request<T>) -> String {
    let Some(certificates) = request.peer_certs() else {
        return "plaintext".to_owned();
    };
    let leaf = certificates.first().and_then(|leaf| X509Certificate::from_der(leaf).ok());
    let Some((_, leaf)) = leaf else {
        return "unreadable certificate".to_owned();
    };
    let mut text = leaf.subject().to_string();
    for name in leaf.subject_alternative_name().ok().flatten().iter().flat_map(|san| &san.value.general_names)
    {
        // A `String` takes everything.
        let _ = match name {
            GeneralName::DNSName(name) => write!(text, ", DNS:{name}"),
            GeneralName::URI(uri) => write!(text, ", URI:{uri}"),
            GeneralName::IPAddress(octets) => write!(text, ", IP:{}", ip_address(octets)),
            _ => Ok(()),
        };
    }
    text
}

fn ip_address(octets: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return std::net::Ipv4Addr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
        Err(_) => format!("{octets:02x?}"),
    }
}
