package verifiers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// candidate is what Go and `egext certs check` are both asked about.
type candidate struct {
	name, role     string
	ca, chain, key []byte // PEM
}

// What Go takes, and `egext` refuses, with the reason. Everything else that differs is a fault.
var stricter = []struct {
	cases  *regexp.Regexp
	reason string
}{
	{regexp.MustCompile(`^PEM `), "a block that Go passes over in silence is an error, and so is a key among certificates"},
	{regexp.MustCompile(`from generalized with an offset`), "RFC 5280 allows no offset, and our parser knows none"},
	{regexp.MustCompile(`^server (root|intermediate): .*: key: `), "Go looks at the first certificate only when it loads a pair, and at no other file"},
	{regexp.MustCompile(`^server root: extension 2\.5\.29\.15 (empty|zero) bits`), "Go cannot tell a key usage without any bit from none"},
	{regexp.MustCompile(`^server signed by (P-224|RSA 1024)`), "such keys are refused by others, and there is no code here to verify their signatures"},
	{regexp.MustCompile(`^order leaf as anchor`), "a leaf of a CA is no anchor"},
	{regexp.MustCompile(`^order `), "the leaf has to be the first in a file"},
}

// TestVerdict holds `egext certs check` against Go itself: `x509.Verify` with the options of grpc-go's advancedtls, which
// Envoy Gateway uses, and `tls.X509KeyPair`. Where Go refuses, the check must not say that the gateway accepts.
func TestVerdict(t *testing.T) {
	started := time.Now()
	cases := candidates(t)
	var lock sync.Mutex
	var laxer, strict []string
	accepted := 0
	work := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := range work {
				c := cases[i]
				wanted := judgeByGo(c)
				found, output := judgeByEgext(t, c, i)
				for what, refusal := range wanted {
					lock.Lock()
					if refusal == nil {
						accepted++
					}
					switch {
					case refusal != nil && found[what]:
						laxer = append(laxer, fmt.Sprintf("%s: %s: Go refuses: %v", c.name, what, refusal))
					case refusal == nil && !found[what]:
						strict = append(strict, fmt.Sprintf("%s: %s: %s", c.name, what, output))
					}
					lock.Unlock()
				}
			}
		})
	}
	for i := range cases {
		work <- i
	}
	close(work)
	workers.Wait()
	slices.Sort(laxer)
	for _, line := range laxer {
		t.Errorf("accepted by egext: %s", line)
	}
	used := map[string]int{}
	slices.Sort(strict)
	for _, line := range strict {
		known := slices.IndexFunc(stricter, func(each struct {
			cases  *regexp.Regexp
			reason string
		}) bool {
			return each.cases.MatchString(line)
		})
		if known < 0 {
			t.Errorf("refused by egext, and not by Go: %s", line)
		} else {
			used[stricter[known].reason]++
		}
	}
	for _, each := range stricter {
		if used[each.reason] == 0 {
			t.Errorf("Go and egext agree about all cases of %s: take it from the list", each.cases)
		}
		t.Logf("stricter in %d cases: %s", used[each.reason], each.reason)
	}
	if accepted < 200 {
		t.Errorf("Go accepts %d only: the cases are broken", accepted)
	}
	t.Logf("%d cases, of which Go accepts %d verdicts, in %s", len(cases), accepted, time.Since(started).Round(time.Millisecond))
}

// judgeByGo says what Envoy Gateway would: about the other side's chain, and about its own pair.
func judgeByGo(c candidate) map[string]error {
	_, pair := tls.X509KeyPair(c.chain, c.key)
	return map[string]error{"gateway": verifyByGo(c), "key": pair}
}

func verifyByGo(c candidate) error {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(c.ca)
	var leaf *x509.Certificate
	for block, rest := pem.Decode(c.chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && leaf == nil && key.N.BitLen() < 1024 {
			return fmt.Errorf("crypto/rsa: %d-bit keys are insecure", key.N.BitLen())
		}
		// As the handshake does, before it verifies anything.
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > 8192 {
			return fmt.Errorf("tls: RSA key larger than 8192 bits")
		}
		if leaf == nil {
			leaf = certificate
		} else {
			intermediates.AddCert(certificate)
		}
	}
	if leaf == nil {
		return fmt.Errorf("no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if c.role == "server" {
		options.KeyUsages, options.DNSName = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, "localhost"
	}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey, ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return fmt.Errorf("tls: no signature algorithm of TLS 1.3 for P-224")
		}
	default:
		return fmt.Errorf("tls: unsupported type of public key: %T", key)
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok {
		// The signature of the handshake would be refused for the key, whatever it is.
		err := rsa.VerifyPKCS1v15(key, crypto.SHA256, make([]byte, 32), make([]byte, key.Size()))
		if err != rsa.ErrVerification {
			return err
		}
	}
	return nil
}

