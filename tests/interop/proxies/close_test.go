package proxies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
)

var closeScenarios = []scenario{
	{name: "the server learns that the caller has cancelled", run: callerCancels},
	{name: "the server learns that the caller's connection was closed", run: func(s *stage) {
		callerVanishes(s, func(connection net.Conn) { _ = connection.Close() })
	}},
	{name: "the server learns that the caller's connection was reset", run: func(s *stage) { callerVanishes(s, abort) }},
	{name: "a half-close passes, and the late answer arrives", run: lateAnswer},
	{name: "a reset of one call ends that call at once, and no other", run: serverResets},
	{name: "a server that closes the connection during a call: a status at once, and the next call succeeds",
		run: func(s *stage) { serverVanishes(s, func(connection net.Conn) { _ = connection.Close() }) }},
	{name: "a server that resets the connection during a call: a status at once, and the next call succeeds",
		run: func(s *stage) { serverVanishes(s, abort) }},
	{name: "a response without trailers is not OK", run: noTrailers},
	{name: "a message that was cut is not OK", run: cutMessage},
	{name: "50 callers that end abruptly leave no call behind", run: abruptEnds},
}

func callerCancels(s *stage) {
	server, p := s.onePair(originate)
	c := s.dial(p)
	ctx, cancel := context.WithCancel(s.ctx)
	c.hold(ctx, "held")
	await(s, "the call arrives", server.arrived)
	cancel()
	await(s, "the server learns of the cancellation", server.cancelled)
	s.must(c.echo([]byte("still there")))
}

func callerVanishes(s *stage, end func(net.Conn)) {
	server, p := s.onePair(terminate)
	c := s.raw(p)
	s.must(c.request(1, "Hold", false))
	s.must(c.framer.WriteData(1, false, framed([]byte("held"))))
	await(s, "the call arrives", server.arrived)
	end(c.Conn)
	await(s, "the server learns of the end", server.cancelled)
	s.must(s.dial(p).echo([]byte("another caller")))
}

func lateAnswer(s *stage) {
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Late": func(stream grpc.ServerStream) error {
		if err := received(stream, func([]byte) error { return nil }); err != nil {
			return err
		}
		// That long is the point: everything else is quiet meanwhile.
		time.Sleep(2 * time.Second)
		answer := []byte("late")
		return stream.SendMsg(&answer)
	}}})
	stream, err := s.dial(s.proxy(setup{upstream: server.address})).open(s.ctx, "Late")
	s.must(err)
	message := []byte("the only one")
	s.must(stream.SendMsg(&message))
	s.must(stream.CloseSend())
	answers, err := rest(stream)
	s.must(err)
	s.want(len(answers) == 1 && string(answers[0]) == "late", "the answers are %q", answers)
}

// oddly serves calls whose method is Odd in a way of the scenario's own, and answers all others with "other".
func (s *stage) oddly(odd func(c *rawConn, id uint32)) *rawServer {
	return s.serveRaw(func(c *rawConn, _ int, frame http2.Frame) {
		headers, ok := frame.(*http2.MetaHeadersFrame)
		switch {
		case !ok:
		case headers.PseudoValue("path") == prefix+"Odd":
			odd(c, headers.StreamID)
		default:
			c.respond(headers.StreamID, []byte("other"))
		}
	})
}

// other is a call that `oddly` answers.
func (c *caller) other() error {
	ctx, cancel := c.within(soon)
	defer cancel()
	answer, err := c.call(ctx, "Other", nil)
	if err == nil && string(answer) != "other" {
		err = fmt.Errorf("the answer is %q", answer)
	}
	return err
}

// odd is an error unless the call of Odd ends in time with a status that is not OK.
func (c *caller) odd() error {
	ctx, cancel := c.within(soon)
	defer cancel()
	_, err := c.call(ctx, "Odd", nil)
	return refused(err)
}

func serverResets(s *stage) {
	held := make(chan uint32, 1)
	server := s.serveRaw(func(c *rawConn, _ int, frame http2.Frame) {
		headers, ok := frame.(*http2.MetaHeadersFrame)
		if !ok {
			return
		}
		switch headers.PseudoValue("path") {
		case prefix + "Odd":
			_ = c.framer.WriteRSTStream(headers.StreamID, http2.ErrCodeInternal)
		case prefix + "Release":
			c.respond(headers.StreamID, nil)
			c.respond(<-held, []byte("other"))
		case prefix + "Other":
			held <- headers.StreamID
		}
	})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	others := make(chan error, 1)
	go func() { others <- c.other() }()
	s.eventually(soon, "the other call is under way", func() error { return holds(len(held) == 1, "not yet") })
	s.must(c.odd())
	_, err := c.call(s.ctx, "Release", nil)
	s.must(err)
	s.must(await(s, "the other call ends", others))
}

func serverVanishes(s *stage, end func(net.Conn)) {
	server := s.oddly(func(c *rawConn, id uint32) {
		_ = c.headers(id, false, ":status", "200", "content-type", "application/grpc")
		_ = c.framer.WriteData(id, false, framed(make([]byte, 1000))[:500])
		end(c.Conn)
	})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	s.must(c.other())
	s.must(c.odd())
	// The proxy may learn of the end only now; a caller tries again then.
	s.eventually(soon, "the next call succeeds", c.other)
}

func noTrailers(s *stage) {
	server := s.oddly(func(c *rawConn, id uint32) {
		_ = c.headers(id, false, ":status", "200", "content-type", "application/grpc")
		_ = c.framer.WriteData(id, true, framed([]byte("all")))
	})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).odd())
}

func cutMessage(s *stage) {
	server := s.oddly(func(c *rawConn, id uint32) {
		_ = c.headers(id, false, ":status", "200", "content-type", "application/grpc")
		_ = c.framer.WriteData(id, false, framed(make([]byte, 1000))[:500])
		_ = c.framer.WriteRSTStream(id, http2.ErrCodeNo)
	})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).odd())
}

func abruptEnds(s *stage) {
	server, p := s.onePair(terminate)
	s.each(50, func(i int) error {
		connection, err := p.converse()
		if err != nil {
			return err
		}
		defer abort(connection)
		if _, err = io.WriteString(connection, http2.ClientPreface); err != nil {
			return err
		}
		c := newRawConn(connection)
		if err = errors.Join(c.framer.WriteSettings(), c.request(1, "Echo", false)); err != nil {
			return err
		}
		// As much as the first window takes, of a message that does not end.
		return c.framer.WriteData(1, false, framed(make([]byte, 60<<10))[:8<<10])
	})
	s.must(s.dial(p).echo([]byte("another caller")))
	s.eventually(soon, "no call is left at the server", func() error {
		return holds(server.running.Load() == 0, "%d are under way", server.running.Load())
	})
}
