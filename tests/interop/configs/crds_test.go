package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// keysFile is what `config check` knows of the objects that Envoy Gateway validates by their CRD.
const keysFile = "../../../src/gateway/check/crds.txt"

// It is what the CRDs of all releases say. `EGEXT_WRITE=1` writes it again.
func TestTheKeysOfObjectsAreThoseOfTheCRDs(t *testing.T) {
	current := keysOf(allKinds(t))
	if os.Getenv("EGEXT_WRITE") != "" {
		if err := os.WriteFile(keysFile, []byte(current), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(keysFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != current {
		t.Errorf("%s is not what the CRDs say: `EGEXT_WRITE=1 go test -run CRDs .` writes it again", keysFile)
	}
	t.Logf("%d lines", strings.Count(current, "\n"))
}

// kind is a version of a kind, with its schema and what else a release knows of it: see oracle/loader.go.
type kind struct {
	Group, Version, Kind string
	Panics               bool
	Schema               *crd
}

func (k kind) apiVersion() string { return k.Group + "/" + k.Version }

func (k kind) String() string { return k.apiVersion() + " " + k.Kind }

// crd is the part of a schema that is about keys.
type crd struct {
	Type       string
	Properties map[string]*crd
	Items      *crd
	Required   []string
	Default    json.RawMessage
	Values     json.RawMessage `json:"additionalProperties"`
	IsOpen     bool            `json:"x-kubernetes-preserve-unknown-fields"`
}

// requires: an object without the key is refused. A key with a default is put in before that.
func (c *crd) requires(key string) bool {
	return slices.Contains(c.Required, key) && c.Properties[key].Default == nil
}

// hasNone: an object, and without any key.
func (c *crd) hasNone() bool {
	return c.Type == "object" && len(c.Properties) == 0 && c.Values == nil && !c.IsOpen
}

// kinds are those of one release.
func kinds(t testing.TB, release string) []kind {
	t.Helper()
	var found []kind
	lines := json.NewDecoder(bytes.NewReader(load(t, release, "", "crds")))
	for lines.More() {
		var one kind
		if err := lines.Decode(&one); err != nil {
			t.Fatalf("the loader of %s: %v", release, err)
		}
		// Envoy Gateway validates no other groups.
		if one.Group == "gateway.envoyproxy.io" || one.Group == "gateway.networking.k8s.io" {
			found = append(found, one)
		}
	}
	return found
}

// allKinds are those of each release, in the order of `releases`.
func allKinds(t testing.TB) [][]kind {
	t.Helper()
	all := make([][]kind, len(releases))
	var loaders sync.WaitGroup
	for i, release := range releases {
		loaders.Go(func() { all[i] = kinds(t, release) })
	}
	loaders.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// load runs the loader of a release.
func load(t testing.TB, release, stdin string, arguments ...string) []byte {
	t.Helper()
	path := filepath.Join(filepath.Dir(oracle(t, release)), "loader")
	directory := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway")
	directory.Dir = filepath.Join("../releases", release)
	module, err := directory.Output()
	if err != nil {
		t.Errorf("the source of %s: %v", release, err)
		return nil
	}
	source := filepath.Join(strings.TrimSpace(string(module)), "internal/gatewayapi/resource/load.go")
	command := exec.Command(path, append([]string{source}, arguments...)...)
	command.Stdin, command.Stderr = strings.NewReader(stdin), os.Stderr
	answer, err := command.Output()
	if err != nil {
		t.Errorf("the loader of %s: %v", release, err)
	}
	return answer
}

// schemas are those of one place, for each release that has it, by its index.
type schemas map[int]*crd

// span is the first and the last of some releases.
func span[V any](of map[int]V) string {
	return strings.Join([]string{minor(slices.Min(slices.Collect(maps.Keys(of)))), minor(slices.Max(slices.Collect(maps.Keys(of))))}, "-")
}

func minor(release int) string { return releases[release][:strings.LastIndex(releases[release], ".")] }

// writer writes levels, each different one once.
type writer struct {
	lines   []string
	written map[string]string
}

// keysOf is the contents of the file.
func keysOf(all [][]kind) string {
	versions, panics := map[string]schemas{}, map[string]map[int]bool{}
	for release, kinds := range all {
		for _, one := range kinds {
			name := one.String()
			if versions[name] == nil {
				versions[name], panics[name] = schemas{}, map[int]bool{}
			}
			versions[name][release] = one.Schema
			if one.Panics {
				panics[name][release] = true
			}
		}
	}
	w := writer{written: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		line := name + " " + span(versions[name])
		if len(panics[name]) > 0 {
			line += " panics " + span(panics[name])
		}
		w.lines = append(w.lines, line)
		level := versions[name]
		w.lines = append(w.lines, w.level(level, name, 1, func(key string) bool {
			return key == "apiVersion" || key == "kind" || key == "metadata"
		})...)
	}
	return strings.Join(w.lines, "\n") + "\n"
}

// level are the lines of one. Nobody writes a status into a file, so its keys are left out.
func (w *writer) level(of schemas, path string, depth int, isLeftOut func(string) bool) []string {
	var lines []string
	for _, key := range keysIn(of) {
		if isLeftOut(key) {
			continue
		}
		below, required := schemas{}, map[int]bool{}
		for release, schema := range of {
			if found := schema.Properties[key]; found != nil {
				below[release] = found
				if schema.requires(key) {
					required[release] = true
				}
			}
		}
		line := strings.Repeat("  ", depth) + key
		inner := below
		for isList(inner) {
			line += "[]"
			items := schemas{}
			for release, schema := range inner {
				if schema.Items != nil {
					items[release] = schema.Items
				}
			}
			inner = items
		}
		line += marks(of, below, inner, required)
		var keys []string
		if !(depth == 1 && key == "status") {
			keys = w.level(inner, path+"."+key, depth+1, func(string) bool { return false })
		}
		lines = append(lines, w.once(line, keys, path+"."+key, depth)...)
	}
	return lines
}

func marks(of, below, inner schemas, required map[int]bool) string {
	var text string
	none := true
	for _, schema := range inner {
		none = none && schema.hasNone()
	}
	if none {
		text += " {}"
	}
	if len(required) == len(below) {
		text += " required"
	} else if len(required) > 0 {
		text += " required " + span(required)
	}
	if len(below) < len(of) {
		text += " in " + span(below)
	}
	return text
}

// once refers to where the same keys stand already, unless they are few.
func (w *writer) once(line string, keys []string, path string, depth int) []string {
	if len(keys) < 4 {
		return append([]string{line}, keys...)
	}
	var shape strings.Builder
	for _, key := range keys {
		fmt.Fprintln(&shape, key[2*depth:])
	}
	if first, isWritten := w.written[shape.String()]; isWritten {
		return []string{line + " = " + first}
	}
	w.written[shape.String()] = path
	return append([]string{line}, keys...)
}

func keysIn(of schemas) []string {
	keys := map[string]bool{}
	for _, schema := range of {
		for key := range schema.Properties {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func isList(of schemas) bool {
	for _, schema := range of {
		if schema.Items != nil {
			return true
		}
	}
	return false
}
