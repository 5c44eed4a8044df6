package proxies

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
)

var upstreamScenarios = []scenario{
	{name: "server down: a status within the time limit", run: serverDown},
	{name: "server down at the start: calls succeed within 5 s of its start", run: downThenUp},
	{name: "server that accepts and says nothing: a status within the time limit", run: serverHangs},
	{name: "server that speaks plaintext instead of TLS: a status within the time limit", run: plaintextServer},
	{name: "server that accepts and resets: a status within the time limit", run: acceptsAndResets},
	{name: "server down, then resetting, then good: calls succeed within 5 s", run: flapping},
	{name: "server restarted: calls succeed within 5 s", run: restarted},
	{name: "GOAWAY: calls under way are finished, later ones succeed on a new connection", run: graceful},
	{name: "GOAWAY: 200 calls over connections of 20 calls each, none lost", run: goAwayEvery20},
	{name: "a call beyond the last stream of GOAWAY succeeds", run: beyondLast},
	{name: "a call that the server refused (REFUSED_STREAM) succeeds", run: refusedOnce},
	{name: "server that takes one call at a time: 20 at once succeed", run: oneAtATime},
	{name: "a name that does not resolve: the proxy starts, and calls get a status", run: unresolvable},
	{name: "a server with a host name, on one of its two addresses", run: hostName},
}

// attempt is a call that is to end with a status other than OK in time.
func (c *caller) attempt() error {
	ctx, cancel := c.within(soon)
	defer cancel()
	_, err := c.call(ctx, "Echo", []byte("to nowhere"))
	return refused(err)
}

func (s *stage) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port()) }

func serverDown(s *stage) {
	s.must(s.dial(s.proxy(setup{upstream: s.address()})).attempt())
}

// recovers is an error unless calls succeed within 5 s, with margin for a busy machine.
func (s *stage) recovers(c *caller) {
	s.eventually(5*time.Second+soon/2, "calls succeed", func() error { return c.echo([]byte("are you there")) })
}

func downThenUp(s *stage) {
	address := s.address()
	c := s.dial(s.proxy(setup{upstream: address}))
	s.must(c.attempt())
	s.serve(serving{tls: true, address: address})
	s.recovers(c)
}

func serverHangs(s *stage) {
	server := s.accept(func(connection net.Conn, _ int) {
		<-s.ctx.Done()
	})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).attempt())
}

func plaintextServer(s *stage) {
	server := s.serve(serving{})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).attempt())
}

func acceptsAndResets(s *stage) {
	server := s.accept(func(connection net.Conn, _ int) { abort(connection) })
	s.must(s.dial(s.proxy(setup{upstream: server.address})).attempt())
}

func flapping(s *stage) {
	address := s.address()
	c := s.dial(s.proxy(setup{upstream: address}))
	s.must(c.attempt())
	resetting, stop := context.WithCancel(s.ctx)
	s.resetAt(resetting, address)
	s.must(c.attempt())
	stop()
	var made *server
	s.eventually(soon, "the port is free", func() error {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			err = listener.Close()
		}
		return err
	})
	made = s.serve(serving{tls: true, address: address})
	s.recovers(c)
	s.want(made.calls.Load() > 0, "the server saw no call")
}

// resetAt resets every connection to that address until the context ends.
func (s *stage) resetAt(ctx context.Context, address string) {
	listener, err := net.Listen("tcp", address)
	s.must(err)
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			abort(connection)
		}
	}()
}

func restarted(s *stage) {
	address := s.address()
	before := s.serve(serving{tls: true, address: address})
	c := s.dial(s.proxy(setup{upstream: address}))
	s.must(c.echo([]byte("before")))
	before.Stop()
	s.serve(serving{tls: true, address: address})
	s.recovers(c)
}

func graceful(s *stage) {
	server, p := s.onePair(originate)
	c := s.dial(p)
	held := c.hold(s.ctx, "under way")
	await(s, "the call arrives", server.arrived)
	stopped := make(chan struct{})
	next := make(chan error, 1)
	go func() {
		server.GracefulStop()
		close(stopped)
	}()
	s.eventually(soon, "the server does not listen any more", func() error {
		connection, err := net.Dial("tcp", server.address)
		if err != nil {
			return nil
		}
		_ = connection.Close()
		return errStopped
	})
	s.serve(serving{tls: true, address: server.address})
	go func() { next <- c.echo([]byte("later")) }()
	s.must(await(s, "the later call ends", next))
	close(server.released)
	s.must(await(s, "the held call ends", held))
	await(s, "the old server ends", stopped)
}

func goAwayEvery20(s *stage) {
	server := s.serveRaw(func(c *rawConn, _ int, frame http2.Frame) {
		headers, ok := frame.(*http2.MetaHeadersFrame)
		if !ok || headers.StreamID > 39 {
			return
		}
		if headers.StreamID == 39 {
			_ = c.framer.WriteGoAway(39, http2.ErrCodeNo, nil)
		}
		c.respond(headers.StreamID, []byte("other"))
	})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	s.each(8, func(int) error {
		for number := range 25 {
			if err := c.other(); err != nil {
				return fmt.Errorf("call %d: %w", number, err)
			}
		}
		return nil
	})
}

func beyondLast(s *stage) {
	server := s.serveRaw(func(c *rawConn, number int, frame http2.Frame) {
		headers, ok := frame.(*http2.MetaHeadersFrame)
		switch {
		case !ok:
		case number == 0 && headers.PseudoValue("path") != prefix+"First":
			_ = c.framer.WriteGoAway(headers.StreamID-2, http2.ErrCodeNo, nil)
		default:
			c.respond(headers.StreamID, []byte("other"))
		}
	})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	s.eventually(soon, "the first call succeeds", func() error {
		_, err := c.call(s.ctx, "First", nil)
		return err
	})
	s.must(c.other())
}

func refusedOnce(s *stage) {
	var refusals atomic.Int64
	server := s.oddly(func(c *rawConn, id uint32) {
		if refusals.Add(1) == 1 {
			_ = c.framer.WriteRSTStream(id, http2.ErrCodeRefusedStream)
			return
		}
		c.respond(id, []byte("at last"))
	})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	s.must(c.other())
	ctx, cancel := c.within(soon)
	defer cancel()
	_, err := c.call(ctx, "Odd", nil)
	s.must(err)
	s.want(refusals.Load() == 2, "the server saw the call %d times", refusals.Load())
}

func oneAtATime(s *stage) {
	server := s.serve(serving{tls: true, options: []grpc.ServerOption{grpc.MaxConcurrentStreams(1)}})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	s.each(20, func(i int) error { return c.echo(noise(uint64(i), 5000)) })
}

func unresolvable(s *stage) {
	p := s.proxy(setup{upstream: "egext-proxies.invalid:5005"})
	s.must(s.dial(p).attempt())
	s.want(p.alive(), "the proxy has ended")
}

func hostName(s *stage) {
	// Only on IPv4, where the name may also stand for ::1.
	server := s.serve(serving{tls: true})
	_, port, err := net.SplitHostPort(server.address)
	s.must(err)
	s.must(s.dial(s.proxy(setup{upstream: "localhost:" + port})).echo([]byte("by name")))
}
