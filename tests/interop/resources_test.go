package interop

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What `config.secret-string-data` says: a Secret from a file has its values under `data`. The API server makes `data` of
// `stringData`, and here there is none.
func TestOfASecretFromAFileOnlyDataIsRead(t *testing.T) {
	for _, release := range releases(t) {
		for key, isRead := range map[string]bool{"data": true, "stringData": false} {
			t.Run(release+", "+key, func(t *testing.T) {
				c := newStandalone(t, setUp{release: release, gateways: 1})
				secure := freePort(t)
				c.withSecret(key, secure)
				c.startPlain()
				if found := c.check(); strings.Contains(found, "config.secret-string-data") == isRead {
					t.Errorf("egext says: %s", found)
				}

				eventually(t, "an answer without TLS", func() error { _, err := get(c.ports[0], "/"); return err })
				if isRead {
					eventually(t, "an answer with TLS", func() error { return getSecurely(secure) })
				} else if dump := c.listeners(); strings.Contains(dump, fmt.Sprintf(`"port_value": %d`, secure)) {
					t.Errorf("Envoy has the listener all the same:\n%s", dump)
				}
			})
		}
	}
}

// What `config.gateway-class-missing` says: with a GatewayClass of another controller nothing is served, no hook is called, and
// Envoy Gateway has no error. One without a controller keeps all files from being loaded.
func TestWithoutItsGatewayClassEnvoyGatewayCallsNoHook(t *testing.T) {
	const own = "controllerName: gateway.envoyproxy.io/gatewayclass-controller"
	for _, release := range releases(t) {
		for name, test := range map[string]struct{ written, finding, says string }{
			"another controller": {"controllerName: example.io/other", "config.gateway-class-missing", `no accepted gatewayclass`},
			"no controller":      {"description: mine", "config.load-broken", `controllerName: Required value`},
		} {
			t.Run(release+", "+name, func(t *testing.T) {
				c := newStandalone(t, setUp{release: release, gateways: 1})
				whole := c.resources()
				c.write("resources/all.yaml", []byte(strings.Replace(whole, own, test.written, 1)))
				translations := c.startPlain()
				if found := c.check(); !strings.Contains(found, test.finding) {
					t.Errorf("egext says: %s", found)
				}
				c.gateway.waitFor(t, test.says)
				c.gateway.waitFor(t, "Watching path added")
				select {
				case <-translations:
					t.Error("a hook is called all the same")
				default:
				}

				c.replace("resources/all.yaml", []byte(whole))
				eventually(t, "an answer", func() error { _, err := get(c.ports[0], "/"); return err })
				<-translations
			})
		}
	}
}

// What `config.load-broken` says of a route in another version than that of Envoy Gateway's own types: it ends.
func TestARouteInAnotherVersionEndsEnvoyGateway(t *testing.T) {
	for _, release := range releases(t) {
		if before(release, "1.6") {
			continue
		}
		t.Run(release, func(t *testing.T) {
			c := newStandalone(t, setUp{release: release, gateways: 1})
			route := "---\napiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TLSRoute\nmetadata: {name: old}\n" +
				"spec: {hostnames: [a.b], rules: [{backendRefs: [{name: a, port: 9}]}]}\n"
			c.write("resources/all.yaml", []byte(c.resources()+route))
			c.startPlain()
			if found := c.check(); !strings.Contains(found, "ends because of this file: panic: ") {
				t.Errorf("egext says: %s", found)
			}
			c.gateway.waitFor(t, `panic: interface conversion: interface \{\} is v1alpha2\.TLSRouteSpec, not `)
		})
	}
}

// withSecret adds a listener with TLS to the Gateway, and the Secret with its certificate under this key.
func (c *standalone) withSecret(key string, port int) {
	c.t.Helper()
	material := newMaterial(c.t).directory
	var secret strings.Builder
	fmt.Fprintf(&secret, "---\napiVersion: v1\nkind: Secret\nmetadata: {name: tls, namespace: envoy-gateway-system}\ntype: kubernetes.io/tls\n%s:\n", key)
	for name, file := range map[string]string{"tls.crt": "server.crt", "tls.key": "server.key"} {
		pem, err := os.ReadFile(material + "/" + file)
		if err != nil {
			c.t.Fatal(err)
		}
		value := base64.StdEncoding.EncodeToString(pem)
		if key == "stringData" {
			value = fmt.Sprintf("%q", pem)
		}
		fmt.Fprintf(&secret, "  %s: %s\n", name, value)
	}
	plain := fmt.Sprintf("    - {name: http, protocol: HTTP, port: %d}\n", c.ports[0])
	resources := strings.Replace(c.resources(), plain, plain+fmt.Sprintf(
		"    - {name: https, protocol: HTTPS, port: %d, tls: {certificateRefs: [{name: tls}]}}\n", port), 1)
	c.write("resources/all.yaml", []byte(resources+secret.String()))
}

// startPlain runs everything with an extension server that changes nothing, and returns its calls of Translation.
func (c *standalone) startPlain() <-chan map[string]int {
	c.t.Helper()
	address, translations := startCounter(c.t)
	c.configure(append(c.homeFlags(), "--eg-version", c.release, "--hook", "Translation")...)
	c.installEnvoy(c.versions())
	c.makeCertificates()
	c.startBridge("tcp://" + address)
	c.startGateway()
	return translations
}

// check is what `egext config check` finds in the files.
func (c *standalone) check() string {
	c.t.Helper()
	// Findings are no failure here.
	found, _ := exec.Command(tools.egext, "config", "check", "-o", "json", "--eg-version", c.release,
		c.path("envoy-gateway.yaml"), c.path("resources")).Output()
	return string(found)
}

// listeners are those that Envoy has.
func (c *standalone) listeners() string {
	c.t.Helper()
	response, err := http.Get("http://" + c.envoyAdmin() + "/config_dump?resource=dynamic_listeners")
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	dump, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(dump)
}

func getSecurely(port int) error {
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	response, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/", port))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != backendSays {
		return fmt.Errorf("%s: %q, %v", response.Status, body, err)
	}
	return nil
}
