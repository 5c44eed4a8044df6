package probe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// watched is a server on a socket whose health changes.
type watched interface {
	// Sets its health.
	serves(bool)
	// Ends it in good order, as soon as no call is open any more.
	stops()
	// Ends it at once.
	dies()
}

// watchables start a server on a socket, with its health service or with one that does not know Watch.
var watchables = []struct {
	name  string
	start func(t *testing.T, path string, without ...string) watched
}{
	{"grpc-go", watchedGo},
	{"C-core", watchedProgram(python, "python/watched.py")},
	{"Node.js", watchedProgram(node, "node/watched.mjs")},
}

type inGo struct {
	server *grpc.Server
	states *health.Server
}

func watchedGo(t *testing.T, path string, without ...string) watched {
	t.Helper()
	server := inGo{grpc.NewServer(), health.NewServer()}
	if len(without) > 0 {
		server.server.RegisterService(&grpc.ServiceDesc{
			ServiceName: grpc_health_v1.Health_ServiceDesc.ServiceName,
			HandlerType: grpc_health_v1.Health_ServiceDesc.HandlerType,
			Methods:     grpc_health_v1.Health_ServiceDesc.Methods,
		}, server.states)
	} else {
		grpc_health_v1.RegisterHealthServer(server.server, server.states)
	}
	listener, err := net.Listen("unix", path)
	must(t, err)
	go func() { _ = server.server.Serve(listener) }()
	t.Cleanup(server.server.Stop)
	return server
}

func (s inGo) serves(yes bool) {
	state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if yes {
		state = grpc_health_v1.HealthCheckResponse_SERVING
	}
	s.states.SetServingStatus("", state)
}

func (s inGo) stops() { s.server.GracefulStop() }

func (s inGo) dies() { s.server.Stop() }

// program does what it is told, and repeats it when it is done.
type program struct {
	t       *testing.T
	path    string
	command *exec.Cmd
	stdin   io.Writer
	said    chan string
}

func watchedProgram(interpreter func(*testing.T) string, script string) func(*testing.T, string, ...string) watched {
	return func(t *testing.T, path string, without ...string) watched {
		t.Helper()
		command := exec.Command(interpreter(t), append([]string{script, path}, without...)...)
		stdin, err := command.StdinPipe()
		must(t, err)
		stdout, err := command.StdoutPipe()
		must(t, err)
		var complaints strings.Builder
		command.Stderr = &complaints
		must(t, command.Start())
		server := program{t, path, command, stdin, make(chan string)}
		t.Cleanup(func() {
			server.dies()
			if t.Failed() {
				t.Logf("%s: %s", script, complaints.String())
			}
		})
		go func() {
			lines := bufio.NewScanner(stdout)
			for lines.Scan() {
				server.said <- lines.Text()
			}
			close(server.said)
		}()
		server.says("up")
		return server
	}
}

func (p program) does(what string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.stdin, what)
	must(p.t, err)
	p.says(what)
}

func (p program) says(what string) {
	p.t.Helper()
	select {
	case said := <-p.said:
		if said != what {
			p.t.Fatalf("%v says %q, expected %q", p.command.Args, said, what)
		}
	case <-time.After(limit):
		p.t.Fatalf("%v does not come to %q", p.command.Args, what)
	}
}

func (p program) serves(yes bool) {
	p.t.Helper()
	if yes {
		p.does("serving")
	} else {
		p.does("not-serving")
	}
}

func (p program) stops() {
	p.t.Helper()
	p.does("stop")
}

func (p program) dies() {
	// It cannot, and the next one must not be seen removing it.
	_ = os.Remove(p.path)
	_ = p.command.Process.Kill()
	// Killed, so it fails; a second time there is nothing to wait for.
	_ = p.command.Wait()
}
