package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestComparison asks grpcurl and grpc-health-probe about the same servers. With EGEXT_COMPARE=write the table in
// docs/probe.md is written from what they say.
func TestComparison(t *testing.T) {
	how := os.Getenv("EGEXT_COMPARE")
	if how == "" {
		t.Skip("EGEXT_COMPARE is not set")
	}
	must(t, os.WriteFile(filepath.Join(scratch(t), "health.proto"), []byte(healthProto), 0o644))
	tally := map[string]*count{}
	var guard sync.Mutex
	t.Run("servers", func(t *testing.T) {
		for _, row := range rows() {
			if len(row.ids) == 0 || words[row.ids[0]] == nil {
				continue
			}
			for _, implementation := range row.by {
				t.Run(row.fault+"/"+implementation.name, func(t *testing.T) {
					t.Parallel()
					asked := row.ask(t, implementation)
					guard.Lock()
					defer guard.Unlock()
					group := groupOf(row.ids[0])
					if tally[group] == nil {
						tally[group] = &count{}
					}
					tally[group].add(asked)
				})
			}
		}
	})
	table := render(tally)
	t.Log("\n" + table)
	for group, count := range tally {
		if count.egext != count.servers {
			t.Errorf("%s: egext named %d of %d", group, count.egext, count.servers)
		}
	}
	page := "../../../docs/probe.md"
	text, err := os.ReadFile(page)
	must(t, err)
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", page)
	}
	if how == "write" {
		must(t, os.WriteFile(page, []byte(head+begin+table+end+tail), 0o644))
	}
}

const (
	begin = "<!-- The table is written by tests/interop/probe: EGEXT_COMPARE=write -->\n"
	end   = "<!-- The table ends here. -->\n"
)

// named says which program named the cause of one fault.
type named struct{ egext, grpcurl, healthProbe bool }

type count struct{ servers, egext, grpcurl, healthProbe int }

func (c *count) add(by named) {
	c.servers++
	for _, one := range []struct {
		said  bool
		total *int
	}{{by.egext, &c.egext}, {by.grpcurl, &c.grpcurl}, {by.healthProbe, &c.healthProbe}} {
		if one.said {
			*one.total++
		}
	}
}

func (r row) ask(t *testing.T, implementation implementation) named {
	target, directory := r.start(t, implementation)
	isTLS := !r.asPlaintext && (!r.plaintext || r.asTLS)
	file := func(name string) string { return filepath.Join(directory, name) }
	curl := []string{"-max-time", "3", "-import-path", scratch(t), "-proto", "health.proto", "-d", fmt.Sprintf(`{"service":%q}`, r.service())}
	probe := []string{"-addr", target, "-connect-timeout", "3s", "-rpc-timeout", "3s", "-service", r.service()}
	if isTLS {
		curl = append(curl, "-cacert", file("ca.crt"))
		probe = append(probe, "-tls", "-tls-ca-cert", file("ca.crt"))
		if !r.withoutClient {
			curl = append(curl, "-cert", file("client.crt"), "-key", file("client.key"))
			probe = append(probe, "-tls-client-cert", file("client.crt"), "-tls-client-key", file("client.key"))
		}
	} else {
		curl = append(curl, "-plaintext")
	}
	curl = append(curl, target, "grpc.health.v1.Health/Check")
	cause := words[r.ids[0]]
	return named{
		egext:       slices.Equal(report(t, r.arguments(target, directory)).ids(), r.ids),
		grpcurl:     says(t, cause, "grpcurl", curl),
		healthProbe: says(t, cause, "grpc-health-probe", probe),
	}
}

func (r row) service() string {
	if at := slices.Index(r.flags, "--service"); at >= 0 {
		return r.flags[at+1]
	}
	return ""
}

// says is whether a program names the cause. What it says instead can be read in the log of the test.
func says(t *testing.T, cause *regexp.Regexp, program string, arguments []string) bool {
	t.Helper()
	words := said(t, program, arguments)
	named := cause.MatchString(words)
	if !named {
		t.Logf("%s: %s", program, words)
	}
	return named
}

