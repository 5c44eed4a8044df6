// Package proxies drives egext's bridge, HAProxy, nginx and Envoy through the same scenarios. README.md says how.
package proxies

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// group is a heading of the table, with its scenarios.
type group struct {
	name      string
	scenarios []scenario
}

// scenario is one thing that a proxy for gRPC should do, written so that any proxy can be asked.
type scenario struct {
	// name is the promise, as the table prints it.
	name string
	// needs are features without which the scenario says nothing about a proxy.
	needs []feature
	run   func(s *stage)
}

var groups = []group{
	{"Data integrity", dataScenarios},
	{"Ends of calls and connections", closeScenarios},
	{"Trouble with the server", slices.Concat(upstreamScenarios, moreUpstream)},
	{"Limits", slices.Concat(limitScenarios, moreLimits)},
	{"Reload", slices.Concat(reloadScenarios, moreReload)},
	{"Shutdown", slices.Concat(shutdownScenarios, moreShutdown)},
	{"Authentication", slices.Concat(authenticationScenarios, moreAuthentication)},
	{"Authorization", authorizationScenarios},
	{"TLS versions and keys", tlsScenarios},
	{"Hostile callers", hostileScenarios},
	{"Sockets", socketScenarios},
	{"gRPC", grpcScenarios},
	{"State and metrics", adminScenarios},
}

// kinds are the proxies, in the order of the table's columns.
var kinds = []*kind{egextKind, haproxyKind, nginxKind, envoyKind}

func TestMain(m *testing.M) {
	flag.Parse()
	// The scenarios wait more than they work. Some scripts set the flag; then it stands.
	if !slices.ContainsFunc(os.Args, func(arg string) bool { return strings.Contains(arg, "test.parallel") }) {
		if err := flag.Set("test.parallel", "6"); err != nil {
			panic(err)
		}
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// TestProxies runs every scenario against every proxy that is installed. A failure of egext fails the test; those of
// the others are results for the table in docs/proxies.md.
func TestProxies(t *testing.T) {
	outcomes := newResults()
	t.Run("scenarios", func(t *testing.T) {
		for _, kind := range kinds {
			version, ok := installed(t, kind)
			if !ok {
				continue
			}
			outcomes.version(kind.name, version)
			for _, group := range groups {
				for _, scenario := range group.scenarios {
					t.Run(kind.name+"/"+scenario.name, func(t *testing.T) {
						t.Parallel()
						outcomes.add(kind.name, scenario.name, play(t, kind, scenario))
					})
				}
			}
		}
	})
	outcomes.compareWithPage(t)
}

// installed reports a proxy's version, and says so if it is missing or not asked for.
func installed(t *testing.T, kind *kind) (string, bool) {
	t.Helper()
	if only := os.Getenv("EGEXT_PROXIES"); only != "" && !slices.Contains(strings.Split(only, ","), kind.name) {
		return "", false
	}
	version, err := kind.version()
	if err == nil {
		return version, true
	}
	if os.Getenv("EGEXT_INTEROP") == "1" {
		t.Errorf("%s: %v", kind.name, err)
	} else {
		t.Logf("%s is skipped: %v", kind.name, err)
	}
	return "", false
}

// verdict is how a scenario ended for one proxy.
type verdict struct {
	// word is `passes`, `fails` or `n/a`.
	word string
	// why is empty if it passes.
	why string
}

const (
	passes        = "passes"
	fails         = "fails"
	notApplicable = "n/a"
)

// play runs one scenario. Only egext's failures are failures of the test.
func play(t *testing.T, kind *kind, scenario scenario) verdict {
	t.Helper()
	for _, feature := range scenario.needs {
		if reason, ok := kind.lacks[feature]; ok {
			t.Logf("n/a: %s", reason)
			return verdict{notApplicable, reason}
		}
	}
	s := newStage(kind, limit)
	result := s.perform(scenario.run)
	switch {
	case result.word != fails:
	case kind == egextKind:
		t.Errorf("%s\n%s", result.why, s.logs(30))
	default:
		t.Logf("fails: %s\n%s", result.why, s.logs(8))
	}
	return result
}

// results are the verdicts of a run.
type results struct {
	mu       sync.Mutex
	versions map[string]string
	verdicts map[string]map[string]verdict
}

func newResults() *results {
	return &results{versions: map[string]string{}, verdicts: map[string]map[string]verdict{}}
}

func (r *results) version(kind, version string) {
	r.versions[kind] = version
	r.verdicts[kind] = map[string]verdict{}
}

func (r *results) add(kind, scenario string, result verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts[kind][scenario] = result
}
