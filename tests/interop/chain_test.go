package interop

import (
	"encoding/json"
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
	// home is Envoy Gateway's.
	home string
	// certificates is a directory of `egext certs init`.
	certificates string
	// listener is Envoy's port.
	listener int
	// original is the example's file of resources, once a test has changed it.
	original string
}

func newChain(t *testing.T) *chain {
	refuseSecondEnvoyGateway(t)
	directory := shortDirectory(t)
	return &chain{
		t: t, directory: directory, home: filepath.Join(directory, "home"), certificates: newMaterial(t).directory,
		listener: freePort(t),
	}
}

func (c *chain) path(name ...string) string {
	return filepath.Join(append([]string{c.directory}, name...)...)
}

// startServer runs the example on a port (0: any) and returns it with its address.
func (c *chain) startServer(port int) (*process, string) {
	c.t.Helper()
	server := c.runServer(port)
	return server, server.waitFor(c.t, `listening on tls://(\S+)`)[1]
}

// runServer runs the example, with other files than those of the set if the flags say so.
func (c *chain) runServer(port int, flags ...string) *process {
	c.t.Helper()
	arguments := append([]string{"--listen", fmt.Sprintf("tls://127.0.0.1:%d", port), "--dir", c.certificates}, flags...)
	return start(c.t, "extension-server", exec.Command(tools.extensionServer, arguments...))
}

func (c *chain) startBridge(upstream string) *process {
	c.t.Helper()
	arguments := []string{"bridge", "--listen", "unix:" + c.path("eg.sock"), "--upstream", upstream,
		"--admin", "unix:" + c.path("admin.sock")}
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

// exampleHooks are the flags of `egext config gateway` for the hooks that the example answers.
var exampleHooks = []string{"--hook", "Route", "--hook", "VirtualHost", "--hook", "HTTPListener", "--hook", "Translation"}

// startGateway runs Envoy Gateway with the configuration that egext writes, and a route to a real backend.
func (c *chain) startGateway() *process {
	c.t.Helper()
	return c.startGatewayWith(exampleHooks...)
}

// startGatewayWith does the same with other flags of `egext config gateway`.
func (c *chain) startGatewayWith(flags ...string) *process {
	c.t.Helper()
	c.prepareGateway(flags...)
	return c.runGateway()
}

// startAsPrinted runs the bridge, too, as `egext config gateway` prints it.
func (c *chain) startAsPrinted(upstream string, failOpen bool) (bridge, gateway *process) {
	c.t.Helper()
	flags := append([]string{"--upstream", upstream}, exampleHooks...)
	if failOpen {
		flags = append(flags, "--fail-open")
	}
	bridge = c.startPrintedBridge(c.prepareGateway(flags...))
	return bridge, c.runGateway()
}

// prepareGateway writes all files that Envoy Gateway needs, and returns the command of the bridge.
func (c *chain) prepareGateway(flags ...string) string {
	c.t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, backendSays)
	}))
	c.t.Cleanup(backend.Close)
	c.writeResources(backend.Listener.Addr().(*net.TCPAddr).Port)

	c.linkEnvoy(filepath.Join(c.home, "data", "envoy-versions"))
	flags = append([]string{"--dir", c.certificates, "--home", c.home,
		"--resource", "example.egext.dev/v1alpha1/ResponseHeader"}, flags...)
	command := c.configure(flags...)
	output(c.t, tools.envoyGateway, "certgen", "--local", "--config-home", filepath.Join(c.home, "config"))
	return command
}

func (c *chain) runGateway() *process {
	return start(c.t, "envoy-gateway", exec.Command(tools.envoyGateway,
		"server", "--config-path", c.path("envoy-gateway.yaml")))
}

// linkEnvoy makes a directory in which Envoy Gateway finds Envoy.
func (c *chain) linkEnvoy(versions string) {
	c.t.Helper()
	path := filepath.Join(versions, envoyVersion, "bin", "envoy")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Symlink(tools.envoy, path); err != nil {
		c.t.Fatal(err)
	}
}

// configure writes the configuration of `egext config gateway` and returns the command of the bridge that it prints.
func (c *chain) configure(flags ...string) string {
	c.t.Helper()
	arguments := append([]string{"config", "gateway", "-o", "json", "--socket", c.path("eg.sock"),
		"--resources-dir", c.path("resources"), "--enable-backend-api"}, flags...)
	var report struct {
		Command string `json:"bridge_command"`
		YAML    string `json:"yaml"`
	}
	if err := json.Unmarshal(output(c.t, tools.egext, arguments...), &report); err != nil {
		c.t.Fatal(err)
	}
	c.write("envoy-gateway.yaml", []byte(report.YAML))
	return report.Command
}

// startPrintedBridge runs the command that `egext config gateway` prints, as a shell does. Its admin server is beside the socket.
func (c *chain) startPrintedBridge(command string) *process {
	c.t.Helper()
	flags, found := strings.CutPrefix(command, "egext ")
	if !found {
		c.t.Fatalf("no command for the bridge: %s", command)
	}
	bridge := start(c.t, "egext bridge", exec.Command("sh", "-c",
		fmt.Sprintf("exec %s %s", tools.egext, flags)))
	bridge.waitFor(c.t, "bridge is up")
	return bridge
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

// replace writes a file in one step: hidden, which Envoy Gateway ignores, and then renamed.
func (c *chain) replace(name string, content []byte) {
	c.t.Helper()
	hidden := filepath.Join(filepath.Dir(name), "."+filepath.Base(name))
	c.write(hidden, content)
	if err := os.Rename(c.path(hidden), c.path(name)); err != nil {
		c.t.Fatal(err)
	}
}

// request asks Envoy. Every error is one that may be gone in a moment.
func (c *chain) request() (http.Header, error) { return get(c.listener, "/") }

// get asks an Envoy on this machine for the backend's answer.
func get(port int, path string) (http.Header, error) {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
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
	c.waitForHeaderAt("/")
}

func (c *chain) waitForHeaderAt(path string) {
	c.t.Helper()
	eventually(c.t, "a request through Envoy carries the extension's header", func() error {
		header, err := get(c.listener, path)
		if err != nil {
			return err
		}
		if value := header.Get("x-greeting"); value != greeting {
			return fmt.Errorf("x-greeting is %q", value)
		}
		return nil
	})
}

const backendSays = "hello from the backend"
