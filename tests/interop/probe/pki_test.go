package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// authority is a CA of this run.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// leaf says how a certificate differs from a good one.
type leaf struct {
	expired, future, selfSigned, ca, clientOnly, serverOnly bool
	names                                                   []string
	noNames                                                 bool
	// soon expires tomorrow; critical has an extension that no verifier knows, and that each has to.
	soon, critical bool
	issuer         *authority
	// chain follows the leaf in its file.
	chain []*authority
}

var serial atomic.Int64

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
	}
}

func newKey() *ecdsa.PrivateKey {
	return ensured(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

// newAuthority is a root, or a CA below `parent`.
func newAuthority(name string, parent *authority) *authority {
	made := template(name)
	made.IsCA, made.BasicConstraintsValid, made.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey()
	issuer, issuerKey := made, key
	if parent != nil {
		issuer, issuerKey = parent.certificate, parent.key
	}
	der := ensured(x509.CreateCertificate(rand.Reader, made, issuer, &key.PublicKey, issuerKey))
	return &authority{ensured(x509.ParseCertificate(der)), key}
}

// write puts a pair into `directory`, as `role`.crt and `role`.key.
func (l leaf) write(t *testing.T, directory, role string, own *authority) {
	t.Helper()
	made := template("egext " + role)
	made.KeyUsage = x509.KeyUsageDigitalSignature
	made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	made.DNSNames, made.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	made.BasicConstraintsValid = true
	if role == "client" {
		made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		made.DNSNames, made.IPAddresses = []string{"egext-client"}, nil
	}
	l.change(made)
	key := newKey()
	issuer, issuerKey := own.certificate, own.key
	if l.issuer != nil {
		issuer, issuerKey = l.issuer.certificate, l.issuer.key
	}
	if l.selfSigned {
		issuer, issuerKey = made, key
	}
	der, err := x509.CreateCertificate(rand.Reader, made, issuer, &key.PublicKey, issuerKey)
	must(t, err)
	file := block("CERTIFICATE", der)
	for _, ca := range l.chain {
		file = append(file, block("CERTIFICATE", ca.certificate.Raw)...)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(directory, role+".crt"), file, 0o644))
	must(t, os.WriteFile(filepath.Join(directory, role+".key"), block("PRIVATE KEY", secret), 0o600))
}

func (l leaf) change(made *x509.Certificate) {
	now := time.Now()
	if l.expired {
		made.NotBefore, made.NotAfter = now.Add(-30*24*time.Hour), now.Add(-24*time.Hour)
	}
	if l.future {
		made.NotBefore, made.NotAfter = now.Add(24*time.Hour), now.Add(30*24*time.Hour)
	}
	if l.soon {
		made.NotBefore, made.NotAfter = now.Add(-30*24*time.Hour), now.Add(24*time.Hour)
	}
	if l.critical {
		made.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
	}
	if l.names != nil || l.noNames {
		made.DNSNames, made.IPAddresses = l.names, nil
	}
	if l.ca {
		made.IsCA = true
		made.KeyUsage |= x509.KeyUsageCertSign
	}
	if l.clientOnly {
		made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if l.serverOnly {
		made.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
}

// pki is a directory as `egext certs init` makes it, with these two leaf certificates.
func pki(t *testing.T, server, client leaf) string {
	t.Helper()
	directory := t.TempDir()
	must(t, os.WriteFile(filepath.Join(directory, "ca.crt"), block("CERTIFICATE", own.certificate.Raw), 0o644))
	server.write(t, directory, "server", own)
	client.write(t, directory, "client", own)
	return directory
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// serverTLS is the side of Go's servers.
func serverTLS(t *testing.T, directory string, asks bool) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(directory, "server.crt"), filepath.Join(directory, "server.key"))
	must(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}}
	if asks {
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AddCert(own.certificate)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}

// ensured is for what cannot fail but by a mistake of this suite.
func ensured[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
