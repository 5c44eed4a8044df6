package configs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What `config` can be asked for. A new flag is one more line here.
var (
	commands = []string{
		"stanza",
		"gateway",
		"gateway --resources-dir /etc/envoy-gateway/resources",
		helmValues,
	}
	modes = []string{
		"standalone",
		"custom-kubernetes",
		"kubernetes",
	}
	options = []string{
		"--hook Route",
		"--hook VirtualHost",
		"--hook HTTPListener",
		"--hook Cluster",
		"--hook Endpoints",
		"--hook Translation",
		"--hook Route,VirtualHost,HTTPListener,Cluster,Translation",
		"--include-all listener",
		"--include-all route,cluster",
		"--include-all listener,route,cluster,secret",
		"--resource example.io/v1alpha1/Thing",
		"--resource example.io/v1alpha1/Thing --resource example.io/v1/Other",
		"--policy-resource example.io/v1alpha1/ThingPolicy",
		"--backend-resource inference.networking.k8s.io/v1/InferencePool",
		"--preset ai-gateway",
		"--fail-open",
		"--max-message-size 16Mi",
		"--name my-extension",
		"--retry-attempts 3 --retry-backoff 200ms --retry-max-backoff 1m --retry-multiplier 1.5 --retry-code UNAVAILABLE,aborted",
		"--logging info,xds-translator=debug",
		"--logging xds=debug",
		"--max-message-size 4194304",
		"--socket /run/other.sock",
		"--upstream extension.internal:5005 --dir /etc/certs",
		"--server tcp://extension.internal:5005",
		"--native-tls --server extension.internal:5005",
		"--native-tls --server 192.0.2.7:5005",
		"--native-tls --server [2001:db8::7]:5005 --ca-secret ca --namespace other",
		"--native-tls --server extension.internal:5005 --client-secret client",
		"--controller-name example.io/controller",
		"--home /var/lib/envoy-gateway",
		"--enable-backend-api",
		"--resources-dir /srv/more",
		"--bridge gateway --image example.org/egext:1",
		"--bridge both --image example.org/egext:1",
	}
)

// helmValues are for one mode only, and have no flag for it.
const helmValues = "kubernetes --part values"

// request is one call of `config`.
type request struct {
	release, command, mode string
	options                []string
}

func (r request) arguments() []string {
	words := []string{"config", r.command, "--eg-version", r.release}
	if r.command != helmValues {
		words = append(words, "--mode", r.mode)
	}
	return strings.Fields(strings.Join(append(words, r.options...), " "))
}

func (r request) String() string { return "egext " + strings.Join(r.arguments(), " ") }

// Each release reads every key of what is written for it, and starts with it; and `config check` says so. For each command and
// mode: without options, and with each one; and each two options once.
func TestEveryEmittedFileIsReadInFull(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			emitted := emit(t, requests(t, release))
			paths := make([]string, 0, len(emitted))
			for path := range emitted {
				paths = append(paths, path)
			}
			verdicts := judge(t, release, paths)
			said := check(t, release, paths)
			for path, request := range emitted {
				if found := verdicts[path]; !found.accepted() || len(found.Ignored)+len(found.Twice)+len(found.Reload) > 0 {
					t.Errorf("%s\n%s", request, found.lines())
				}
				if differences := said[path].differences(verdicts[path]); len(differences) > 0 {
					t.Errorf("%s | egext config check -\n%s", request, strings.Join(differences, "\n"))
				}
			}
			t.Logf("%d files", len(paths))
		})
	}
}

// An option that no release took would make the test above one of nothing.
func TestEveryOptionIsOnOffer(t *testing.T) {
	newest := releases[len(releases)-1]
	for _, option := range options {
		var refused []byte
		isTaken := slices.ContainsFunc(commands, func(command string) bool {
			return slices.ContainsFunc(modes, func(mode string) bool {
				answer, err := egext(request{newest, command, mode, []string{option}}.arguments()...)
				if err != nil {
					t.Fatal(err)
				}
				refused = answer.stderr
				return answer.exit == 0
			})
		})
		if !isTaken {
			t.Errorf("`%s` is refused by each command in each mode: %s", option, refused)
		}
	}
}

// requests has lists, of which the first request that is not refused stands for all.
func requests(t *testing.T, release string) [][]request {
	t.Helper()
	var all [][]request
	var whole []request
	for _, command := range commands {
		for _, mode := range modes {
			if command == helmValues && mode != "kubernetes" {
				continue
			}
			plain := request{release, command, mode, nil}
			answer, err := egext(plain.arguments()...)
			if err != nil {
				t.Fatal(err)
			}
			if answer.exit == 2 {
				continue // No option changes that this mode is not for this command, or for this release.
			}
			all = append(all, []request{plain})
			for _, option := range options {
				all = append(all, []request{plain.with(option)})
			}
			if command != "stanza" { // Whose lines the whole files have, too.
				whole = append(whole, plain)
			}
		}
	}
	// In every command and mode they would be seven times as many. Here each of these gets its share of them.
	for i, option := range options {
		for j, other := range options[i+1:] {
			var pair []request
			for place := range whole {
				pair = append(pair, whole[(i+j+place)%len(whole)].with(option, other))
			}
			all = append(all, pair)
		}
	}
	return all
}

func (r request) with(options ...string) request {
	r.options = options
	return r
}

// emit writes what egext prints, and leaves out what it refuses to print for that release.
func emit(t *testing.T, requests [][]request) map[string]request {
	t.Helper()
	directory := t.TempDir()
	emitted := map[string]request{}
	var mutex sync.Mutex
	var workers sync.WaitGroup
	for worker := range runtime.NumCPU() {
		workers.Go(func() {
			for i := worker; i < len(requests); i += runtime.NumCPU() {
				request, printed, err := first(requests[i])
				if err != nil {
					t.Error(err)
				}
				if printed == nil {
					continue
				}
				path := filepath.Join(directory, fmt.Sprintf("%05d.yaml", i))
				if err := os.WriteFile(path, whole(request.command, printed), 0o600); err != nil {
					t.Error(err)
				}
				mutex.Lock()
				emitted[path] = request
				mutex.Unlock()
			}
		})
	}
	workers.Wait()
	return emitted
}

// first is the first request that is not refused, with what was printed: nothing if all are.
func first(requests []request) (request, []byte, error) {
	for _, request := range requests {
		answer, err := egext(request.arguments()...)
		switch {
		case err != nil:
			return request, nil, err
		case answer.exit == 2:
		case answer.exit != 0:
			return request, nil, fmt.Errorf("%s: exit code %d: %s", request, answer.exit, answer.stderr)
		default:
			return request, answer.stdout, nil
		}
	}
	return request{}, nil, nil
}

// whole is a file for Envoy Gateway around what is only a part of one.
func whole(command string, printed []byte) []byte {
	switch command {
	case "stanza":
	case helmValues:
		printed = unwrapped(printed)
	default:
		return printed
	}
	return append([]byte(`apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
provider:
  type: Kubernetes
`), printed...)
}

// unwrapped is what the chart puts into its ConfigMap of these values: `config.envoyGateway`.
func unwrapped(values []byte) []byte {
	_, inner, found := bytes.Cut(values, []byte("\nconfig:\n  envoyGateway:\n"))
	if !found {
		return values // Which no release reads in full.
	}
	var lines []byte
	for line := range bytes.Lines(inner) {
		lines = append(lines, bytes.TrimPrefix(line, []byte("    "))...)
	}
	return lines
}
