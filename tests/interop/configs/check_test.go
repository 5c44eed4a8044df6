package configs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// What `egext config check` says of a file of the corpus is what the release does with it.
func TestCheckSaysOfTheCorpusWhatEnvoyGatewayDoes(t *testing.T) {
	compare(t, corpusFiles(t))
}

// The same for thousands of files that are nearly those of the corpus. EGEXT_MUTANTS is another number of them, EGEXT_SEED another seed.
func TestCheckSaysOfMutantsWhatEnvoyGatewayDoes(t *testing.T) {
	compare(t, plantMutants(t, fromEnvironment(t, "EGEXT_SEED", 12), int(fromEnvironment(t, "EGEXT_MUTANTS", 5000))))
}

func fromEnvironment(t testing.TB, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return number
}

// compare asks all releases and egext about all files.
func compare(t *testing.T, paths []string) {
	t.Helper()
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			var judged map[string]verdict
			var oracle sync.WaitGroup
			oracle.Go(func() { judged = judge(t, release, paths) })
			said := check(t, release, paths)
			oracle.Wait()
			if t.Failed() {
				return
			}
			var compared, different int
			for _, path := range paths {
				if !said[path].isAboutGateway() && isOther(path, judged[path]) {
					continue
				}
				compared++
				if differences := said[path].differences(judged[path]); len(differences) > 0 {
					different++
					tell(t, path, differences)
				}
			}
			t.Logf("%d files compared, %d different", compared, different)
			if compared < len(paths)*9/10 {
				t.Errorf("only %d of %d files were checked", compared, len(paths))
			}
		})
	}
}

func tell(t *testing.T, path string, differences []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Errorf("%s\n  %s\n%s", path, strings.Join(differences, "\n  "), text)
}

// isOther: no release takes it for an EnvoyGateway file, so it may be left alone.
func isOther(path string, found verdict) bool {
	text, err := os.ReadFile(path)
	isWrapped := err == nil && !strings.Contains(string(text), "\nkind: EnvoyGateway") && !strings.HasPrefix(string(text), "{")
	return found.Decode != "" || isWrapped
}

// answer is what `egext config check` says of a file.
type answer struct {
	verdict                           string
	refused, refusedOnReload, ignored []string
	twice                             bool
}

// The verdicts of `egext config check`.
const (
	accepted   = "accepted"
	notChecked = "not-checked"
	refused    = "refused"
	secrets    = "secrets"
	unreadable = "unreadable"
)

// isAboutGateway: `config check` took it for the configuration of Envoy Gateway.
func (a answer) isAboutGateway() bool { return a.verdict != notChecked && a.verdict != secrets }

// differences are in words, with both sides.
func (a answer) differences(found verdict) []string {
	var differences []string
	differ := func(what string, egext, gateway any) {
		differences = append(differences, fmt.Sprintf("%s: egext says %q, Envoy Gateway %q", what, egext, gateway))
	}
	switch {
	case isSyntax(found.Decode):
		// The words of the parsers differ.
		if a.verdict != unreadable {
			differ("verdict", a.verdict, found.Decode)
		}
		return differences
	case found.Decode != "":
		if a.verdict != refused || !isOneOf(a.refused, []string{found.Decode}) {
			differ("refused", append([]string{a.verdict}, a.refused...), found.Decode)
		}
		return differences
	case len(found.Start) > 0:
		if a.verdict != refused || !isOneOf(a.refused, found.Start) {
			differ("refused", append([]string{a.verdict}, a.refused...), found.Start)
		}
	case a.verdict != accepted:
		differ("verdict", append([]string{a.verdict}, a.refused...), accepted)
	case len(found.Reload) == 0 && len(a.refusedOnReload) > 0, len(found.Reload) > 0 && !isOneOf(a.refusedOnReload, found.Reload):
		differ("refused when it changes", a.refusedOnReload, found.Reload)
	}
	if !slices.Equal(a.ignored, found.Ignored) {
		differ("ignored", a.ignored, found.Ignored)
	}
	// In what Envoy Gateway ignores, a key that stands twice does not matter.
	if a.twice != (len(found.Twice) > 0) && (a.twice || len(found.Ignored) == 0) {
		differ("keys that stand twice", fmt.Sprint(a.twice), found.Twice)
	}
	return differences
}

// isSyntax: Envoy Gateway's parser refuses it, before anything looks at keys.
func isSyntax(decode string) bool {
	for _, start := range []string{"yaml: ", "couldn't get version/kind; json parse error: invalid character", "couldn't get version/kind; json parse error: unexpected end"} {
		if strings.HasPrefix(decode, start) {
			return true
		}
	}
	return false
}

// isOneOf: egext names one text, and it is one of those that Envoy Gateway can say. Both can be cut.
func isOneOf(said, possible []string) bool {
	return len(said) == 1 && slices.ContainsFunc(possible, func(text string) bool { return same(said[0], text) })
}

func same(egext, gateway string) bool {
	egext, gateway = oneLine(egext), oneLine(gateway)
	if cut, isCut := strings.CutSuffix(egext, "…"); isCut {
		return strings.HasPrefix(gateway, cut)
	}
	return egext == gateway
}

// check runs `egext config check` on many files at once.
func check(t *testing.T, release string, paths []string) map[string]answer {
	t.Helper()
	answers := map[string]answer{}
	for some := range slices.Chunk(paths, 500) {
		ran, err := egext(append([]string{"config", "check", "--format", "json", "--eg-version", release}, some...)...)
		if err != nil {
			t.Fatal(err)
		}
		var report struct {
			Files    []struct{ File, Verdict string }
			Findings []struct {
				ID, Subject, Message string
				Location             struct{ Path string }
			}
		}
		if err := json.Unmarshal(ran.stdout, &report); err != nil {
			t.Fatalf("exit code %d: %v\n%s", ran.exit, err, ran.stderr)
		}
		for _, file := range report.Files {
			answers[file.File] = answer{verdict: file.Verdict}
		}
		for _, finding := range report.Findings {
			one := answers[finding.Location.Path]
			switch finding.ID {
			case "config.refused":
				// What Envoy Gateway would say next is a guess that it does not confirm.
				if _, text, isFirst := strings.Cut(finding.Message, "ends at its start: "); isFirst {
					one.refused = append(one.refused, text)
				}
			case "config.refused-on-reload":
				one.refusedOnReload = append(one.refusedOnReload, after(finding.Message, "when it changes: "))
			case "config.key-ignored":
				one.ignored = append(one.ignored, finding.Subject)
			case "config.key-twice":
				one.twice = true
			}
			answers[finding.Location.Path] = one
		}
	}
	for path, one := range answers {
		slices.Sort(one.ignored)
		answers[path] = one
	}
	if len(answers) != len(paths) {
		t.Fatalf("`config check` answered for %d of %d files, such as %s", len(answers), len(paths), filepath.Base(paths[0]))
	}
	return answers
}

func after(message, words string) string {
	_, text, _ := strings.Cut(message, words)
	return text
}
