package proxies

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawConn is one end of an HTTP/2 connection that sends exactly the frames that a scenario wants.
type rawConn struct {
	net.Conn
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   *bytes.Buffer
	// answers are the streams of a client, as far as they have come.
	answers map[uint32]*rawAnswer
}

// rawAnswer is what a client has got of one stream.
type rawAnswer struct {
	status, message string
	body            []byte
	// err is a reset, or the end of the connection.
	err error
}

func newRawConn(connection net.Conn) *rawConn {
	block := new(bytes.Buffer)
	c := &rawConn{
		Conn: connection, framer: http2.NewFramer(connection, connection), block: block,
		encoder: hpack.NewEncoder(block), answers: map[uint32]*rawAnswer{},
	}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.framer.SetMaxReadFrameSize(1 << 20)
	c.framer.AllowIllegalWrites = true
	return c
}

// raw begins HTTP/2 on a connection to the proxy.
func (s *stage) raw(p *proxy, settings ...http2.Setting) *rawConn {
	connection, err := p.converse()
	s.must(err)
	s.cleanup(func() { _ = connection.Close() })
	s.must(connection.SetDeadline(time.Now().Add(limit)))
	_, err = io.WriteString(connection, http2.ClientPreface)
	s.must(err)
	c := newRawConn(connection)
	s.must(c.framer.WriteSettings(settings...))
	return c
}

// headers writes one block of header fields, given as names and values.
func (c *rawConn) headers(id uint32, end bool, pairs ...string) error {
	c.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}); err != nil {
			return err
		}
	}
	return c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.block.Bytes(), EndStream: end, EndHeaders: true,
	})
}

// request begins a call.
func (c *rawConn) request(id uint32, method string, end bool, more ...string) error {
	return c.headers(id, end, append([]string{
		":method", "POST", ":scheme", "http", ":path", prefix + method, ":authority", "localhost",
		"content-type", "application/grpc", "te", "trailers",
	}, more...)...)
}

// answer reads until a stream has ended.
func (c *rawConn) answer(id uint32) *rawAnswer {
	made := c.of(id)
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			made.err = err
			return made
		}
		c.tend(frame)
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			c.of(frame.StreamID).take(frame)
		case *http2.DataFrame:
			answer := c.of(frame.StreamID)
			answer.body = append(answer.body, frame.Data()...)
		case *http2.RSTStreamFrame:
			c.of(frame.StreamID).err = fmt.Errorf("reset with %s", frame.ErrCode)
		}
		if frame.Header().StreamID == id && (made.err != nil || ends(frame)) {
			return made
		}
	}
}

func (c *rawConn) of(id uint32) *rawAnswer {
	if c.answers[id] == nil {
		c.answers[id] = new(rawAnswer)
	}
	return c.answers[id]
}

func (a *rawAnswer) take(frame *http2.MetaHeadersFrame) {
	for _, field := range frame.Fields {
		switch field.Name {
		case "grpc-status":
			a.status = field.Value
		case "grpc-message":
			a.message = field.Value
		}
	}
}

func ends(frame http2.Frame) bool {
	switch frame := frame.(type) {
	case *http2.MetaHeadersFrame:
		return frame.StreamEnded()
	case *http2.DataFrame:
		return frame.StreamEnded()
	}
	return false
}

// tend does what every peer has to: it acknowledges and gives windows back.
func (c *rawConn) tend(frame http2.Frame) {
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		if !frame.IsAck() {
			_ = c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !frame.IsAck() {
			_ = c.framer.WritePing(true, frame.Data)
		}
	case *http2.DataFrame:
		if frame.Length > 0 {
			_ = c.framer.WriteWindowUpdate(0, frame.Length)
			if !frame.StreamEnded() {
				_ = c.framer.WriteWindowUpdate(frame.StreamID, frame.Length)
			}
		}
	}
}

// framed is a gRPC message with its prefix.
func framed(message []byte) []byte {
	made := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(made[1:], uint32(len(message)))
	return append(made, message...)
}

// respond answers a call with a message and the status OK.
func (c *rawConn) respond(id uint32, message []byte) {
	_ = c.headers(id, false, ":status", "200", "content-type", "application/grpc")
	_ = c.framer.WriteData(id, false, framed(message))
	_ = c.headers(id, true, "grpc-status", "0")
}

// rawServer accepts connections whose frames a scenario answers itself.
type rawServer struct {
	address string
	mu      sync.Mutex
	open    []net.Conn
	count   int
}

// serveRaw calls `take` with every frame of a connection with mutual TLS, one after the other, and the connection's
// number.
func (s *stage) serveRaw(take func(c *rawConn, number int, frame http2.Frame)) *rawServer {
	return s.accept(func(connection net.Conn, number int) {
		secured := tls.Server(connection, s.material.serverTLS())
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(secured, preface); err != nil {
			return
		}
		c := newRawConn(secured)
		if c.framer.WriteSettings() != nil {
			return
		}
		for {
			frame, err := c.framer.ReadFrame()
			if err != nil {
				return
			}
			c.tend(frame)
			take(c, number, frame)
		}
	})
}

// accept calls `serve` with every connection and its number; when it returns, the connection is closed.
func (s *stage) accept(serve func(connection net.Conn, number int)) *rawServer {
	return s.acceptAt("127.0.0.1:0", serve)
}

func (s *stage) acceptAt(address string, serve func(connection net.Conn, number int)) *rawServer {
	listener, err := net.Listen("tcp", address)
	s.must(err)
	r := &rawServer{address: listener.Addr().String()}
	stop := func() {
		_ = listener.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, connection := range r.open {
			_ = connection.Close()
		}
	}
	s.cleanup(stop)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.open = append(r.open, connection)
			number := r.count
			r.count++
			r.mu.Unlock()
			go func() {
				defer connection.Close()
				serve(connection, number)
			}()
		}
	}()
	return r
}

// abort closes a connection with a reset instead of an orderly end.
func abort(connection net.Conn) {
	if secured, ok := connection.(*tls.Conn); ok {
		connection = secured.NetConn()
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// talk makes one call of Echo on a connection that nothing else uses.
func talk(connection net.Conn) (*rawAnswer, error) {
	if err := connection.SetDeadline(time.Now().Add(soon)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		return nil, err
	}
	c := newRawConn(connection)
	if err := errors.Join(c.framer.WriteSettings(), c.request(1, "Echo", false),
		c.framer.WriteData(1, true, framed([]byte("hello")))); err != nil {
		return nil, err
	}
	answer := c.answer(1)
	return answer, answer.err
}
