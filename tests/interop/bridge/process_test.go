package peers

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a running program. It ends with the test.
type process struct {
	name    string
	command *exec.Cmd
	// ended is closed when the program has ended.
	ended chan struct{}
	log   transcript
}

// start runs a program until the end of the test. Its stderr is kept, unless the command has one already, and
// printed when the test failed.
func start(t *testing.T, name string, command *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, command: command, ended: make(chan struct{})}
	if command.Stderr == nil {
		command.Stderr = &p.log
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	// A descendant that keeps the pipe open does not keep us from seeing the end.
	command.WaitDelay = time.Second
	if err := command.Start(); err != nil {
		t.Fatalf("%s does not start: %v", name, err)
	}
	go func() {
		_ = command.Wait()
		p.log.close()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(2 * time.Second):
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
			<-p.ended
		}
		if t.Failed() {
			t.Logf("last lines of %s's log:\n%s", name, p.log.last(12))
		}
	})
	return p
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// transcript keeps the lines that a program writes.
type transcript struct {
	mu    sync.Mutex
	grown *sync.Cond
	rest  string
	lines []string
	over  bool
}

func (l *transcript) locked(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown == nil {
		l.grown = sync.NewCond(&l.mu)
	}
	change()
	l.grown.Broadcast()
}

// Write implements io.Writer.
func (l *transcript) Write(text []byte) (int, error) {
	l.locked(func() {
		lines := strings.Split(l.rest+string(text), "\n")
		l.lines = append(l.lines, lines[:len(lines)-1]...)
		l.rest = lines[len(lines)-1]
	})
	return len(text), nil
}

func (l *transcript) close() { l.locked(func() { l.over = true }) }

func (l *transcript) last(count int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-count):], "\n")
}

// count says how many lines have this text.
func (l *transcript) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := 0
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			found++
		}
	}
	return found
}

// waitFor returns the submatches of the first line that matches.
func (l *transcript) waitFor(t *testing.T, pattern string) []string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	deadline := time.Now().Add(limit)
	woken := time.AfterFunc(limit, func() { l.locked(func() {}) })
	defer woken.Stop()
	l.locked(func() {})
	l.mu.Lock()
	defer l.mu.Unlock()
	for seen := 0; ; l.grown.Wait() {
		for ; seen < len(l.lines); seen++ {
			if match := wanted.FindStringSubmatch(l.lines[seen]); match != nil {
				return match
			}
		}
		if l.over || time.Now().After(deadline) {
			t.Fatalf("`%s` was not logged (ended: %t)", pattern, l.over)
		}
	}
}

// bridge is a running `egext bridge`.
type bridge struct {
	*process
	route route
}

// bridgeOptions says how to start a bridge. The zero value is a unix socket and a log that is read.
type bridgeOptions struct {
	// tls asks for `--listen tls://` with client certificates.
	tls bool
	// callTimeout is that of the bridge; without one there is none.
	callTimeout string
	// connectWait is that of the bridge; without one it is longer than a busy machine takes to connect.
	connectWait string
	// flags come after those that every bridge gets.
	flags []string
	// stderr takes the log, instead of a transcript that is printed when the test fails.
	stderr *os.File
	// descriptors is the limit of open files, if it is not zero.
	descriptors int
}

var sockets atomic.Int64

// startBridge starts a bridge before the server at that address.
func startBridge(t *testing.T, upstream string, options bridgeOptions) *bridge {
	t.Helper()
	socket := filepath.Join(scratch, fmt.Sprintf("%d.sock", sockets.Add(1)))
	listen := "unix:" + socket
	if options.tls {
		listen = "tls://localhost:0"
	}
	arguments := append([]string{
		egext, "bridge", "--listen", listen, "--upstream", upstream, "--dir", certificates.directory,
		"--call-timeout", cmp.Or(options.callTimeout, "0s"), "--connect-wait", cmp.Or(options.connectWait, "30s"),
	}, options.flags...)
	if options.descriptors != 0 {
		limited := fmt.Sprintf(`ulimit -n %d && exec "$@"`, options.descriptors)
		// Its open files are counted, which /proc shows to root only if the process dumps no core.
		arguments = append([]string{"sh", "-c", limited, "sh"}, append(arguments, "--no-sandbox")...)
	}
	command := exec.Command(arguments[0], arguments[1:]...)
	if options.stderr != nil {
		command.Stderr = options.stderr
	}
	b := &bridge{process: start(t, "egext bridge", command), route: route{name: "bridged", address: socket}}
	if options.tls {
		b.route.tls = true
		b.route.address = b.log.waitFor(t, `listen="?([^" ]+)`)[1]
	}
	eventually(t, limit, "the bridge accepts connections", func() bool {
		if !b.alive() {
			t.Fatalf("the bridge has ended: %s", command.ProcessState)
		}
		connection, err := b.route.connect()
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
	return b
}

// firstLine reads one line of a program's stdout.
func firstLine(t *testing.T, stdout io.Reader) string {
	t.Helper()
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case text := <-line:
		if text == "" {
			t.Fatal("the program ended before it printed a line")
		}
		return text
	case <-time.After(limit):
		t.Fatal("the program printed nothing")
		return ""
	}
}
