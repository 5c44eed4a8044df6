//go:build ignore

// The oracle judges EnvoyGateway files with the code of one release of Envoy Gateway: its types, its decoder, its defaults and
// its validation. It reads paths from stdin, one a line, and prints one line of JSON for each.
//
// It belongs to no module of its own: `../build` compiles it in the modules of ../../releases, once for each release.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/api/v1alpha1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// verdict is what Envoy Gateway makes of one file.
type verdict struct {
	File string `json:"file"`
	// Decode is why it does not decode. The rest is empty then.
	Decode string `json:"decode,omitempty"`
	// Start is why it is not taken at the start: each text that can be the first one. They are several where Envoy Gateway
	// goes through a Go map.
	Start []string `json:"start,omitempty"`
	// Reload is why it is not taken when the file changes, while Envoy Gateway runs.
	Reload []string `json:"reload,omitempty"`
	// Ignored are the keys that Envoy Gateway passes over.
	Ignored []string `json:"ignored,omitempty"`
	// Twice are the complaints of a strict decoder about keys that stand twice. Envoy Gateway's is not strict.
	Twice []string `json:"twice,omitempty"`
}

// rule is what a release does with a file that changes while it runs: internal/envoygateway/config/loader/configloader.go.
type rule int

const (
	validatesNothing rule = iota
	validatesBeforeDefaults
	validatesAfterDefaults
)

type judge struct {
	lenient, strict runtime.Decoder
	reload          rule
}

func main() {
	log.SetFlags(0)
	known := scheme()
	j := judge{
		lenient: serializer.NewCodecFactory(known).UniversalDeserializer(),
		strict:  serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer(),
		reload:  reloadRule(),
	}
	out := bufio.NewWriter(os.Stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	paths := bufio.NewScanner(os.Stdin)
	for paths.Scan() {
		text, err := os.ReadFile(paths.Text())
		if err != nil {
			log.Fatal(err)
		}
		read, unread := effective(text)
		found := j.judge(read)
		found.File = paths.Text()
		found.Ignored = append(found.Ignored, unread...)
		slices.Sort(found.Ignored)
		if err := lines.Encode(found); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(paths.Err(), out.Flush()); err != nil {
		log.Fatal(err)
	}
}

func (j judge) judge(text []byte) verdict {
	decoded, err := decode(j.lenient, text)
	if err != nil {
		return verdict{Decode: err.Error()}
	}
	found := verdict{
		Start: refusals(decoded, func(eg *egv1a1.EnvoyGateway) error {
			eg.SetEnvoyGatewayDefaults()
			return validation.ValidateEnvoyGateway(eg)
		}),
		Reload: refusals(decoded, func(eg *egv1a1.EnvoyGateway) error {
			switch j.reload {
			case validatesNothing:
				return nil
			case validatesAfterDefaults:
				eg.SetEnvoyGatewayDefaults()
			}
			return validation.ValidateEnvoyGateway(eg)
		}),
	}
	found.Ignored, found.Twice = j.passedOver(text)
	return found
}

// decode is internal/envoygateway/config.Decode.
func decode(decoder runtime.Decoder, text []byte) (*egv1a1.EnvoyGateway, error) {
	object, kind, err := decoder.Decode(text, nil, nil)
	if err != nil && !runtime.IsStrictDecodingError(err) {
		return nil, err
	}
	if *kind != (schema.GroupVersionKind{
		Group: egv1a1.GroupVersion.Group, Version: egv1a1.GroupVersion.Version, Kind: egv1a1.KindEnvoyGateway,
	}) {
		return nil, errors.New("failed to decode unmatched resource type")
	}
	return object.(*egv1a1.EnvoyGateway), err
}

// address is that of a value, which Envoy Gateway 1.4 and 1.5 print where its contents are meant.
var address = regexp.MustCompile(`\b0x[0-9a-f]{6,}\b`)

// refusals are the different errors of a few runs, if the order of a map can make a difference.
func refusals(of *egv1a1.EnvoyGateway, check func(*egv1a1.EnvoyGateway) error) []string {
	var texts []string
	for range 12 {
		err := survive(func() error { return check(of.DeepCopy()) })
		if err == nil {
			return nil
		}
		if text := address.ReplaceAllString(err.Error(), "0x..."); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		if !strings.Contains(err.Error(), "logging") {
			break
		}
	}
	slices.Sort(texts)
	return texts
}

// survive makes an error of a panic.
func survive(run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return run()
}

var unknownField = regexp.MustCompile(`^unknown field (".*")$`)

// passedOver are the keys that the decoder does not know, and what stands twice.
func (j judge) passedOver(text []byte) (ignored, twice []string) {
	_, err := decode(j.strict, text)
	strict, isStrict := runtime.AsStrictDecodingError(err)
	if !isStrict {
		return nil, nil
	}
	for _, complaint := range strict.Errors() {
		if field := unknownField.FindStringSubmatch(complaint.Error()); field != nil {
			path, err := strconv.Unquote(field[1])
			if err != nil {
				log.Fatal(err)
			}
			ignored = append(ignored, path)
		} else if !bytes.Contains(text, []byte("<<")) {
			// What goes over a merge key stands there once.
			twice = append(twice, strings.TrimSpace(complaint.Error()))
		}
	}
	slices.Sort(ignored)
	return slices.Compact(ignored), twice
}

// reloadRule is that of the release in this program.
func reloadRule() rule {
	const module = "github.com/envoyproxy/gateway"
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path != module {
			continue
		}
		switch dependency.Version {
		case "v1.4.3":
			return validatesNothing
		case "v1.5.9", "v1.6.3", "v1.7.2":
			return validatesBeforeDefaults
		case "v1.8.3", "v1.9.1":
			return validatesAfterDefaults
		default:
			log.Fatalf("what %s does when its file changes has to be looked up: see reloadRule", dependency.Version)
		}
	}
	log.Fatalf("%s is not in this program", module)
	return validatesNothing
}
