package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The chain: a client's request -> Envoy <- Envoy Gateway -> unix socket -> bridge -> mutual TLS -> extension server.
type chain struct {
	t *testing.T
	// directory holds everything else: socket, configuration, Envoy Gateway's home.
	directory string
	// certificates is a directory of `egext certs init`.
	certificates string
	// listener is Envoy's port.
	listener int
}

func newChain(t *testing.T) *chain {
	refuseSecondEnvoyGateway(t)
	return &chain{
		t: t, directory: shortDirectory(t), certificates: newMaterial(t).directory, listener: freePort(t),
	}
}

func (c *chain) path(name ...string) string {
	return filepath.Join(append([]string{c.directory}, name...)...)
}

// startServer runs the example on a port (0: any) and returns it with its address.
func (c *chain) startServer(port int) (*process, string) {
	c.t.Helper()
	server := start(c.t, "extension-server", exec.Command(tools.extensionServer,
		"--listen", fmt.Sprintf("tls://127.0.0.1:%d", port), "--dir", c.certificates))
	return server, server.waitFor(c.t, `listening on tls://(\S+)`)[1]
}

func (c *chain) startBridge(upstream string) *process {
	c.t.Helper()
	arguments := []string{"bridge", "--listen", "unix:" + c.path("eg.sock"), "--upstream", upstream}
	// For a bridge without TLS there is nothing in the directory, and the flag is refused.
	if !strings.HasPrefix(upstream, "tcp://") {
		arguments = append(arguments, "--dir", c.certificates)
	}
	bridge := start(c.t, "egext bridge", exec.Command(tools.egext, arguments...))
	eventually(c.t, "the bridge listens", func() error {
		connection, err := net.Dial("unix", c.path("eg.sock"))
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	return bridge
}

// startGateway runs Envoy Gateway with the configuration that egext writes, and a route to a real backend.
func (c *chain) startGateway() *process {
	c.t.Helper()
	return c.startGatewayWith("--hook", "Route", "--hook", "VirtualHost", "--hook", "HTTPListener", "--hook", "Translation")
}

// startGatewayWith does the same with other flags of `egext config gateway`.
func (c *chain) startGatewayWith(flags ...string) *process {
	c.t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, backendSays)
	}))
	c.t.Cleanup(backend.Close)
	c.writeResources(backend.Listener.Addr().(*net.TCPAddr).Port)

	envoy := c.path("home", "data", "envoy-versions", envoyVersion, "bin", "envoy")
	if err := os.MkdirAll(filepath.Dir(envoy), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Symlink(tools.envoy, envoy); err != nil {
		c.t.Fatal(err)
	}
	configuration := output(c.t, tools.egext, append([]string{"config", "gateway",
		"--socket", c.path("eg.sock"), "--dir", c.certificates,
		"--resource", "example.egext.dev/v1alpha1/ResponseHeader",
		"--resources-dir", c.path("resources"), "--home", c.path("home"), "--enable-backend-api"}, flags...)...)
	c.write("envoy-gateway.yaml", configuration)
	output(c.t, tools.envoyGateway, "certgen", "--local", "--config-home", c.path("home", "config"))
	return start(c.t, "envoy-gateway", exec.Command(tools.envoyGateway,
		"server", "--config-path", c.path("envoy-gateway.yaml")))
}

// writeResources takes the example's own resources, with ports that are free here.
func (c *chain) writeResources(backend int) {
	c.t.Helper()
	resources, err := os.ReadFile("../../examples/extension-server/resources.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	ports := strings.NewReplacer(
		"port: 10080", "port: "+strconv.Itoa(c.listener),
		"port: 3000", "port: "+strconv.Itoa(backend))
	if err := os.Mkdir(c.path("resources"), 0o755); err != nil {
		c.t.Fatal(err)
	}
	c.write("resources/resources.yaml", []byte(ports.Replace(string(resources))))
}

func (c *chain) write(name string, content []byte) {
	c.t.Helper()
	if err := os.WriteFile(c.path(name), content, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// request asks Envoy. Every error is one that may be gone in a moment.
func (c *chain) request() (http.Header, error) {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", c.listener))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK || string(body) != backendSays {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	return response.Header, nil
}

// waitForHeader asks Envoy until an answer of the backend carries what the extension adds.
func (c *chain) waitForHeader() {
	c.t.Helper()
	eventually(c.t, "a request through Envoy carries the extension's header", func() error {
		header, err := c.request()
		if err != nil {
			return err
		}
		if value := header.Get("x-greeting"); value != "hello from the extension" {
			return fmt.Errorf("x-greeting is %q", value)
		}
		return nil
	})
}

const backendSays = "hello from the backend"
