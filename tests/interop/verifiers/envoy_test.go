package verifiers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The newest version of TLS, which Envoy offers as a server, but as a client only where it is told to.
func TestVerifierEnvoy(t *testing.T) {
	testEnvoy(t, "TLSv1_3", map[string]string{"ed25519": envoyRefusesEd25519})
}

// What Envoy offers as a client unless it is told otherwise. There its list of curves counts for certificates too, and
// has no P-384.
func TestVerifierEnvoyWithTLS12(t *testing.T) {
	testEnvoy(t, "TLSv1_2", map[string]string{"ed25519": envoyRefusesEd25519, "p384": "WRONG_CURVE"})
}

// One Envoy is both sides of every handshake: a plaintext socket, whose upstream with mutual TLS is its own listener
// that requires client certificates. Its access log says who refused whom, and why.
func testEnvoy(t *testing.T, version string, refusedKeys map[string]string) {
	t.Helper()
	program := requireCached(t, "ENVOY_BIN", "envoy-"+envoyVersion,
		"the suite in the directory above fetches it; or name one with ENVOY_BIN")
	verifier{
		judge: func(t *testing.T, questions []question) []verdict {
			running := startEnvoy(t, program, version, questions)
			var verdicts []verdict
			for i := range questions {
				verdicts = append(verdicts, running.verdict(t, i))
			}
			return verdicts
		},
		words: map[cause]string{
			otherCA:   "CERTIFICATE_VERIFY_FAILED.*(unable_to_get_local_issuer|self_signed)_certificate",
			otherName: "CERTIFICATE_VERIFY_FAILED.*SAN_matcher",
			otherRole: "CERTIFICATE_VERIFY_FAILED.*unsupported_certificate_purpose",
		},
		refusedKeys: refusedKeys,
	}.ask(t)
}

// envoy is the directory of a running Envoy: its sockets and logs.
type envoy string

func startEnvoy(t *testing.T, program, version string, questions []question) envoy {
	t.Helper()
	directory, err := os.MkdirTemp(scratch, "envoy-")
	if err != nil {
		t.Fatal(err)
	}
	e := envoy(directory)
	configuration, err := json.Marshal(e.configuration(version, questions))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(e.path("envoy.json"), configuration, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(e.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command(program, "--config-path", e.path("envoy.json"), "--use-dynamic-base-id",
		"--concurrency", "1", "--file-flush-interval-msec", "20", "--log-level", "warning")
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if content, err := os.ReadFile(e.path("log")); err == nil && t.Failed() {
			t.Logf("Envoy's log:\n%s", content)
		}
	})
	return e
}

func (e envoy) path(name string) string { return filepath.Join(string(e), name) }

// socket is where a side of a question listens.
func (e envoy) socket(index int, side side) string { return e.path(fmt.Sprintf("%d.%s", index, side)) }

// verdict makes one connection. Where nothing comes back, the access log says why.
func (e envoy) verdict(t *testing.T, index int) verdict {
	t.Helper()
	if e.connect(t, index) == greeting {
		return verdict{}
	}
	for _, side := range []side{client, server} {
		if reason := e.reason(t, index, side); !afterTheOther.MatchString(reason) {
			return verdict{side, reason}
		}
	}
	t.Fatalf("question %d: no echo, and neither side says why", index)
	return verdict{}
}

// afterTheOther is what a side logs when it was the other that refused.
var afterTheOther = regexp.MustCompile(`^-$|ALERT|Broken_pipe|Connection_reset`)

// connect says a word, and returns what comes back of it.
func (e envoy) connect(t *testing.T, index int) string {
	t.Helper()
	var connection net.Conn
	eventually(t, "Envoy listens", func() (err error) {
		connection, err = net.Dial("unix", e.socket(index, client))
		return err
	})
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	// Broken off is one way to be refused; running into the limit is none.
	answer := make([]byte, len(greeting))
	_, err := io.WriteString(connection, greeting)
	if err == nil {
		_, err = io.ReadFull(connection, answer)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("question %d: Envoy says nothing", index)
	}
	return string(answer)
}

