package peers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"egext.dev/binary"
)

// limit bounds every wait. It is far beyond what anything here takes on a busy machine.
const limit = 90 * time.Second

var (
	// egext is the binary under test, an absolute path.
	egext string
	// scratch holds the certificates and sockets of this run. Its name is short enough for a socket's path.
	scratch string
	// certificates is what `egext certs init` made.
	certificates material
)

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	defer os.RemoveAll(scratch)
	code := m.Run()
	return code
}

func prepare() (err error) {
	if egext, err = binary.Find(); err != nil {
		return err
	}
	if scratch, err = os.MkdirTemp("/tmp", "eg"); err != nil {
		return err
	}
	directory := filepath.Join(scratch, "certs")
	if out, err := exec.Command(egext, "certs", "init", "--dir", directory).CombinedOutput(); err != nil {
		return fmt.Errorf("`egext certs init`: %w\n%s", err, out)
	}
	certificates, err = load(directory)
	return err
}

// material is a directory of certificates as Go reads it.
type material struct {
	directory      string
	ca             *x509.CertPool
	server, client tls.Certificate
}

func load(directory string) (material, error) {
	m := material{directory: directory, ca: x509.NewCertPool()}
	pem, err := os.ReadFile(filepath.Join(directory, "ca.crt"))
	if err != nil {
		return m, err
	}
	if !m.ca.AppendCertsFromPEM(pem) {
		return m, errors.New("Go finds no certificate in ca.crt")
	}
	for role, pair := range map[string]*tls.Certificate{"server": &m.server, "client": &m.client} {
		path := filepath.Join(directory, role)
		if *pair, err = tls.LoadX509KeyPair(path+".crt", path+".key"); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (m material) serverTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{m.server}, NextProtos: []string{"h2"},
		ClientCAs: m.ca, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func (m material) clientTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{m.client}, NextProtos: []string{"h2"},
		RootCAs: m.ca, ServerName: "localhost",
	}
}

// python is the interpreter for which python/requirements.txt is installed.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("EGEXT_PEERS_PYTHON")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(cache, "egext", "peers-python", "bin", "python")
	}
	return require(t, path, "make it as README.md says, or name one with EGEXT_PEERS_PYTHON")
}

// require is the path of a program. Without it the test is skipped, and fails where everything has to be there.
func require(t *testing.T, name, cure string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	message := fmt.Sprintf("%s not found: %s", name, cure)
	if os.Getenv("EGEXT_INTEROP") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// eventually looks until the condition holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}

func portOf(listener net.Listener) string {
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