// judgeByEgext says which of the two verdicts pass, and what was found.
func judgeByEgext(t *testing.T, c candidate, index int) (map[string]bool, string) {
	t.Helper()
	directory := filepath.Join(scratch, "verdict", fmt.Sprint(index))
	if err := os.MkdirAll(directory, 0o700); err != nil {
		t.Error(err)
		return nil, ""
	}
	path := func(name string) string { return filepath.Join(directory, name) }
	for name, content := range map[string][]byte{"ca.crt": c.ca, "leaf.crt": c.chain, "leaf.key": c.key} {
		if err := os.WriteFile(path(name), content, 0o600); err != nil {
			t.Error(err)
			return nil, ""
		}
	}
	arguments := []string{"certs", "check", "-o", "json", "--ca", path("ca.crt"), "--cert", path("leaf.crt"), "--key", path("leaf.key"), "--role", c.role}
	if c.role == "server" {
		arguments = append(arguments, "--for-name", "localhost")
	}
	command := exec.Command(egext, arguments...)
	var printed, complained bytes.Buffer
	command.Stdout, command.Stderr = &printed, &complained
	_ = command.Run() // The report says more than the exit code.
	var report struct {
		Checks    []struct{ Check, Subject, State string }
		Verifiers []struct{ Go string }
	}
	if err := json.Unmarshal(printed.Bytes(), &report); err != nil || len(report.Checks) == 0 {
		t.Errorf("%s: no report (%v): %s%s", c.name, err, printed.Bytes(), complained.Bytes())
		return nil, ""
	}
	passed := map[string]bool{}
	for _, check := range report.Checks {
		if check.Subject == path("leaf.crt") && check.State == "passed" {
			passed[check.Check] = true
		}
	}
	// What Go cannot parse it cannot load either; that is said with the gateway's verdict.
	parsed := len(report.Verifiers) > 0 && !strings.Contains(fmt.Sprint(report.Verifiers), "failed to parse certificate")
	return map[string]bool{"gateway": passed["gateway"], "key": passed["file"] && passed["key"] && parsed}, strings.TrimSpace(printed.String())
}

// world is a good root, an intermediate and leaf certificates, from which all cases are made.
type world struct {
	root, intermediate, leaf *ecdsa.PrivateKey
	roles                    []string
}

func newWorld(t *testing.T) world {
	return world{newKey(t, elliptic.P256()), newKey(t, elliptic.P256()), newKey(t, elliptic.P256()), []string{"server", "client"}}
}

func usual(key *ecdsa.PrivateKey) signing { return signing{ecdsaSHA256, key, crypto.SHA256} }

func publicKey(key *ecdsa.PrivateKey) []byte { return ecKey(p256, point(&key.PublicKey)) }

// blueprints are root, intermediate and leaf, nothing wrong with them.
func (w world) blueprints(role string) [3]*blueprint {
	now := time.Now()
	common := func(serial byte, issuer, subject string, key, issuerKey *ecdsa.PrivateKey) *blueprint {
		return &blueprint{
			version: tlv(0xa0, tlv(2, []byte{2})), serial: []byte{serial}, signedWith: usual(issuerKey), issuer: name(12, issuer), subject: name(12, subject),
			notBefore: utcTime(now.Add(-time.Hour)), notAfter: utcTime(now.Add(40 * 24 * time.Hour)), key: publicKey(key),
			extensions: []extension{
				{subjectKey, false, tlv(4, keyIdentifier(point(&key.PublicKey)))},
				{authorityKey, false, tlv(0x30, tlv(0x80, keyIdentifier(point(&issuerKey.PublicKey))))},
			},
		}
	}
	root := common(1, "root", "root", w.root, w.root)
	intermediate := common(2, "root", "intermediate", w.intermediate, w.root)
	leaf := common(3, "intermediate", "leaf", w.leaf, w.intermediate)
	for _, ca := range []*blueprint{root, intermediate} {
		ca.set(basicConstraints, true, tlv(0x30, tlv(1, []byte{0xff})))
		ca.set(keyUsage, true, tlv(3, []byte{1, 6}))
	}
	purpose := map[string]string{"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2"}[role]
	leaf.set(basicConstraints, true, tlv(0x30))
	leaf.set(keyUsage, true, tlv(3, []byte{7, 0x80}))
	leaf.set(extendedKeyUsage, false, tlv(0x30, oid(purpose)))
	leaf.set(subjectAltName, false, tlv(0x30, tlv(0x82, []byte("localhost"))))
	return [3]*blueprint{root, intermediate, leaf}
}

