package verifiers

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// profile is one way to call `egext certs init`, and a row of every table here.
type profile struct {
	name string
	// flags may make what they name (a CA to import) in a directory of their own.
	flags func(t *testing.T, directory string) []string
	// keys is the kind of all keys of the leafs.
	keys string
}

var profiles = []profile{
	{"p256", keyType("p256"), "p256"},
	{"p384", keyType("p384"), "p384"},
	{"rsa2048", keyType("rsa2048"), "rsa2048"},
	{"rsa3072", keyType("rsa3072"), "rsa3072"},
	{"ed25519", keyType("ed25519"), "ed25519"},
}

func keyType(name string) func(*testing.T, string) []string {
	return func(*testing.T, string) []string { return []string{"--key-type", name} }
}

// set is a directory of `egext certs init`.
type set string

func (s set) path(name string) string { return filepath.Join(string(s), name) }

// made remembers the sets of this run: each profile has its own, and one of another CA.
var made = struct {
	sync.Mutex
	sets map[string]set
}{sets: map[string]set{}}

// own is the set that is judged.
func (p profile) own(t *testing.T) set { return p.set(t, "own") }

// foreign is made in the same way, so that nothing but the CA tells it from own.
func (p profile) foreign(t *testing.T) set { return p.set(t, "foreign") }

func (p profile) set(t *testing.T, whose string) set {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	directory := filepath.Join(scratch, whose, p.name)
	if s, ok := made.sets[directory]; ok {
		return s
	}
	initialise(t, directory, p.flags(t, directory+"-prepared")...)
	made.sets[directory] = set(directory)
	return set(directory)
}

func initialise(t *testing.T, directory string, flags ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(directory), 0o700); err != nil {
		t.Fatal(err)
	}
	output(t, exec.Command(egext, append([]string{"certs", "init", "--dir", directory}, flags...)...))
}
