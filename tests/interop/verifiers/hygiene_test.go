package verifiers

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What no verifier asks for, and a good certificate has all the same.
func TestHygiene(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			own := p.own(t)
			ca := issuer(t, own)
			for _, role := range p.made() {
				leaf := certificate(t, own, role)
				t.Run(role+" starts in the past, for slow clocks", func(t *testing.T) { startsInThePast(t, own, leaf) })
				t.Run(role+" has a random serial", func(t *testing.T) {
					randomSerial(t, leaf, certificate(t, p.foreign(t), role))
				})
				t.Run(role+" is used for its role only", func(t *testing.T) { usedForItsRole(t, p, role, leaf) })
				t.Run(role+" names its key as RFC 7093 has it", func(t *testing.T) { namesItsKey(t, leaf) })
				t.Run(role+" names its CA's key", func(t *testing.T) { namesItsCA(t, role, leaf, ca) })
				t.Run(role+" has its key in PKCS 8", func(t *testing.T) { keyInPKCS8(t, own, role, leaf) })
			}
			t.Run("keys are for their owner only", func(t *testing.T) { modes(t, p, own) })
		})
	}
}

// A server with a slow clock takes what was made a moment ago.
func startsInThePast(t *testing.T, s set, leaf *x509.Certificate) {
	info, err := os.Stat(s.path("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if before := info.ModTime().Sub(leaf.NotBefore); before < 30*time.Minute || before > 25*time.Hour {
		t.Errorf("starts %s before the files were written", before)
	}
}

func randomSerial(t *testing.T, leaf, other *x509.Certificate) {
	if bits := leaf.SerialNumber.BitLen(); leaf.SerialNumber.Sign() <= 0 || bits < 64 || bits > 159 {
		t.Errorf("%x has %d bits", leaf.SerialNumber, bits)
	}
	// The upper halves too: a counter or a clock would show there.
	if bytes.Equal(leaf.SerialNumber.Bytes()[:8], other.SerialNumber.Bytes()[:8]) {
		t.Errorf("two runs made %x and %x", leaf.SerialNumber, other.SerialNumber)
	}
}

func usedForItsRole(t *testing.T, p profile, role string, leaf *x509.Certificate) {
	purposes := map[string][]x509.ExtKeyUsage{
		"ca": nil, "server": {x509.ExtKeyUsageServerAuth}, "client": {x509.ExtKeyUsageClientAuth},
	}[role]
	if p.bothRoles && role != "ca" {
		purposes = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	if !slices.Equal(leaf.ExtKeyUsage, purposes) || len(leaf.UnknownExtKeyUsage) != 0 {
		t.Errorf("extended key usages %v %v, want %v", leaf.ExtKeyUsage, leaf.UnknownExtKeyUsage, purposes)
	}
	usage := x509.KeyUsageDigitalSignature
	if role == "ca" {
		usage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	// Key encipherment may be there for RSA, and must not be for other keys.
	if leaf.PublicKeyAlgorithm == x509.RSA && role != "ca" {
		leaf.KeyUsage &^= x509.KeyUsageKeyEncipherment
	}
	if leaf.KeyUsage != usage {
		t.Errorf("key usages %b, want %b", leaf.KeyUsage, usage)
	}
	if !leaf.BasicConstraintsValid || leaf.IsCA != (role == "ca") {
		t.Errorf("basic constraints: present %t, CA %t", leaf.BasicConstraintsValid, leaf.IsCA)
	}
}

func namesItsKey(t *testing.T, leaf *x509.Certificate) {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(leaf.RawSubjectPublicKeyInfo, &key); err != nil {
		t.Fatal(err)
	}
	// Method 1: the first 160 bits of the hash of the bit string's value.
	hash := sha256.Sum256(key.PublicKey.Bytes)
	if !bytes.Equal(leaf.SubjectKeyId, hash[:20]) {
		t.Errorf("subject key identifier %x, want %x", leaf.SubjectKeyId, hash[:20])
	}
}

func namesItsCA(t *testing.T, role string, leaf, ca *x509.Certificate) {
	if role == "ca" && leaf.AuthorityKeyId == nil {
		return // A root may leave it out.
	}
	if !bytes.Equal(leaf.AuthorityKeyId, ca.SubjectKeyId) {
		t.Errorf("authority key identifier %x, the CA's is %x", leaf.AuthorityKeyId, ca.SubjectKeyId)
	}
	if !bytes.Equal(leaf.RawIssuer, ca.RawSubject) {
		t.Errorf("issuer %s, the CA's subject is %s", leaf.Issuer, ca.Subject)
	}
}

func keyInPKCS8(t *testing.T, s set, role string, leaf *x509.Certificate) {
	key, err := x509.ParsePKCS8PrivateKey(decode(t, s.path(role+".key"), "PRIVATE KEY"))
	if err != nil {
		t.Fatal(err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		t.Fatalf("%T cannot sign", key)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		t.Errorf("not the key of the certificate")
	}
}

func modes(t *testing.T, p profile, s set) {
	for _, role := range p.made() {
		for ending, mode := range map[string]os.FileMode{".key": 0o600, ".crt": 0o644} {
			info, err := os.Stat(s.path(role + ending))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != mode || !info.Mode().IsRegular() {
				t.Errorf("%s%s: %s, want %s", role, ending, info.Mode(), mode)
			}
		}
	}
	info, err := os.Stat(string(s))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %s, want it for its owner only", filepath.Base(string(s)), info.Mode())
	}
}

// issuer is the CA that signs: an intermediate comes along with each leaf.
func issuer(t *testing.T, s set) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(s.path("server.crt"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest := pem.Decode(content)
	intermediate, _ := pem.Decode(rest)
	if intermediate == nil {
		return certificate(t, s, "ca")
	}
	parsed, err := x509.ParseCertificate(intermediate.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func certificate(t *testing.T, s set, role string) *x509.Certificate {
	t.Helper()
	parsed, err := x509.ParseCertificate(decode(t, s.path(role+".crt"), "CERTIFICATE"))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func decode(t *testing.T, path, kind string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// What comes behind it is the chain.
	block, _ := pem.Decode(content)
	if block == nil || block.Type != kind {
		t.Fatalf("%s does not start with a %s", path, kind)
	}
	return block.Bytes
}
