//go:build ignore

// The loader judges objects in resource files as the file provider of one release of Envoy Gateway does: by the CRDs that are
// embedded in that release, and by the types that it knows. Its argument is that release's
// internal/gatewayapi/resource/load.go. It reads paths from stdin, one a line, and prints one line of JSON for each object. With
// `crds` as its second argument it prints a line for each kind and version instead.
//
// It belongs to no module of its own: `../build` compiles it in the modules of ../../releases, once for each release.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"regexp"
	"testing/fstest"

	envoygateway "github.com/envoyproxy/gateway"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kvalidate "sigs.k8s.io/kubectl-validate/pkg/cmd"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	"sigs.k8s.io/kubectl-validate/pkg/validator"
	"sigs.k8s.io/yaml"
)

// kind is a version of a kind with its schema.
type kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	// Panics: Envoy Gateway takes the object for the type of another version, and ends.
	Panics bool            `json:"panics"`
	Schema json.RawMessage `json:"schema"`
}

type loader struct {
	validator *validator.Validator
	known     *runtime.Scheme
	// asserted are the types of `spec` that Envoy Gateway expects, for each kind.
	asserted map[string]reflect.Type
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("the path of load.go is missing")
	}
	crds := fstest.MapFS{"crds.yaml": {Data: envoygateway.GatewayCRDs}}
	byCRD, err := validator.New(openapiclient.NewLocalCRDFiles(crds))
	if err != nil {
		log.Fatal(err)
	}
	l := loader{validator: byCRD, known: scheme()}
	if err := l.readAsserted(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	run := l.judge
	if len(os.Args) > 2 && os.Args[2] == "crds" {
		run = l.kinds
	}
	out := bufio.NewWriter(os.Stdout)
	if err := errors.Join(run(json.NewEncoder(out)), out.Flush()); err != nil {
		log.Fatal(err)
	}
}

var (
	gatewayAPI = regexp.MustCompile(`(\w+) "sigs\.k8s\.io/gateway-api/apis/(\w+)"`)
	assertion  = regexp.MustCompile(`typedSpec\.\((gwapi\w+)\.(\w+)Spec\)`)
)

// readAsserted reads from the source which version of the Gateway API Envoy Gateway has a kind in.
func (l *loader) readAsserted(path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	versions := map[string]string{}
	for _, found := range gatewayAPI.FindAllSubmatch(source, -1) {
		versions[string(found[1])] = string(found[2])
	}
	l.asserted = map[string]reflect.Type{}
	for _, found := range assertion.FindAllSubmatch(source, -1) {
		gvk := schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: versions[string(found[1])], Kind: string(found[2])}
		if l.asserted[gvk.Kind], err = l.spec(gvk); err != nil {
			return err
		}
	}
	if len(l.asserted) < 9 {
		return fmt.Errorf("%s asserts the types of %d kinds only", path, len(l.asserted))
	}
	return nil
}

func (l *loader) spec(gvk schema.GroupVersionKind) (reflect.Type, error) {
	object, err := l.known.New(gvk)
	if err != nil {
		return nil, err
	}
	field, _ := reflect.TypeOf(object).Elem().FieldByName("Spec")
	return field.Type, nil
}

// panics is what Envoy Gateway ends with.
func (l *loader) panics(gvk schema.GroupVersionKind) error {
	found, err := l.spec(gvk)
	if asserted := l.asserted[gvk.Kind]; err == nil && asserted != nil && gvk.Group == "gateway.networking.k8s.io" && found != asserted {
		return fmt.Errorf("panic: interface conversion: interface {} is %s, not %s", found, asserted)
	}
	return err
}

func (l *loader) kinds(lines *json.Encoder) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(envoygateway.GatewayCRDs)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema json.RawMessage }
				}
			}
		}
		if err = errors.Join(err, yaml.Unmarshal(document, &crd)); err != nil {
			return err
		}
		for _, version := range crd.Spec.Versions {
			gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
			one := kind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Schema: version.Schema.OpenAPIV3Schema}
			one.Panics = l.panics(gvk) != nil
			if err := lines.Encode(one); err != nil {
				return err
			}
		}
	}
}

func (l *loader) judge(lines *json.Encoder) error {
	paths := bufio.NewScanner(os.Stdin)
	for paths.Scan() {
		text, err := os.ReadFile(paths.Text())
		if err != nil {
			return err
		}
		objects := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			object, err := objects.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			var refused string
			if err := l.load(object); err != nil {
				refused = err.Error()
			}
			if err := lines.Encode(refused); err != nil {
				return err
			}
		}
	}
	return paths.Err()
}

// load is the part of internal/gatewayapi/resource.loadKubernetesYAMLToResources that can fail.
func (l *loader) load(text []byte) error {
	var fields map[string]any
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return err
	}
	object := &unstructured.Unstructured{Object: fields}
	gvk := object.GroupVersionKind()
	if err := kvalidate.ValidateDocument(text, l.validator); err != nil {
		return err
	}
	typed, err := l.known.New(gvk)
	if err != nil {
		return err
	}
	return errors.Join(l.known.Convert(object, typed, nil), l.panics(gvk))
}
