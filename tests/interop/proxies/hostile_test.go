package proxies

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

var hostileScenarios = []scenario{
	{name: "5,000 calls begun and reset at once (rapid reset): others are served", run: rapidReset},
	{name: "a block of headers that does not end (CONTINUATION): others are served, memory is bounded", run: continuationFlood},
	{name: "20,000 SETTINGS: others are served", run: func(s *stage) {
		flood(s, func(f *http2.Framer) error {
			return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
		})
	}},
	{name: "20,000 PINGs: others are served", run: func(s *stage) {
		flood(s, func(f *http2.Framer) error { return f.WritePing(false, [8]byte{1}) })
	}},
	{name: "20,000 empty DATA frames: others are served", run: emptyFrames},
	{name: "2 MiB of metadata: it costs that call or its connection, others are served", run: tooMuchMetadata},
	{name: "garbage instead of HTTP/2: the connection is closed, others are served", run: garbage},
	{name: "HTTP/1.1 on the socket: no call reaches the server, others are served", run: http1},
	{name: "window updates beyond the limit: others are served", run: windowOverflow},
	{name: "`x-forwarded-client-cert` of a caller does not reach the server", run: forgedIdentity},
}

// attack sends frames on a connection whose end is as good as its survival.
func (s *stage) attack(p *proxy, frames func(c *rawConn) error) {
	c := s.raw(p)
	go func() { _, _ = io.Copy(io.Discard, c.Conn) }()
	ended := make(chan error, 1)
	s.must(c.SetWriteDeadline(time.Now().Add(soon)))
	go func() { ended <- frames(c) }()
	await(s, "the attack ends", ended)
}

func rapidReset(s *stage) {
	server, p := s.onePair(originate)
	bystander := s.dial(p)
	s.must(bystander.echo([]byte("before")))
	s.attack(p, func(c *rawConn) error {
		for number := range uint32(5000) {
			id := 2*number + 1
			if err := errors.Join(c.request(id, "Echo", false), c.framer.WriteRSTStream(id, http2.ErrCodeCancel)); err != nil {
				return err
			}
		}
		return nil
	})
	s.bystanders(bystander)
	s.eventually(soon, "no call is left at the server", func() error {
		return holds(server.running.Load() == 0, "%d are under way", server.running.Load())
	})
}

func continuationFlood(s *stage) {
	_, p := s.onePair(originate)
	bystander := s.dial(p)
	s.must(bystander.echo([]byte("before")))
	_, before := p.usage()
	s.attack(p, func(c *rawConn) error {
		// A literal field without indexing, with a name and a value of 100 bytes each.
		field := append([]byte{0, 100}, strings.Repeat("n", 100)...)
		field = append(append(field, 100), strings.Repeat("v", 100)...)
		block := []byte(strings.Repeat(string(field), 80))
		err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
		for number := 0; err == nil && number < 4000; number++ {
			err = c.framer.WriteContinuation(1, false, block)
		}
		return err
	})
	_, after := p.usage()
	s.want(after-before < 32<<10, "64 MiB of headers took %d KiB", after-before)
	s.bystanders(bystander)
}

func flood(s *stage, write func(*http2.Framer) error) {
	_, p := s.onePair(originate)
	bystander := s.dial(p)
	s.must(bystander.echo([]byte("before")))
	s.attack(p, func(c *rawConn) error {
		for range 20_000 {
			if err := write(c.framer); err != nil {
				return err
			}
		}
		return nil
	})
	s.bystanders(bystander)
}

func emptyFrames(s *stage) {
	_, p := s.onePair(originate)
	bystander := s.dial(p)
	s.must(bystander.echo([]byte("before")))
	s.attack(p, func(c *rawConn) error {
		err := c.request(1, "Echo", false)
		for number := 0; err == nil && number < 20_000; number++ {
			err = c.framer.WriteData(1, false, nil)
		}
		return err
	})
	s.bystanders(bystander)
}

func tooMuchMetadata(s *stage) {
	_, p := s.onePair(originate)
	bystander := s.dial(p)
	s.must(bystander.echo([]byte("before")))
	c := s.dial(p)
	ctx, cancel := c.within(soon)
	defer cancel()
	value := strings.Repeat("v", 64<<10)
	for range 32 {
		ctx = with(ctx, "x-large", value)
	}
	_, err := c.call(ctx, "Echo", nil)
	s.must(refused(err))
	s.bystanders(bystander, s.dial(p))
}

func garbage(s *stage) {
	_, p := s.onePair(originate)
	connection, err := p.connect()
	s.must(err)
	defer connection.Close()
	_, err = connection.Write(noise(1, 1000))
	s.must(err)
	_, err = closed(connection, p.setup.silence+soon)
	s.must(err)
	s.bystanders(s.dial(p))
}

func http1(s *stage) {
	server, p := s.onePair(originate)
	connection, err := p.connect()
	s.must(err)
	defer connection.Close()
	_, err = fmt.Fprintf(connection, "POST %sEcho HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n", prefix)
	s.must(err)
	s.bystanders(s.dial(p))
	s.want(server.calls.Load() == 50, "the server has got %d calls instead of 50", server.calls.Load())
}

func windowOverflow(s *stage) {
	_, p := s.onePair(originate)
	bystander := s.dial(p)
	s.must(bystander.echo([]byte("before")))
	s.attack(p, func(c *rawConn) error {
		return errors.Join(c.framer.WriteWindowUpdate(0, 1<<31-1), c.framer.WriteWindowUpdate(0, 1<<31-1))
	})
	s.bystanders(bystander)
}

func forgedIdentity(s *stage) {
	server := s.serve(serving{handlers: map[string]handler{"Identity": func(stream grpc.ServerStream) error {
		incoming, _ := metadata.FromIncomingContext(stream.Context())
		answer := []byte(strings.Join(incoming["x-forwarded-client-cert"], ";"))
		return stream.SendMsg(&answer)
	}}})
	c := s.dial(s.proxy(setup{role: terminate, upstream: server.address}))
	answer, err := c.call(with(s.ctx, "x-forwarded-client-cert", "Hash=f00d;URI=spiffe://forged"), "Identity", nil)
	s.must(err)
	s.want(!strings.Contains(string(answer), "forged"), "the server saw %q", answer)
}
