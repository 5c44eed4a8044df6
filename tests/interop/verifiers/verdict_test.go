package verifiers

import (
	"bytes"
	"cmp"
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
	host           string // By which the server is called; none for localhost.
	ca, chain, key []byte // PEM
	generated      bool   // By drawing lots, so that more than one thing may be wrong.
}

// difference is one that is known: which cases it is about, and why it is there. docs/certificates.md lists them, too.
type difference struct {
	cases  *regexp.Regexp
	reason string
	drawn  bool // Only chance makes such cases, so that there may be none.
}

// Where the view of the gateway is not what Go says, word for word.
var otherWords = []difference{
	{regexp.MustCompile(`egext: egext has no verdict on `), "there is no code here to verify signatures of keys on P-224, and of some RSA keys below 2048 bits", false},
	{regexp.MustCompile(`Go: .*: invalid host: ParseAddr`), "what is wrong with an address in the brackets of a URI is not told", true},
}

// What Go takes, and `egext` refuses, with the reason. Everything else that differs is a fault.
var stricter = []difference{
	{regexp.MustCompile(`^PEM `), "a block that Go passes over in silence is an error, and so is a key among certificates", false},
	{regexp.MustCompile(`from generalized with an offset`), "RFC 5280 allows no offset, and our parser knows none", false},
	{regexp.MustCompile(`^server (root|intermediate): .*: key: `), "Go looks at the first certificate only when it loads a pair, and at no other file", false},
	{regexp.MustCompile(`(?s)^(pair|random) .* is broken: (not an X\.509 certificate|\d+ octets follow)`), "our own parser refuses certificates in the CA's file that no chain needs, and Go leaves them out of its pool", true},
	{regexp.MustCompile(`root: extension 2\.5\.29\.15 (empty|zero) bits|(?s)^(pair|random) .* is a CA that may not sign certificates`), "Go cannot tell a key usage without any bit from none", false},
	{regexp.MustCompile(`^server signed by (P-224|RSA 1024)`), "such keys are refused by others, and there is no code here to verify their signatures", false},
	{regexp.MustCompile(`^order leaf as anchor|(?s)^random .* is not a CA certificate, but is in the place of one`), "a leaf of a CA is no anchor", false},
	{regexp.MustCompile(`^order `), "the leaf has to be the first in a file", false},
}

