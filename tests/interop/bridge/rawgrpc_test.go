package peers

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

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
