package peers

import (
	"crypto/tls"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

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
	// A stream may come before the handler is there, which is made for its peer.
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
