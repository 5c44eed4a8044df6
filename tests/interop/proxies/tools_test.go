package proxies

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"egext.dev/binary"
)

var (
	// egext is the binary under test, an absolute path.
	egext string
	// scratch holds the files of this run. Its name is short enough for a socket's path.
	scratch string
)

func prepare() (err error) {
	if egext, err = binary.Find(); err != nil {
		return err
	}
	scratch, err = os.MkdirTemp("/tmp", "eg")
	return err
}

// found is the path of a program, or an error that says how to get it.
func found(name, cure string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("`%s` not found: %s", name, cure)
	}
	return path, nil
}

// said runs a program to its end and returns what it printed on both streams.
func said(name string, arguments ...string) (string, error) {
	out, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("`%s %s`: %w", name, strings.Join(arguments, " "), err)
	}
	return string(out), nil
}

// port reserves a port of 127.0.0.1 until the end of the scenario: it is bound, but not listened on, so that the system
// gives it to no other program, while one that names it gets it.
func (s *stage) port() int {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	s.must(err)
	s.cleanup(func() { _ = syscall.Close(socket) })
	s.must(syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	s.must(syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	name, err := syscall.Getsockname(socket)
	s.must(err)
	return name.(*syscall.SockaddrInet4).Port
}

// path is a file of this scenario.
func (s *stage) path(name string) string { return filepath.Join(s.directory, name) }

// noise is the same bytes for the same seed, which do not compress.
func noise(seed uint64, size int) []byte {
	made := make([]byte, size)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	_, _ = source.Read(made)
	return made
}
