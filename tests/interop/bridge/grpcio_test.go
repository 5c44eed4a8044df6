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

// ---- caller

var grpcio = callerKind{name: "grpcio", open: openPython}

// pythonCaller is a Python program that makes the calls it is told on its stdin.
type pythonCaller struct {
	mu      sync.Mutex
	stdin   io.Writer
	waiting map[int]chan outcome
	last    int
	// ended is closed when the program has.
	ended chan struct{}
}

func openPython(t *testing.T, via route) caller {
	t.Helper()
	target, arguments := via.address, []string{}
	if via.network() == "unix" {
		target = "unix:" + target
	}
	if via.tls {
		arguments = append(arguments, certificates.directory)
	}
	command := exec.Command(python(t), append([]string{"python/peer.py", "call", target}, arguments...)...)
	stdin, stdout := pipes(t, command)
	c := &pythonCaller{stdin: stdin, waiting: map[int]chan outcome{}}
	c.ended = start(t, "the Python caller", command).ended
	go c.read(stdout)
	return c
}

func (c *pythonCaller) read(stdout io.Reader) {
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

func (c *pythonCaller) do(asked call) outcome {
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
		return outcome{Code: "the Python caller has ended"}
	case <-time.After(limit + 10*time.Second):
		return outcome{Code: "the Python caller does not answer"}
	}
}

func (c *pythonCaller) tell(what any) {
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

var grpcioServer = serverKind{name: "grpcio", start: startPython}

func startPython(t *testing.T) string {
	t.Helper()
	command := exec.Command(python(t), "python/peer.py", "serve", certificates.directory)
	_, stdout := pipes(t, command)
	start(t, "the Python server", command)
	return "localhost:" + firstLine(t, stdout)
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
