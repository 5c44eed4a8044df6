package interop

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// connectWait is the default of `egext bridge --connect-wait`.
const connectWait = 6 * time.Second

// A server that hangs costs Envoy Gateway one connect-wait in all, and not one for each try of each hook.
func TestAHangingServerIsNamedWithinTwoConnectWaits(t *testing.T) {
	for name, test := range map[string]struct {
		handshake bool
		failOpen  bool
		cause     string
	}{
		"accepts, and does not begin TLS; fails closed":               {false, false, "probe.tls.timeout"},
		"accepts, and does not begin TLS; fails open":                 {false, true, "probe.tls.timeout"},
		"ends the handshake, and does not begin HTTP/2; fails closed": {true, false, "probe.http2.timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 2*connectWait, func(t *testing.T) time.Duration {
				c := newChain(t)
				port := freePort(t)
				startHanging(t, port, c.certificates, test.handshake)
				c.startBridge(fmt.Sprintf("127.0.0.1:%d", port))
				flags := exampleHooks
				if test.failOpen {
					flags = append([]string{"--fail-open"}, flags...)
				}
				gateway := c.startGatewayWith(flags...)
				return c.waitForCause(gateway, port, 0, test.cause)
			})
		})
	}
}

// The same when all was well before: the wait begins with the loss of the connection.
func TestAServerThatBeginsToHangIsNamedWithinTwoConnectWaits(t *testing.T) {
	inTime(t, 2*connectWait, func(t *testing.T) time.Duration {
		c := newChain(t)
		port := freePort(t)
		server, upstream := c.startServer(port)
		c.startBridge(upstream)
		gateway := c.startGateway()
		c.waitForHeader()
		server.kill(t)
		startHanging(t, port, c.certificates, false)
		before, err := c.metric("egext_bridge_calls_total")
		if err != nil {
			t.Fatal(err)
		}
		c.changeRoute("/changed")
		return c.waitForCause(gateway, port, before, "probe.tls.timeout")
	})
}

// waitForCause waits for Envoy Gateway's first call after so many, and then for its first error. It returns the time between.
func (c *chain) waitForCause(gateway *process, port int, before float64, cause string) time.Duration {
	c.t.Helper()
	eventually(c.t, "Envoy Gateway calls", func() error {
		under, err := c.metric("egext_bridge_calls_in_flight")
		ended, problem := c.metric("egext_bridge_calls_total")
		if err = errors.Join(err, problem); err == nil && under+ended == before {
			err = errors.New("no call")
		}
		return err
	})
	called := time.Now()
	says := gateway.waitFor(c.t, fmt.Sprintf(`(?:%s).*egext bridge: (127\.0\.0\.1:%d: .*?) \(([\w.-]+)\)`, failedHook, port))
	took := time.Since(called)
	c.t.Logf("%.1f s after the first call: %s", took.Seconds(), says[1])
	if says[2] != cause {
		c.t.Errorf("the cause is %s, and not %s", says[2], cause)
	}
	return took
}

// startHanging accepts connections and never says anything on them, but for a TLS handshake if that is asked for.
func startHanging(t *testing.T, port int, certificates string, handshake bool) {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	config := loadMaterial(t, certificates).serverTLS()
	config.NextProtos = []string{"h2"}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				if handshake {
					// The first read makes it.
					connection = tls.Server(connection, config)
				}
				_, _ = io.Copy(io.Discard, connection)
			}()
		}
	}()
}

// The commands are those of `egext config gateway`. Calls are not held for what only a person can change: that is in Envoy
// Gateway's log, and once it is changed, resync makes Envoy Gateway ask again.
func TestAnExpiredServerCertificateIsNamedAndANewOneHeals(t *testing.T) {
	t.Run("fails closed", func(t *testing.T) { heals(t, func(t *testing.T) time.Duration { return replaceExpired(t, false) }) })
	t.Run("fails open", func(t *testing.T) { heals(t, func(t *testing.T) time.Duration { return replaceExpired(t, true) }) })
}

