package probe

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A refuser is a gRPC server that does something else than to answer its first calls.
type refuser struct {
	listener           net.Listener
	how                refusal
	calls, connections atomic.Int32
}

// A refusal takes the place of so many answers. It ends the connection if it says so.
type refusal struct {
	name   string
	answer func(framer *http2.Framer, stream uint32) (ends bool)
	// In place of that: said at the beginning of the first connections.
	greeting func(framer *http2.Framer)
	// The server has not looked at the call.
	isUnseen bool
}

var refusalsBelowGRPC = []refusal{
	{name: "refuses the stream", answer: resets(http2.ErrCodeRefusedStream), isUnseen: true},
	{name: "resets the stream for another reason", answer: resets(http2.ErrCodeEnhanceYourCalm)},
	{name: "goes away below the call", answer: goesAway(http2.ErrCodeNo, "max_age", false), isUnseen: true},
	{name: "goes away below the call with an error", answer: goesAway(http2.ErrCodeEnhanceYourCalm, "too_many_pings", true), isUnseen: true},
	{name: "goes away with the call and ends", answer: func(framer *http2.Framer, stream uint32) bool {
		_ = framer.WriteGoAway(stream, http2.ErrCodeNo, nil)
		return true
	}},
	{name: "cuts the connection", answer: func(*http2.Framer, uint32) bool { return true }},
	{name: "goes away before the call", greeting: func(framer *http2.Framer) {
		_ = framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	}, isUnseen: true},
}

func resets(code http2.ErrCode) func(*http2.Framer, uint32) bool {
	return func(framer *http2.Framer, stream uint32) bool {
		_ = framer.WriteRSTStream(stream, code)
		return false
	}
}

// goesAway says that no stream was looked at.
func goesAway(code http2.ErrCode, words string, ends bool) func(*http2.Framer, uint32) bool {
	return func(framer *http2.Framer, _ uint32) bool {
		_ = framer.WriteGoAway(0, code, []byte(words))
		return ends
	}
}

// refuses starts a server that refuses in this manner so many times.
func refuses(t *testing.T, how refusal, times int32) *refuser {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	must(t, err)
	server := &refuser{listener: listener, how: how}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go server.serve(connection, times)
		}
	}()
	return server
}

func (r *refuser) serve(connection net.Conn, times int32) {
	defer connection.Close()
	framer := http2.NewFramer(connection, connection)
	_ = framer.WriteSettings()
	if number := r.connections.Add(1); r.how.greeting != nil && number <= times {
		r.how.greeting(framer)
	}
	if _, err := io.ReadFull(connection, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = framer.WritePing(true, frame.Data)
			}
		case *http2.DataFrame:
			if !frame.StreamEnded() {
				continue
			}
			if number := r.calls.Add(1); r.how.answer == nil || number > times {
				serves(framer, frame.StreamID)
			} else if r.how.answer(framer, frame.StreamID) {
				return
			}
		}
	}
}

// serves answers that the server is healthy.
func serves(framer *http2.Framer, stream uint32) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	headers := func(ends bool, fields ...hpack.HeaderField) {
		block.Reset()
		for _, field := range fields {
			_ = encoder.WriteField(field)
		}
		_ = framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: ends,
		})
	}
	headers(false, hpack.HeaderField{Name: ":status", Value: "200"}, hpack.HeaderField{Name: "content-type", Value: "application/grpc"})
	_ = framer.WriteData(stream, false, []byte{0, 0, 0, 0, 2, 8, 1})
	headers(true, hpack.HeaderField{Name: "grpc-status", Value: "0"})
}
