package proxies

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

const envoyVersion = "1.39.3"

var envoyKind = &kind{
	name: "Envoy",
	version: func() (string, error) {
		path, err := envoyPath()
		if err != nil {
			return "", err
		}
		version, err := said(path, "--version")
		return regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(version), err
	},
	command: func(s *stage, with setup) *exec.Cmd {
		path, err := envoyPath()
		s.must(err)
		s.must(os.WriteFile(s.path("client.yaml"), []byte(envoySecret(with, "client")), 0o600))
		s.must(os.WriteFile(s.path("server.yaml"), []byte(envoySecret(with, "server")), 0o600))
		s.must(os.WriteFile(s.path("ca.yaml"), []byte(envoyCA(with)), 0o600))
		s.must(os.WriteFile(s.path("envoy.yaml"), []byte(envoyConfiguration(s, with)), 0o600))
		return exec.Command(path, "-c", s.path("envoy.yaml"), "--use-dynamic-base-id", "--concurrency", "1",
			"--log-level", "warning")
	},
	drain: syscall.SIGTERM,
	force: syscall.SIGTERM,
	lacks: map[feature]string{
		admin:   "its statistics have other names and no readiness of the server; this suite does not read them",
		drained: "SIGTERM ends it at once; it drains when its admin interface is asked to",
	},
}

// envoyPath is the Envoy that the suite in the directory above has fetched into the cache.
func envoyPath() (string, error) {
	path := os.Getenv("ENVOY_BIN")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(cache, "egext", "envoy-"+envoyVersion)
	}
	return found(path, "the suite in the directory above fetches it; or name one with ENVOY_BIN")
}

// envoySecret is a file with a certificate that Envoy watches; it notices a replaced link in the directory.
func envoySecret(with setup, role string) string {
	return fmt.Sprintf(`resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: %[2]s
  tls_certificate:
    certificate_chain: { filename: "%[1]s/%[2]s.crt" }
    private_key: { filename: "%[1]s/%[2]s.key" }
    watched_directory: { path: "%[1]s" }
`, with.certificates, role)
}

func envoyCA(with setup) string {
	matcher := ""
	if with.role == originate {
		matcher = fmt.Sprintf("match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: %q } }]", with.name)
	}
	switch kind, name, _ := strings.Cut(with.permitted, ":"); {
	case kind == "uri":
		matcher = fmt.Sprintf("match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: %q } }]", name)
	case strings.HasPrefix(name, "*."):
		pattern := `[^.]+` + regexp.QuoteMeta(name[1:])
		matcher = fmt.Sprintf("match_typed_subject_alt_names: [{ san_type: DNS, matcher: { safe_regex: { regex: '%s' } } }]", pattern)
	case kind == "dns":
		matcher = fmt.Sprintf("match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: %q } }]", name)
	}
	if with.revocations != "" {
		matcher += fmt.Sprintf("crl: { filename: %q }", with.revocations)
	}
	return fmt.Sprintf(`resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: ca
  validation_context:
    trusted_ca: { filename: "%[1]s/ca.crt" }
    watched_directory: { path: "%[1]s" }
    %s
`, with.certificates, matcher)
}

func envoyConfiguration(s *stage, with setup) string {
	downstream, upstream := "", ""
	if with.role == terminate {
		downstream = strings.ReplaceAll(envoyTLS, "@EXTRA@", "require_client_certificate: true")
		downstream = strings.NewReplacer("@SIDE@", "Downstream", "@ROLE@", "server").Replace(downstream)
		downstream = indent("      ", downstream)
	} else {
		upstream = strings.ReplaceAll(envoyTLS, "@EXTRA@", "sni: "+with.name)
		upstream = strings.NewReplacer("@SIDE@", "Upstream", "@ROLE@", "client").Replace(upstream)
		upstream = indent("    ", upstream)
	}
	return strings.NewReplacer(
		"@LISTEN@", envoyAddress(with.listen), "@DOWNSTREAM@", strings.ReplaceAll(downstream, "@DIR@", s.directory),
		"@SERVER@", envoyAddress(with.upstream), "@UPSTREAM@", strings.ReplaceAll(upstream, "@DIR@", s.directory),
		"@CONNECT@", fmt.Sprintf("%.3fs", with.connect.Seconds()),
		"@SILENCE@", fmt.Sprintf("%.3fs", with.silence.Seconds()),
		"@TYPE@", envoyClusterType(with.upstream),
	).Replace(envoyTemplate)
}

func indent(by, text string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}

func envoyClusterType(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err == nil && net.ParseIP(host) == nil {
		return "STRICT_DNS"
	}
	return "STATIC"
}

func envoyAddress(address string) string {
	if network(address) == "unix" {
		return fmt.Sprintf("{ pipe: { path: %q, mode: 384 } }", address)
	}
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("{ socket_address: { address: %q, port_value: %s } }", host, port)
}

const envoyTLS = `
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.@SIDE@TlsContext
    @EXTRA@
    common_tls_context:
      alpn_protocols: [h2]
      tls_params: { tls_maximum_protocol_version: TLSv1_3 }
      tls_certificate_sds_secret_configs:
      - { name: @ROLE@, sds_config: { path_config_source: { path: "@DIR@/@ROLE@.yaml" } } }
      validation_context_sds_secret_config:
        { name: ca, sds_config: { path_config_source: { path: "@DIR@/ca.yaml" } } }
`

const envoyTemplate = `
node: { id: proxy, cluster: proxy }
static_resources:
  listeners:
  - address: @LISTEN@
    filter_chains:
    - transport_socket_connect_timeout: @SILENCE@
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: callers
          codec_type: HTTP2
          forward_client_cert_details: SANITIZE_SET
          set_current_client_cert_details: { subject: true, uri: true, dns: true }
          common_http_protocol_options: { idle_timeout: @SILENCE@ }
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route:
                  cluster: server
                  timeout: 0s
                  retry_policy: { retry_on: "connect-failure,refused-stream,reset-before-request", num_retries: 3 }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
@DOWNSTREAM@
  clusters:
  - name: server
    type: @TYPE@
    connect_timeout: @CONNECT@
    dns_lookup_family: V4_PREFERRED
    load_assignment:
      cluster_name: server
      endpoints: [{ lb_endpoints: [{ endpoint: { address: @SERVER@ } }] }]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
@UPSTREAM@
`
