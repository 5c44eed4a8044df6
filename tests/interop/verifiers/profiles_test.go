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
	// trait is what some verifiers are known to refuse: the kind of keys, or more than that.
	trait string
	// imported: the CA is somebody else's work, and its key stays where it is.
	imported bool
	// bothRoles: each leaf passes for the other side, too, as an X509-SVID has to.
	bothRoles bool
	// host is the one host name of the server, which has no address then; local names and addresses otherwise.
	host string
}

// hosts are all that the server is called by.
func (p profile) hosts() []string {
	if p.host != "" {
		return []string{p.host}
	}
	return []string{"localhost", "127.0.0.1", "::1"}
}

// made are the roles whose certificates and keys egext made.
func (p profile) made() []string {
	if p.imported {
		return []string{"server", "client"}
	}
	return []string{"ca", "server", "client"}
}

var profiles = []profile{
	{name: "p256", flags: with("--key-type", "p256"), trait: "p256"},
	{name: "p384", flags: with("--key-type", "p384"), trait: "p384"},
	{name: "rsa2048", flags: with("--key-type", "rsa2048"), trait: "rsa2048"},
	{name: "rsa3072", flags: with("--key-type", "rsa3072"), trait: "rsa3072"},
	{name: "ed25519", flags: with("--key-type", "ed25519"), trait: "ed25519"},
	{name: "p256 with name constraints", flags: with("--name-constraints"), trait: nameConstraints},
	{name: "rsa2048 with name constraints", flags: with("--key-type", "rsa2048", "--name-constraints"), trait: nameConstraints},
	{
		name: "p256 with name constraints and no address", trait: "p256", host: "extension.internal",
		flags: with("--name-constraints", "--san", "extension.internal", "--no-local-names"),
	},
	{name: "p256 with SPIFFE ids", flags: with("--spiffe-id", spiffeIDs), trait: "p256", bothRoles: true},
	{name: "p256 of an imported root", flags: importRoot(), trait: "p256", imported: true},
	{name: "p384 of an imported root", flags: importRoot("--key-type", "p384"), trait: "p384", imported: true},
	{name: "rsa2048 of an imported root", flags: importRoot("--key-type", "rsa2048"), trait: "rsa2048", imported: true},
	{name: "p256 of an imported intermediate", flags: importIntermediate, trait: "p256", imported: true},
}

const spiffeIDs = "server=spiffe://example.org/extension,client=spiffe://example.org/envoy-gateway"

func with(flags ...string) func(*testing.T, string) []string {
	return func(*testing.T, string) []string { return flags }
}

// set is a directory of `egext certs init`.
type set string

func (s set) path(name string) string { return filepath.Join(string(s), name) }

// sets remembers those of this run: each profile has its own, and one of another CA.
var sets = struct {
	sync.Mutex
	made map[string]set
}{made: map[string]set{}}

// own is the set that is judged.
func (p profile) own(t *testing.T) set { return p.set(t, "own") }

// foreign is made in the same way, so that nothing but the CA tells it from own.
func (p profile) foreign(t *testing.T) set { return p.set(t, "foreign") }

func (p profile) set(t *testing.T, whose string) set {
	t.Helper()
	sets.Lock()
	defer sets.Unlock()
	directory := filepath.Join(scratch, whose, p.name)
	if s, ok := sets.made[directory]; ok {
		return s
	}
	initialise(t, directory, p.flags(t, directory+"-prepared")...)
	sets.made[directory] = set(directory)
	return set(directory)
}

func initialise(t *testing.T, directory string, flags ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(directory), 0o700); err != nil {
		t.Fatal(err)
	}
	output(t, exec.Command(egext, append([]string{"certs", "init", "--dir", directory}, flags...)...))
}

const nameConstraints = "name constraints"
