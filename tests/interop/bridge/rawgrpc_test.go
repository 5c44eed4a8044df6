package peers

import (
	"cmp"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
)

// shape is how a raw peer cuts what it sends into frames.
type shape struct {
	// block is the most that a HEADERS or CONTINUATION frame holds, data that of a DATA frame. 0 is 16 KiB.
	block, data int
}

func (s shape) blockSize() int { return cmp.Or(s.block, 16384) }
func (s shape) dataSize() int  { return cmp.Or(s.data, 16384) }

// framed is a gRPC message with its prefix.
func framed(message []byte) []byte {
	made := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(made[1:], uint32(len(message)))
	return append(made, message...)
}

// nextMessage is nil at the end of the stream.
func (s *rawStream) nextMessage() ([]byte, error) {
	prefix, err := s.takeAll(5)
	if err != nil || len(prefix) == 0 {
		return nil, err
	}
	if len(prefix) < 5 {
		return nil, fmt.Errorf("the stream ended within a message: % x", prefix)
	}
	size := int(binary.BigEndian.Uint32(prefix[1:]))
	payload, err := s.takeAll(size)
	if err == nil && len(payload) < size {
		err = fmt.Errorf("the stream ended after %d of %d bytes of a message", len(payload), size)
	}
	if payload == nil {
		payload = []byte{}
	}
	return payload, err
}

// ---- caller

// raw is a caller that cuts its frames in the common way.
var raw = rawCallerOf("raw", shape{})

func rawCallerOf(name string, cut shape, settings ...http2.Setting) callerKind {
	return callerKind{name: name, open: func(t *testing.T, via route) caller {
		t.Helper()
		return &rawCaller{peer: openRaw(t, via, settings...), cut: cut}
	}}
}

