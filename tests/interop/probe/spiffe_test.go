package probe

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A Workload API gives both programs certificates, and a server shows one, of the same trust domain or of another.

// svid is the certificate of a workload.
type svid struct {
	chain [][]byte
	key   []byte
	pair  tls.Certificate
}

// newSVID has these URIs, and is changed before it is signed.
func newSVID(ca *authority, change func(*x509.Certificate), ids ...string) svid {
	made := template("workload")
	made.KeyUsage, made.BasicConstraintsValid = x509.KeyUsageDigitalSignature, true
	made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, id := range ids {
		uri := ensured(url.Parse(id))
		// Parse writes it in lower case.
		uri.Scheme, _, _ = strings.Cut(id, ":")
		made.URIs = append(made.URIs, uri)
	}
	if change != nil {
		change(made)
	}
	return newSVIDOf(newKey(), ca, made)
}

func newSVIDOf(key crypto.Signer, ca *authority, made *x509.Certificate) svid {
	chain := [][]byte{ensured(x509.CreateCertificate(rand.Reader, made, ca.certificate, key.Public(), ca.key))}
	return svid{chain, ensured(x509.MarshalPKCS8PrivateKey(key)), tls.Certificate{Certificate: chain, PrivateKey: key}}
}

// withKey is the same workload with another key.
func (s svid) withKey(key crypto.Signer) svid {
	return newSVIDOf(key, ourDomain, ensured(x509.ParseCertificate(s.chain[0])))
}

func (s svid) followedBy(ca *authority) svid {
	s.chain = append(s.chain[:1:1], ca.certificate.Raw)
	s.pair.Certificate = s.chain
	return s
}

// message is what a Workload API says of it.
func (s svid) message(bundle ...*authority) *workload.X509SVID {
	return &workload.X509SVID{
		SpiffeId: probeID, X509Svid: bytes.Join(s.chain, nil), X509SvidKey: s.key, Bundle: bundleOf(bundle...),
	}
}

func bundleOf(authorities ...*authority) []byte {
	var bundle []byte
	for _, ca := range authorities {
		bundle = append(bundle, ca.certificate.Raw...)
	}
	return bundle
}

const (
	probeID  = "spiffe://example.org/probe"
	serverID = "spiffe://example.org/server"
)

// The CAs of example.org and other.example, and one of example.org that has expired.
var (
	ourDomain     = newAuthority("example.org", nil)
	foreignDomain = newAuthority("other.example", nil)
	subordinate   = newAuthority("example.org, subordinate", ourDomain)
	endedDomain   = ended(ourDomain)
)

// ended is the same CA with a certificate that has expired.
func ended(ca *authority) *authority {
	made := *ca.certificate
	made.NotBefore, made.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	der := ensured(x509.CreateCertificate(rand.Reader, &made, &made, &ca.key.PublicKey, ca.key))
	return &authority{ensured(x509.ParseCertificate(der)), ca.key}
}

// agent is a Workload API: what it says in a call, by the number of the call.
type agent func(call int64, stream workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error

type agentServer struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	calls atomic.Int64
	agent agent
}

func (s *agentServer) FetchX509SVID(_ *workload.X509SVIDRequest, stream workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error {
	received, _ := metadata.FromIncomingContext(stream.Context())
	if values := received.Get("workload.spiffe.io"); len(values) != 1 || values[0] != "true" {
		return status.Error(codes.InvalidArgument, "security header missing from request")
	}
	return s.agent(s.calls.Add(1), stream)
}

// answering sends these answers, and keeps the call open.
func answering(answers ...*workload.X509SVIDResponse) agent {
	return func(_ int64, stream workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error {
		for _, answer := range answers {
			if err := stream.Send(answer); err != nil {
				return err
			}
		}
		<-stream.Context().Done()
		return nil
	}
}

func answeringWith(svids ...*workload.X509SVID) agent {
	return answering(&workload.X509SVIDResponse{Svids: svids})
}

func answeringCode(code codes.Code) agent {
	return func(int64, workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error {
		return status.Error(code, "no identity issued")
	}
}

// start serves health with `server`, to clients of example.org, and the Workload API at {agent}.
func (a agent) start(server svid, network, socket string) func(t *testing.T) (string, string) {
	return func(t *testing.T) (string, string) {
		directory := t.TempDir()
		place := "127.0.0.1:0"
		if network == "unix" {
			place = filepath.Join(directory, "agent.sock")
		}
		api := grpc.NewServer()
		workload.RegisterSpiffeWorkloadAPIServer(api, &agentServer{agent: a})
		endpoint := network + "://" + serveOn(t, api, network, place).String()
		must(t, os.WriteFile(filepath.Join(directory, "agent"), []byte(endpoint), 0o600))

		clients := x509.NewCertPool()
		clients.AddCert(ourDomain.certificate)
		checked := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{server.pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		})))
		grpc_health_v1.RegisterHealthServer(checked, health.NewServer())
		if socket != "" {
			return "unix:" + serveOn(t, checked, "unix", filepath.Join(directory, socket)).String(), directory
		}
		address := serveOn(t, checked, "tcp", "127.0.0.1:0").String()
		return "localhost" + address[strings.LastIndex(address, ":"):], directory
	}
}