// said is what a program prints in at most ten seconds.
func said(t *testing.T, program string, arguments []string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, filepath.Join(os.Getenv("EGEXT_PROBES"), program), arguments...).CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v (set EGEXT_PROBES to the directory with both programs)", err)
	}
	return string(out)
}

// words are what names a cause, as generously as can be: the words of Go's libraries, of alerts and of codes.
var words = map[string]*regexp.Regexp{}

func init() {
	for id, pattern := range map[string]string{
		"server-cert.expired": "expired", "server-cert.not-yet-valid": "not yet valid|is before", "server-cert.name-mismatch": "is valid for",
		"server-cert.no-san": "SANs|Common Name|not valid for any names", "server-cert.unknown-issuer": "unknown authority",
		"server-cert.wrong-purpose": "key usage", "client-cert.required": "certificate required|bad certificate|handshake failure",
		"client-cert.rejected": "remote error: tls: .*(certificate|authority)", "client-cert.expired": "remote error: tls: .*expired",
		"client-cert.not-yet-valid": "not yet valid", "client-cert.wrong-purpose": "remote error: tls: .*(unsupported|bad) certificate",
		"server-cert.refused": "critical extension", "tls.alert": "unrecognized name|internal error", "tls.closed": "EOF|reset|closed",
		"http2.closed": "EOF|reset|closed", "grpc.malformed": "content-length|PROTOCOL_ERROR",
		"http2.not-http2": "TLS|HTTP/1", "tls.not-tls": "does not look like a TLS", "alpn.missing": "ALPN", "alpn.refused": "ALPN|no application protocol",
		"tls.version": "protocol version|handshake failure|version", "http2.timeout": "server preface|SETTINGS",
		"health.not-serving": "NOT_SERVING|UNKNOWN", "health.unimplemented": "nimplemented|does not implement", "health.unknown-service": "NotFound|unknown service",
		"grpc.permission-denied": "PermissionDenied|not you|as the test wants", "grpc.unavailable": "not now|as the test wants",
		"grpc.unauthenticated": "Unauthenticated|token|as the test wants", "grpc.status": "as the test wants|malformed grpc-status",
		"grpc.timeout": "DeadlineExceeded|did not complete|deadline", "grpc.not-grpc": "content-type|HTTP status|HTTP_1_1", "grpc.closed": "EOF|trailers|reset|closed|RST_STREAM",
		"grpc.invalid-message": "unmarshal|decompress|unexpected EOF|zero|larger than max|no response|cardinality", "grpc.refused": "REFUSED_STREAM|ENHANCE_YOUR_CALM",
		"grpc.no-streams": "oncurrent",
	} {
		words["probe."+id] = regexp.MustCompile(pattern)
	}
}

var groups = []struct{ prefix, words string }{
	{"probe.server-cert.", "the server's certificate"},
	{"probe.client-cert.", "our certificate, or none"},
	{"probe.tls.", "TLS and ALPN"},
	{"probe.http2.", "no HTTP/2"},
	{"probe.grpc.", "the answer to the call"},
	{"probe.health.", "health"},
}

func groupOf(id string) string {
	id = strings.Replace(id, "probe.alpn.", "probe.tls.", 1)
	for _, group := range groups {
		if strings.HasPrefix(id, group.prefix) {
			return group.words
		}
	}
	return id
}

func render(tally map[string]*count) string {
	var table strings.Builder
	table.WriteString("| what is wrong | servers | `egext probe` | grpcurl 1.9.3 | grpc-health-probe 0.4.57 |\n|---|---|---|---|---|\n")
	all := count{}
	line := func(words string, c count) {
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d |\n", words, c.servers, c.egext, c.grpcurl, c.healthProbe)
	}
	for _, group := range groups {
		if c := tally[group.words]; c != nil {
			line(group.words, *c)
			all = count{all.servers + c.servers, all.egext + c.egext, all.grpcurl + c.grpcurl, all.healthProbe + c.healthProbe}
		}
	}
	line("all", all)
	return table.String()
}

var scratchOnce = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "egext-compare-") })

func scratch(t *testing.T) string {
	t.Helper()
	directory, err := scratchOnce()
	must(t, err)
	return directory
}

const healthProto = `syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
`
