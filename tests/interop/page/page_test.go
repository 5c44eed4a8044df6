// Package page opens the bridge's page in Chromium. README.md says how.
package page

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// TestThePageShowsWhatHappens has the page open from the beginning to the end: it refreshes itself.
func TestThePageShowsWhatHappens(t *testing.T) {
	s := newStage(t)
	for range 12 {
		is(t, s.call("PostRouteModify"), codes.OK)
	}
	is(t, s.call("PostVirtualHostModify"), codes.OK)
	is(t, s.call("PostClusterModify"), codes.InvalidArgument)
	page := open(t, s.page)
	page.shows("Connected", "since", "calls\n14", s.upstream, s.path("eg.sock"), "PostRouteModify", "PostVirtualHostModify",
		"OK 12", "PostClusterModify", "INVALID_ARGUMENT 1", "Client", "to the upstream", "egext client", "days", s.path("certs/ca.crt"))
	page.isSound("connected")

	s.server.Stop()
	page.shows("Failing", s.upstream+": connection refused", "probe.connect.refused", "hint: start the server")
	if got := page.heading(); !strings.HasPrefix(got, "Failing") {
		t.Errorf("the heading is %q", got)
	}
	is(t, s.call("PostRouteModify"), codes.Unavailable)
	page.shows("UNAVAILABLE by the bridge 1", "Envoy Gateway has needed another translation since")
	s.egext("certs", "renew", "--dir", s.path("certs"), "--force")
	page.shows("Reloads and resyncs", "loaded")
	page.isSound("failing")

	s.serve(s.upstream)
	// What Envoy Gateway does when it sees the marker.
	eventually(t, "there is a marker", s.hasMarker)
	is(t, s.call("PostRouteModify"), codes.OK)
	page.shows("Connected", "done", s.path("resources"), "Why there was no connection")
	must(t, os.WriteFile(s.path("certs/client.key"), []byte("broken"), 0o600))
	page.shows("the certificates in use stay", "bridge.reload.failed")
	page.isSound("recovered")

	s.bridge.kill()
	page.shows("The bridge has not answered since")
}

// TestThePageShowsWhatWaitsAndWhatHasExpired has names that fit into no column.
func TestThePageShowsWhatWaitsAndWhatHasExpired(t *testing.T) {
	long := strings.Repeat("gateway-", 7) + "internal"
	s := prepare(t, "--lifetime", "20s", "--client-common-name", long)
	s.upstream = "127.0.0.1:1"
	s.start("--connect-wait", "forever")
	page := open(t, s.page)
	page.shows("less than a day", long)
	ended := make(chan codes.Code)
	go func() { ended <- s.call("PostTranslateModify") }()
	page.shows("1 call held since", "PostTranslateModify", "probe.connect.refused")
	page.shows("a certificate\nexpired", "egext certs renew --role client --dir", "Failing")
	page.isSound("expired")
	s.bridge.kill()
	is(t, <-ended, codes.Unavailable)
}

// TestThePageWorksWithoutScripts refreshes it by other means.
func TestThePageWorksWithoutScripts(t *testing.T) {
	s := newStage(t)
	is(t, s.call("PostRouteModify"), codes.OK)
	page := open(t, s.page, withoutScripts())
	page.shows("Connected", "PostRouteModify", "OK 1")
	page.isSound("scriptless")
	s.server.Stop()
	page.shows("Failing", "connection refused", "hint: start the server")
}

func (s *stage) hasMarker() error {
	found, err := filepath.Glob(s.path("resources/egext-resync-*.yaml"))
	if err == nil && len(found) == 0 {
		return os.ErrNotExist
	}
	return err
}

func is(t *testing.T, got, wanted codes.Code) {
	t.Helper()
	if got != wanted {
		t.Fatalf("the call ends with %s instead of %s", got, wanted)
	}
}

// findChromium is the path of the browser.
func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}
