// Package probe shows servers of four implementations to `egext probe`, each with one fault or none, and compares what it
// names with what is wrong.
package probe

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"egext.dev/binary"
	"google.golang.org/grpc/metadata"
)

var (
	// egext is the binary under test, an absolute path.
	egext string
	// own is the CA in every `ca.crt`, other is another one.
	own, other *authority
)

// manner is how a server behaves.
type manner struct {
	// name is what the program of an implementation knows.
	name string
	// directory has its certificates; empty for plaintext.
	directory string
	// asks says whether it demands a client certificate.
	asks bool
	// change is for Go's TLS, extra for OpenSSL's flags.
	change func(*tls.Config)
	extra  []string
	// socket is the name of a unix socket in the directory, observe gets the metadata of calls; both for grpc-go.
	socket  string
	observe func(metadata.MD)
}

type implementation struct {
	name  string
	start func(*testing.T, manner) string
}

var (
	goServer   = implementation{"grpc-go", grpcGo}
	coreServer = implementation{"C-core", corePython}
	nodeServer = implementation{"Node.js", nodeJS}
	tlsServer  = implementation{"OpenSSL", openSSL}
	rawServer  = implementation{"Go", rawGo}

	all = []implementation{goServer, coreServer, nodeServer, tlsServer}
	// callable answer calls; OpenSSL speaks no HTTP/2.
	callable = []implementation{goServer, coreServer, nodeServer}
)

// row is a fault, by which implementations it is shown, and what egext finds, the cause first.
type row struct {
	fault string
	by    []implementation
	// server and client are the certificates; without TLS there are none.
	server, client leaf
	manner         manner
	// scheme is that of the address; by default TLS is spoken by both sides or by none.
	plaintext, asPlaintext, asTLS, withoutClient bool
	flags                                        []string
	ids                                          []string
}

var healthy = []string{}

