package verifiers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a CA that somebody has already.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// importRoot brings a root along whose name tools have lost parts of: several of a kind, and of a directory.
func importRoot(flags ...string) func(*testing.T, string) []string {
	return func(t *testing.T, directory string) []string {
		t.Helper()
		root := newRoot(t)
		return append(importing(t, directory, root, root.certificate), flags...)
	}
}

func importIntermediate(t *testing.T, directory string) []string {
	t.Helper()
	root := newRoot(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	intermediate := root.sign(t, authorityTemplate(pkix.Name{CommonName: "Example issuing CA"}, 0), key)
	return importing(t, directory, intermediate, intermediate.certificate, root.certificate)
}

func newRoot(t *testing.T) authority {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	component := func(value string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{
			Type:  asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25},
			Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(value)},
		}
	}
	// Two of them in a field of their own would become one with two values.
	unit := func(value string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: value}
	}
	template := authorityTemplate(pkix.Name{
		Organization: []string{"Exämple"}, CommonName: "Example root",
		ExtraNames: []pkix.AttributeTypeAndValue{component("com"), component("example"), unit("one"), unit("two")},
	}, 1)
	return authority{template, key}.sign(t, template, key)
}

// authorityTemplate has a day to live, as long as its leaf certificates have.
func authorityTemplate(name pkix.Name, pathLength int) *x509.Certificate {
	return &x509.Certificate{
		Subject: name, IsCA: true, BasicConstraintsValid: true,
		MaxPathLen: pathLength, MaxPathLenZero: pathLength == 0,
		KeyUsage:  x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

func (a authority) sign(t *testing.T, template *x509.Certificate, key crypto.Signer) authority {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

// importing writes a CA and what is above it, and returns the flags that bring it along.
func importing(t *testing.T, directory string, ca authority, chain ...*x509.Certificate) []string {
	t.Helper()
	if err := os.MkdirAll(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	var certificates []byte
	for _, certificate := range chain {
		block := &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}
		certificates = append(certificates, pem.EncodeToMemory(block)...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"ca.crt": certificates, "ca.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"--ca-cert", filepath.Join(directory, "ca.crt"), "--ca-key", filepath.Join(directory, "ca.key")}
}
