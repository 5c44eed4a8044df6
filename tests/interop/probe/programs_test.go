package probe

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// limit bounds every wait. It is far beyond what anything here takes on a busy machine.
const limit = 90 * time.Second

// corePython is C-core as Python uses it.
func corePython(t *testing.T, how manner) string {
	t.Helper()
	return "localhost:" + started(t, exec.Command(python(t), how.arguments("python/server.py")...), port)
}

// nodeJS is Node.js with its own HTTP/2.
func nodeJS(t *testing.T, how manner) string {
	t.Helper()
	return "localhost:" + started(t, exec.Command(node(t), how.arguments("node/server.mjs")...), port)
}

// openSSL is `openssl s_server`, which speaks TLS and nothing above it.
func openSSL(t *testing.T, how manner) string {
	t.Helper()
	file := func(name string) string { return filepath.Join(how.directory, name) }
	arguments := []string{"s_server", "-accept", "127.0.0.1:0", "-cert", file("server.crt"), "-key", file("server.key"), "-CAfile", file("ca.crt")}
	if how.asks {
		arguments = append(arguments, "-Verify", "3", "-verify_return_error")
	}
	if how.name != "without-alpn" {
		arguments = append(arguments, "-alpn", "h2")
	}
	if how.name == "one-name" {
		arguments = append(arguments, "-servername", "other.test", "-servername_fatal", "-cert2", file("server.crt"), "-key2", file("server.key"))
	}
	arguments = append(arguments, how.extra...)
	command := exec.Command(require(t, "openssl", "install openssl"), arguments...)
	return "localhost:" + started(t, command, func(line string) (string, bool) {
		address, found := strings.CutPrefix(line, "ACCEPT ")
		return address[strings.LastIndex(address, ":")+1:], found
	})
}

func (m manner) arguments(script string) []string {
	directory := m.directory
	if directory == "" {
		directory = "-"
	}
	arguments := []string{script, m.name, directory}
	if m.asks {
		arguments = append(arguments, "asks")
	}
	return arguments
}

// port reads a line that is a port and nothing else.
func port(line string) (string, bool) {
	return line, line != "" && strings.Trim(line, "0123456789") == ""
}

// started runs a program until the test ends, and returns the port that one of its first lines tells.
func started(t *testing.T, command *exec.Cmd, read func(string) (string, bool)) string {
	t.Helper()
	stdin, err := command.StdinPipe()
	must(t, err)
	stdout, err := command.StdoutPipe()
	must(t, err)
	var complaints strings.Builder
	command.Stderr = &complaints
	must(t, command.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = command.Process.Kill()
		// Killed, so it fails.
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s: %s", command.Args[0], complaints.String())
		}
	})
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if port, ok := read(lines.Text()); ok {
				found <- port
				break
			}
		}
		// What else it says must not fill the pipe.
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case port := <-found:
		return port
	case <-time.After(limit):
		t.Fatalf("%v tells no port", command.Args)
		return ""
	}
}

// python is the interpreter for which the requirements of ../bridge are installed.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("EGEXT_PEERS_PYTHON")
	if path == "" {
		cache, err := os.UserCacheDir()
		must(t, err)
		path = filepath.Join(cache, "egext", "peers-python", "bin", "python")
	}
	return require(t, path, "make it as ../bridge/README.md says, or name one with EGEXT_PEERS_PYTHON")
}

// node is the interpreter of JavaScript.
func node(t *testing.T) string {
	t.Helper()
	return require(t, "node", "install Node.js 20 or later")
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
