package verifiers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// Go's own TLS; grpc-go's, which is on top of it, has its tests in ../peers_test.go.
func TestVerifierGo(t *testing.T) {
	verifier{
		judge: judgeEach(judgeGo),
		words: map[cause]string{
			otherCA:   "certificate signed by unknown authority",
			otherName: "certificate is (not )?valid for",
			otherRole: "certificate specifies an incompatible key usage",
		},
	}.ask(t)
}

func judgeGo(t *testing.T, q question) verdict {
	t.Helper()
	near, far := net.Pipe()
	for _, end := range []net.Conn{near, far} {
		defer end.Close()
		if err := end.SetDeadline(time.Now().Add(limit)); err != nil {
			t.Fatal(err)
		}
	}
	served := make(chan error, 1)
	listening := tls.Server(far, &tls.Config{
		Certificates: []tls.Certificate{loadPair(t, q.server)}, ClientCAs: loadPool(t, q.serverTrusts),
		ClientAuth: tls.RequireAndVerifyClientCert,
		// The ticket would be one more write, and a pipe has no room for what nobody reads.
		SessionTicketsDisabled: true,
	})
	go func() { served <- listening.Handshake() }()
	shown := loadPair(t, q.client)
	asking := tls.Client(near, &tls.Config{
		RootCAs: loadPool(t, q.clientTrusts), ServerName: q.host,
		// Also to a server that names other CAs: the server is to refuse it, not the client to hide it.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil },
	})
	asked := asking.Handshake()
	if asked == nil {
		// The server may have an alert to say.
		go func() { _, _ = asking.Read(make([]byte, 1)) }()
	}
	refused := <-served
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(asked, &verification):
		return verdict{client, asked.Error()}
	case errors.As(refused, &verification):
		return verdict{server, refused.Error()}
	case asked != nil || refused != nil:
		t.Fatalf("%s: neither refused, and yet: %v, %v", q.name, asked, refused)
	}
	return verdict{}
}

func loadPair(t *testing.T, path string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func loadPool(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		t.Fatalf("Go finds no certificate in %s", path)
	}
	return pool
}