// TestVerdict holds `egext certs check` against Go itself: `x509.Verify` with the options of grpc-go's advancedtls, which
// Envoy Gateway uses, and `tls.X509KeyPair`. Where Go refuses, the check must not say that the gateway accepts.
func TestVerdict(t *testing.T) {
	started := time.Now()
	cases := candidates(t)
	var lock sync.Mutex
	var laxer, strict, words []string
	accepted, compared, unasked := 0, 0, 0
	work := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := range work {
				c := cases[i]
				wanted := judgeByGo(c)
				found := judgeByEgext(t, c, i)
				lock.Lock()
				said := "accepts"
				if refusal := wanted["gateway"]; refusal != nil {
					said = harmless(refusal.Error())
				}
				switch {
				case !found.asked:
					unasked++
				case harmless(found.words) != said:
					words = append(words, fmt.Sprintf("%s\n     Go: %s\n  egext: %s", c.name, said, found.words))
				default:
					compared++
				}
				lock.Unlock()
				for what, refusal := range wanted {
					lock.Lock()
					if refusal == nil {
						accepted++
					}
					switch {
					case c.generated && what == "key":
						// The key has nothing to do with what is drawn.
					case refusal != nil && found.passed[what]:
						laxer = append(laxer, fmt.Sprintf("%s: %s: Go refuses: %v", c.name, what, refusal))
					case c.generated && found.asked:
						// What else is wrong with such a chain is not compared, but the verdict is, above.
					case refusal == nil && !found.passed[what]:
						strict = append(strict, fmt.Sprintf("%s: %s: %s", c.name, what, found.printed))
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
	slices.Sort(words)
	used := map[string]int{}
	for _, line := range words {
		known := slices.IndexFunc(otherWords, func(each difference) bool { return each.cases.MatchString(line) })
		if known < 0 {
			t.Errorf("other words: %s", line)
		} else {
			used[otherWords[known].reason]++
		}
	}
	slices.Sort(strict)
	for _, line := range strict {
		known := slices.IndexFunc(stricter, func(each difference) bool { return each.cases.MatchString(line) })
		if known < 0 {
			t.Errorf("refused by egext, and not by Go: %s", line)
		} else {
			used[stricter[known].reason]++
		}
	}
	for _, each := range append(otherWords, stricter...) {
		if used[each.reason] == 0 && !each.drawn {
			t.Errorf("Go and egext agree about all cases of %s: take it from the list", each.cases)
		}
		t.Logf("different in %d cases: %s", used[each.reason], each.reason)
	}
	if accepted < 200 {
		t.Errorf("Go accepts %d only: the cases are broken", accepted)
	}
	t.Logf("%d cases, of which Go accepts %d verdicts, in %d of which the two say the same word for word, and %d in which the verifier was not asked, in %s", len(cases), accepted, compared, unasked, time.Since(started).Round(time.Millisecond))
}

// harmless leaves out when it was asked, since the two are not asked at one moment; and what a terminal would act upon, which egext never
// prints as it is.
func harmless(words string) string {
	words = clock.ReplaceAllString(words, "current time NOW is")
	return control.ReplaceAllStringFunc(words, func(c string) string { return fmt.Sprintf("\\u{%x}", []rune(c)[0]) })
}

var (
	clock   = regexp.MustCompile(`current time \S+ is`)
	control = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// judgeByGo says what Envoy Gateway would: about the other side's chain, and about its own pair.
func judgeByGo(c candidate) map[string]error {
	_, pair := tls.X509KeyPair(c.chain, c.key)
	return map[string]error{"gateway": verifyByGo(c), "key": pair}
}

// verifyByGo is a handshake up to the signature, in its order and its words. The pair's own key is of no account.
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
			return fmt.Errorf("tls: failed to parse %s: %w", map[string]string{"server": "certificate from server", "client": "client certificate"}[c.role], err)
		}
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > 8192 {
			return fmt.Errorf("tls: %s sent certificate containing RSA key larger than 8192 bits", c.role)
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
		// A client of advancedtls verifies in a callback, before which this is asked.
		if err := knownKey(leaf, "server's certificate contains an unsupported type of public key: "); err != nil {
			return err
		}
		options.KeyUsages, options.DNSName = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, c.calledBy()
	}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	if err := knownKey(leaf, "client certificate contains an unsupported public key of type "); err != nil {
		return err
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P224() {
		return fmt.Errorf("tls: no signature algorithm of TLS 1.3 for P-224")
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok {
		// The signature of the handshake would be refused for the key, whatever it is.
		if bits := key.N.BitLen(); bits < 1024 {
			// zlint lets them pass in the whole process.
			return fmt.Errorf("tls: invalid signature by the %s certificate: crypto/rsa: %d-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)", c.role, bits)
		}
		err := rsa.VerifyPSS(key, crypto.SHA256, make([]byte, 32), make([]byte, key.Size()), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != rsa.ErrVerification {
			return fmt.Errorf("tls: invalid signature by the %s certificate: %w", c.role, err)
		}
	}
	return nil
}

func knownKey(leaf *x509.Certificate, words string) error {
	switch leaf.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return nil
	default:
		return fmt.Errorf("tls: %s%T", words, leaf.PublicKey)
	}
}

// calledBy is the name that the client asks for.
func (c candidate) calledBy() string { return cmp.Or(c.host, "localhost") }

// judgement is what `egext certs check` says.
type judgement struct {
	passed  map[string]bool // Of the two verdicts.
	asked   bool            // Was Go's verifier asked at all?
	words   string          // Its refusal.
	printed string
}

// judgeByEgext runs the check.
func judgeByEgext(t *testing.T, c candidate, index int) judgement {
	t.Helper()
	directory := filepath.Join(scratch, "verdict", fmt.Sprint(index))
	if err := os.MkdirAll(directory, 0o700); err != nil {
		t.Error(err)
		return judgement{}
	}
	path := func(name string) string { return filepath.Join(directory, name) }
	for name, content := range map[string][]byte{"ca.crt": c.ca, "leaf.crt": c.chain, "leaf.key": c.key} {
		if err := os.WriteFile(path(name), content, 0o600); err != nil {
			t.Error(err)
			return judgement{}
		}
	}
	arguments := []string{"certs", "check", "-o", "json", "--ca", path("ca.crt"), "--cert", path("leaf.crt"), "--key", path("leaf.key"), "--role", c.role}
	if c.role == "server" {
		arguments = append(arguments, "--for-name", c.calledBy())
	}
	command := exec.Command(egext, arguments...)
	var printed, complained bytes.Buffer
	command.Stdout, command.Stderr = &printed, &complained
	_ = command.Run() // The report says more than the exit code.
	var report struct {
		Checks    []struct{ Check, Subject, State string }
		Verifiers []struct{ Subject, Go string }
	}
	if err := json.Unmarshal(printed.Bytes(), &report); err != nil || len(report.Checks) == 0 {
		t.Errorf("%s: no report (%v): %s%s", c.name, err, printed.Bytes(), complained.Bytes())
		return judgement{}
	}
	passed := map[string]bool{}
	for _, check := range report.Checks {
		if check.Subject == path("leaf.crt") && check.State == "passed" {
			passed[check.Check] = true
		}
	}
	found := judgement{printed: strings.TrimSpace(printed.String())}
	for _, verifier := range report.Verifiers {
		found.asked, found.words = true, verifier.Go
	}
	// What Go cannot parse it cannot load either; that is said with the gateway's verdict.
	parsed := found.asked && !strings.Contains(found.words, "tls: failed to parse")
	found.passed = map[string]bool{"gateway": passed["gateway"], "key": passed["file"] && passed["key"] && parsed}
	return found
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
	return slices.Concat(all, w.orders(t), w.files(t), w.generated(t))
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
