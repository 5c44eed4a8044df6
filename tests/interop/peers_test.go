package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/security/advancedtls"
)

// material is what a directory of `egext certs init` holds, as Go reads it.
type material struct {
	directory      string
	ca             *x509.CertPool
	server, client tls.Certificate
}

func newMaterial(t *testing.T, flags ...string) material {
	t.Helper()
	directory := shortDirectory(t)
	output(t, tools.egext, append([]string{"certs", "init", "--dir", directory}, flags...)...)
	return loadMaterial(t, directory)
}

func loadMaterial(t *testing.T, directory string) material {
	t.Helper()
	m, err := readMaterial(directory)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readMaterial reads the files of one generation, also when another one is published meanwhile.
func readMaterial(directory string) (material, error) {
	m := material{directory: directory, ca: x509.NewCertPool()}
	authority, err := filepath.EvalSymlinks(filepath.Join(directory, "ca.crt"))
	if err != nil {
		return m, err
	}
	pem, err := os.ReadFile(authority)
	if err != nil {
		return m, err
	}
	if !m.ca.AppendCertsFromPEM(pem) {
		return m, errors.New("Go finds no certificate in ca.crt")
	}
	for role, pair := range map[string]*tls.Certificate{"server": &m.server, "client": &m.client} {
		path := filepath.Join(filepath.Dir(authority), role)
		if *pair, err = tls.LoadX509KeyPair(path+".crt", path+".key"); err != nil {
			return m, fmt.Errorf("Go does not load the pair of the %s: %w", role, err)
		}
	}
	return m, nil
}

// forEachKeyType runs a test with certificates of every `--key-type`.
func forEachKeyType(t *testing.T, test func(t *testing.T, m material)) {
	for _, keyType := range []string{"p256", "p384", "rsa2048", "rsa3072", "ed25519"} {
		t.Run(keyType, func(t *testing.T) { test(t, newMaterial(t, "--key-type", keyType)) })
	}
}

func TestGoVerifiesTheCertificates(t *testing.T) {
	forEachKeyType(t, func(t *testing.T, m material) {
		for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
			verify(t, m.server, x509.VerifyOptions{
				Roots: m.ca, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			})
		}
		verify(t, m.client, x509.VerifyOptions{
			Roots: m.ca, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
	})
}

func verify(t *testing.T, pair tls.Certificate, options x509.VerifyOptions) {
	t.Helper()
	if _, err := pair.Leaf.Verify(options); err != nil {
		t.Errorf("%s for %q: %v", pair.Leaf.Subject, options.DNSName, err)
	}
	// A leaf is good for one role only.
	options.DNSName, options.KeyUsages = "", []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	if _, err := pair.Leaf.Verify(options); err == nil {
		t.Errorf("%s may sign code", pair.Leaf.Subject)
	}
}

// Both of grpc-go's TLS stacks, on both sides, with client certificates required.
func TestGRPCGoAcceptsTheCertificatesOnBothSides(t *testing.T) {
	forEachKeyType(t, func(t *testing.T, m material) {
		servers := map[string]credentials.TransportCredentials{
			"credentials/tls": credentials.NewTLS(m.serverTLS()), "advancedtls": m.advancedServer(t),
		}
		clients := map[string]credentials.TransportCredentials{
			"credentials/tls": credentials.NewTLS(m.clientTLS()), "advancedtls": m.advancedClient(t),
		}
		for server, serverCredentials := range servers {
			for client, clientCredentials := range clients {
				t.Run(client+" to "+server, func(t *testing.T) {
					address, calls := startEcho(t, serverCredentials)
					echo(t, dial(t, address, clientCredentials), []byte("hello"))
					m.wantClient(t, <-calls)
				})
			}
		}
	})
}

// Why a bridge stands before an extension server in Rust: Envoy Gateway's TLS names the server `host:port` in its
// hello, and rustls takes that for no name. When this test fails, one of the two has changed: see the documentation.
func TestEnvoyGatewaysOwnTLSIsRefusedByRustls(t *testing.T) {
	m := newMaterial(t)
	c := &chain{t: t, directory: m.directory, certificates: m.directory}
	server, address := c.startServer(0)
	connection := dial(t, address, m.advancedClient(t))
	connection.Connect()
	server.waitFor(t, `TLS handshake failed.*ServerNameMustContainOneHostName`)
}

func (m material) wantClient(t *testing.T, seen []*x509.Certificate) {
	t.Helper()
	if len(seen) == 0 || !seen[0].Equal(m.client.Leaf) {
		t.Errorf("the server saw the certificates %v", seen)
	}
}

func (m material) serverTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{m.server}, ClientCAs: m.ca, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func (m material) clientTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{m.client}, RootCAs: m.ca}
}

