package probe

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestKeysThatTLSHereCannotUse has servers of OpenSSL with kinds of keys that our hello does not offer. OpenSSL answers with
// an alert that only says that nothing is in common.
func TestKeysThatTLSHereCannotUse(t *testing.T) {
	secret, err := x509.MarshalPKCS8PrivateKey(own.key)
	must(t, err)
	for name, algorithm := range map[string][]string{
		"secp256k1": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
		"Ed448":     {"-algorithm", "ED448"},
		"RSA-PSS":   {"-algorithm", "RSA-PSS"},
	} {
		t.Run(name, func(t *testing.T) {
			directory := pki(t, leaf{}, leaf{})
			file := func(name string) string { return filepath.Join(directory, name) }
			must(t, os.WriteFile(file("ca.key"), block("PRIVATE KEY", secret), 0o600))
			openssl := func(arguments ...string) {
				out, err := exec.Command(require(t, "openssl", "install openssl"), arguments...).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v\n%s", arguments, err, out)
				}
			}
			openssl(append(append([]string{"genpkey"}, algorithm...), "-out", file("server.key"))...)
			openssl("req", "-new", "-key", file("server.key"), "-subj", "/CN=odd", "-addext", "subjectAltName=DNS:localhost", "-out", file("csr"))
			openssl("x509", "-req", "-in", file("csr"), "-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-days", "2",
				"-copy_extensions", "copy", "-out", file("server.crt"))
			address := openSSL(t, manner{directory: directory})
			found := report(t, []string{"probe", "-o", "json", "--no-gateway", "--no-policy", "--timeout", "1m", "--dir", directory, address})
			if !slices.Equal(found.ids(), []string{"probe.tls.version"}) {
				t.Fatalf("%s", found.text)
			}
		})
	}
}
