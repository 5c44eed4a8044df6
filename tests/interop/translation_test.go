package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// What `--include-all` is for: of listeners and routes Envoy Gateway sends nothing to `Translation` by itself.
func TestTranslationGetsTheKindsThatAreIncluded(t *testing.T) {
	for name, test := range map[string]struct {
		flags []string
		kinds []string
	}{
		"by default":    {nil, []string{"clusters"}},
		"named":         {[]string{"--hook", "Translation"}, []string{"clusters", "listeners", "routes"}},
		"clusters only": {[]string{"--hook", "Translation", "--include-all", "cluster"}, []string{"clusters"}},
		// Secrets there are none of in this chain.
		"ai-gateway":           {[]string{"--preset", "ai-gateway"}, []string{"clusters", "listeners", "routes"}},
		"listeners and routes": {[]string{"--hook", "Translation", "--include-all", "listener,route"}, []string{"listeners", "routes"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(t)
			address, translations := startCounter(t)
			c.startBridge("tcp://" + address)
			c.startGatewayWith(test.flags...)

			waitForKinds(t, translations, test.kinds)
			// What was sent back is in force: nothing was deleted by the answer.
			eventually(t, "a request through Envoy", func() error { _, err := c.request(); return err })
		})
	}
}

// With the releases that know `includeAll`. What the preset writes under `translation` is what brings listeners and routes.
func TestThePresetBringsListenersAndRoutesInEachRelease(t *testing.T) {
	for _, release := range releases(t) {
		if before(release, "1.5") {
			continue
		}
		for name, test := range map[string]struct {
			isCut bool
			kinds []string
		}{
			"as it is":                {false, []string{"clusters", "listeners", "routes"}},
			"without its translation": {true, []string{"clusters"}},
		} {
			t.Run(release+", "+name, func(t *testing.T) {
				c := newStandalone(t, setUp{release: release, gateways: 1})
				address, translations := startCounter(t)
				c.configure(append(c.homeFlags(), "--eg-version", release, "--preset", "ai-gateway")...)
				if test.isCut {
					c.cutTranslation()
				}
				c.installEnvoy(c.versions())
				c.makeCertificates()
				c.startBridge("tcp://" + address)
				c.startGateway()
				waitForKinds(t, translations, test.kinds)
			})
		}
	}
}

// cutTranslation leaves the hook `Translation` in the configuration, and takes out what it gets.
func (c *standalone) cutTranslation() {
	c.t.Helper()
	written, err := os.ReadFile(c.path("envoy-gateway.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	cut := regexp.MustCompile(`(?m)^      translation:\n(?:        .*\n)+`).ReplaceAll(written, nil)
	if bytes.Equal(cut, written) || !bytes.Contains(cut, []byte("- Translation")) {
		c.t.Fatalf("nothing to cut, or the hook is gone:\n%s", written)
	}
	c.replace("envoy-gateway.yaml", cut)
}

// waitForKinds waits for a translation with these and no others. The first one may come before all resources were read.
func waitForKinds(t *testing.T, translations <-chan map[string]int, kinds []string) {
	t.Helper()
	eventually(t, "Envoy Gateway calls Translation", func() error {
		var counts map[string]int
		select {
		case counts = <-translations:
		case <-time.After(limit):
			return errors.New("no call")
		}
		for _, kind := range []string{"clusters", "listeners", "routes"} {
			if want := slices.Contains(kinds, kind); want != (counts[kind] > 0) {
				return fmt.Errorf("%d %s, and wanted some: %t", counts[kind], kind, want)
			}
		}
		return nil
	})
}

// startCounter runs an extension server in plaintext that changes nothing. The channel has, for each call of
// PostTranslateModify, how many resources of each kind came with it.
func startCounter(t *testing.T) (string, <-chan map[string]int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	translations := make(chan map[string]int, 256)
	server := grpc.NewServer(grpc.ForceServerCodec(octets{}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var request []byte
			if err := stream.RecvMsg(&request); err != nil {
				return err
			}
			method, _ := grpc.MethodFromServerStream(stream)
			answer, counts, err := passThrough(method, request)
			if err != nil {
				return err
			}
			if counts != nil {
				translations <- counts
			}
			return stream.SendMsg(&answer)
		}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String(), translations
}

// passThrough makes an answer of a request, field by field. In PostTranslateModify field 1 is the context, and each
// list has a number less in the answer; all other hooks have their object in field 1 of both.
func passThrough(method string, request []byte) (answer []byte, counts map[string]int, err error) {
	lists := map[protowire.Number]string{2: "clusters", 3: "secrets", 4: "listeners", 5: "routes"}
	translate := method == "/envoygateway.extension.EnvoyGatewayExtension/PostTranslateModify"
	if translate {
		counts = map[string]int{}
	}
	for len(request) > 0 {
		number, kind, tag := protowire.ConsumeTag(request)
		if tag < 0 || kind != protowire.BytesType {
			return nil, nil, fmt.Errorf("%s: a field that is no message", method)
		}
		value, length := protowire.ConsumeBytes(request[tag:])
		if length < 0 {
			return nil, nil, protowire.ParseError(length)
		}
		request = request[tag+length:]
		switch {
		case translate && number > 1:
			counts[lists[number]]++
			answer = protowire.AppendBytes(protowire.AppendTag(answer, number-1, kind), value)
		case !translate && number == 1:
			answer = protowire.AppendBytes(protowire.AppendTag(answer, number, kind), value)
		}
	}
	return answer, counts, nil
}