// advancedClient is what Envoy Gateway makes of its two Secrets.
func (m material) advancedClient(t *testing.T) credentials.TransportCredentials {
	t.Helper()
	made, err := advancedtls.NewClientCreds(&advancedtls.Options{
		RootOptions: advancedtls.RootCertificateOptions{
			GetRootCertificates: func(*advancedtls.ConnectionInfo) (*advancedtls.RootCertificates, error) {
				return &advancedtls.RootCertificates{TrustCerts: m.ca}, nil
			},
		},
		IdentityOptions: advancedtls.IdentityCertificateOptions{
			GetIdentityCertificatesForClient: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &m.client, nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (m material) advancedServer(t *testing.T) credentials.TransportCredentials {
	t.Helper()
	made, err := advancedtls.NewServerCreds(&advancedtls.Options{
		RequireClientCert: true,
		VerificationType:  advancedtls.CertVerification,
		RootOptions:       advancedtls.RootCertificateOptions{RootCertificates: m.ca},
		IdentityOptions:   advancedtls.IdentityCertificateOptions{Certificates: []tls.Certificate{m.server}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// dial connects as Envoy Gateway does: lazily, waiting for a server that is not there, repeating what is unavailable.
func dial(t *testing.T, address string, transport credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	if transport == nil {
		transport = insecure.NewCredentials()
	}
	connection, err := grpc.Dial(address, //nolint:staticcheck // what Envoy Gateway calls
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(`{"methodConfig": [{
			"name": [{"service": "envoygateway.extension.EnvoyGatewayExtension"}],
			"waitForReady": true,
			"retryPolicy": {
				"MaxAttempts": 4, "InitialBackoff": "0.1s", "MaxBackoff": "1s", "BackoffMultiplier": 2,
				"RetryableStatusCodes": ["UNAVAILABLE"]
			}
		}]}`),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageLimit), grpc.MaxCallSendMsgSize(messageLimit)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// startEcho runs a grpc-go server that answers every call with what it got. The channel has, for each call, the
// certificates of its caller.
func startEcho(t *testing.T, transport credentials.TransportCredentials) (string, <-chan []*x509.Certificate) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan []*x509.Certificate, 16)
	server := grpc.NewServer(
		grpc.Creds(transport), grpc.ForceServerCodec(octets{}),
		grpc.MaxRecvMsgSize(messageLimit), grpc.MaxSendMsgSize(messageLimit),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var message []byte
			if err := stream.RecvMsg(&message); err != nil {
				return err
			}
			calls <- callerOf(stream.Context())
			return stream.SendMsg(&message)
		}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String(), calls
}

// echo makes one hook call and compares what comes back.
func echo(t *testing.T, connection *grpc.ClientConn, message []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var answer []byte
	err := connection.Invoke(ctx, "/envoygateway.extension.EnvoyGatewayExtension/PostTranslateModify",
		&message, &answer, grpc.ForceCodec(octets{}))
	if err != nil {
		t.Fatal(err)
	}
	if string(answer) != string(message) {
		t.Errorf("%d octets came back changed, of %d", len(answer), len(message))
	}
}

const messageLimit = 32 << 20
