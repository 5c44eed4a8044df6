package verifiers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"egext.dev/binary"
)

// egext is the binary under test, an absolute path.
var egext string

// scratch is where all certificates of this run are. It goes with the run.
var scratch string

// limit bounds every wait. It is far beyond what anything here takes on a busy machine.
const limit = 30 * time.Second

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	// Modes are then those that egext asks for, and not what somebody's umask left of them.
	syscall.Umask(0)
	var err error
	if egext, err = binary.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	// Below /tmp, so that Envoy's sockets fit into 107 bytes.
	if scratch, err = os.MkdirTemp("/tmp", "eg"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// require is the path of a program. Without it the test fails in CI, and is skipped elsewhere.
func require(t *testing.T, name, cure string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name, cure)
	}
	return path
}

// requireCached is the path of a program that CI keeps in the cache; a variable may name another.
func requireCached(t *testing.T, variable, name, cure string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(cache, "egext", name)
	}
	return require(t, path, cure)
}

func missing(t *testing.T, name, cure string) {
	t.Helper()
	message := fmt.Sprintf("%s not found: %s", name, cure)
	if os.Getenv("EGEXT_INTEROP") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
}

// python is the interpreter for which .ci/run has installed python/requirements.txt.
func python(t *testing.T) string {
	t.Helper()
	return requireCached(t, "EGEXT_VERIFIERS_PYTHON", "verifiers-python/bin/python",
		"make it with `python3 -m venv` and `pip install --require-hashes -r python/requirements.txt`, or name one with EGEXT_VERIFIERS_PYTHON")
}

// output runs a program to its end and returns what it printed to stdout.
func output(t *testing.T, command *exec.Cmd) []byte {
	t.Helper()
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("`%s`: %v", strings.Join(command.Args, " "), err)
	}
	return out
}

// says runs a program that may well fail, and returns all that it printed as one line.
func says(t *testing.T, name string, arguments ...string) (string, bool) {
	t.Helper()
	out, err := exec.Command(name, arguments...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(bytes.Join(bytes.Fields(out), []byte(" "))), err == nil
}

// eventually tries until there is no error.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
	}
}
