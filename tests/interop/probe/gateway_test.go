package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"egext.dev/binary"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/security/advancedtls"
)

// A chain is what Envoy Gateway's TLS and egext are both shown.
type chain struct {
	name string
	// These change good certificates.
	root, leaf func(*x509.Certificate)
	// anyway: our own verifier rejects it.
	onlyGo bool
}

var chains = []chain{
	{name: "good"},
	{name: "expired root", root: func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}},
	{name: "root for clients", root: func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}},
	{name: "CA as leaf", onlyGo: true, leaf: func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid = true, true
		c.KeyUsage |= x509.KeyUsageCertSign
	}},
	{name: "any purpose", onlyGo: true, leaf: func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}},
}

// A set is a directory of egext, with a client certificate of the same CA.
type set struct {
	directory string
	roots     *x509.CertPool
}

func (c chain) set(t *testing.T) set {
	t.Helper()
	directory := t.TempDir()
	ca := certificateOf("test CA")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caKey := newKey()
	// The issuer without its faults, so that only the root in the file has them.
	issuer := *ca
	if c.root != nil {
		c.root(ca)
	}
	root := sign(t, ca, ca, caKey, caKey)
	save(t, directory, "ca.crt", "CERTIFICATE", root)
	for _, role := range []string{"server", "client"} {
		made := certificateOf("egext " + role)
		made.KeyUsage, made.BasicConstraintsValid = x509.KeyUsageDigitalSignature, true
		made.DNSNames = []string{"localhost"}
		made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if role == "server" {
			made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			if c.leaf != nil {
				c.leaf(made)
			}
		}
		key := newKey()
		der := sign(t, made, &issuer, key, caKey)
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		save(t, directory, role+".crt", "CERTIFICATE", der)
		save(t, directory, role+".key", "PRIVATE KEY", secret)
	}
	roots := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(root)
	must(t, err)
	roots.AddCert(parsed)
	return set{directory, roots}
}

func certificateOf(name string) *x509.Certificate {
	number, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: number.Add(number, big.NewInt(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
	}
}

func sign(t *testing.T, made, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, made, issuer, &key.PublicKey, issuerKey)
	must(t, err)
	return der
}

func save(t *testing.T, directory, name, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(directory, name), block(kind, der), 0o600))
}

func (s set) pair(t *testing.T, role string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.directory, role+".crt"), filepath.Join(s.directory, role+".key"))
	must(t, err)
	return pair
}

// serve is grpc-go's health service over crypto/tls. The CA of the clients is that of `clients`.
func (s set) serve(t *testing.T, change func(*tls.Config)) string {
	t.Helper()
	config := &tls.Config{
		Certificates: []tls.Certificate{s.pair(t, "server")}, NextProtos: []string{"h2"},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clientCAs(t, s),
	}
	if change != nil {
		change(config)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return "localhost:" + port
}

// clientCAs trusts the client's certificate itself, because the root may be one that Go rejects.
func clientCAs(t *testing.T, s set) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(s.pair(t, "client").Certificate[0])
	must(t, err)
	pool.AddCert(leaf)
	return pool
}

// gateway connects as Envoy Gateway 1.9.1 does (internal/extension/grpc.go:58), and returns what its log would say.
func (s set) gateway(t *testing.T, address string) error {
	t.Helper()
	pair := s.pair(t, "client")
	options := &advancedtls.Options{
		RootOptions: advancedtls.RootCertificateOptions{
			GetRootCertificates: func(*advancedtls.ConnectionInfo) (*advancedtls.RootCertificates, error) {
				return &advancedtls.RootCertificates{TrustCerts: s.roots}, nil
			},
		},
		IdentityOptions: advancedtls.IdentityCertificateOptions{
			GetIdentityCertificatesForClient: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
		},
	}
	creds, err := advancedtls.NewClientCreds(options)
	must(t, err)
	kept := &keeping{TransportCredentials: creds, mutex: &sync.Mutex{}, failed: new(error)}
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(kept))
	must(t, err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(connection).Check(ctx, &healthpb.HealthCheckRequest{})
	kept.mutex.Lock()
	defer kept.mutex.Unlock()
	if *kept.failed != nil {
		return *kept.failed
	}
	return err
}

// keeping remembers how the handshake failed: gRPC puts it into a longer text.
type keeping struct {
	credentials.TransportCredentials
	mutex  *sync.Mutex
	failed *error
}

func (k *keeping) Clone() credentials.TransportCredentials {
	return &keeping{k.TransportCredentials.Clone(), k.mutex, k.failed}
}

func (k *keeping) ClientHandshake(ctx context.Context, name string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	connection, info, err := k.TransportCredentials.ClientHandshake(ctx, name, raw)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if err != nil && *k.failed == nil {
		*k.failed = err
	}
	return connection, info, err
}

// seen is what egext says.
type seen struct {
	code   int
	layers map[string]string
	found  map[string]string
}

func (s set) probe(t *testing.T, address string, flags ...string) seen {
	t.Helper()
	arguments := append([]string{"probe", address, "--dir", s.directory, "-o", "json", "--timeout", "1m"}, flags...)
	printed, err := binary.Command(egext, arguments...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var report struct {
		ExitCode int `json:"exit_code"`
		Findings []struct {
			ID       string            `json:"id"`
			Evidence map[string]string `json:"evidence"`
		}
		Targets []struct {
			Layers []struct{ Layer, State string }
		}
	}
	must(t, json.Unmarshal(printed, &report))
	if len(report.Targets) != 1 {
		t.Fatalf("%s", printed)
	}
	got := seen{report.ExitCode, map[string]string{}, map[string]string{}}
	for _, layer := range report.Targets[0].Layers {
		got.layers[layer.Layer] = layer.State
	}
	for _, finding := range report.Findings {
		got.found[finding.ID] = finding.Evidence["found"]
		saw(finding.ID)
	}
	return got
}

func (s seen) has(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, ok := s.found[id]; !ok {
			t.Errorf("no finding %s in %v", id, s.found)
		}
	}
	if len(s.found) != len(ids) {
		t.Errorf("found %v, expected %v", s.found, ids)
	}
}

