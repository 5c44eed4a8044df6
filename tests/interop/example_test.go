package interop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
)

// A newcomer's way: what `--with-example` writes is all that there is. The extension is called, and the first request
// is answered by Envoy.
func TestTheExampleIsAnsweredAsWritten(t *testing.T) {
	for _, release := range releases(t) {
		for _, test := range []struct {
			name  string
			flags []string
			hooks []string
		}{
			{"as it is", nil, []string{"VirtualHost", "Translate"}},
			{"with a resource of the extension", []string{"--resource", "example.egext.dev/v1alpha1/ResponseHeader"}, []string{"Route"}},
		} {
			// Older releases load no custom resources from files.
			if test.flags != nil && before(release, "1.7") {
				continue
			}
			t.Run(release+", "+test.name, func(t *testing.T) { runExample(t, release, test.flags, test.hooks) })
		}
	}
}

func runExample(t *testing.T, release string, flags, hooks []string) {
	c := newStandalone(t, setUp{release: release})
	if err := os.Remove(c.path("resources", "all.yaml")); err != nil {
		t.Fatal(err)
	}
	address, called := startRecorder(t)
	flags = append(flags, "--eg-version", release, "--with-example", c.path("resources"))
	c.configure(append(flags, c.homeFlags()...)...)
	port := c.adaptExample(c.versions())
	c.makeCertificates()
	c.startBridge("tcp://" + address)
	c.startGateway()

	eventually(t, "the example's answer", func() error {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "hello from Envoy\n" {
			return fmt.Errorf("%s: %q, %v", response.Status, body, err)
		}
		return nil
	})
	for _, hook := range hooks {
		eventually(t, "a call of Post"+hook+"Modify", func() error {
			if !called("Post" + hook + "Modify") {
				return errors.New("no call")
			}
			return nil
		})
	}
}

// adaptExample gives the example a port that is free here, and puts our Envoy where the version that it names belongs.
func (c *standalone) adaptExample(versions string) int {
	c.t.Helper()
	example, err := os.ReadFile(c.path("resources", "egext-example.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.installEnvoy(versions)
	if named := regexp.MustCompile(`envoyVersion: "([^"]+)"`).FindSubmatch(example); named != nil && string(named[1]) != envoyVersion {
		if err := os.Symlink(envoyVersion, filepath.Join(versions, string(named[1]))); err != nil {
			c.t.Fatal(err)
		}
	}
	port := freePort(c.t)
	adapted := strings.Replace(string(example), "port: 8888", fmt.Sprintf("port: %d", port), 1)
	if adapted == string(example) {
		c.t.Fatal("the example has another port than the one that is replaced here")
	}
	c.replace("resources/egext-example.yaml", []byte(adapted))
	return port
}

// startRecorder runs an extension server in plaintext that changes nothing, and says which methods were called.
func startRecorder(t *testing.T) (string, func(method string) bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var seen sync.Map
	server := grpc.NewServer(grpc.ForceServerCodec(octets{}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var request []byte
			if err := stream.RecvMsg(&request); err != nil {
				return err
			}
			method, _ := grpc.MethodFromServerStream(stream)
			seen.Store(method[strings.LastIndex(method, "/")+1:], true)
			answer, _, err := passThrough(method, request)
			if err != nil {
				return err
			}
			return stream.SendMsg(&answer)
		}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String(), func(method string) bool { _, called := seen.Load(method); return called }
}