func rows() []row {
	intermediate := newAuthority("egext intermediate", own)
	asking := manner{asks: true}
	table := []row{
		{fault: "none, mutual TLS", by: callable, manner: asking, ids: healthy},
		{fault: "none, TLS", by: callable, ids: healthy},
		{fault: "none, plaintext", by: callable, plaintext: true, ids: healthy},
		{fault: "none, with an intermediate", by: callable, server: leaf{issuer: intermediate, chain: []*authority{intermediate}}, ids: healthy},

		{fault: "certificate expired", by: all, server: leaf{expired: true}, ids: []string{"probe.server-cert.expired"}},
		{fault: "certificate not yet valid", by: all, server: leaf{future: true}, ids: []string{"probe.server-cert.not-yet-valid"}},
		{fault: "wrong name", by: all, server: leaf{names: []string{"other.example"}}, ids: []string{"probe.server-cert.name-mismatch"}},
		{fault: "no name", by: all, server: leaf{noNames: true}, ids: []string{"probe.server-cert.no-san"}},
		{fault: "another CA", by: all, server: leaf{issuer: other}, ids: []string{"probe.server-cert.unknown-issuer"}},
		{fault: "self-signed", by: all, server: leaf{selfSigned: true}, ids: []string{"probe.server-cert.unknown-issuer"}},
		{fault: "certificate of a client", by: all, server: leaf{clientOnly: true}, ids: []string{"probe.server-cert.wrong-purpose"}},
		{fault: "chain without the intermediate", by: all, server: leaf{issuer: intermediate}, ids: []string{"probe.server-cert.unknown-issuer"}},
		{fault: "CA as leaf", by: all, server: leaf{ca: true}, ids: []string{"probe.server-cert.is-ca"}},
		{fault: "expired, wrong name, of a client", by: all,
			server: leaf{expired: true, names: []string{"other.example"}, clientOnly: true},
			ids:    []string{"probe.server-cert.expired", "probe.server-cert.wrong-purpose", "probe.server-cert.name-mismatch"}},

		{fault: "certificate expires soon", by: callable, server: leaf{soon: true}, ids: []string{"probe.server-cert.expiring"}},
		{fault: "unknown critical extension", by: all, server: leaf{critical: true}, ids: []string{"probe.server-cert.refused"}},
		{fault: "the intermediate comes first", by: []implementation{goServer}, server: leaf{issuer: intermediate, chain: []*authority{intermediate}},
			manner: manner{change: reverseChain}, ids: []string{"probe.server-cert.chain-order"}},

		{fault: "we have no certificate", by: all, manner: asking, withoutClient: true, ids: []string{"probe.client-cert.required"}},
		{fault: "ours is of another CA", by: all, manner: asking, client: leaf{issuer: other}, ids: []string{"probe.client-cert.rejected"}},
		{fault: "ours is self-signed", by: all, manner: asking, client: leaf{selfSigned: true}, ids: []string{"probe.client-cert.rejected"}},
		{fault: "ours has expired", by: all, manner: asking, client: leaf{expired: true}, ids: []string{"probe.client-cert.expired"}},
		{fault: "ours is not valid yet", by: all, manner: asking, client: leaf{future: true}, ids: []string{"probe.client-cert.not-yet-valid"}},
		{fault: "ours expires soon", by: callable, manner: asking, client: leaf{soon: true}, ids: []string{"probe.client-cert.expiring"}},
		{fault: "ours is for servers", by: all, manner: asking, client: leaf{serverOnly: true}, ids: []string{"probe.client-cert.wrong-purpose"}},

		{fault: "plaintext to a TLS port", by: all, asPlaintext: true, ids: []string{"probe.http2.not-http2"}},
		{fault: "TLS to a plaintext port", by: callable, plaintext: true, asTLS: true, ids: []string{"probe.tls.not-tls"}},
		{fault: "TLS where plaintext is expected", by: all, asPlaintext: true, flags: []string{"--expect-plaintext"}, ids: []string{"probe.policy.not-plaintext"}},
		{fault: "no room for connections", by: []implementation{rawServer}, manner: manner{name: "full"},
			flags: []string{"--timeout", "2s"}, ids: []string{"probe.connect.timeout"}},
		{fault: "no answer to the hello", by: []implementation{rawServer}, manner: manner{name: "silent"},
			flags: []string{"--timeout", "2s"}, ids: []string{"probe.tls.timeout"}},
		{fault: "closes after the hello", by: []implementation{rawServer}, manner: manner{name: "closes"}, ids: []string{"probe.tls.closed"}},
		{fault: "nonsense in TLS", by: []implementation{rawServer}, manner: manner{name: "nonsense"}, ids: []string{"probe.tls.malformed"}},
		{fault: "closes after TLS", by: []implementation{rawServer}, manner: manner{name: "ends"}, ids: []string{"probe.http2.closed"}},
		{fault: "closes, plaintext", by: []implementation{rawServer}, plaintext: true, manner: manner{name: "closes"}, ids: []string{"probe.http2.closed"}},
		{fault: "no certificate for the name", by: []implementation{goServer}, manner: manner{change: refuseName}, ids: []string{"probe.tls.alert"}},
		{fault: "no certificate for the name, OpenSSL", by: []implementation{tlsServer},
			manner: manner{name: "one-name"}, ids: []string{"probe.tls.alert"}},
		{fault: "no ALPN", by: []implementation{nodeServer, tlsServer}, manner: manner{name: "without-alpn"}, ids: []string{"probe.alpn.missing"}},
		{fault: "only http/1.1 by ALPN", by: []implementation{nodeServer}, manner: manner{name: "only-http1"}, ids: []string{"probe.alpn.refused"}},
		{fault: "TLS 1.1 at most", by: []implementation{goServer},
			manner: manner{change: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
			ids:    []string{"probe.tls.version"}},
		{fault: "TLS 1.2 at most, no fault", by: []implementation{goServer},
			manner: manner{asks: true, change: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }}, ids: healthy},
		{fault: "TLS 1.2, ours is of another CA", by: []implementation{goServer}, client: leaf{issuer: other},
			manner: manner{asks: true, change: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }},
			ids:    []string{"probe.client-cert.rejected"}},
		{fault: "TLS 1.2, ours is of another CA, OpenSSL", by: []implementation{tlsServer}, client: leaf{issuer: other},
			manner: manner{asks: true, extra: []string{"-tls1_2"}}, ids: []string{"probe.client-cert.rejected"}},
		{fault: "no cipher suite in common", by: []implementation{tlsServer},
			manner: manner{extra: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"}}, ids: []string{"probe.tls.version"}},
		{fault: "no group in common", by: []implementation{tlsServer},
			manner: manner{extra: []string{"-groups", "X448"}}, ids: []string{"probe.tls.version"}},
		{fault: "no HTTP/2 above TLS", by: []implementation{tlsServer}, flags: []string{"--timeout", "2s"}, ids: []string{"probe.http2.timeout"}},
		{fault: "HTTP/1, plaintext", by: []implementation{nodeServer}, plaintext: true, manner: manner{name: "http1"}, ids: []string{"probe.http2.not-http2"}},

		{fault: "not serving", by: callable, manner: manner{name: "not-serving"}, ids: []string{"probe.health.not-serving"}},
		{fault: "no health service", by: []implementation{goServer, coreServer}, manner: manner{name: "without-health"}, ids: []string{"probe.health.unimplemented"}},
		{fault: "unknown service", by: []implementation{goServer, coreServer}, flags: []string{"--service", "no.such.Service"}, ids: []string{"probe.health.unknown-service"}},
		{fault: "PERMISSION_DENIED", by: []implementation{goServer, coreServer}, manner: manner{name: "denies"}, ids: []string{"probe.grpc.permission-denied"}},
		{fault: "UNAVAILABLE", by: []implementation{goServer, coreServer}, manner: manner{name: "unavailable"}, ids: []string{"probe.grpc.unavailable"}},
		{fault: "UNAUTHENTICATED", by: []implementation{goServer, nodeServer}, manner: manner{name: "unauthenticated"}, ids: []string{"probe.grpc.unauthenticated"}},
		{fault: "INTERNAL", by: []implementation{goServer}, manner: manner{name: "internal"}, ids: []string{"probe.grpc.status"}},
		{fault: "DEADLINE_EXCEEDED", by: []implementation{goServer}, manner: manner{name: "late"}, ids: []string{"probe.grpc.timeout"}},
		{fault: "a proxy without a route", by: []implementation{nodeServer}, manner: manner{name: "proxy"}, ids: []string{"probe.health.from-proxy"}},
		{fault: "an empty answer", by: []implementation{coreServer}, manner: manner{name: "empty"}, ids: []string{"probe.health.not-serving"}},
	}
	answers := map[string]string{
		"page": "probe.grpc.not-grpc", "not-found": "probe.grpc.not-grpc", "web": "probe.grpc.not-grpc", "busy": "probe.grpc.unavailable",
		"http1-only": "probe.grpc.not-grpc", "without-status": "probe.grpc.closed", "without-message": "probe.grpc.invalid-message",
		"garbled": "probe.grpc.invalid-message", "compressed": "probe.grpc.invalid-message", "long": "probe.grpc.invalid-message",
		"odd": "probe.grpc.status", "refuses": "probe.grpc.refused", "calms": "probe.grpc.refused", "crashes": "probe.grpc.closed",
		"counts-wrong": "probe.grpc.tolerated", "cuts": "probe.grpc.closed", "no-streams": "probe.grpc.no-streams",
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		table = append(table, row{fault: name, by: []implementation{nodeServer}, plaintext: true, manner: manner{name: name}, ids: []string{answers[name]}})
	}
	return append(table, row{fault: "silent", by: []implementation{nodeServer}, plaintext: true, manner: manner{name: "silent"},
		flags: []string{"--timeout", "2s"}, ids: []string{"probe.grpc.timeout"}})
}

// reverseChain puts the issuer in front of the server's certificate.
func reverseChain(config *tls.Config) {
	slices.Reverse(config.Certificates[0].Certificate)
}

// refuseName is a server that has no certificate for any name.
func refuseName(config *tls.Config) {
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no such host") }
}

func TestEveryFaultIsNamed(t *testing.T) {
	shown := 0
	for _, row := range rows() {
		for _, implementation := range row.by {
			shown++
			t.Run(fmt.Sprintf("%s/%s", row.fault, implementation.name), func(t *testing.T) {
				row.show(t, implementation)
			})
		}
	}
	if shown < 70 {
		t.Errorf("%d servers, at least 70 are wanted", shown)
	}
}

func (r row) show(t *testing.T, implementation implementation) {
	found := report(t, r.arguments(r.start(t, implementation)))
	if !slices.Equal(found.ids(), r.ids) {
		t.Fatalf("found %v, expected %v\n%s", found.ids(), r.ids, found.text)
	}
	for _, finding := range found.Findings {
		if finding.Hint == "" && finding.Severity != "info" {
			t.Errorf("%s does not say what to do next", finding.ID)
		}
	}
}

// start starts a server with this fault: its address, and the directory with the certificates of its client.
func (r row) start(t *testing.T, implementation implementation) (address, directory string) {
	t.Helper()
	directory = pki(t, r.server, r.client)
	how := r.manner
	if how.name == "" {
		how.name = "healthy"
	}
	if !r.plaintext {
		how.directory = directory
	}
	if how.socket != "" {
		how.socket = filepath.Join(directory, how.socket)
	}
	return implementation.start(t, how), directory
}

// arguments are those of egext. What it finds on connections of their own is in gateway_test.go.
func (r row) arguments(address, directory string) []string {
	arguments := append([]string{"probe", "-o", "json"}, r.flags...)
	if !slices.Contains(r.flags, "--expect-plaintext") {
		arguments = append(arguments, "--no-gateway", "--no-policy")
	}
	switch {
	case r.asPlaintext, r.plaintext && !r.asTLS:
		arguments = append(arguments, "tcp://"+address)
	case r.withoutClient:
		arguments = append(arguments, address, "--ca", directory+"/ca.crt")
	default:
		arguments = append(arguments, address, "--dir", directory)
	}
	if len(r.flags) == 0 || r.flags[0] != "--timeout" {
		// What is found is found without the limit.
		arguments = append(arguments, "--timeout", "1m")
	}
	return arguments
}

// result is what the report of a probe says.
type result struct {
	text     []byte
	Exit     int `json:"exit_code"`
	Findings []struct{ ID, Severity, Hint string }
}

func (r result) ids() []string {
	ids := []string{}
	for _, finding := range r.Findings {
		ids = append(ids, finding.ID)
	}
	return ids
}

func report(t *testing.T, arguments []string) result {
	t.Helper()
	// It fails where it found something, and its report says what.
	out, err := binary.Command(egext, arguments...).Output()
	found := result{text: out}
	if json.Unmarshal(out, &found) != nil {
		t.Fatalf("%v: %v\n%s", arguments, err, out)
	}
	saw(found.ids()...)
	return found
}

func TestMain(m *testing.M) {
	path, err := binary.Find()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	egext = path
	own, other = newAuthority("egext test CA", nil), newAuthority("another CA", nil)
	code := m.Run()
	if code == 0 && complete() {
		wrong, err := unseen()
		for _, words := range wrong {
			fmt.Fprintln(os.Stderr, "FAIL:", words)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
		}
		if len(wrong) > 0 || err != nil {
			code = 1
		}
	}
	os.Exit(code)
}
