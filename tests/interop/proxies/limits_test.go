package proxies

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

var limitScenarios = []scenario{
	{name: "a caller that is silent before its TLS handshake is closed in time", run: silentHandshake},
	{name: "a caller that is silent after its TLS handshake is closed in time", run: silentAfterHandshake},
	{name: "100 silent and 100 babbling connections: calls pass, and all of them are reaped", run: handshakeFlood},
	{name: "300 connections made and closed: open files and memory return to what they were", run: churn},
	{name: "200 idle connections cost less than 100 KiB each, and calls pass", run: idleConnections},
	{name: "256 file descriptors and 600 connections: calls pass again when connections have ended", run: outOfDescriptors},
	{name: "five callers that do not read cost their own calls only", run: slowReaders},
	{name: "five calls that the server does not read cost themselves only", run: slowServer},
}

// closed waits until the other side closes, and says how long that took.
func closed(connection net.Conn, within time.Duration) (time.Duration, error) {
	begin := time.Now()
	if err := connection.SetReadDeadline(begin.Add(within)); err != nil {
		return 0, err
	}
	_, err := io.Copy(io.Discard, connection)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, fmt.Errorf("the connection is still open after %s", within)
	}
	return time.Since(begin), nil
}

func silentHandshake(s *stage) {
	_, p := s.onePair(terminate)
	connection, err := p.connect()
	s.must(err)
	defer connection.Close()
	_, err = closed(connection, p.setup.silence+soon)
	s.must(err)
}

func silentAfterHandshake(s *stage) {
	_, p := s.onePair(terminate)
	connection, err := p.converse()
	s.must(err)
	defer connection.Close()
	_, err = closed(connection, p.setup.silence+soon)
	s.must(err)
}

func handshakeFlood(s *stage) {
	_, p := s.onePair(terminate)
	files, _ := p.usage()
	s.each(200, func(i int) error {
		connection, err := p.connect()
		if err != nil {
			return err
		}
		s.cleanup(func() { _ = connection.Close() })
		if i%2 == 1 {
			// The proxy may have closed it already, which is as good.
			_, _ = connection.Write(noise(uint64(i), 300))
		}
		return nil
	})
	s.must(s.dial(p).echo([]byte("in spite of all")))
	s.eventually(p.setup.silence+soon, "all of them are closed", func() error {
		now, _ := p.usage()
		return holds(now < files+20, "%d files are open, and %d were", now, files)
	})
}

func churn(s *stage) {
	_, p := s.onePair(terminate)
	visit := func(int) error {
		c := s.dial(p)
		defer c.Close()
		return c.echo(noise(1, 1000))
	}
	for range 5 {
		s.each(20, visit)
	}
	files, memory := p.usage()
	for range 15 {
		s.each(20, visit)
	}
	s.eventually(soon, "open files and memory return", func() error {
		filesNow, memoryNow := p.usage()
		return holds(filesNow <= files+4 && memoryNow < memory+8<<10,
			"%d files, %d KiB; before: %d files, %d KiB", filesNow, memoryNow, files, memory)
	})
}

func idleConnections(s *stage) {
	_, p := s.onePair(originate)
	s.must(s.dial(p).echo([]byte("warm")))
	_, before := p.usage()
	for i := range 200 {
		c := s.raw(p)
		s.must(c.request(1, "Echo", true))
		answer := c.answer(1)
		s.want(answer.err == nil, "connection %d: %v", i, answer.err)
	}
	s.must(s.dial(p).echo([]byte("among them")))
	_, after := p.usage()
	s.want(after-before < 200*100, "200 connections took %d KiB", after-before)
}

func outOfDescriptors(s *stage) {
	server := s.serve(serving{tls: true})
	p := s.proxy(setup{upstream: server.address, descriptors: 256})
	s.must(s.dial(p).echo([]byte("before")))
	var open []net.Conn
	for range 600 {
		connection, err := net.DialTimeout("unix", p.setup.listen, time.Second)
		if err != nil {
			break // its queue is full as well
		}
		open = append(open, connection)
	}
	s.want(len(open) >= 64, "only %d connections could be made", len(open))
	s.want(p.alive(), "the proxy has ended: %s", p.log.last(2))
	for _, connection := range open {
		_ = connection.Close()
	}
	c := s.dial(p)
	s.eventually(soon, "calls pass again", func() error { return c.echo([]byte("after")) })
}

func slowReaders(s *stage) {
	_, p := s.onePair(originate)
	slow := s.dial(p, grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(64<<20))
	for range 5 {
		ctx := with(s.ctx, "x-messages", "1000", "x-size", "65536")
		stream, err := slow.open(ctx, "Source")
		s.must(err)
		s.must(stream.CloseSend())
		var message []byte
		s.must(stream.RecvMsg(&message))
	}
	s.bystanders(slow, s.dial(p))
}

func slowServer(s *stage) {
	var stuck atomic.Int64
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Deaf": func(stream grpc.ServerStream) error {
		stuck.Add(1)
		<-stream.Context().Done()
		return nil
	}}, options: []grpc.ServerOption{grpc.InitialWindowSize(64 << 10), grpc.InitialConnWindowSize(64 << 20)}})
	p := s.proxy(setup{upstream: server.address})
	c := s.dial(p)
	for range 5 {
		stream, err := c.open(s.ctx, "Deaf")
		s.must(err)
		go func() {
			message := make([]byte, 64<<10)
			for stream.SendMsg(&message) == nil {
			}
		}()
	}
	s.eventually(soon, "all five are under way", func() error { return holds(stuck.Load() == 5, "not yet") })
	s.bystanders(c, s.dial(p))
}

// bystanders make calls while something else goes on; all of them have to succeed.
func (s *stage) bystanders(callers ...*caller) {
	s.each(50, func(i int) error { return callers[i%len(callers)].echo(noise(uint64(i), 20_000)) })
}
