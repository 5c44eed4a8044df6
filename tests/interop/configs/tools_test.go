package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"egext.dev/binary"
)

// releases are those that ../releases has modules for, the oldest first.
var releases = []string{"1.4.3", "1.5.9", "1.6.3", "1.7.2", "1.8.3", "1.9.1"}

var egextBinary string

func TestMain(m *testing.M) {
	var err error
	if egextBinary, err = binary.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// run is one execution of egext.
type run struct {
	exit           int
	stdout, stderr []byte
}

// egext runs it.
func egext(arguments ...string) (run, error) {
	command := binary.Command(egextBinary, arguments...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		return run{}, err
	}
	return run{command.ProcessState.ExitCode(), stdout.Bytes(), stderr.Bytes()}, nil
}

// verdict is what a release of Envoy Gateway makes of one file: see oracle/main.go.
type verdict struct {
	File    string
	Decode  string
	Start   []string
	Reload  []string
	Ignored []string
	Twice   []string
}

// accepted: Envoy Gateway starts with this file.
func (v verdict) accepted() bool { return v.Decode == "" && len(v.Start) == 0 }

// judge asks a release of Envoy Gateway about files, all in one process.
func judge(t testing.TB, release string, paths []string) map[string]verdict {
	t.Helper()
	command := exec.Command(oracle(t, release))
	command.Stdin = strings.NewReader(strings.Join(paths, "\n"))
	command.Stderr = os.Stderr
	answer, err := command.Output()
	if err != nil {
		t.Fatalf("the oracle of %s: %v", release, err)
	}
	verdicts := map[string]verdict{}
	lines := json.NewDecoder(bytes.NewReader(answer))
	for lines.More() {
		var one verdict
		if err := lines.Decode(&one); err != nil {
			t.Fatalf("the oracle of %s: %v", release, err)
		}
		verdicts[one.File] = one
	}
	if len(verdicts) != len(paths) {
		t.Fatalf("the oracle of %s answered for %d of %d files", release, len(verdicts), len(paths))
	}
	return verdicts
}

var oracles sync.Map

// oracle is the program for a release, which is compiled if it is not there yet.
func oracle(t testing.TB, release string) string {
	t.Helper()
	path := func() (string, error) {
		build := exec.Command("./build", release)
		build.Stderr = os.Stderr
		path, err := build.Output()
		return strings.TrimSpace(string(path)), err
	}
	once, _ := oracles.LoadOrStore(release, sync.OnceValues(path))
	found, err := once.(func() (string, error))()
	if err != nil {
		t.Fatalf("`build %s`: %v", release, err)
	}
	return found
}
