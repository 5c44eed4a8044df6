package configs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// For objects with keys that a release does not know, or without some that it demands, at each level of each kind, `egext config
// check` says what that release's loader says.
func TestCheckSaysOfObjectsWhatTheLoaderDoes(t *testing.T) {
	all := allKinds(t)
	for i, release := range releases {
		t.Run(release, func(t *testing.T) {
			objects := append(objectsOf(all, i), versionsOf(all)...)
			loader, said := loaded(t, release, objects), checkedObjects(t, release, objects)
			different := 0
			for at, object := range objects {
				if !agree(said[at], loader[at]) {
					if different++; different <= 20 {
						t.Errorf("%s\negext says %q\nEnvoy Gateway %q", object, said[at], loader[at])
					}
				}
			}
			t.Logf("%d objects, %d different", len(objects), different)
			if len(objects) < 1000 {
				t.Error("these are too few")
			}
		})
	}
}

// agree: egext names one of the faults of keys that Envoy Gateway names, or neither names one.
func agree(said, loader string) bool {
	if said != "" {
		// Envoy Gateway looks at values before it takes an object for one of another version; egext does not know them.
		isLater := strings.HasPrefix(said, "panic: ") && strings.Contains(loader, " in body must be ")
		return isLater || strings.Contains(loader, said)
	}
	for _, fault := range []string{"unknown field", "Required value", "not found in", "failed to locate", "already set", "panic"} {
		if strings.Contains(loader, fault) {
			return false
		}
	}
	return true
}

// metadata are the keys of every object's metadata, and some that it had or could have.
var metadata = []string{
	"annotations", "clusterName", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
	"generation", "initializers", "labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink",
	"title", "uid",
}

// objectsOf are objects for one release, each a line of JSON.
func objectsOf(all [][]kind, release int) []string {
	var objects []string
	demanded := map[string]bool{}
	for _, one := range all[release] {
		schemas := everyRelease(all, one)
		add := func(fields map[string]any) {
			object := map[string]any{"apiVersion": one.apiVersion(), "kind": one.Kind, "metadata": map[string]any{"name": "a"}}
			maps.Copy(object, fields)
			objects = append(objects, line(object))
		}
		add(everything(one.Schema))
		if one.Kind == "GatewayClass" {
			for _, key := range append(metadata, "egextUnknown") {
				add(map[string]any{"metadata": map[string]any{"name": "a", key: nil}})
			}
		}
		levels(one.Schema, schemas, func(schema *crd, of []*crd, wrap func(any) map[string]any) {
			unknown := map[string]bool{"egextUnknown": true}
			for _, other := range of {
				for key := range other.Properties {
					unknown[key] = unknown[key] || schema.Properties[key] == nil
				}
			}
			for _, key := range slices.Sorted(maps.Keys(unknown)) {
				if unknown[key] {
					add(wrap(map[string]any{key: nil}))
				}
			}
			// The loader needs long for an object without unknown keys.
			shape := fmt.Sprint(slices.Sorted(maps.Keys(schema.Properties)), schema.Required)
			if len(schema.Required) > 0 && !demanded[shape] {
				demanded[shape] = true
				add(wrap(map[string]any{}))
			}
		})
	}
	objects = append(objects, strings.Replace(objects[0], `"kind"`, `"kind":"a","kind"`, 1))
	return objects
}

// everyRelease are the schemas of a kind and version in all releases.
func everyRelease(all [][]kind, of kind) []*crd {
	var found []*crd
	for _, kinds := range all {
		for _, one := range kinds {
			if one.String() == of.String() {
				found = append(found, one.Schema)
			}
		}
	}
	return found
}

// versionsOf are whole objects of all kinds of all releases, each in all versions of its group.
func versionsOf(all [][]kind) []string {
	contents := map[string]any{
		"BackendTLSPolicy": map[string]any{
			"targetRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "a"}},
			"validation": map[string]any{"hostname": "a.b", "wellKnownCACertificates": "System"},
		},
		"Gateway": map[string]any{
			"gatewayClassName": "a", "listeners": []any{map[string]any{"name": "a", "port": 80, "protocol": "HTTP"}},
		},
		"ReferenceGrant": map[string]any{
			"from": []any{map[string]any{"group": "", "kind": "Secret", "namespace": "a"}},
			"to":   []any{map[string]any{"group": "", "kind": "Secret"}},
		},
	}
	rules := []any{map[string]any{"backendRefs": []any{map[string]any{"name": "a", "port": 80}}}}
	for _, route := range []string{"GRPCRoute", "HTTPRoute", "TCPRoute", "UDPRoute"} {
		contents[route] = map[string]any{"rules": rules}
	}
	contents["TLSRoute"] = map[string]any{"rules": rules, "hostnames": []any{"a.b"}}
	versions, names := map[string]bool{}, map[string]bool{"Unknown": true}
	for _, kinds := range all {
		for _, one := range kinds {
			versions[one.apiVersion()] = true
			names[one.Kind] = true
		}
	}
	versions["gateway.networking.k8s.io/v2"] = true
	var objects []string
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			object := map[string]any{"apiVersion": version, "kind": name, "metadata": map[string]any{"name": "a"}}
			if spec := contents[name]; spec != nil {
				object["spec"] = spec
			}
			objects = append(objects, line(object))
		}
	}
	return objects
}