func replaceExpired(t *testing.T, failOpen bool) time.Duration {
	c := newChain(t)
	port := freePort(t)
	server := c.runServer(port, "--cert", expiredServer(t, c), "--key", c.certificates+"/server.key")
	server.waitFor(t, `listening on`)
	_, gateway := c.startAsPrinted(fmt.Sprintf("127.0.0.1:%d", port), failOpen)
	says := gateway.waitFor(t, fmt.Sprintf(`(?:%s).*egext bridge: (.*?expired.*?\(probe\.server-cert\.expired\))`, failedHook))
	t.Log("Envoy Gateway logs: ", says[1])
	if failOpen {
		eventually(t, "a configuration without the extension", func() error { _, err := c.request(); return err })
	} else if _, err := c.request(); err == nil {
		t.Error("a configuration without the extension was published")
	}
	ready, err := c.admin("/readyz")
	if err != nil || !strings.Contains(ready, "probe.server-cert.expired") {
		t.Errorf("/readyz does not say it: %v %s", err, ready)
	}
	server.kill(t)
	c.startServer(port)
	back := time.Now()
	c.waitForHeader()
	return time.Since(back)
}

// heals runs a story that returns how long the header took.
func heals(t *testing.T, story func(t *testing.T) time.Duration) time.Duration {
	t.Helper()
	return inTime(t, promised, story)
}

// inTime runs a story that returns how long something took. Other work on the machine can slow one run down, but not two.
func inTime(t *testing.T, most time.Duration, story func(t *testing.T) time.Duration) (took time.Duration) {
	t.Helper()
	var slow []string
	for _, name := range []string{"run", "again"} {
		if !t.Run(name, func(t *testing.T) { took = story(t) }) {
			return took
		}
		if took <= most {
			t.Logf("%.1f s", took.Seconds())
			return took
		}
		slow = append(slow, took.String())
	}
	t.Errorf("it took %s, and may take %s", strings.Join(slow, " and in a second run "), most)
	return took
}

// Ten times the server is killed, by turns before the resources change, between two hooks of a change and during one.
// Envoy's configuration has the extension all the time, each change gets there, and no hook call is lost.
func TestTenKillsWhileResourcesChange(t *testing.T) {
	c := newChain(t)
	server, port, gateway := c.startForKills(false)
	guard := startGuard(c)
	for round := range 10 {
		path := fmt.Sprintf("/round-%d", round)
		c.killWhileResourcesChange(server, path, round)
		if round%3 != 1 {
			c.waitForMetric(1, "egext_bridge_calls_held")
		}
		server = c.restartForKills(port, path, round)
	}
	guard.stop(t)
	c.wantNoLostCalls(gateway, 11)
}

// Where Envoy Gateway fails open it publishes each change without the extension. Each time the extension is back soon.
func TestKillsWhereEnvoyGatewayFailsOpen(t *testing.T) {
	c := newChain(t)
	server, port, gateway := c.startForKills(true)
	for round := range 4 {
		path := fmt.Sprintf("/round-%d", round)
		c.killWhileResourcesChange(server, path, round)
		eventually(t, "the change is published", func() error { _, err := get(c.listener, path); return err })
		server = c.restartForKills(port, path, round)
	}
	c.wantNoLostCalls(gateway, 5)
	c.waitForMetric(1, "egext_bridge_resyncs_total", `result="done"`)
}

func (c *chain) startForKills(failOpen bool) (server *process, port int, gateway *process) {
	c.t.Helper()
	port = freePort(c.t)
	server, upstream := c.startServer(port)
	_, gateway = c.startAsPrinted(upstream, failOpen)
	c.waitForHeader()
	// From now on each path has a route of its own.
	c.changeRoute("/first")
	eventually(c.t, "the first route is gone", func() error {
		if _, err := get(c.listener, "/round-0"); err == nil {
			return errors.New("it answers for all paths")
		}
		return nil
	})
	return server, port, gateway
}