func (e envoy) reason(t *testing.T, index int, side side) (reason string) {
	t.Helper()
	prefix := fmt.Sprintf("%d %s ", index, side)
	eventually(t, "Envoy logs the connection", func() error {
		content, err := os.ReadFile(e.path("access.log"))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(content)) {
			if logged, found := strings.CutPrefix(line, prefix); found && strings.HasSuffix(logged, "\n") {
				reason = strings.TrimSpace(logged)
				return nil
			}
		}
		return fmt.Errorf("no line starts with %q", prefix)
	})
	return reason
}

// object is one of JSON.
type object = map[string]any

func (e envoy) configuration(version string, questions []question) object {
	var listeners, clusters []object
	for i, q := range questions {
		listeners = append(listeners, e.client(i), e.server(i, q))
		clusters = append(clusters, e.upstream(i, version, q))
	}
	return object{"static_resources": object{"listeners": listeners, "clusters": clusters}}
}

// client takes plaintext and makes mutual TLS of it.
func (e envoy) client(index int) object {
	proxy := filter("tcp_proxy.v3.TcpProxy", object{
		"stat_prefix": "client", "cluster": fmt.Sprint(index),
		"access_log": e.accessLog(index, client, "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
	})
	return object{
		"name": fmt.Sprint(index, " client"), "address": pipe(e.socket(index, client)),
		"filter_chains": []object{{"filters": []object{proxy}}},
	}
}

func (e envoy) upstream(index int, version string, q question) object {
	kind := "DNS"
	if net.ParseIP(q.host) != nil {
		kind = "IP_ADDRESS"
	}
	tls := commonTLS(q.client, q.clientTrusts)
	tls["tls_params"] = object{"tls_maximum_protocol_version": version}
	tls["validation_context"].(object)["match_typed_subject_alt_names"] = []object{
		{"san_type": kind, "matcher": object{"exact": q.host}},
	}
	return object{
		"name": fmt.Sprint(index), "type": "STATIC",
		"load_assignment": object{"cluster_name": fmt.Sprint(index), "endpoints": []object{{
			"lb_endpoints": []object{{"endpoint": object{"address": pipe(e.socket(index, server))}}},
		}}},
		"transport_socket": transport("UpstreamTlsContext", object{"common_tls_context": tls}),
	}
}

// server requires a client certificate, and says what it is told.
func (e envoy) server(index int, q question) object {
	echo := filter("echo.v3.Echo", object{})
	return object{
		"name": fmt.Sprint(index, " server"), "address": pipe(e.socket(index, server)),
		"access_log": e.accessLog(index, server, "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%"),
		"filter_chains": []object{{
			"filters": []object{echo},
			"transport_socket": transport("DownstreamTlsContext", object{
				"require_client_certificate": true, "common_tls_context": commonTLS(q.server, q.serverTrusts),
			}),
		}},
	}
}

func (e envoy) accessLog(index int, side side, reason string) []object {
	return []object{{"name": "file", "typed_config": object{
		"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
		"path":  e.path("access.log"),
		"log_format": object{"text_format_source": object{
			"inline_string": fmt.Sprintf("%d %s %s\n", index, side, reason),
		}},
	}}}
}

func commonTLS(pair, trusts string) object {
	return object{
		"tls_certificates": []object{{
			"certificate_chain": object{"filename": pair + ".crt"}, "private_key": object{"filename": pair + ".key"},
		}},
		"validation_context": object{"trusted_ca": object{"filename": trusts}},
	}
}

func transport(name string, configuration object) object {
	configuration["@type"] = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3." + name
	return object{"name": "tls", "typed_config": configuration}
}

func filter(name string, configuration object) object {
	configuration["@type"] = "type.googleapis.com/envoy.extensions.filters.network." + name
	return object{"name": name, "typed_config": configuration}
}

func pipe(path string) object { return object{"pipe": object{"path": path}} }

const (
	envoyVersion = "1.39.3"
	greeting     = "hello"

	// Its list of signature algorithms has none for such keys.
	envoyRefusesEd25519 = "NO_SHARED_CIPHER|NO_COMMON_SIGNATURE_ALGORITHMS"
)
