package interop

import (
	"crypto/tls"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Certificates and CA are replaced, and neither Envoy Gateway nor the bridge nor the server is restarted. After each
// step the change of a resource goes through with the new certificates, and no hook call fails.
func TestEveryCertificateIsReplacedWhileEnvoyGatewayRuns(t *testing.T) {
	c := newStandalone(t, setUp{release: newestRelease, gateways: 1})
	c.certificates = newMaterial(t).directory
	c.listener = c.ports[0]
	port := freePort(t)
	server := startGreeter(t, port, grpc.Creds(reloading(c.certificates)))
	c.start("--upstream", fmt.Sprintf("127.0.0.1:%d", port), "--dir", c.certificates)
	c.waitForGreeting("/")
	guard := startGuard(c.chain)
	for index, step := range [][]string{
		{"renew", "--force"}, {"rotate-ca", "prepare"}, {"rotate-ca", "activate"}, {"rotate-ca", "finish"}, {"renew", "--force"},
	} {
		output(t, tools.egext, append(append([]string{"certs"}, step...), "--dir", c.certificates)...)
		c.bridge.waitForNth(t, "connected with the new certificates", index+1)
		name := fmt.Sprintf("step-%d", index)
		c.addRoute(name, "/"+name)
		c.waitForGreeting("/" + name)
		if seen := server.caller.Load(); !seen.Equal(loadMaterial(t, c.certificates).client.Leaf) {
			t.Errorf("after %v the server sees %s of another generation", step, seen.Subject)
		}
	}
	guard.stop(t)
	c.wantNoLostCalls(c.gateway, 6)
	if failed, err := c.metric("egext_bridge_upstream_connect_failures_total"); err != nil || failed > 0 {
		t.Errorf("%v connections failed: %v", failed, err)
	}
	for _, line := range c.gateway.matching(failedHook) {
		t.Errorf("Envoy Gateway logs an error: %s", line)
	}
}

// reloading reads the directory at each handshake.
func reloading(directory string) credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m, err := readMaterial(directory)
			if err != nil {
				return nil, err
			}
			config := m.serverTLS()
			config.NextProtos = []string{"h2"}
			return config, nil
		},
	})
}
