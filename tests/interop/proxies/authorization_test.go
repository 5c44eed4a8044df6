package proxies

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

const (
	// sans is whether callers can be told apart by the names in their certificates.
	sans feature = "names of callers"
	// identity is whether the server learns who calls, in Envoy's format.
	identity feature = "identity of callers"
)

var authorizationScenarios = []scenario{
	{name: "only a caller with the permitted DNS name is served", needs: []feature{sans}, run: func(s *stage) {
		permits(s, "dns:gateway.example.test", leaf{dns: []string{"gateway.example.test"}},
			leaf{dns: []string{"other.example.test"}}, leaf{})
	}},
	{name: "only a caller with the permitted URI is served", needs: []feature{sans}, run: func(s *stage) {
		permits(s, "uri:spiffe://example.test/gateway", leaf{uri: "spiffe://example.test/gateway"},
			leaf{uri: "spiffe://example.test/gateway/other"}, leaf{dns: []string{"gateway.example.test"}})
	}},
	{name: "a permitted wildcard stands for one label", needs: []feature{sans}, run: func(s *stage) {
		permits(s, "dns:*.example.test", leaf{dns: []string{"gateway.example.test"}},
			leaf{dns: []string{"a.gateway.example.test"}}, leaf{dns: []string{"example.test"}})
	}},
	{name: "a caller whose certificate was revoked is rejected, another is served", run: revoked},
	{name: "the server learns the caller's identity from `x-forwarded-client-cert`", needs: []feature{identity}, run: tellsIdentity},
}

// permits is fine if the first certificate is served, and no other.
func permits(s *stage, name string, served leaf, rejected ...leaf) {
	server := s.serve(serving{})
	p := s.proxy(setup{role: terminate, upstream: server.address, permitted: name})
	for _, with := range rejected {
		_, err := exchange(p, presenting(s.material.clientTLS(), s.authority.issue(with)))
		s.want(err != nil && server.calls.Load() == 0, "%v was served", with)
	}
	_, err := exchange(p, presenting(s.material.clientTLS(), s.authority.issue(served)))
	s.must(err)
}

func revoked(s *stage) {
	gone := s.authority.issue(leaf{})
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{
			SerialNumber: gone.tls.Leaf.SerialNumber, RevocationTime: time.Now().Add(-time.Minute),
		}},
	}, s.authority.certificate, s.authority.key)
	s.must(err)
	s.must(os.WriteFile(s.path("list.pem"), encode("X509 CRL", list), 0o600))
	server := s.serve(serving{})
	p := s.proxy(setup{role: terminate, upstream: server.address, revocations: s.path("list.pem")})
	_, err = exchange(p, presenting(s.material.clientTLS(), gone))
	s.want(err != nil && server.calls.Load() == 0, "the caller was served")
	s.must(s.dial(p).echo([]byte("another caller")))
}

func tellsIdentity(s *stage) {
	server := s.serve(serving{handlers: map[string]handler{"Identity": func(stream grpc.ServerStream) error {
		incoming, _ := metadata.FromIncomingContext(stream.Context())
		answer := []byte(strings.Join(incoming["x-forwarded-client-cert"], "\n"))
		return stream.SendMsg(&answer)
	}}})
	s.material.client = s.authority.issue(leaf{dns: []string{"gateway.example.test"}, uri: "spiffe://example.test/gateway"})
	p := s.proxy(setup{role: terminate, upstream: server.address})
	answer, err := s.dial(p).call(s.ctx, "Identity", nil)
	s.must(err)
	digest := sha256.Sum256(s.material.client.tls.Leaf.Raw)
	wanted := "Hash=" + hex.EncodeToString(digest[:]) +
		`;Subject="CN=peer";URI=spiffe://example.test/gateway;DNS=gateway.example.test`
	s.want(string(answer) == wanted, "the server saw %q instead of %q", answer, wanted)
}