// everything has all keys of a level, and of those below it.
func everything(schema *crd) map[string]any {
	fields := map[string]any{}
	for key, below := range schema.Properties {
		if key == "apiVersion" || key == "kind" || key == "metadata" || key == "status" {
			continue
		}
		fields[key] = everythingAt(below)
	}
	return fields
}

func everythingAt(schema *crd) any {
	switch {
	case schema.Items != nil:
		return []any{everythingAt(schema.Items)}
	case len(schema.Properties) > 0 || schema.hasNone():
		return everything(schema)
	default:
		return "a"
	}
}

// levels calls `visit` with each mapping that has its own keys, the same in all releases that have it, and what puts a
// value at its place.
func levels(schema *crd, of []*crd, visit func(*crd, []*crd, func(any) map[string]any)) {
	visit(schema, of, func(value any) map[string]any { return value.(map[string]any) })
	for _, key := range slices.Sorted(maps.Keys(schema.Properties)) {
		if key == "metadata" || key == "status" {
			continue
		}
		below, lists := schema.Properties[key], 0
		var others []*crd
		for _, other := range of {
			if found := other.Properties[key]; found != nil {
				others = append(others, found)
			}
		}
		for below.Items != nil {
			lists++
			below = below.Items
			for i, other := range others {
				others[i] = other.Items
			}
		}
		if len(below.Properties) == 0 && !below.hasNone() {
			continue
		}
		levels(below, others, func(inner *crd, of []*crd, wrap func(any) map[string]any) {
			visit(inner, of, func(value any) map[string]any {
				var wrapped any = wrap(value)
				for range lists {
					wrapped = []any{wrapped}
				}
				return map[string]any{key: wrapped}
			})
		})
	}
}

func line(object map[string]any) string {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// loaded is what a release says of each object.
func loaded(t *testing.T, release string, objects []string) []string {
	t.Helper()
	_, paths := plant(t, objects)
	answer := load(t, release, strings.Join(paths, "\n"))
	var said []string
	for text := range strings.Lines(string(answer)) {
		var one string
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err)
		}
		said = append(said, one)
	}
	if len(said) != len(objects) {
		t.Fatalf("the loader of %s answered for %d of %d objects", release, len(said), len(objects))
	}
	return said
}

// inFile is how many objects a file has: egext does not show many more findings of one.
const inFile = 50

// plant writes files with a line for each object and one between them.
func plant(t *testing.T, objects []string) (string, []string) {
	t.Helper()
	directory := t.TempDir()
	var paths []string
	for some := range slices.Chunk(objects, inFile) {
		path := filepath.Join(directory, fmt.Sprintf("%d.yaml", len(paths)))
		if err := os.WriteFile(path, []byte(strings.Join(some, "\n---\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return directory, paths
}

// checkedObjects is what egext says of each object, without what it says around the words of Envoy Gateway.
func checkedObjects(t *testing.T, release string, objects []string) []string {
	t.Helper()
	directory, _ := plant(t, objects)
	ran, err := egext("config", "check", "--format", "json", "--eg-version", release, directory)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Findings []struct {
			ID, Message string
			Location    struct {
				Path string
				Line int
			}
		}
	}
	if err := json.Unmarshal(ran.stdout, &report); err != nil {
		t.Fatalf("exit code %d: %v\n%s", ran.exit, err, ran.stderr)
	}
	said := make([]string, len(objects))
	for _, finding := range report.Findings {
		if finding.ID != "config.load-broken" {
			continue
		}
		file, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(finding.Location.Path), ".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		object := file*inFile + (finding.Location.Line-1)/2
		said[object] = strings.TrimSuffix(after(finding.Message, "because of this file: "), "…")
	}
	return said
}
