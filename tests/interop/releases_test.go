package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Which releases of Envoy Gateway the table below has lines for: `EGEXT_INTEROP_RELEASES=1.4.3,1.9.1`, or `all`.
const defaultReleases = newestRelease

// promised is how long after the extension server is back its header comes out of Envoy, and nothing else is done.
const promised = 5 * time.Second

// healing is one line of the table.
type healing struct {
	setUp
	// killed: the server is killed while all is well, and then the resources change. Otherwise it is down at the start.
	killed bool
}

func (h healing) String() string { return h.release + ", " + h.name() }

// name is what the lines of all releases have in common.
func (h healing) name() string {
	words := []string{"no custom resource", "fails closed", "down at the start"}
	if h.custom {
		words[0] = "custom resource"
	}
	if h.failOpen {
		words[1] = "fails open"
	}
	if h.killed {
		words[2] = "killed while resources change"
	}
	if h.gateways > 1 {
		words = append(words, fmt.Sprintf("%d Gateways", h.gateways))
	}
	return strings.Join(words, ", ")
}

// What `egext config gateway` prints is run as it is. While the extension server is away, Envoy Gateway fails; it comes
// back, without any other intervention.
func TestEveryReleaseHealsByItself(t *testing.T) {
	took := map[healing]time.Duration{}
	for _, release := range releases(t) {
		for _, line := range lines(release) {
			t.Run(line.String(), func(t *testing.T) { took[line] = heals(t, line.run) })
		}
	}
	compareWithPage(t, took)
}

func releases(t *testing.T) []string {
	t.Helper()
	asked := os.Getenv("EGEXT_INTEROP_RELEASES")
	if asked == "" {
		asked = defaultReleases
	}
	if asked != "all" {
		return strings.Split(asked, ",")
	}
	return allReleases(t)
}

func allReleases(t *testing.T) []string {
	t.Helper()
	directories, err := filepath.Glob("releases/*/go.mod")
	if err != nil || len(directories) == 0 {
		t.Fatalf("no releases: %v", err)
	}
	var all []string
	for _, path := range directories {
		all = append(all, filepath.Base(filepath.Dir(path)))
	}
	return all
}

func lines(release string) []healing {
	gateways := []int{1}
	if !before(release, "1.9") {
		gateways = []int{1, 2}
	}
	var lines []healing
	for _, count := range gateways {
		for _, custom := range []bool{false, true} {
			// Older releases load no custom resources from files.
			if custom && before(release, "1.7") {
				continue
			}
			for _, failOpen := range []bool{false, true} {
				for _, killed := range []bool{false, true} {
					lines = append(lines, healing{setUp{release, custom, failOpen, count}, killed})
				}
			}
		}
	}
	return lines
}

// before compares the minor numbers: the major one is 1 in all of them.
func before(release, other string) bool {
	var a, b int
	_, _ = fmt.Sscanf(release, "1.%d", &a)
	_, _ = fmt.Sscanf(other, "1.%d", &b)
	return a < b
}

func (h healing) run(t *testing.T) time.Duration {
	c := newStandalone(t, h.setUp)
	port := freePort(t)
	upstream := fmt.Sprintf("tcp://127.0.0.1:%d", port)
	path := "/"
	if h.killed {
		path = "/more"
		server := startGreeter(t, port)
		c.start("--upstream", upstream)
		c.waitForGreeting("/")
		server.Stop()
		c.addRoute("more", path)
	} else {
		c.start("--upstream", upstream)
	}
	c.waitUntilBroken(path)
	startGreeter(t, port)
	back := time.Now()
	c.waitForGreeting(path)
	return time.Since(back)
}

// waitUntilBroken waits until the outage has had its effect. Where Envoy Gateway fails closed the bridge holds its calls,
// and nothing is published; where it fails open there is an error in its log, and a configuration without the extension.
func (c *standalone) waitUntilBroken(path string) {
	c.t.Helper()
	if c.failOpen {
		c.gateway.waitFor(c.t, `Extension Manager Post\w+ failure.*egext bridge`)
		c.waitForNoGreeting(path)
		return
	}
	c.bridge.waitFor(c.t, `calls wait until the upstream is back`)
	// This one lets its Envoy wait at the start for endpoints that it does not send, for 15 s, whatever the server does.
	if !before(c.release, "1.5") && before(c.release, "1.6") {
		c.waitForEnvoy()
	}
	for _, port := range c.ports {
		if header, err := get(port, path); err == nil && header.Get("x-greeting") == "" {
			c.t.Error("a configuration without the extension was published")
		}
	}
}
