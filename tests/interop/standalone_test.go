package interop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// standalone is a chain with an Envoy Gateway of any release, where bridge and configuration are what
// `egext config gateway` prints.
type standalone struct {
	*chain
	setUp
	program string
	backend string
	ports   []int
	bridge  *process
	gateway *process
}

// setUp is what a user chooses.
type setUp struct {
	release  string
	custom   bool
	failOpen bool
	gateways int
}

func newStandalone(t *testing.T, s setUp) *standalone {
	t.Helper()
	refuseSecondEnvoyGateway(t)
	program, err := release(s.release)
	if err != nil {
		t.Fatal(err)
	}
	directory := shortDirectory(t)
	c := &standalone{chain: &chain{t: t, directory: directory, home: filepath.Join(directory, "home")}, setUp: s, program: program}
	if before(s.release, "1.6") {
		c.home = "/tmp/envoy-gateway"
	}
	c.backend = startBackend(t)
	for range s.gateways {
		c.ports = append(c.ports, freePort(t))
	}
	if err := os.Mkdir(c.path("resources"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.write("resources/all.yaml", []byte(c.resources()))
	return c
}

// start writes the configuration and runs what it says: the bridge, then Envoy Gateway. The flags are those of
// `egext config gateway` that say where the server is.
func (c *standalone) start(server ...string) {
	c.t.Helper()
	flags := append(server, "--eg-version", c.release,
		"--hook", "VirtualHost", "--hook", "HTTPListener", "--hook", "Translation")
	if c.custom {
		flags = append(flags, "--hook", "Route", "--resource", "example.egext.dev/v1alpha1/ResponseHeader")
	}
	if c.failOpen {
		flags = append(flags, "--fail-open")
	}
	command := c.configure(append(flags, c.homeFlags()...)...)
	c.installEnvoy(c.versions())
	c.makeCertificates()
	c.bridge = c.startPrintedBridge(command)
	c.startGateway()
}

// homeFlags are those of `egext config gateway`. The directory of older releases cannot be chosen.
func (c *standalone) homeFlags() []string {
	if before(c.release, "1.6") {
		return nil
	}
	return []string{"--home", c.home}
}

// versions is where this release looks for Envoy.
func (c *standalone) versions() string {
	if before(c.release, "1.6") {
		return filepath.Join(c.home, "versions")
	}
	return filepath.Join(c.home, "data", "envoy-versions")
}

// makeCertificates is for Envoy Gateway and Envoy.
func (c *standalone) makeCertificates() {
	c.t.Helper()
	command := []string{"certgen", "--local"}
	if !before(c.release, "1.6") {
		command = append(command, "--config-home", filepath.Join(c.home, "config"))
	}
	output(c.t, c.program, command...)
}

func (c *standalone) startGateway() {
	c.t.Helper()
	c.gateway = start(c.t, "envoy-gateway "+c.release, exec.Command(c.program,
		"server", "--config-path", c.path("envoy-gateway.yaml")))
}

// installEnvoy puts Envoy where this release looks for it. The directory of the older ones cannot be chosen: it is
// removed afterwards, and if there is one that is not ours the test does not run.
func (c *standalone) installEnvoy(versions string) {
	c.t.Helper()
	if before(c.release, "1.6") {
		ours := filepath.Join(c.home, ".egext-interop")
		// Of a run that was killed.
		if _, err := os.Stat(ours); err == nil {
			_ = os.RemoveAll(c.home)
		}
		if err := os.Mkdir(c.home, 0o755); err != nil {
			c.t.Fatalf("Envoy Gateway %s has its files in %s and nowhere else: %v", c.release, c.home, err)
		}
		c.t.Cleanup(func() { _ = os.RemoveAll(c.home) })
		for path, content := range map[string]string{ours: "", filepath.Join(c.home, "version"): envoyVersion} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	c.linkEnvoy(versions)
}

func (c *standalone) waitForGreeting(path string) {
	c.t.Helper()
	for _, port := range c.ports {
		eventually(c.t, "the extension's header", func() error {
			header, err := get(port, path)
			if err == nil && header.Get("x-greeting") != greeting {
				err = fmt.Errorf("x-greeting is %q", header.Get("x-greeting"))
			}
			return err
		})
	}
}

// waitForNoGreeting waits for a configuration that was published without the extension.
func (c *standalone) waitForNoGreeting(path string) {
	c.t.Helper()
	for _, port := range c.ports {
		eventually(c.t, "a configuration without the extension", func() error {
			header, err := get(port, path)
			if err == nil && header.Get("x-greeting") != "" {
				err = errors.New("it has the extension")
			}
			return err
		})
	}
}

// waitForEnvoy waits until Envoy has done what it does before it takes a configuration.
func (c *standalone) waitForEnvoy() {
	c.t.Helper()
	ready := "http://" + c.envoyAdmin() + "/ready"
	eventually(c.t, "Envoy has begun", func() error {
		response, err := http.Get(ready)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		state, err := io.ReadAll(response.Body)
		if err == nil && strings.HasPrefix(string(state), "PRE_INITIALIZING") {
			err = errors.New("it is in the state PRE_INITIALIZING")
		}
		return err
	})
}

// addRoute adds a resource in one step, so that Envoy Gateway sees one event and translates once.
func (c *standalone) addRoute(name, path string) {
	c.t.Helper()
	c.replace("resources/"+name+".yaml", []byte(c.route(name, path)))
}

func (c *standalone) resources() string {
	var text strings.Builder
	text.WriteString("apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata:\n  name: standalone\nspec:\n" +
		"  controllerName: gateway.envoyproxy.io/gatewayclass-controller\n")
	// Older releases do not know that provider, and find the version in a file.
	if !before(c.release, "1.6") {
		fmt.Fprintf(&text, "  parametersRef:\n    {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: standalone, namespace: envoy-gateway-system}\n"+
			"---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata:\n  name: standalone\n  namespace: envoy-gateway-system\n"+
			"spec:\n  mergeGateways: %t\n  provider:\n    type: Host\n    host:\n      envoyVersion: %s\n",
			// Each Gateway would have an Envoy of its own otherwise, and a second one does not start on the same host.
			c.gateways > 1, envoyVersion)
	}
	for index, port := range c.ports {
		fmt.Fprintf(&text, "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: %s\n  namespace: envoy-gateway-system\n"+
			"spec:\n  gatewayClassName: standalone\n  listeners:\n    - {name: http, protocol: HTTP, port: %d}\n", gatewayName(index), port)
	}
	host, port, _ := net.SplitHostPort(c.backend)
	fmt.Fprintf(&text, "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata:\n  name: hello\n  namespace: envoy-gateway-system\n"+
		"spec:\n  endpoints:\n    - ip: {address: %s, port: %s}\n", host, port)
	if c.custom {
		text.WriteString("---\napiVersion: example.egext.dev/v1alpha1\nkind: ResponseHeader\nmetadata:\n  name: greeting\n" +
			"  namespace: envoy-gateway-system\nspec:\n  name: x-unused\n  value: unused\n")
	}
	text.WriteString("---\n" + c.route("hello", "/"))
	return text.String()
}

func gatewayName(index int) string { return fmt.Sprintf("local-%d", index) }

func (c *standalone) route(name, path string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: %s\n  namespace: envoy-gateway-system\n"+
		"spec:\n  parentRefs:\n", name)
	for index := range c.ports {
		fmt.Fprintf(&text, "    - name: %s\n", gatewayName(index))
	}
	fmt.Fprintf(&text, "  rules:\n    - matches:\n        - path: {type: Exact, value: %s}\n"+
		"      backendRefs:\n        - {group: gateway.envoyproxy.io, kind: Backend, name: hello}\n", path)
	if c.custom {
		text.WriteString("      filters:\n        - type: ExtensionRef\n" +
			"          extensionRef: {group: example.egext.dev, kind: ResponseHeader, name: greeting}\n")
	}
	return text.String()
}

// startBackend listens on an address of this machine that is not a loopback address: releases before 1.6 refuse those.
func startBackend(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		network, isIP := address.(*net.IPNet)
		if !isIP || network.IP.To4() == nil || network.IP.IsLoopback() {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(network.IP.String(), "0"))
		if err != nil {
			continue
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, backendSays)
		})}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return listener.Addr().String()
	}
	t.Fatal("this machine has no address but loopback ones, and Envoy Gateway before 1.6 refuses these as a backend")
	return ""
}
