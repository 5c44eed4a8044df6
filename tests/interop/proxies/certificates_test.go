package proxies

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
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// authority is a CA of this suite's own, so that nothing here depends on the certificates that egext makes.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	// chain is what a leaf brings along, PEM: nothing for a root.
	chain []byte
	root  []byte
}

var serials atomic.Int64

func newAuthority(name string) *authority {
	key := newKey("p256")
	template := caTemplate(name)
	made := sign(template, template, key.Public(), key)
	return &authority{certificate: made, key: key, root: encode("CERTIFICATE", made.Raw)}
}

// intermediate is a CA below this one. Peers trust the root only.
func (a *authority) intermediate(name string) *authority {
	key := newKey("p256")
	made := sign(caTemplate(name), a.certificate, key.Public(), a.key)
	return &authority{certificate: made, key: key, chain: encode("CERTIFICATE", made.Raw), root: a.root}
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// leaf says what a certificate is to be like. The zero value is a client's, valid for a day.
type leaf struct {
	server  bool
	dns     []string
	uri     string
	keyType string
	// from and until are relative to now.
	from, until time.Duration
	// change makes what only a few certificates have.
	change func(template *x509.Certificate)
}

// pair is a certificate with its key, as PEM and as Go uses it.
type pair struct {
	certificate, key []byte
	tls              tls.Certificate
}

func (a *authority) issue(with leaf) pair {
	if with.from == 0 && with.until == 0 {
		with.from, with.until = -time.Minute, 24*time.Hour
	}
	usage := x509.ExtKeyUsageClientAuth
	if with.server {
		usage = x509.ExtKeyUsageServerAuth
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: "peer"},
		NotBefore: time.Now().Add(with.from), NotAfter: time.Now().Add(with.until),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, DNSNames: with.dns,
	}
	if with.server && with.dns == nil {
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	if with.uri != "" {
		uri, err := url.Parse(with.uri)
		if err != nil {
			panic(err)
		}
		template.URIs = []*url.URL{uri}
	}
	if with.change != nil {
		with.change(template)
	}
	key := newKey(with.keyType)
	made := create(template, a.certificate, key.Public(), a.key)
	octets, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	p := pair{certificate: append(encode("CERTIFICATE", made), a.chain...), key: encode("PRIVATE KEY", octets)}
	switch p.tls, err = tls.X509KeyPair(p.certificate, p.key); {
	case err == nil:
	case with.change != nil:
		// Go does not read all that peers read.
		p.tls = tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}
	default:
		panic(err)
	}
	return p
}

func newKey(kind string) crypto.Signer {
	var key crypto.Signer
	var err error
	switch kind {
	case "", "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no kind of key is called %s", kind)
	}
	if err != nil {
		panic(err)
	}
	return key
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	made, err := x509.ParseCertificate(create(template, parent, public, key))
	if err != nil {
		panic(err)
	}
	return made
}

func create(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) []byte {
	octets, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		panic(err)
	}
	return octets
}

func encode(label string, octets []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: octets})
}

// material is what a side of a connection holds: whom it trusts, and a certificate for each role.
type material struct {
	ca             []byte
	server, client pair
}

func (a *authority) material() material {
	return material{ca: a.root, server: a.issue(leaf{server: true}), client: a.issue(leaf{})}
}

func (m material) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(m.ca)
	return pool
}

func (m material) serverTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{m.server.tls}, NextProtos: []string{"h2"},
		ClientCAs: m.pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func (m material) clientTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{m.client.tls}, NextProtos: []string{"h2"},
		RootCAs: m.pool(), ServerName: "localhost",
	}
}

// files are those of a directory as every proxy reads it. HAProxy wants certificate and key in one file.
func (m material) files() map[string][]byte {
	return map[string][]byte{
		"ca.crt":     m.ca,
		"server.crt": m.server.certificate, "server.key": m.server.key, "server.pem": m.server.pem(),
		"client.crt": m.client.certificate, "client.key": m.client.key, "client.pem": m.client.pem(),
	}
}

func (p pair) pem() []byte { return bytes.Join([][]byte{p.certificate, p.key}, nil) }

// install puts files into the proxy's directory at one moment, as the kubelet does: names are links into `..data`, which
// is a link that is replaced.
func (s *stage) install(files map[string][]byte) string {
	directory := s.path("certs")
	version := fmt.Sprintf("..v%d", serials.Add(1))
	s.must(os.MkdirAll(filepath.Join(directory, version), 0o700))
	for name, content := range files {
		s.must(os.WriteFile(filepath.Join(directory, version, name), content, 0o600))
		link := filepath.Join(directory, name)
		if _, err := os.Lstat(link); err != nil {
			s.must(os.Symlink(filepath.Join("..data", name), link))
		}
	}
	next := filepath.Join(directory, "..data_tmp")
	s.must(os.Symlink(version, next))
	s.must(os.Rename(next, filepath.Join(directory, "..data")))
	return directory
}
