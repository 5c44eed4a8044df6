package verifiers

import (
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// roles are the certificates of every set.
var roles = []string{"ca", "server", "client"}

// linting is one call of pkilint: of a certificate, or of one and its CA.
type linting struct {
	name  string
	files []string
}

// pkilint reads names as the web has them: `localhost`, with no dot in it, is none there. It has nothing else to say.
func TestVerifierPkilint(t *testing.T) {
	python := python(t)
	var lintings []linting
	for _, p := range profiles {
		own := p.own(t)
		for _, role := range roles {
			lintings = append(lintings, linting{p.name + "/" + role, []string{own.path(role + ".crt")}})
		}
		for _, role := range []string{"server", "client"} {
			lintings = append(lintings, linting{
				p.name + "/" + role + " below ca", []string{own.path("ca.crt"), own.path(role + ".crt")},
			})
		}
	}
	// Not by that CA, so that a chain that is never looked at shows.
	p := profiles[0]
	lintings = append(lintings, linting{
		notBelow, []string{p.foreign(t).path("ca.crt"), p.own(t).path("server.crt")},
	})
	for i, found := range pkilint(t, python, lintings) {
		t.Run(lintings[i].name, func(t *testing.T) {
			expected := ""
			switch {
			case lintings[i].name == notBelow:
				expected = "pkix.issuer_and_subject_key_identifier_not_equal null, pkix.signature_verification_failed null"
			case strings.HasSuffix(lintings[i].name, "/server"):
				expected = `pkix.invalid_domain_name_syntax "Invalid domain name syntax: \"localhost\""`
			}
			if found != expected {
				t.Errorf("found [%s], want [%s]", found, expected)
			}
		})
	}
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
		for _, role := range roles {
			t.Run(p.name+"/"+role, func(t *testing.T) {
				passed := 0
				for name, result := range zlint.LintCertificateEx(zcertificate(t, p.own(t).path(role+".crt")), rules).Results {
					switch {
					case result.Status > lint.Pass:
						t.Errorf("%s: %s %s", name, result.Status, result.Details)
					case result.Status == lint.Pass:
						passed++
					}
				}
				// Most rules are about what is not in these certificates.
				if passed < 30 {
					t.Errorf("only %d rules were applied", passed)
				}
			})
		}
	}
}

func zcertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		t.Fatalf("no PEM in %s", path)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

const notBelow = "not below a foreign ca"
