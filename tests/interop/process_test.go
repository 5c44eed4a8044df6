package interop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// limit bounds every wait. It is far beyond what anything here takes on a busy machine.
const limit = 60 * time.Second

// process is a running program with its log. It and all its children end with the test.
type process struct {
	name string
	// group is what it and its children are in.
	group int
	lines []string
	ended bool
	// grown is signalled when there is another line, or an end.
	grown *sync.Cond
}

// start runs a program until the end of the test. Its log is printed when the test failed.
func start(t *testing.T, name string, command *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, grown: sync.NewCond(&sync.Mutex{})}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = writer, writer
	// Envoy is a child of Envoy Gateway: the group is what has to end, also when `go test` is cut short.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		t.Fatalf("%s does not start: %v", name, err)
	}
	_ = writer.Close()
	p.group = command.Process.Pid
	go p.read(reader)
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		killed := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
		_ = command.Wait()
		killed.Stop()
		// Whatever of the group outlived its leader.
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, strings.Join(p.excerpt(), "\n"))
		}
	})
	return p
}

func (p *process) read(reader io.ReadCloser) {
	defer reader.Close()
	scanner := bufio.NewScanner(reader)
	// Envoy Gateway logs whole configurations on one line.
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		p.grown.L.Lock()
		p.lines = append(p.lines, scanner.Text())
		p.grown.L.Unlock()
		p.grown.Broadcast()
	}
	p.grown.L.Lock()
	p.ended = true
	p.grown.L.Unlock()
	p.grown.Broadcast()
}

func (p *process) log() []string {
	p.grown.L.Lock()
	defer p.grown.L.Unlock()
	return append([]string(nil), p.lines...)
}

func (p *process) matching(pattern *regexp.Regexp) []string {
	var found []string
	for _, line := range p.log() {
		if pattern.MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

// kill ends it without a warning, and returns when it is gone. Its number is not given to another one before the
// test has ended.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-p.group, syscall.SIGKILL); err != nil {
		t.Fatalf("%s cannot be killed: %v", p.name, err)
	}
	eventually(t, p.name+" is gone", func() error {
		p.grown.L.Lock()
		defer p.grown.L.Unlock()
		if !p.ended {
			return errors.New("its log is open")
		}
		return nil
	})
}

// freeze stops it without an end: its connections stay open, and it does not answer.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-p.group, syscall.SIGSTOP); err != nil {
		t.Fatalf("%s cannot be stopped: %v", p.name, err)
	}
}

// excerpt is the log without the ends of Envoy Gateway's longest lines, which hold whole configurations, and without Envoy's
// line for each request.
func (p *process) excerpt() []string {
	var lines []string
	for _, line := range p.log() {
		if strings.HasPrefix(line, `{":authority"`) {
			continue
		}
		if len(line) > 1000 {
			line = line[:500] + " [...] " + line[len(line)-500:]
		}
		lines = append(lines, line)
	}
	return lines
}

// waitFor returns the submatches of the first line that matches.
func (p *process) waitFor(t *testing.T, pattern string) []string {
	t.Helper()
	return p.waitForNth(t, pattern, 1)
}

func (p *process) waitForNth(t *testing.T, pattern string, nth int) []string {
	t.Helper()
	match, err := p.nthMatch(regexp.MustCompile(pattern), nth)
	if err != nil {
		t.Fatal(err)
	}
	return match
}

func (p *process) nthMatch(pattern *regexp.Regexp, nth int) ([]string, error) {
	deadline := time.Now().Add(limit)
	woken := time.AfterFunc(limit, p.grown.Broadcast)
	defer woken.Stop()
	p.grown.L.Lock()
	defer p.grown.L.Unlock()
	for seen, found := 0, 0; ; p.grown.Wait() {
		for ; seen < len(p.lines); seen++ {
			if match := pattern.FindStringSubmatch(p.lines[seen]); match != nil {
				if found++; found == nth {
					return match, nil
				}
			}
		}
		if p.ended {
			return nil, fmt.Errorf("%s ended before it logged `%s`", p.name, pattern)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s has not logged `%s` within %s", p.name, pattern, limit)
		}
	}
}

// output runs a program to its end and returns what it printed to stdout.
func output(t *testing.T, name string, arguments ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, arguments...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("`%s %s`: %v", filepath.Base(name), strings.Join(arguments, " "), err)
	}
	return out
}

// eventually tries until there is no error.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
	}
}

// freePort is one that nobody listens on. Somebody else may take it before we do; the test then says so.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// shortDirectory is a temporary directory whose sockets fit into 107 bytes.
func shortDirectory(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("/tmp", "eg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}
