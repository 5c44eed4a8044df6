package proxies

import (
	"encoding/asn1"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// TestProxiesNameCallersAlike compares egext's `x-forwarded-client-cert` with Envoy's, byte for byte, for the same
// certificates. A difference is a row here, and docs/bridge.md gives the reason.
func TestProxiesNameCallersAlike(t *testing.T) {
	for _, kind := range []*kind{egextKind, envoyKind} {
		if _, ok := installed(t, kind); !ok {
			t.Skip("it takes egext and Envoy")
		}
	}
	for _, own := range []presented{
		{name: "own certificate without a URI", leaf: leaf{server: true, change: withNames("dns:localhost")}},
		{name: "own certificate with a URI", leaf: leaf{server: true, change: withNames("dns:localhost", "uri:spiffe://a.test/server")}},
		{
			name: "own certificate with two URIs",
			leaf: leaf{server: true, change: withNames("uri:urn:example:b", "dns:localhost", "uri:spiffe://a.test/server")},
		},
		{
			name: "own certificate with a URI that could pass for two", ours: `By="urn:a;By=urn:b";`, theirs: "By=urn:a;By=urn:b;",
			leaf: leaf{server: true, change: withNames("dns:localhost", "uri:urn:a;By=urn:b")},
		},
	} {
		t.Run(own.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(egextKind, limit)
			result := s.perform(func(s *stage) { compareIdentities(t, s, own) })
			if result.word == fails {
				t.Errorf("%s\n%s", result.why, s.logs(30))
			}
		})
	}
}

// presented is a certificate, and what the proxies say about it.
type presented struct {
	name string
	leaf leaf
	// ours is a part of the header that egext writes where Envoy writes theirs. Most have none.
	ours, theirs string
	// refused is whether Envoy ends the handshake or the call, and egext does not.
	refused bool
}

// from is what Envoy should write, given what egext has written.
func (p presented) from(our string) string {
	if !strings.Contains(our, p.ours) {
		return p.ours + " is missing in " + our
	}
	return strings.Replace(our, p.ours, p.theirs, 1)
}

func compareIdentities(t *testing.T, s *stage, own presented) {
	server := s.serve(serving{handlers: map[string]handler{"Identity": tellIdentity}})
	s.material.server = s.authority.issue(own.leaf)
	ours := s.proxy(setup{role: terminate, upstream: server.address})
	theirs := s.proxy(setup{role: terminate, upstream: server.address, kind: envoyKind})
	for _, caller := range callers() {
		config := presenting(s.material.clientTLS(), s.authority.issue(caller.leaf))
		identity := func(p *proxy) (string, error) {
			answer, err := s.dial(p, grpc.WithTransportCredentials(credentials.NewTLS(config))).call(s.ctx, "Identity", nil)
			return string(answer), err
		}
		our, err := identity(ours)
		s.want(err == nil, "%s: egext: %v", caller.name, err)
		their, err := identity(theirs)
		if caller.refused {
			s.want(strings.Contains(our, caller.ours), "%s: egext: %s", caller.name, our)
			s.want(err != nil, "%s: Envoy: %s", caller.name, their)
			continue
		}
		s.want(err == nil, "%s: Envoy: %v", caller.name, err)
		if expected := own.from(caller.from(our)); their != expected {
			t.Errorf("%s:\negext: %s\nEnvoy: %s\n  not: %s", caller.name, our, their, expected)
		}
	}
}

// tellIdentity answers with the lines of the header that the server sees.
func tellIdentity(stream grpc.ServerStream) error {
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	answer := []byte(strings.Join(incoming["x-forwarded-client-cert"], "\n"))
	return stream.SendMsg(&answer)
}

func callers() []presented {
	all := []presented{
		{name: "no names", leaf: leaf{}},
		{name: "a DNS name", leaf: leaf{change: withNames("dns:gateway.example.test")}},
		{name: "DNS names, not sorted", leaf: leaf{change: withNames("dns:b.test", "dns:*.a.test", "dns:a.test", "dns:a.test")}},
		{name: "a URI", leaf: leaf{change: withNames("uri:spiffe://a.test/ns/gateway/sa/eg")}},
		{
			name: "URIs, not sorted",
			leaf: leaf{change: withNames("uri:spiffe://b.test/b", "uri:https://a.test:8443/a?b&c#d", "uri:urn:a:b%20c%2C+'d'(e)[f]{g}")},
		},
		{
			name: "names of all kinds, mixed",
			leaf: leaf{change: withNames("dns:b.test", "uri:urn:b", "ip:\xc0\x00\x02\x01", "email:someone@a.test", "dns:a.test", "uri:urn:a")},
		},
		{name: "names without text, and with spaces", leaf: leaf{change: withNames("dns:", "uri:", "dns: a b ", "uri: c d ")}},
		{name: "names in UTF-8", leaf: leaf{change: withNames("dns:söhne.test", "uri:urn:söhne")}},
	}
	for _, row := range []struct{ name, ours, theirs string }{
		{"uri:urn:a;URI=urn:b", `URI="urn:a;URI=urn:b"`, "URI=urn:a;URI=urn:b"},
		{"uri:urn:a,URI", `URI="urn:a,URI"`, "URI=urn:a,URI"},
		{"uri:https://a.test/?b=c", `URI="https://a.test/?b=c"`, "URI=https://a.test/?b=c"},
		{`uri:urn:"a\"`, `URI="urn:\"a\\\""`, `URI=urn:"a\"`},
		{"dns:a.test;DNS=b.test", `DNS="a.test;DNS=b.test"`, "DNS=a.test;DNS=b.test"},
		{"dns:a\xf6b", "URI=", "URI=;DNS=a\xf6b"},
		{"dns:a\tb", `DNS="a\\u{9}b"`, "DNS=a\tb"},
	} {
		all = append(all, presented{
			name: row.name, leaf: leaf{change: withNames(row.name)}, ours: ";" + row.ours, theirs: ";" + row.theirs,
		})
	}
	all = append(all, presented{
		name: "a DNS name of two lines", ours: `DNS="a\\u{a}b"`, refused: true,
		leaf: leaf{change: withNames("dns:a\nb")},
	})
	forOthers := subject{parts: each(attribute{"1.3.6.1.4.1.311.20.2.3", asn1.TagUTF8String, "a"})}
	all = append(all, presented{
		name: "an attribute that is not for names", ours: "1.3.6.1.4.1.311.20.2.3=#0C0161", theirs: "msUPN=a",
		leaf: leaf{change: forOthers.of},
	})
	for _, subject := range subjects {
		all = append(all, presented{name: "subject with " + subject.name, leaf: leaf{change: subject.of}, refused: subject.refused})
	}
	return all
}
