package verifiers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	zcrypto "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// linting is one call of pkilint: of a certificate, or of one and its CA.
type linting struct {
	name  string
	files []string
	// expected is what pkilint is known to say; mostly nothing.
	expected string
}

// pkilint reads names as the web has them: `localhost`, with no dot in it, is none there, and `spiffe` no scheme. It has
// nothing else to say.
func TestVerifierPkilint(t *testing.T) {
	python := python(t)
	var lintings []linting
	for _, p := range profiles {
		own := p.own(t)
		for _, role := range p.made() {
			leaf := certificate(t, own, role)
			var expected []string
			// Name constraints are names as well.
			if p.host == "" && (role == "server" || (role == "ca" && p.trait == nameConstraints)) {
				expected = append(expected, `pkix.invalid_domain_name_syntax "Invalid domain name syntax: \"localhost\""`)
			}
			for _, id := range leaf.URIs {
				expected = append(expected, fmt.Sprintf(`pkix.invalid_uri_syntax "Invalid URI syntax: \"%s\""`, id))
			}
			lintings = append(lintings, linting{
				name: p.name + "/" + role, files: []string{alone(t, leaf)}, expected: strings.Join(expected, ", "),
			})
		}
		for _, role := range []string{"server", "client"} {
			lintings = append(lintings, linting{
				name:  p.name + "/" + role + " below its CA",
				files: []string{alone(t, issuer(t, own)), alone(t, certificate(t, own, role))},
			})
		}
	}
	// Not by that CA, so that a chain that is never looked at shows.
	p := profiles[0]
	lintings = append(lintings, linting{
		name:     "not below that CA",
		files:    []string{p.foreign(t).path("ca.crt"), p.own(t).path("server.crt")},
		expected: "pkix.issuer_and_subject_key_identifier_not_equal null, pkix.signature_verification_failed null",
	})
	for i, found := range pkilint(t, python, lintings) {
		t.Run(lintings[i].name, func(t *testing.T) {
			if expected := lintings[i].expected; found != expected {
				t.Errorf("found [%s], want [%s]", found, expected)
			}
		})
	}
}

// alone is a file with one certificate: pkilint reads no chains.
func alone(t *testing.T, certificate *x509.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alone.crt")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pkilint returns the findings of each call, from WARNING on.
func pkilint(t *testing.T, python string, lintings []linting) []string {
	t.Helper()
	var lines strings.Builder
	for _, l := range lintings {
		lines.WriteString(strings.Join(l.files, "\t") + "\n")
	}
	command := exec.Command(python, "python/lint.py")
	command.Stdin = strings.NewReader(lines.String())
	var all []string
	for line := range strings.Lines(string(output(t, command))) {
		var printed struct {
			Results []struct {
				Descriptions []struct {
					Code    string
					Message json.RawMessage
				} `json:"finding_descriptions"`
			}
		}
		if err := json.Unmarshal([]byte(line), &printed); err != nil {
			t.Fatal(err)
		}
		var findings []string
		for _, result := range printed.Results {
			for _, finding := range result.Descriptions {
				findings = append(findings, finding.Code+" "+string(finding.Message))
			}
		}
		all = append(all, strings.Join(findings, ", "))
	}
	if len(all) != len(lintings) {
		t.Fatalf("%d calls of pkilint, %d answers", len(lintings), len(all))
	}
	return all
}

// zlint, with the rules of the RFCs: those of browsers' root programmes are about certificates for the web.
func TestVerifierZlint(t *testing.T) {
	rules, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: lint.SourceList{
		lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC6960, lint.RFC6962, lint.RFC8813,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		for _, role := range p.made() {
			t.Run(p.name+"/"+role, func(t *testing.T) {
				if found := zlints(t, decode(t, p.own(t).path(role+".crt"), "CERTIFICATE"), rules); len(found) != 0 {
					t.Errorf("zlint found %v", found)
				}
			})
		}
	}
	t.Run("one that is not as it should be", func(t *testing.T) {
		if found := zlints(t, flawed(t), rules); !slices.Contains(found, "e_ecdsa_allowed_ku") {
			t.Errorf("zlint found only %v", found)
		}
	})
}

// zlints are the names of the rules that a certificate breaks, notices included.
func zlints(t *testing.T, der []byte, rules lint.Registry) (broken []string) {
	t.Helper()
	certificate, err := zcrypto.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for name, result := range zlint.LintCertificateEx(certificate, rules).Results {
		if result.Status > lint.Pass {
			broken = append(broken, name)
		}
	}
	return broken
}

// flawed claims that a key of ECDSA encrypts keys.
func flawed(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageKeyEncipherment,
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
