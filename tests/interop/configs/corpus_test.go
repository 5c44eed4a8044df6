package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each directory of the corpus has files and the verdicts of all releases about them.
const (
	corpus       = "../../corpus/eg"
	verdictsFile = "verdicts.txt"
)

// The verdicts that are kept with the corpus are those of the releases. `EGEXT_WRITE=1` writes them again.
func TestTheVerdictsOfTheCorpusAreCurrent(t *testing.T) {
	paths := corpusFiles(t)
	judged := map[string]map[string]verdict{}
	for _, release := range releases {
		judged[release] = judge(t, release, paths)
	}
	real := 0
	for family, files := range byFamily(paths) {
		if filepath.Base(family) == "real" {
			real = len(files)
		}
		current := verdictsOf(files, judged)
		path := filepath.Join(family, verdictsFile)
		if os.Getenv("EGEXT_WRITE") != "" {
			if err := os.WriteFile(path, []byte(current), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if string(kept) != current {
			t.Errorf("%s is not what the releases say: `EGEXT_WRITE=1 go test -run Corpus .` writes it again\n%s", path, current)
		}
	}
	t.Logf("%d files, %d of them in the shape of real ones", len(paths), real)
	if len(paths) < 150 || real < 40 {
		t.Error("the corpus has shrunk")
	}
}

// corpusFiles are all files to be judged, in a fixed order.
func corpusFiles(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(corpus, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(path string) bool { return filepath.Base(path) == verdictsFile })
}

func byFamily(paths []string) map[string][]string {
	families := map[string][]string{}
	for _, path := range paths {
		families[filepath.Dir(path)] = append(families[filepath.Dir(path)], path)
	}
	return families
}

// verdictsOf has a paragraph for each file: releases that agree, and what they say.
func verdictsOf(files []string, judged map[string]map[string]verdict) string {
	var text strings.Builder
	for i, path := range files {
		if i > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintln(&text, filepath.Base(path))
		for _, group := range agreeing(path, judged) {
			fmt.Fprintf(&text, "  %s\n", strings.Join(group, " "))
			for line := range strings.Lines(judged[group[0]][path].lines()) {
				fmt.Fprintf(&text, "    %s\n", strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return text.String()
}

// agreeing groups the releases by what they say of a file.
func agreeing(path string, judged map[string]map[string]verdict) [][]string {
	var groups [][]string
	for _, release := range releases {
		says := judged[release][path].lines()
		i := slices.IndexFunc(groups, func(group []string) bool { return judged[group[0]][path].lines() == says })
		if i < 0 {
			groups = append(groups, []string{release})
		} else {
			groups[i] = append(groups[i], release)
		}
	}
	return groups
}
