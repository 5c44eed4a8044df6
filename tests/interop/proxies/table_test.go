package proxies

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	page = "../../../docs/proxies.md"
	// The table stands between these lines of the page.
	tableBegins = "<!-- written by tests/interop/proxies with EGEXT_WRITE=1 -->"
	tableEnds   = "<!-- end of what is written -->"
)

// compareWithPage holds the results against the table in the docs: every scenario is listed, and egext's column is as
// it was run. With EGEXT_WRITE=1 the table is written again instead.
func (r *results) compareWithPage(t *testing.T) {
	t.Helper()
	if !r.complete(egextKind.name) {
		t.Log("the page is not compared: not all scenarios were run against egext")
		return
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(content), tableBegins)
	table, after, ended := strings.Cut(rest, tableEnds)
	if !begun || !ended {
		t.Fatalf("%s lacks the lines `%s` and `%s`", page, tableBegins, tableEnds)
	}
	if os.Getenv("EGEXT_WRITE") == "1" {
		r.write(t, before, after)
		return
	}
	listed := rows(table)
	if len(listed) == 0 {
		t.Fatalf("%s has no table yet; EGEXT_WRITE=1 writes it", page)
	}
	for _, group := range groups {
		for _, scenario := range group.scenarios {
			wanted, got := listed[scenario.name], r.verdicts[egextKind.name][scenario.name].word
			if wanted != got {
				t.Errorf("%s: egext's result of %q is %q, and the page has %q; EGEXT_WRITE=1 writes it again",
					page, scenario.name, got, wanted)
			}
			delete(listed, scenario.name)
		}
	}
	for name := range listed {
		t.Errorf("%s: there is no scenario %q", page, name)
	}
}

func (r *results) complete(kind string) bool {
	for _, group := range groups {
		for _, scenario := range group.scenarios {
			if r.verdicts[kind][scenario.name].word == "" {
				return false
			}
		}
	}
	return true
}

// rows are egext's results by scenario.
func rows(table string) map[string]string {
	listed := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) == len(kinds)+1 && !strings.HasPrefix(line, "| scenario") && !strings.HasPrefix(line, "| **") {
			listed[strings.TrimPrefix(cells[0], "| ")] = cells[1]
		}
	}
	return listed
}

// write makes the table anew, which takes results of all proxies.
func (r *results) write(t *testing.T, before, after string) {
	t.Helper()
	for _, kind := range kinds {
		if !r.complete(kind.name) {
			t.Fatalf("the table is not written: %s was not run whole", kind.name)
		}
	}
	written := before + tableBegins + "\n\n" + r.table() + "\n" + r.reasons() + "\n" + tableEnds + after
	if err := os.WriteFile(page, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *results) table() string {
	var b strings.Builder
	head, line, sums := "| scenario", "|---", "| **passes, of those that apply**"
	for _, kind := range kinds {
		head += fmt.Sprintf(" | %s %s", kind.name, r.versions[kind.name])
		line += "|---"
		sums += " | " + r.sum(kind)
	}
	fmt.Fprintf(&b, "%s |\n%s|\n", strings.ReplaceAll(head, "egext egext", "egext"), line)
	for _, group := range groups {
		fmt.Fprintf(&b, "| **%s** |%s\n", group.name, strings.Repeat(" |", len(kinds)))
		for _, scenario := range group.scenarios {
			fmt.Fprintf(&b, "| %s", scenario.name)
			for _, kind := range kinds {
				fmt.Fprintf(&b, " | %s", r.verdicts[kind.name][scenario.name].word)
			}
			b.WriteString(" |\n")
		}
	}
	fmt.Fprintf(&b, "%s |\n", sums)
	return b.String()
}

func (r *results) sum(kind *kind) string {
	passed, applied := 0, 0
	for _, verdict := range r.verdicts[kind.name] {
		switch verdict.word {
		case passes:
			passed++
			applied++
		case fails:
			applied++
		}
	}
	return fmt.Sprintf("%d of %d", passed, applied)
}

// reasons lists what each proxy did instead, and why a scenario says nothing about it.
func (r *results) reasons() string {
	var b strings.Builder
	for _, kind := range kinds {
		var failed []string
		unasked := map[string][]string{}
		for _, group := range groups {
			for _, scenario := range group.scenarios {
				verdict := r.verdicts[kind.name][scenario.name]
				switch verdict.word {
				case fails:
					failed = append(failed, fmt.Sprintf("- fails: %s: `%s`\n", scenario.name, oneLine(verdict.why)))
				case notApplicable:
					unasked[verdict.why] = append(unasked[verdict.why], scenario.name)
				}
			}
		}
		if len(failed)+len(unasked) == 0 {
			continue
		}
		fmt.Fprintf(&b, "### %s\n\n%s", kind.name, strings.Join(failed, ""))
		for _, why := range slices.Sorted(maps.Keys(unasked)) {
			fmt.Fprintf(&b, "- n/a, %s: %s\n", why, strings.Join(unasked[why], "; "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// numbers are the ports of a run.
var numbers = regexp.MustCompile(`((?:127\.0\.0\.1|localhost):)\d+`)

// oneLine is a message without what differs from run to run.
func oneLine(text string) string {
	text = strings.ReplaceAll(firstLine(text), "`", "'")
	text = numbers.ReplaceAllString(text, "$1PORT")
	text = strings.ReplaceAll(text, scratch, "DIR")
	if len(text) > 160 {
		text = text[:160] + "..."
	}
	return text
}