func (c *chain) restartForKills(port int, path string, round int) *process {
	c.t.Helper()
	server, _ := c.startServer(port)
	back := time.Now()
	c.waitForHeaderAt(path)
	took := time.Since(back)
	c.t.Logf("round %d: %.1f s", round, took.Seconds())
	if took > promised {
		c.t.Errorf("round %d: the header came %s after the server", round, took)
	}
	return server
}

// killWhileResourcesChange returns when Envoy Gateway has called, and the server is gone.
func (c *chain) killWhileResourcesChange(server *process, path string, round int) {
	c.t.Helper()
	switch round % 3 {
	case 0:
		server.kill(c.t)
		c.changeRoute(path)
	case 1:
		c.changeRoute(path)
		server.waitFor(c.t, `hook="PostRouteModify"`)
		server.kill(c.t)
	case 2:
		server.freeze(c.t)
		c.changeRoute(path)
		c.waitForMetric(1, "egext_bridge_calls_in_flight")
		server.kill(c.t)
	}
}

// changeRoute rewrites the example's file so that its route has another path as well.
func (c *chain) changeRoute(path string) {
	c.t.Helper()
	if c.original == "" {
		content, err := os.ReadFile(c.path("resources/resources.yaml"))
		if err != nil {
			c.t.Fatal(err)
		}
		c.original = string(content)
	}
	const rules = "  rules:\n    - backendRefs:\n"
	if strings.Count(c.original, rules) != 1 {
		c.t.Fatalf("the example's resources have no route as it is expected here: %s", rules)
	}
	matches := fmt.Sprintf("  rules:\n    - matches:\n        - path: {type: Exact, value: /}\n"+
		"        - path: {type: Exact, value: %s}\n      backendRefs:\n", path)
	c.replace("resources/resources.yaml", []byte(strings.Replace(c.original, rules, matches, 1)))
}

// wantNoLostCalls fails if a call has not ended, if not every translation came to its end, or if Envoy Gateway got an
// error that its log does not explain.
func (c *chain) wantNoLostCalls(gateway *process, translations float64) {
	c.t.Helper()
	c.waitForMetric(translations, "egext_bridge_calls_total",
		`PostTranslateModify"`, `code="OK"`)
	eventually(c.t, "all calls end", func() error {
		left, err := c.metric("egext_bridge_calls_in_flight")
		if err == nil && left > 0 {
			err = fmt.Errorf("%v calls are in flight", left)
		}
		return err
	})
	all, _ := c.metric("egext_bridge_calls_total")
	good, _ := c.metric("egext_bridge_calls_total", `code="OK"`)
	failures := gateway.matching(failedHook)
	c.t.Logf("%v of %v calls ended with another code than OK; Envoy Gateway logs %d errors", all-good, all, len(failures))
	for _, line := range failures {
		if !strings.Contains(line, "egext bridge: ") {
			c.t.Errorf("Envoy Gateway logs an error without a cause: %s", line)
		}
	}
}

// failedHook is a line of any release of Envoy Gateway about a hook that failed.
var failedHook = regexp.MustCompile(`failed to translate xds ir|Extension Manager Post\w+ failure`)

// expiredServer makes a certificate of the set's CA for the set's server key that expired an hour ago.
func expiredServer(t *testing.T, c *chain) string {
	t.Helper()
	m := loadMaterial(t, c.certificates)
	authority, err := tls.LoadX509KeyPair(filepath.Join(c.certificates, "ca.crt"), filepath.Join(c.certificates, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	leaf := *m.server.Leaf
	leaf.NotBefore, leaf.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &leaf, authority.Leaf, leaf.PublicKey, authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c.write("expired.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return c.path("expired.crt")
}
