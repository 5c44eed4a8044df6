//! What the other proxies are told: callers come over a unix socket and go out with mutual TLS (`callers`), or the
//! reverse (`strangers`).

pub(super) const HAPROXY: &str = "\
global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend callers
  bind unix@@DIR@/haproxy.sock proto h2
  default_backend server
frontend strangers
  bind 127.0.0.1:@LISTEN@ ssl crt @DIR@/server.pem ca-file @PKI@/ca.crt verify required alpn h2
  default_backend plain
backend server
  http-reuse always
  server s 127.0.0.1:@PORT@ ssl alpn h2 crt @DIR@/client.pem ca-file @PKI@/ca.crt verify required verifyhost localhost
backend plain
  http-reuse always
  server p 127.0.0.1:@PLAIN@ proto h2
";

pub(super) const NGINX: &str = "\
worker_processes 1;
daemon off;
pid @DIR@/nginx.pid;
error_log /dev/null;
events { worker_connections 1024; }
http {
  access_log off;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream server { server 127.0.0.1:@PORT@; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen unix:@DIR@/nginx.sock http2;
    location / {
      grpc_pass grpcs://server;
      grpc_ssl_certificate @PKI@/client.crt;
      grpc_ssl_certificate_key @PKI@/client.key;
      grpc_ssl_trusted_certificate @PKI@/ca.crt;
      grpc_ssl_verify on;
      grpc_ssl_name localhost;
      grpc_ssl_protocols TLSv1.2 TLSv1.3;
    }
  }
  upstream plain { server 127.0.0.1:@PLAIN@; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:@LISTEN@ ssl http2;
    ssl_certificate @PKI@/server.crt;
    ssl_certificate_key @PKI@/server.key;
    ssl_client_certificate @PKI@/ca.crt;
    ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { grpc_pass grpc://plain; }
  }
}
";

pub(super) const ENVOY: &str = r#"
static_resources:
  listeners:
  - address: { pipe: { path: "@DIR@/envoy.sock" } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: callers
          codec_type: HTTP2
          route_config:
            virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: server } }] }]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  - name: strangers
    address: { socket_address: { address: 127.0.0.1, port_value: @LISTEN@ } }
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            alpn_protocols: [h2]
            tls_certificates: [{ certificate_chain: { filename: "@PKI@/server.crt" }, private_key: { filename: "@PKI@/server.key" } }]
            validation_context: { trusted_ca: { filename: "@PKI@/ca.crt" } }
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: strangers
          codec_type: HTTP2
          route_config:
            virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: plain } }] }]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: plain
    type: STATIC
    load_assignment:
      cluster_name: plain
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: @PLAIN@ } } } }] }]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
  - name: server
    type: STATIC
    load_assignment:
      cluster_name: server
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: @PORT@ } } } }] }]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context:
          alpn_protocols: [h2]
          tls_certificates: [{ certificate_chain: { filename: "@PKI@/client.crt" }, private_key: { filename: "@PKI@/client.key" } }]
          validation_context: { trusted_ca: { filename: "@PKI@/ca.crt" } }
"#;