func certificatePEM(ders ...[]byte) []byte {
	var all []byte
	for _, der := range ders {
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return all
}

func keyPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func candidates(t *testing.T) []candidate {
	t.Helper()
	w := newWorld(t)
	key := keyPEM(t, w.leaf)
	var all []candidate
	add := func(name, role string, three [3]*blueprint) {
		root, intermediate, leaf := three[0].der(t), three[1].der(t), three[2].der(t)
		all = append(all, candidate{name: name, role: role, ca: certificatePEM(root), chain: certificatePEM(leaf, intermediate), key: key})
	}
	positions := []string{"root", "intermediate", "leaf"}
	for _, m := range mutations(t) {
		for place, position := range positions {
			for _, role := range w.roles {
				// The other role adds nothing above the leaf.
				if role == "client" && place != 2 {
					continue
				}
				three := w.blueprints(role)
				m.change(three[place])
				// What is below it has to name it.
				if place < 2 {
					three[place+1].issuer = three[place].subject
				}
				if place == 0 {
					three[0].issuer = three[0].subject
				}
				add(fmt.Sprintf("%s %s: %s", role, position, m.name), role, three)
			}
		}
	}
	names := tlv(0x30, tlv(0x82, []byte("localhost")), tlv(0x82, []byte("*.wild.test")), tlv(0x87, []byte{127, 0, 0, 1}), tlv(0x81, []byte("a@mail.test")), tlv(0x86, []byte("spiffe://uri.test/a")))
	for _, m := range constraints() {
		for place, position := range positions[:2] {
			three := w.blueprints("server")
			three[2].set(subjectAltName, false, names)
			m.change(three[place])
			add(fmt.Sprintf("server %s: %s", position, m.name), "server", three)
		}
	}
	for name, with := range signings(t) {
		three := w.blueprints("server")
		three[1].key = subjectPublicKey(t, with.key)
		three[2].signedWith = with
		add("server signed by "+name, "server", three)
		three = w.blueprints("server")
		three[0].signedWith = with
		add("server below a root signed by "+name, "server", three)
	}
	return append(append(all, w.orders(t)...), w.files(t)...)
}

func subjectPublicKey(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// orders are chains and anchors put together in other ways.
func (w world) orders(t *testing.T) []candidate {
	t.Helper()
	three := w.blueprints("server")
	root, intermediate, leaf := three[0].der(t), three[1].der(t), three[2].der(t)
	other := newWorld(t).blueprints("server")
	stranger, namesake := other[2].der(t), other[0].der(t)
	three[2].issuer, three[2].signedWith = three[2].subject, usual(w.leaf)
	selfSigned := three[2].der(t)
	three[2].set(basicConstraints, true, tlv(0x30, tlv(1, []byte{0xff})))
	selfSignedCA := three[2].der(t)
	direct := w.blueprints("server")
	direct[2].issuer, direct[2].signedWith = direct[0].subject, usual(w.root)
	below := direct[2].der(t)
	negative := w.blueprints("server")
	negative[1].serial = []byte{0x81}
	odd := negative[1].der(t)
	list := func(ders ...[]byte) [][]byte { return ders }
	var all []candidate
	for name, c := range map[string]struct{ chain, ca [][]byte }{
		"as usual": {list(leaf, intermediate), list(root)}, "without the intermediate": {list(leaf), list(root)}, "intermediate as anchor": {list(leaf), list(intermediate)},
		"intermediate among anchors": {list(leaf), list(root, intermediate)}, "with the root": {list(leaf, intermediate, root), list(root)}, "root before the intermediate": {list(leaf, root, intermediate), list(root)},
		"leaf twice": {list(leaf, leaf, intermediate), list(root)}, "intermediate twice": {list(leaf, intermediate, intermediate), list(root)}, "a stranger behind": {list(leaf, intermediate, stranger), list(root)},
		"intermediate first": {list(intermediate, leaf), list(root)}, "leaf as anchor": {list(leaf), list(leaf)}, "leaf among anchors": {list(leaf, intermediate), list(root, leaf)}, "self-signed": {list(selfSigned), list(selfSigned)},
		"self-signed CA": {list(selfSignedCA), list(selfSignedCA)}, "self-signed beside others": {list(selfSigned), list(root, selfSigned)}, "stranger": {list(stranger), list(root)}, "namesake": {list(leaf, intermediate), list(namesake)},
		"namesake and root": {list(leaf, intermediate), list(namesake, root)}, "root twice": {list(leaf, intermediate), list(root, root)}, "below the root": {list(below), list(root)}, "below the root, self-signed intermediate behind": {list(below, selfSigned), list(root)},
		"below the root, negative serial behind": {list(below, odd), list(root)}, "negative serial among anchors": {list(below), list(odd, root)}, "root as leaf": {list(root), list(root)}, "many namesakes": {list(leaf, intermediate), slices.Repeat(list(namesake), 3)},
	} {
		all = append(all, candidate{name: "order " + name, role: "server", ca: certificatePEM(c.ca...), chain: certificatePEM(c.chain...), key: keyPEM(t, w.leaf)})
	}
	return all
}

// files are good certificates in files that are odd.
func (w world) files(t *testing.T) []candidate {
	t.Helper()
	three := w.blueprints("client")
	root, chain := certificatePEM(three[0].der(t)), certificatePEM(three[2].der(t), three[1].der(t))
	key, other := keyPEM(t, w.leaf), keyPEM(t, newKey(t, elliptic.P256()))
	sec1, err := x509.MarshalECPrivateKey(w.leaf)
	if err != nil {
		t.Fatal(err)
	}
	sec1PEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
	glue := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("-----\n-----"), []byte("----------")) }
	replace := func(text []byte, from, to string) []byte { return bytes.Replace(text, []byte(from), []byte(to), 1) }
	edits := map[string]func([]byte) []byte{
		"as usual": func(text []byte) []byte { return text }, "glued": glue, "with a byte order mark": func(text []byte) []byte { return append([]byte("\xef\xbb\xbf"), text...) },
		"with CRLF": func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) },
		"with CR":   func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r")) },
		"indented": func(text []byte) []byte {
			return append([]byte("  "), bytes.ReplaceAll(text, []byte("\n"), []byte("\n  "))...)
		},
		"with text":           func(text []byte) []byte { return append([]byte("subject: leaf\n"), text...) },
		"on a line with text": func(text []byte) []byte { return append([]byte("subject: leaf "), text...) },
		"with a header":       func(text []byte) []byte { return replace(text, "-----\n", "-----\nA: b\n\n") }, "without padding": func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("="), nil) },
		"with blanks": func(text []byte) []byte { return replace(text, "MII", "M I\tI") }, "without its last line break": bytes.TrimSpace, "cut short": func(text []byte) []byte { return text[:len(text)-30] },
		"with another end": func(text []byte) []byte { return replace(text, "END CERTIFICATE", "END X509 CRL") }, "with another label": func(text []byte) []byte {
			return bytes.ReplaceAll(text, []byte(" CERTIFICATE"), []byte(" X509 CERTIFICATE"))
		},
		"with one of another label": func(text []byte) []byte {
			return replace(replace(text, "BEGIN CERTIFICATE", "BEGIN TRUSTED CERTIFICATE"), "END CERTIFICATE", "END TRUSTED CERTIFICATE")
		},
		"with garbage": func(text []byte) []byte { return replace(text, "MII", "M!I") }, "with blanks behind the markers": func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("-----\n"), []byte("----- \t\n")) }, "empty": func([]byte) []byte { return nil },
		"with four dashes": func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("-----"), []byte("----")) }, "on one line": func(text []byte) []byte {
			return bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), nil), []byte("E-----M"), []byte("E-----\nM")), []byte("=-----E"), []byte("=\n-----E"))
		},
	}
	var all []candidate
	add := func(name string, ca, chain, key []byte) {
		all = append(all, candidate{name: "PEM " + name, role: "client", ca: ca, chain: chain, key: key})
	}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		add("chain "+name, root, edits[name](chain), key)
		add("CA "+name, edits[name](append(append([]byte{}, root...), root...)), chain, key)
		add("key "+name, root, chain, edits[name](key))
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: p256})
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: tlv(0x30)})
	old := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: sec1})
	for name, file := range map[string][]byte{
		"SEC1": sec1PEM, "with parameters": append(parameters, sec1PEM...), "encrypted": encrypted, "encrypted in the old form": old, "of another": other, "behind another": append(append([]byte{}, other...), key...),
		"before another": append(append([]byte{}, key...), other...), "behind its certificate": append(append([]byte{}, chain...), key...), "behind an encrypted one": append(append([]byte{}, encrypted...), key...),
		"before an encrypted one": append(append([]byte{}, key...), encrypted...), "with the label of another form": bytes.ReplaceAll(sec1PEM, []byte("EC PRIVATE"), []byte("PRIVATE")),
		"PKCS 8 labelled SEC1": bytes.ReplaceAll(key, []byte("PRIVATE"), []byte("EC PRIVATE")), "a certificate": chain,
	} {
		add("key "+name, root, chain, file)
	}
	add("key before its chain", root, append(append([]byte{}, key...), chain...), key)
	add("swapped", root, key, chain)
	return all
}