// openRaw begins HTTP/2 as a client, until the end of the test.
func openRaw(t *testing.T, via route, settings ...http2.Setting) *rawPeer {
	t.Helper()
	connection, err := via.converse()
	if err != nil {
		t.Fatalf("cannot connect (%s): %v", via.name, err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	peer, err := newRaw(connection, nil, settings...)
	if err != nil {
		t.Fatalf("cannot begin HTTP/2 (%s): %v", via.name, err)
	}
	return peer
}

type rawCaller struct {
	peer *rawPeer
	cut  shape
}

// open begins a stream with a request's headers.
func (c *rawCaller) open(list []hpack.HeaderField, end bool) (*rawStream, error) {
	var s *rawStream
	err := c.peer.frames(func(f *http2.Framer) error {
		c.peer.locked(func() {
			s = c.peer.stream(c.peer.next)
			c.peer.next += 2
		})
		return c.peer.writeBlock(f, s.id, c.peer.encoded(list), end, c.cut.blockSize())
	})
	return s, err
}

// requestHeaders are those that gRPC asks for.
func requestHeaders(method string) []hpack.HeaderField {
	return fields(":method", "POST", ":scheme", "http", ":path", "/egext.Peers/"+method, ":authority", "localhost",
		"content-type", "application/grpc+proto", "te", "trailers")
}

func headersOf(asked call) []hpack.HeaderField {
	list := requestHeaders(asked.Method)
	if asked.Timeout != 0 {
		list = append(list, fields("grpc-timeout", fmt.Sprintf("%dm", int(asked.Timeout*1000)))...)
	}
	for key, value := range asked.Metadata {
		list = append(list, fields(key, value)...)
	}
	for _, value := range padding(asked.PadBytes, asked.PadValues) {
		list = append(list, fields("x-pad", value)...)
	}
	return list
}

func (c *rawCaller) do(asked call) outcome {
	s, err := c.open(headersOf(asked), asked.Messages == 0)
	if err != nil {
		return outcome{Code: err.Error()}
	}
	if asked.Messages > 0 {
		go c.send(s, asked)
	}
	return s.outcome(asked.hold)
}

// send ends early when the call has ended, about which the receiving side knows more.
func (c *rawCaller) send(s *rawStream, asked call) {
	for number := range asked.Messages {
		last := number == asked.Messages-1
		if s.sendData(framed(message(number, asked.Size)), last, c.cut.dataSize()) != nil {
			return
		}
	}
}

// outcome reads a response to its end.
func (s *rawStream) outcome(hold chan struct{}) outcome {
	got := newReceived()
	var broken error
	for broken == nil {
		var message []byte
		if message, broken = s.nextMessage(); message == nil {
			break
		}
		got.add(message)
		if hold != nil && got.messages == 1 {
			<-hold
		}
	}
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	o := outcome{Messages: got.messages, Bytes: got.bytes, Digest: got.sum()[:16]}
	final := slices.DeleteFunc(slices.Clone(s.blocks), func(block []hpack.HeaderField) bool {
		return strings.HasPrefix(one(block, ":status"), "1")
	})
	if len(final) > 0 {
		o.Header = tallyOf(mapped(final[0]), "x-")
		o.Code, o.Message = statusOf(final[len(final)-1])
	}
	if len(final) > 1 {
		o.Trailer = tallyOf(mapped(final[1]), "x-")
	}
	switch {
	case broken != nil && (o.Code == "" || o.Code == "OK" && !errors.Is(broken, errReset)):
		o.Code = broken.Error()
	case o.Code == "" && len(final) > 0:
		o.Code = "HTTP status " + one(final[0], ":status") + " without a gRPC status"
	case o.Code == "":
		o.Code = "no answer"
	}
	return o
}

func statusOf(block []hpack.HeaderField) (code, message string) {
	number := one(block, "grpc-status")
	if number == "" {
		return "", ""
	}
	value, err := strconv.Atoi(number)
	if err != nil {
		return "grpc-status " + number, ""
	}
	message, err = url.PathUnescape(one(block, "grpc-message"))
	if err != nil {
		message = one(block, "grpc-message")
	}
	return codeName(codes.Code(value)), message
}

func mapped(block []hpack.HeaderField) map[string][]string {
	made := map[string][]string{}
	for _, field := range block {
		made[field.Name] = append(made[field.Name], field.Value)
	}
	return made
}

func one(block []hpack.HeaderField, name string) string {
	for _, field := range block {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// ---- server

// rawServer is a server that does as its methods say, with frames of its own shape.
var rawServer = rawServerOf("raw", shape{})

func rawServerOf(name string, cut shape, settings ...http2.Setting) serverKind {
	return serverKind{name: name, start: func(t *testing.T) string {
		t.Helper()
		return listenRaw(t, each(func(s *rawStream) { s.answer(cut) }), settings...).address
	}}
}

// each serves every stream of every connection in the same way.
func each(serve func(*rawStream)) func(*rawPeer) func(*rawStream) {
	return func(*rawPeer) func(*rawStream) { return serve }
}

// oddServer does something of its own in calls that carry `x-odd`, and answers all others.
func oddServer(odd func(s *rawStream, asked script), settings ...http2.Setting) serverKind {
	return serverKind{name: "raw", start: func(t *testing.T) string {
		t.Helper()
		return listenRaw(t, each(func(s *rawStream) {
			if _, asked := s.request(); len(asked["x-odd"]) > 0 {
				odd(s, asked)
				return
			}
			s.answer(shape{})
		}), settings...).address
	}}
}

// rawListener accepts connections for raw servers.
type rawListener struct {
	address string
	mu      sync.Mutex
	peers   []*rawPeer
}

// listenRaw serves until the end of the test. `begin` is called for every connection, before its first stream.
func listenRaw(t *testing.T, begin func(*rawPeer) func(*rawStream), settings ...http2.Setting) *rawListener {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &rawListener{address: "localhost:" + portOf(listener)}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
			go l.begin(connection, begin, settings)
		}
	}()
	return l
}

func (l *rawListener) begin(connection net.Conn, begin func(*rawPeer) func(*rawStream), settings []http2.Setting) {
	secured := tls.Server(connection, certificates.serverTLS())
	// Streams wait for the handler, which wants to know its peer.
	ready := make(chan struct{})
	var handle func(*rawStream)
	peer, err := newRaw(secured, func(s *rawStream) {
		<-ready
		handle(s)
	}, settings...)
	if err != nil {
		_ = connection.Close()
		return
	}
	l.mu.Lock()
	l.peers = append(l.peers, peer)
	l.mu.Unlock()
	handle = begin(peer)
	close(ready)
}

// retire ends all connections as a server does that restarts: what is under way is answered.
func (l *rawListener) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, peer := range l.peers {
		peer.retire()
	}
	l.peers = nil
}

// request is what the caller sent.
func (s *rawStream) request() (method string, asked script) {
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	asked = mapped(s.blocks[0])
	return strings.TrimPrefix(one(s.blocks[0], ":path"), "/egext.Peers/"), asked
}

// answer does what the method says. If the stream or the connection ends meanwhile, so does it.
func (s *rawStream) answer(cut shape) {
	method, asked := s.request()
	if method == silent {
		_ = s.await(func() bool { return false })
		return
	}
	if s.sendHeaders(append(responseHeaders(), listed(asked.header())...), false, cut.blockSize()) != nil {
		return
	}
	if s.answerMessages(method, asked, cut) != nil {
		return
	}
	left, limited := grpcTimeout(asked)
	trailers := append(statusFields(asked), listed(asked.trailer(left, limited))...)
	_ = s.sendHeaders(trailers, true, cut.blockSize())
}

func (s *rawStream) answerMessages(method string, asked script, cut shape) error {
	if method == source {
		for number := range asked.number("x-messages") {
			if err := s.sendData(framed(message(number, asked.number("x-size"))), false, cut.dataSize()); err != nil {
				return err
			}
		}
		return nil
	}
	got := newReceived()
	for {
		request, err := s.nextMessage()
		if err != nil {
			return err
		}
		if request == nil {
			break
		}
		got.add(request)
		if method == echo {
			if err := s.sendData(framed(request), false, cut.dataSize()); err != nil {
				return err
			}
		}
	}
	if method != count {
		return nil
	}
	return s.sendData(framed(got.answer()), false, cut.dataSize())
}

func responseHeaders() []hpack.HeaderField {
	return fields(":status", "200", "content-type", "application/grpc+proto")
}

func statusFields(asked script) []hpack.HeaderField {
	if len(asked["x-code"]) == 0 {
		return fields("grpc-status", "0")
	}
	code := int(codeNamed(asked["x-code"][0]))
	return fields("grpc-status", strconv.Itoa(code), "grpc-message", "as the caller wished")
}

// grpcTimeout is how much time the caller gives.
func grpcTimeout(asked script) (time.Duration, bool) {
	if len(asked["grpc-timeout"]) == 0 {
		return 0, false
	}
	text := asked["grpc-timeout"][0]
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second,
		'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	number, err := strconv.Atoi(text[:len(text)-1])
	if err != nil {
		return 0, false
	}
	return time.Duration(number) * units[text[len(text)-1]], true
}

func listed(metadata map[string][]string) []hpack.HeaderField {
	var made []hpack.HeaderField
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		for _, value := range metadata[key] {
			made = append(made, hpack.HeaderField{Name: key, Value: value})
		}
	}
	return made
}
