package proxies

import (
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// role is the direction of a proxy.
type role int

const (
	// originate takes plaintext HTTP/2 and speaks mutual TLS to the server.
	originate role = iota
	// terminate takes mutual TLS and speaks plaintext to the server.
	terminate
)

// feature is something that not every proxy has.
type feature string

// kind is a program in the role of the proxy.
type kind struct {
	name string
	// version is how the program calls itself, or why it is not there.
	version func() (string, error)
	// heeds is a signal for which the proxy installs its handler after it has begun to accept connections.
	heeds syscall.Signal
	// lacks are the features that it does not have, with the reason.
	lacks map[feature]string
	// command writes its configuration and says how to start it.
	command func(s *stage, with setup) *exec.Cmd
	// reload makes it look at its files; without one it watches them.
	reload func(p *proxy) error
	// drain is the signal that lets calls finish.
	drain syscall.Signal
	// force is the signal that ends it at once while it drains.
	force syscall.Signal
}

// setup says how a proxy is to be started. What is zero is filled in.
type setup struct {
	role role
	// kind is the stage's, if none is named.
	kind *kind
	// upstream is `host:port`, or the path of a socket.
	upstream string
	// listen is the path of a socket, or `127.0.0.1:port`.
	listen string
	// name is the one expected in the server's certificate.
	name string
	// certificates is the directory that `install` has made.
	certificates string
	// drain is how long calls may go on after the signal.
	drain time.Duration
	// connect is how long a connection to the server may take.
	connect time.Duration
	// call is the limit of every call, for egext only; there is none if it is zero.
	call time.Duration
	// silence is how long a caller may say nothing before it has begun.
	silence time.Duration
	// permitted is the name of the only callers to serve: `dns:NAME` or `uri:URI`.
	permitted string
	// revocations is a file with a list of revoked certificates.
	revocations string
	// descriptors is the limit of open files.
	descriptors int
	// flags are for egext only, for scenarios with features that only it has.
	flags []string
}

// proxy is a running one.
type proxy struct {
	*process
	kind  *kind
	setup setup
	stage *stage
}

// filled is the set-up with everything that the scenario leaves open.
func (s *stage) filled(with setup) setup {
	if with.kind == nil {
		with.kind = s.kind
	}
	if with.name == "" {
		with.name = "localhost"
	}
	if with.certificates == "" {
		with.certificates = s.install(s.material.files())
	}
	if with.drain == 0 {
		with.drain = soon
	}
	if with.connect == 0 {
		with.connect = 4 * time.Second
	}
	if with.silence == 0 {
		with.silence = 10 * time.Second
	}
	switch {
	case with.listen != "":
	case with.role == originate:
		with.listen = s.path("proxy.sock")
	default:
		with.listen = fmt.Sprintf("127.0.0.1:%d", s.port())
	}
	return with
}

// launch starts the proxy without waiting for anything.
func (s *stage) launch(with setup) *proxy {
	with = s.filled(with)
	command := with.kind.command(s, with)
	if with.descriptors != 0 {
		limited := fmt.Sprintf(`ulimit -n %d && exec "$@"`, with.descriptors)
		command = exec.Command("sh", append([]string{"-c", limited, "sh"}, command.Args...)...)
	}
	return &proxy{process: s.start(with.kind.name, command), kind: with.kind, setup: with, stage: s}
}

// proxy starts the proxy and waits until it accepts connections.
func (s *stage) proxy(with setup) *proxy {
	p := s.launch(with)
	s.eventually(soon, "the proxy accepts connections", func() error {
		s.want(p.alive(), "the proxy has ended: %s", p.log.last(3))
		connection, err := p.connect()
		if err == nil {
			_ = connection.Close()
			err = holds(p.kind.heeds == 0 || p.catches(p.kind.heeds), "it does not heed signals yet")
		}
		return err
	})
	return p
}

func network(address string) string {
	if strings.HasPrefix(address, "/") {
		return "unix"
	}
	return "tcp"
}

// connect is a connection to the listener, without TLS.
func (p *proxy) connect() (net.Conn, error) {
	return net.DialTimeout(network(p.setup.listen), p.setup.listen, soon)
}

// converse is a connection on which HTTP/2 can begin.
func (p *proxy) converse() (net.Conn, error) {
	if p.setup.role == originate {
		return p.connect()
	}
	return p.secure(p.stage.material.clientTLS())
}

// secure is a connection with TLS.
func (p *proxy) secure(config *tls.Config) (*tls.Conn, error) {
	connection, err := p.connect()
	if err != nil {
		return nil, err
	}
	_ = connection.SetDeadline(time.Now().Add(soon))
	secured := tls.Client(connection, config)
	if err := secured.Handshake(); err != nil {
		_ = connection.Close()
		return nil, err
	}
	_ = connection.SetDeadline(time.Time{})
	return secured, nil
}

// replace gives the proxy other files, and tells it if it has to be told.
func (p *proxy) replace(files map[string][]byte) {
	p.stage.install(files)
	if p.kind.reload != nil {
		p.stage.must(p.kind.reload(p))
	}
}

// onePair starts a grpc-go server and a proxy before it.
func (s *stage) onePair(role role) (*server, *proxy) {
	server := s.serve(serving{tls: role == originate})
	return server, s.proxy(setup{role: role, upstream: server.address})
}
