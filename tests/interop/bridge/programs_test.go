package peers

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// grpcio and nghttp2 are Python's and Node.js's programs for one protocol on stdin and stdout.
var (
	grpcio        = callerOf("grpcio", pythonPeer)
	grpcioServer  = serverOf("grpcio", pythonPeer)
	nghttp2       = callerOf("nghttp2", nodePeer)
	nghttp2Server = serverOf("nghttp2", nodePeer)
)

func pythonPeer(t *testing.T, arguments ...string) *exec.Cmd {
	return exec.Command(python(t), append([]string{"python/peer.py"}, arguments...)...)
}

func nodePeer(t *testing.T, arguments ...string) *exec.Cmd {
	node := require(t, "node", "install Node.js 20 or later")
	return exec.Command(node, append([]string{"node/peer.mjs"}, arguments...)...)
}

// ---- caller

// programCaller is a program that makes the calls it is told on its stdin.
type programCaller struct {
	name    string
	mu      sync.Mutex
	stdin   io.Writer
	waiting map[int]chan outcome
	last    int
	// ended is closed when the program has.
	ended chan struct{}
}

func callerOf(name string, peer func(*testing.T, ...string) *exec.Cmd) callerKind {
	return callerKind{name: name, open: func(t *testing.T, via route) caller {
		t.Helper()
		arguments := []string{"call", via.address}
		if via.network() == "unix" {
			arguments[1] = "unix:" + via.address
		}
		if via.tls {
			arguments = append(arguments, certificates.directory)
		}
		command := peer(t, arguments...)
		stdin, stdout := pipes(t, command)
		c := &programCaller{name: name, stdin: stdin, waiting: map[int]chan outcome{}}
		c.ended = start(t, "the caller "+name, command).ended
		go c.read(stdout)
		return c
	}}
}

func (c *programCaller) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var said struct {
			ID      int     `json:"id"`
			Outcome outcome `json:"outcome"`
		}
		if json.Unmarshal(lines.Bytes(), &said) != nil {
			continue
		}
		c.mu.Lock()
		waiting := c.waiting[said.ID]
		delete(c.waiting, said.ID)
		c.mu.Unlock()
		if waiting != nil {
			waiting <- said.Outcome
		}
	}
}

func (c *programCaller) do(asked call) outcome {
	answer := make(chan outcome, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.waiting[id] = answer
	c.mu.Unlock()
	type wire struct {
		call
		ID    int  `json:"id"`
		Hold  bool `json:"hold"`
		Limit int  `json:"limit"`
	}
	c.tell(wire{asked, id, asked.hold != nil, int(limit.Seconds())})
	if asked.hold != nil {
		go func() {
			<-asked.hold
			c.tell(map[string]int{"release": id})
		}()
	}
	select {
	case said := <-answer:
		return said
	case <-c.ended:
		return outcome{Code: "the caller " + c.name + " has ended"}
	case <-time.After(limit + 10*time.Second):
		return outcome{Code: "the caller " + c.name + " does not answer"}
	}
}

func (c *programCaller) tell(what any) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err) // the suite's own mistake
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// If it fails the program has ended, which `do` sees.
	_, _ = c.stdin.Write(append(line, '\n'))
}

// ---- server

func serverOf(name string, peer func(*testing.T, ...string) *exec.Cmd) serverKind {
	return serverKind{name: name, start: func(t *testing.T) string {
		t.Helper()
		command := peer(t, "serve", certificates.directory)
		_, stdout := pipes(t, command)
		start(t, "the server "+name, command)
		return "localhost:" + firstLine(t, stdout)
	}}
}

// pipes connects a program's stdin and stdout with us. Its stdin ends with us, and the program with its stdin.
func pipes(t *testing.T, command *exec.Cmd) (io.WriteCloser, io.Reader) {
	t.Helper()
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	return stdin, stdout
}