func serveOn(t *testing.T, server *grpc.Server, network, place string) net.Addr {
	listener, err := net.Listen(network, place)
	must(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr()
}

// agentOf is where the Workload API of a directory is.
func agentOf(directory string) string {
	endpoint, _ := os.ReadFile(filepath.Join(directory, "agent"))
	return string(endpoint)
}

func linesOfSpiffe() []line {
	var all []line
	const patient, environment = "-addr {addr} -spiffe -rpc-timeout 30s -connect-timeout 30s", "SPIFFE_ENDPOINT_SOCKET={agent}"
	probe, server := newSVID(ourDomain, nil, probeID), newSVID(ourDomain, nil, serverID)
	good := answeringWith(probe.message(ourDomain))
	add := func(name, differs, words string, agent agent, server svid) {
		all = append(all, line{words: words, environment: environment, server: row{fault: "SPIFFE, " + name},
			start: agent.start(server, "unix", ""), differs: differs})
	}

	for _, flags := range []string{"", " -v", " -service x", " -gzip", " -v -service x"} {
		add("good", "", patient+flags, good, server)
	}
	all = append(all,
		line{words: patient, environment: environment, server: row{fault: "SPIFFE, the API on a port"}, start: good.start(server, "tcp", "")},
		line{words: "-addr unix:{dir}/s -spiffe -rpc-timeout 30s -connect-timeout 30s", environment: environment,
			server: row{fault: "SPIFFE, the server on a socket"}, start: good.start(server, "unix", "s")},
		line{words: "-addr {addr} -spiffe -tls-server-name n", server: plaintext},
		line{words: "-addr {addr} -spiffe -v -tls-server-name n", server: plaintext})

	// Servers.
	purpose := func(usage x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{usage} }
	}
	add("server for clients", "", patient, good, newSVID(ourDomain, purpose(x509.ExtKeyUsageClientAuth), serverID))
	add("server for e-mail", "", patient, good, newSVID(ourDomain, purpose(x509.ExtKeyUsageEmailProtection), serverID))
	add("server with a subordinate CA", "", patient, good, newSVID(subordinate, nil, serverID).followedBy(subordinate))
	add("scheme in upper case", "", patient, good, newSVID(ourDomain, nil, "SPIFFE://example.org/server"))
	add("server with the id of a trust domain", "", patient, good, newSVID(ourDomain, nil, "spiffe://example.org"))
	add("server without digitalSignature", "", patient, good, newSVID(ourDomain, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, serverID))
	rejected := map[string]svid{
		"without its subordinate CA": newSVID(subordinate, nil, serverID),
		"of another CA":              newSVID(foreignDomain, nil, serverID),
		"of another trust domain":    newSVID(foreignDomain, nil, "spiffe://other.example/server"),
		"without a URI":              newSVID(ourDomain, func(c *x509.Certificate) { c.DNSNames = []string{"localhost"} }),
		"with two URIs":              newSVID(ourDomain, nil, serverID, "spiffe://example.org/other"),
		"with another URI":           newSVID(ourDomain, nil, "https://example.org/server"),
		"with an empty segment":      newSVID(ourDomain, nil, "spiffe://example.org//server"),
		"with an escape":             newSVID(ourDomain, nil, "spiffe://example.org/%73erver"),
		"with a query":               newSVID(ourDomain, nil, "spiffe://example.org/server?a"),
		"with an upper case domain":  newSVID(ourDomain, nil, "spiffe://Example.org/server"),
		"that has expired":           newSVID(ourDomain, leaf{expired: true}.change, serverID),
		"that is not valid yet":      newSVID(ourDomain, leaf{future: true}.change, serverID),
		"that is a CA":               newSVID(ourDomain, func(c *x509.Certificate) { c.IsCA = true }, serverID),
		"for certificates":           newSVID(ourDomain, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }, serverID),
		"for revocation lists":       newSVID(ourDomain, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }, serverID),
	}
	for name, server := range rejected {
		add("server "+name, atOnce, "-addr {addr} -spiffe -rpc-timeout 30s", good, server)
	}

	// Bundles.
	abroad := newSVID(foreignDomain, nil, "spiffe://other.example/server")
	federated := func(domain string, bundle []byte) agent {
		return answering(&workload.X509SVIDResponse{
			Svids: []*workload.X509SVID{probe.message(ourDomain)}, FederatedBundles: map[string][]byte{domain: bundle},
		})
	}
	add("federated", "", patient, federated("spiffe://other.example", bundleOf(foreignDomain)), abroad)
	add("federated by name", "", patient, federated("other.example", bundleOf(foreignDomain, ourDomain)), abroad)
	add("federated in place of our own", "", patient, federated("example.org", bundleOf(foreignDomain)), newSVID(foreignDomain, nil, serverID))
	for name, agent := range map[string]agent{
		"another domain":     federated("spiffe://third.example", bundleOf(foreignDomain)),
		"with our CA":        federated("spiffe://other.example", bundleOf(ourDomain)),
		"with an empty list": federated("spiffe://other.example", nil),
	} {
		add("federated "+name, atOnce, "-addr {addr} -spiffe -rpc-timeout 30s", agent, abroad)
	}
	add("root that expired", atOnce, "-addr {addr} -spiffe -rpc-timeout 30s", answeringWith(probe.message(endedDomain)), server)
	add("no root", atOnce, "-addr {addr} -spiffe -rpc-timeout 30s", answeringWith(probe.message()), server)
	add("ours is of another CA", atOnce, "-addr {addr} -spiffe -rpc-timeout 30s",
		answeringWith(newSVID(foreignDomain, nil, probeID).message(ourDomain)), server)

	// Answers.
	second := newSVID(ourDomain, nil, "spiffe://example.org/second")
	hinted := func(message *workload.X509SVID, key []byte) *workload.X509SVID {
		message.Hint, message.X509SvidKey = "internal", key
		return message
	}
	add("several", "", patient+" -v", answeringWith(second.message(ourDomain), probe.message(ourDomain)), server)
	add("same hint", "", patient+" -v", answeringWith(hinted(second.message(ourDomain), second.key), hinted(probe.message(ourDomain), nil)), server)
	add("one of several is broken", "", "-addr {addr} -spiffe -rpc-timeout 1s", answeringWith(second.message(ourDomain), hinted(probe.message(ourDomain), nil)), server)
	add("with a subordinate CA", "", patient, answeringWith(newSVID(subordinate, nil, probeID).followedBy(subordinate).message(ourDomain)), server)
	add("unusable at first", "", patient, answering(&workload.X509SVIDResponse{}, &workload.X509SVIDResponse{Svids: []*workload.X509SVID{probe.message(ourDomain)}}), server)
	add("denied at first", "", patient, func(call int64, stream workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error {
		// Three programs ask, one after the other.
		if call%2 == 1 {
			return status.Error(codes.PermissionDenied, "no identity issued")
		}
		return good(call, stream)
	}, server)
	changed := func(change func(*workload.X509SVID)) agent {
		message := probe.message(ourDomain)
		change(message)
		return answeringWith(message)
	}
	of := func(made svid) agent { return answeringWith(made.message(ourDomain)) }
	for name, agent := range map[string]agent{
		"denied":            answeringCode(codes.PermissionDenied),
		"unavailable":       answeringCode(codes.Unavailable),
		"unimplemented":     answeringCode(codes.Unimplemented),
		"invalid argument":  answeringCode(codes.InvalidArgument),
		"canceled":          answeringCode(codes.Canceled),
		"ended":             answeringCode(codes.OK),
		"silent":            answering(),
		"empty":             answeringWith(),
		"without a chain":   changed(func(m *workload.X509SVID) { m.X509Svid = nil }),
		"broken chain":      changed(func(m *workload.X509SVID) { m.X509Svid = []byte("garbage") }),
		"chain with a tail": changed(func(m *workload.X509SVID) { m.X509Svid = append(m.X509Svid, 0) }),
		"without a key":     changed(func(m *workload.X509SVID) { m.X509SvidKey = nil }),
		"broken key":        changed(func(m *workload.X509SVID) { m.X509SvidKey = []byte("garbage") }),
		"another key":       changed(func(m *workload.X509SVID) { m.X509SvidKey = second.key }),
		"broken root":       changed(func(m *workload.X509SVID) { m.Bundle = []byte("garbage") }),
		"no trust domain":   changed(func(m *workload.X509SVID) { m.SpiffeId = "" }),
		"no id":             changed(func(m *workload.X509SVID) { m.SpiffeId = "https://example.org" }),
		"too long":          changed(func(m *workload.X509SVID) { m.Hint = strings.Repeat("x", 4<<20) }),
		"without a URI":     of(newSVID(ourDomain, nil)),
		"two URIs":          of(newSVID(ourDomain, nil, probeID, serverID)),
		"a trust domain":    of(newSVID(ourDomain, nil, "spiffe://example.org")),
		"a CA":              of(newSVID(ourDomain, func(c *x509.Certificate) { c.IsCA = true }, probeID)),
		"for nothing":       of(newSVID(ourDomain, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, probeID)),
		"for revocation":    of(newSVID(ourDomain, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }, probeID)),
		"below no CA":       of(probe.followedBy(&authority{certificate: ensured(x509.ParseCertificate(second.chain[0]))})),
		"federated garbage": federated("other.example", []byte("garbage")),
		"federated nowhere": federated("Other", bundleOf(foreignDomain)),
	} {
		add(name, "", "-addr {addr} -spiffe -rpc-timeout 1s", agent, server)
	}

	// Kinds of keys.
	for name, key := range map[string]crypto.Signer{
		"P-224":    ensured(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)),
		"P-384":    ensured(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"P-521":    ensured(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
		"RSA 1024": ensured(rsa.GenerateKey(rand.Reader, 1024)),
		"RSA 2048": ensured(rsa.GenerateKey(rand.Reader, 2048)),
		"RSA 2056": ensured(rsa.GenerateKey(rand.Reader, 2056)),
		"Ed25519":  ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
	} {
		differs := ""
		if name == "P-224" || name == "RSA 1024" {
			differs = "`-spiffe` with a key of RSA with less than 2048 bits, or of P-224"
		}
		add("key "+name, differs, "-addr {addr} -spiffe -rpc-timeout 2s", answeringWith(probe.withKey(key).message(ourDomain)), server)
	}

	// Addresses of it.
	for _, endpoint := range []string{
		"", "{dir}/agent.sock", "unix:agent.sock", "unix://agent.sock", "unix://host/agent.sock", "unix:///a?b", "unix:///a#b",
		"http://127.0.0.1:1", "tcp:127.0.0.1:1", "tcp://localhost:1", "tcp://127.0.0.1", "tcp://127.0.0.1:1/", "tcp://127.0.0.1:1",
		"unix://{dir}/none", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:99999999999999999999",
	} {
		all = append(all, line{words: "-addr {addr} -spiffe -rpc-timeout 300ms", environment: "SPIFFE_ENDPOINT_SOCKET=" + endpoint, server: plaintext})
	}
	// An address to which nothing can be sent.
	all = append(all, line{words: "-addr {addr} -spiffe -rpc-timeout 1s", server: row{fault: "SPIFFE, through a proxy"},
		environment: "SPIFFE_ENDPOINT_SOCKET=tcp://255.255.255.255:1 HTTPS_PROXY={agent} NO_PROXY=", differs: "`HTTPS_PROXY`",
		start: func(t *testing.T) (string, string) {
			address, directory := good.start(server, "tcp", "")(t)
			proxy := "http://" + proxyTo(t, strings.TrimPrefix(agentOf(directory), "tcp://"))
			must(t, os.WriteFile(filepath.Join(directory, "agent"), []byte(proxy), 0o600))
			return address, directory
		}})
	add("address in upper case", "", patient, good, server)
	all[len(all)-1].environment = "SPIFFE_ENDPOINT_SOCKET=UNIX:{dir}/agent.sock"
	all = append(all, line{words: "-addr {addr} -spiffe -v", server: plaintext},
		line{words: "-addr localhost -spiffe", server: plaintext})
	return all
}