// Every chain has the verdict of the TLS that Envoy Gateway uses, in its words.
func TestGatewayAndProbeAgreeOnChains(t *testing.T) {
	for _, chain := range chains {
		t.Run(chain.name, func(t *testing.T) {
			set := chain.set(t)
			address := set.serve(t, nil)
			refusal := set.gateway(t, address)
			got := set.probe(t, address)
			switch {
			case refusal != nil:
				got.has(t, "probe.gateway.chain-refused")
				words := got.found["probe.gateway.chain-refused"]
				// A current time is in it.
				stable, _, _ := strings.Cut(words, "current time")
				if !strings.Contains(refusal.Error(), stable) {
					t.Errorf("Go says %q, egext %q", refusal, words)
				}
			case chain.onlyGo:
				got.has(t, "probe.gateway.accepts-more")
			default:
				got.has(t)
			}
			if (got.layers["gateway"] == "passed") != (refusal == nil) {
				t.Errorf("Go says %v, the layer is %s", refusal, got.layers["gateway"])
			}
			if chain.onlyGo {
				if strict := set.probe(t, address, "--no-gateway"); strict.layers["tls"] != "failed" {
					t.Errorf("our own verdict: %v", strict)
				}
			}
		})
	}
}

// Go and OpenSSL take any name. A server that looks at it and ends the handshake is out of Envoy Gateway's reach.
func TestGatewayAndProbeAgreeOnNames(t *testing.T) {
	set := chain{}.set(t)
	refuse := func(config *tls.Config) {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if strings.Contains(hello.ServerName, ":") {
				return nil, errors.New("no such host")
			}
			return nil, nil
		}
	}
	t.Run("grpc-go", func(t *testing.T) {
		address := set.serve(t, nil)
		must(t, set.gateway(t, address))
		set.probe(t, address).has(t)
	})
	t.Run("grpc-go that looks at the name", func(t *testing.T) {
		address := set.serve(t, refuse)
		if set.gateway(t, address) == nil {
			t.Error("Envoy Gateway's TLS connects")
		}
		got := set.probe(t, address)
		got.has(t, "probe.gateway.sni-refused")
		if got.found["probe.gateway.sni-refused"] != "alert `internal_error`" {
			t.Error(got.found)
		}
	})
	t.Run("OpenSSL", func(t *testing.T) {
		address := set.behindOpenSSL(t)
		must(t, set.gateway(t, address))
		got := set.probe(t, address)
		got.has(t)
		if got.layers["gateway"] != "passed" || got.layers["policy"] != "passed" {
			t.Error(got.layers)
		}
	})
}

// behindOpenSSL is Python's TLS, which is OpenSSL's, in front of grpc-go without TLS.
func (s set) behindOpenSSL(t *testing.T, changes ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	arguments := append([]string{"python/terminator.py", s.directory, listener.Addr().String()}, changes...)
	command := exec.Command(python(t), arguments...)
	return "localhost:" + started(t, command, port)
}

// What differs between crypto/tls and rustls in the handshake and behind it.
func TestGatewayAndProbeAgreeOnHandshakes(t *testing.T) {
	set := chain{}.set(t)
	for changes, ids := range map[string][]string{
		"tickets=16":                   nil,
		"tickets=17":                   {"probe.gateway.too-many-tickets"},
		"tickets=200":                  {"probe.gateway.too-many-tickets"},
		"group=prime256v1":             nil,
		"group=secp521r1":              {"probe.gateway.accepts-more"},
		"suite=ECDHE-ECDSA-AES128-SHA": {"probe.tls.version"},
		"group=X448":                   {"probe.tls.version"},
	} {
		t.Run(changes, func(t *testing.T) {
			address := set.behindOpenSSL(t, strings.Fields(changes)...)
			refusal := set.gateway(t, address)
			got := set.probe(t, address)
			got.has(t, ids...)
			// docs/probe.md says that Envoy Gateway takes these suites, and we cannot.
			if healthy := got.code == 0; healthy != (refusal == nil) && !strings.Contains(changes, "suite=") {
				t.Errorf("Go says %v, egext %v", refusal, got)
			}
			if got.code == 0 && got.layers["policy"] != "passed" {
				t.Error(got.layers)
			}
		})
	}
}

// How crypto/tls names what it asks of clients, and what the layer `policy` finds.
func TestPolicyOfGoServers(t *testing.T) {
	set := chain{}.set(t)
	for auth, ids := range map[tls.ClientAuthType][]string{
		tls.NoClientCert:               {"probe.policy.client-cert-not-required"},
		tls.RequestClientCert:          {"probe.policy.client-cert-not-required", "probe.policy.foreign-ca-accepted"},
		tls.RequireAnyClientCert:       {"probe.policy.foreign-ca-accepted"},
		tls.VerifyClientCertIfGiven:    {"probe.policy.client-cert-not-required"},
		tls.RequireAndVerifyClientCert: nil,
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(auth.String()+", "+tls.VersionName(version), func(t *testing.T) {
				address := set.serve(t, func(config *tls.Config) {
					config.ClientAuth, config.MaxVersion = auth, version
				})
				set.probe(t, address).has(t, ids...)
			})
		}
	}
}
