package interop

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	page = "../../docs/releases.md"
	// The table stands between these lines of the page.
	tableBegins = "<!-- written by tests/interop with EGEXT_WRITE=1 -->"
	tableEnds   = "<!-- end of what is written -->"
)

// compareWithPage fails if the table in the docs lacks a line, or has one that takes longer than what is promised. The
// seconds themselves depend on the machine. With EGEXT_WRITE=1 the columns of this run are written again instead.
func compareWithPage(t *testing.T, took map[healing]time.Duration) {
	t.Helper()
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
		writeTable(t, before, after, cellsOf(table), took)
		return
	}
	cells, wrong := cellsOf(table), []string(nil)
	for _, line := range allLines(t) {
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(cells[line.release][line.name()], " s"), 64)
		if err != nil || seconds > promised.Seconds() {
			wrong = append(wrong, fmt.Sprintf("%s: %q is not a time of at most %s", line, cells[line.release][line.name()], promised))
		}
		delete(cells[line.release], line.name())
	}
	for release, left := range cells {
		for name, cell := range left {
			if cell != noLine {
				wrong = append(wrong, fmt.Sprintf("%s, %s: there is no such line", release, name))
			}
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%s (EGEXT_WRITE=1 writes the table again):\n%s", page, strings.Join(wrong, "\n"))
	}
}

// noLine stands where a release has nothing to measure.
const noLine = "–"

func allLines(t *testing.T) []healing {
	t.Helper()
	var all []healing
	for _, release := range allReleases(t) {
		all = append(all, lines(release)...)
	}
	return all
}

// cellsOf are the cells of a table by release and name of the line.
func cellsOf(table string) map[string]map[string]string {
	cells := map[string]map[string]string{}
	var releases []string
	for text := range strings.Lines(table) {
		columns := strings.Split(strings.Trim(strings.TrimSpace(text), "|"), "|")
		switch {
		case len(columns) < 2 || strings.HasPrefix(columns[1], "--"):
		case releases == nil:
			for _, column := range columns[1:] {
				releases = append(releases, strings.TrimSpace(column))
				cells[strings.TrimSpace(column)] = map[string]string{}
			}
		default:
			for index, column := range columns[1:] {
				cells[releases[index]][strings.TrimSpace(columns[0])] = strings.TrimSpace(column)
			}
		}
	}
	return cells
}

// writeTable keeps the columns of releases that were not run.
func writeTable(t *testing.T, before, after string, cells map[string]map[string]string, took map[healing]time.Duration) {
	t.Helper()
	for line, time := range took {
		if time > promised {
			t.Fatalf("the table is not written: %s took %s", line, time)
		}
		if cells[line.release] == nil {
			cells[line.release] = map[string]string{}
		}
		cells[line.release][line.name()] = fmt.Sprintf("%.1f s", time.Seconds())
	}
	written := before + tableBegins + "\n\n" + tableOf(allLines(t), allReleases(t), cells) + "\n" + tableEnds + after
	if err := os.WriteFile(page, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}

func tableOf(all []healing, releases []string, cells map[string]map[string]string) string {
	var names []string
	for _, line := range all {
		if !slices.Contains(names, line.name()) {
			names = append(names, line.name())
		}
	}
	var text strings.Builder
	text.WriteString("| | " + strings.Join(releases, " | ") + " |\n|---" + strings.Repeat("|---", len(releases)) + "|\n")
	for _, name := range names {
		text.WriteString("| " + name)
		for _, release := range releases {
			text.WriteString(" | " + cmp.Or(cells[release][name], noLine))
		}
		text.WriteString(" |\n")
	}
	return text.String()
}
