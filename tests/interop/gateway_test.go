package interop

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"testing"
)

func TestARequestThroughEnvoyCarriesTheExtensionsHeader(t *testing.T) {
	c := newChain(t)
	server, upstream := c.startServer(0)
	// To see that this test can fail: without the bridge it must.
	if os.Getenv("EGEXT_INTEROP_WITHOUT_BRIDGE") != "1" {
		c.startBridge(upstream)
	}
	c.startGateway()

	c.waitForHeader()

	server.waitFor(t, `hook="PostRouteModify".*headers=1.*client="CN=egext client`)
	server.waitFor(t, `hook="PostTranslateModify".*client="CN=egext client`)
}

func TestAServerThatIsDownIsNamedInEnvoyGatewaysLog(t *testing.T) {
	c := newChain(t)
	port := freePort(t)
	c.startBridge(fmt.Sprintf("127.0.0.1:%d", port))
	gateway := c.startGateway()

	says := gateway.waitFor(t, fmt.Sprintf(`rpc error: code = Unavailable desc = .*?127\.0\.0\.1:%d.*?refused`, port))
	t.Log("Envoy Gateway logs: ", says[0])

	// The server comes up. Envoy Gateway asks again only when a watched file changes.
	c.startServer(port)
	resources, err := os.ReadFile(c.path("resources/resources.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.write("resources/resources.yaml", resources)
	c.waitForHeader()
}

// What the bridge is for: without it Envoy Gateway waits for ever, and says nothing but a line of its gRPC library.
func TestWithoutTheBridgeEnvoyGatewayWaitsInSilence(t *testing.T) {
	c := newChain(t)
	gateway := c.startGateway()

	// The second try, a second after the first: nothing ended in between.
	gateway.waitForNth(t, `createTransport failed to connect.*eg\.sock`, 2)

	if _, err := c.request(); err == nil {
		t.Error("Envoy serves the route although the extension was never asked")
	}
	ready, err := http.Get("http://127.0.0.1:8081/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Body.Close()
	if ready.StatusCode != http.StatusOK {
		t.Errorf("/readyz answers %s", ready.Status)
	}
	failure := regexp.MustCompile(`ERROR.*(skipped publishing|failed to translate)`)
	for _, line := range gateway.log() {
		if failure.MatchString(line) {
			t.Errorf("Envoy Gateway reports it after all: %s", line)
		}
	}
}
