package kubernetes

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"testing"

	"egext.dev/binary"
	core "k8s.io/api/core/v1"
)

// The Secrets of `egext config secrets`, loaded by what Envoy Gateway loads them with
// (v1.9.1:internal/extension/grpc.go, `AppendCertsFromPEM` and `X509KeyPair`): the CAs under
// `tls.crt`, and the client's pair. In a rotation both CAs are there.
func TestGoLoadsTheSecretsAsEnvoyGatewayDoes(t *testing.T) {
	directory := t.TempDir()
	egext := func(arguments ...string) []byte {
		t.Helper()
		command := binary.Command(egextBinary, arguments...)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		text, err := command.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, stderr.Bytes())
		}
		return text
	}
	egext("certs", "init", "--dir", directory)
	before, client := load(t, egext("config", "secrets", "--dir", directory, "--out", "-"))
	verify(t, before, client)

	egext("certs", "rotate-ca", "prepare", "--dir", directory)
	both, old := load(t, egext("config", "secrets", "--dir", directory, "--out", "-"))
	verify(t, both, old)
	egext("certs", "rotate-ca", "activate", "--dir", directory)
	again, renewed := load(t, egext("config", "secrets", "--dir", directory, "--out", "-"))
	verify(t, again, renewed)
	// Neither order of the two sides is one that fails.
	verify(t, both, renewed)
	verify(t, again, old)
	if _, err := renewed.Verify(x509.VerifyOptions{Roots: before, KeyUsages: usage}); err == nil {
		t.Error("the CA was not replaced")
	}
}

// load is what Envoy Gateway makes of the two Secrets.
func load(t *testing.T, manifests []byte) (*x509.CertPool, *x509.Certificate) {
	t.Helper()
	secrets := map[core.SecretType]core.Secret{}
	for _, document := range bytes.Split(manifests, []byte("---\n")) {
		var secret core.Secret
		strictly(t, document, &secret)
		secrets[secret.Type] = secret
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(secrets[core.SecretTypeOpaque].Data[core.TLSCertKey]) {
		t.Fatal("no CA certificate")
	}
	pair := secrets[core.SecretTypeTLS]
	loaded, err := tls.X509KeyPair(pair.Data[core.TLSCertKey], pair.Data[core.TLSPrivateKeyKey])
	if err != nil {
		t.Fatal(err)
	}
	return pool, loaded.Leaf
}

func verify(t *testing.T, roots *x509.CertPool, client *x509.Certificate) {
	t.Helper()
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: usage}); err != nil {
		t.Error(err)
	}
}

var usage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
