package interop

import (
	"encoding/json"
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
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// Which releases of Envoy Gateway the table below has a line for: `EGEXT_INTEROP_RELEASES=1.4.3,1.9.1`, or `all`.
const defaultReleases = newestRelease

// promised is how long after the extension server is back its header comes out of Envoy, and nothing else is done.
const promised = 5 * time.Second

// healing is one line of the table.
type healing struct {
	release  string
	custom   bool
	failOpen bool
	// killed: the server is killed while all is well, and then the resources change. Otherwise it is down at the start.
	killed   bool
	gateways int
}

func (h healing) String() string {
	words := []string{h.release, "no custom resource", "fail closed", "down at start", "one Gateway"}
	if h.custom {
		words[1] = "custom resource"
	}
	if h.failOpen {
		words[2] = "fail open"
	}
	if h.killed {
		words[3] = "killed"
	}
	if h.gateways > 1 {
		words[4] = fmt.Sprintf("%d Gateways", h.gateways)
	}
	return strings.Join(words, ", ")
}

// What `egext config gateway` prints is run as it is. While the extension server is away, Envoy Gateway fails; it comes
// back, without any other intervention.
func TestEveryReleaseHealsByItself(t *testing.T) {
	for _, release := range releases(t) {
		for _, line := range lines(release) {
			t.Run(line.String(), func(t *testing.T) {
				took := line.run(t)
				t.Logf("| %s | %.1f s |", strings.ReplaceAll(line.String(), ", ", " | "), took.Seconds())
				if took <= promised {
					return
				}
				// Other work on the machine can slow one run down, but not two.
				if again := line.run(t); again > promised {
					t.Errorf("the header came %s after the server, and %s in a second run", took, again)
				}
			})
		}
	}
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
	var lines []healing
	for _, custom := range []bool{false, true} {
		// Older releases load no custom resources from files.
		if custom && before(release, "1.7") {
			continue
		}
		for _, failOpen := range []bool{false, true} {
			for _, killed := range []bool{false, true} {
				lines = append(lines, healing{release, custom, failOpen, killed, 1})
			}
		}
	}
	if !before(release, "1.9") {
		lines = append(lines, healing{release, false, false, false, 2}, healing{release, false, true, true, 2})
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
	c := newHealingChain(t, h)
	port := freePort(t)
	if h.killed {
		server := startGreeter(t, port)
		c.start(port)
		c.waitForGreeting("/")
		server.Stop()
		// One event and so one translation: of two, the second may meet the server that is back.
		c.write("resources/.more.yaml", []byte(c.route("more", "/more")))
		if err := os.Rename(c.path("resources/.more.yaml"), c.path("resources/more.yaml")); err != nil {
			t.Fatal(err)
		}
	} else {
		c.start(port)
	}
	c.waitUntilBroken()
	if !h.failOpen {
		if header, err := c.get(c.ports[0], "/"); err == nil && header.Get("x-greeting") == "" {
			t.Error("a configuration without the extension was published")
		}
	}
	startGreeter(t, port)
	back := time.Now()
	path := "/"
	if h.killed {
		path = "/more"
	}
	c.waitForGreeting(path)
	return time.Since(back)
}

// healingChain is one Envoy Gateway of some release, with a bridge and without TLS.
type healingChain struct {
	*chain
	healing
	program string
	backend string
	ports   []int
	bridge  *process
	gateway *process
}

func newHealingChain(t *testing.T, h healing) *healingChain {
	t.Helper()
	refuseSecondEnvoyGateway(t)
	program, err := release(h.release)
	if err != nil {
		t.Fatal(err)
	}
	c := &healingChain{chain: &chain{t: t, directory: shortDirectory(t)}, healing: h, program: program}
	c.backend = startBackend(t)
	for range h.gateways {
		c.ports = append(c.ports, freePort(t))
	}
	if err := os.Mkdir(c.path("resources"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.write("resources/all.yaml", []byte(c.resources()))
	return c
}

// start writes the configuration and runs what it says: the bridge, then Envoy Gateway.
func (c *healingChain) start(port int) {
	c.t.Helper()
	flags := []string{"config", "gateway", "--socket", c.path("eg.sock"), "--upstream", fmt.Sprintf("tcp://127.0.0.1:%d", port),
		"--eg-version", c.release, "--resources-dir", c.path("resources"), "--enable-backend-api",
		"--hook", "VirtualHost", "--hook", "HTTPListener", "--hook", "Translation"}
	if c.custom {
		flags = append(flags, "--hook", "Route", "--resource", "example.egext.dev/v1alpha1/ResponseHeader")
	}
	if c.failOpen {
		flags = append(flags, "--fail-open")
	}
	certgen := []string{"certgen", "--local"}
	home := "/tmp/envoy-gateway"
	envoy := filepath.Join(home, "versions")
	if !before(c.release, "1.6") {
		home = c.path("home")
		envoy = filepath.Join(home, "data", "envoy-versions")
		flags = append(flags, "--home", home)
		certgen = append(certgen, "--config-home", filepath.Join(home, "config"))
	}
	var report struct {
		Command string `json:"bridge_command"`
		YAML    string `json:"yaml"`
	}
	if err := json.Unmarshal(output(c.t, tools.egext, append(flags, "-o", "json")...), &report); err != nil {
		c.t.Fatal(err)
	}
	c.write("envoy-gateway.yaml", []byte(report.YAML))
	c.installEnvoy(home, envoy)
	output(c.t, c.program, certgen...)

	command, found := strings.CutPrefix(report.Command, "egext ")
	if !found {
		c.t.Fatalf("no command for the bridge: %s", report.Command)
	}
	c.bridge = start(c.t, "egext bridge", exec.Command("sh", "-c", "exec "+tools.egext+" "+command))
	c.bridge.waitFor(c.t, "bridge is up")
	c.gateway = start(c.t, "envoy-gateway "+c.release, exec.Command(c.program,
		"server", "--config-path", c.path("envoy-gateway.yaml")))
}

// installEnvoy puts Envoy where this release looks for it. The directory of the older ones cannot be chosen: it is
// removed afterwards, and if there is one that is not ours the test does not run.
func (c *healingChain) installEnvoy(home, versions string) {
	c.t.Helper()
	if before(c.release, "1.6") {
		if err := os.Mkdir(home, 0o755); err != nil {
			c.t.Fatalf("Envoy Gateway %s has its files in %s and nowhere else: %v", c.release, home, err)
		}
		c.t.Cleanup(func() { _ = os.RemoveAll(home) })
		if err := os.WriteFile(filepath.Join(home, "version"), []byte(envoyVersion), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	path := filepath.Join(versions, envoyVersion, "bin", "envoy")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Symlink(tools.envoy, path); err != nil {
		c.t.Fatal(err)
	}
}

// waitUntilBroken waits until the outage has had its effect. Where Envoy Gateway fails closed the bridge holds its calls;
// where it fails open there is an error in its log, and a configuration without the extension.
func (c *healingChain) waitUntilBroken() {
	c.t.Helper()
	if !c.failOpen {
		c.bridge.waitFor(c.t, `calls wait until the upstream is back`)
		return
	}
	c.gateway.waitFor(c.t, `Extension Manager Post\w+ failure.*egext bridge`)
	path := "/"
	if c.healing.killed {
		path = "/more"
	}
	for _, port := range c.ports {
		eventually(c.t, "a configuration without the extension", func() error {
			header, err := c.get(port, path)
			if err == nil && header.Get("x-greeting") != "" {
				err = errors.New("it has the extension")
			}
			return err
		})
	}
}

func (c *healingChain) waitForGreeting(path string) {
	c.t.Helper()
	for _, port := range c.ports {
		eventually(c.t, "the extension's header", func() error {
			header, err := c.get(port, path)
			if err == nil && header.Get("x-greeting") != greeting {
				err = fmt.Errorf("x-greeting is %q", header.Get("x-greeting"))
			}
			return err
		})
	}
}

func (c *healingChain) get(port int, path string) (http.Header, error) {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || string(body) != backendSays) {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return response.Header, err
}

func (c *healingChain) resources() string {
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

func (c *healingChain) route(name, path string) string {
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

// startGreeter runs an extension server in plaintext that adds a header to all answers of each virtual host.
func startGreeter(t *testing.T, port int) *grpc.Server {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(octets{}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var request []byte
			if err := stream.RecvMsg(&request); err != nil {
				return err
			}
			method, _ := grpc.MethodFromServerStream(stream)
			answer, _, err := passThrough(method, request)
			if err != nil {
				return err
			}
			if strings.HasSuffix(method, "/PostVirtualHostModify") {
				answer = greet(answer)
			}
			return stream.SendMsg(&answer)
		}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return server
}

// greet adds `response_headers_to_add` (10 of config.route.v3.VirtualHost, a HeaderValueOption) to the virtual host
// (field 1). Of a message that occurs twice, protobuf merges both.
func greet(answer []byte) []byte {
	header := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "x-greeting")
	header = protowire.AppendString(protowire.AppendTag(header, 2, protowire.BytesType), greeting)
	option := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), header)
	host := protowire.AppendBytes(protowire.AppendTag(nil, 10, protowire.BytesType), option)
	return protowire.AppendBytes(protowire.AppendTag(answer, 1, protowire.BytesType), host)
}

const greeting = "hello from the extension"

// release is the program of a release, which takes minutes to compile the first time.
func release(version string) (string, error) {
	if path := compiled[version]; path != "" {
		return path, nil
	}
	build := exec.Command("releases/build", version)
	build.Stderr = os.Stderr
	path, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("`releases/build %s`: %w", version, err)
	}
	compiled[version] = strings.TrimSpace(string(path))
	return compiled[version], nil
}

var compiled = map[string]string{}
