package probe

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Answers that are written frame by frame, because no library of gRPC sends them. Envoy Gateway is grpc-go, so what grpc-go
// takes is healthy, and what it does not take is not: grpc-health-probe, which is grpc-go too, is asked about each.

// Rows of the table in docs/probe.md.
const (
	noStatus      = "no HTTP status"
	oddStatus     = "an HTTP status that has not three digits"
	smallFrames   = "SETTINGS_MAX_FRAME_SIZE below 16,384"
	tableOfOthers = "a HEADERS frame on a stream without a call that changes the table of HPACK"
)

// fields are those of a header block, names and values in turn.
type fields []string

// odd is such an answer: to the probe, and in the place of grpc-health-probe.
type odd struct {
	name string
	send func(to *writer)
	ids  []string
	// differs is a row of the table in docs/probe.md.
	differs string
}

var (
	inGRPC   = fields{":status", "200", "content-type", "application/grpc"}
	good     = fields{"grpc-status", "0"}
	serving  = []byte{0, 0, 0, 0, 2, 8, 1}
	closed   = []string{"probe.grpc.closed"}
	noNumber = []string{"probe.grpc.status"}

	tolerated = []string{"probe.grpc.tolerated"}
	malformed = []string{"probe.grpc.malformed"}
)

// with is a serving answer with these fields in its headers and trailers.
func with(head, trailers fields) func(*writer) {
	return func(to *writer) {
		to.head(false, slices.Concat(inGRPC, head))
		to.data(false)
		to.head(true, trailers)
	}
}

func oddAnswers() []odd {
	status := func(value string, ids []string) odd {
		return odd{name: "grpc-status `" + value + "`", send: with(nil, fields{"grpc-status", value}), ids: ids}
	}
	header := func(name, value string, differs string) odd {
		ids := tolerated
		if differs == "" && name == "X-Up" {
			ids = malformed
		}
		return odd{name: name + ": " + value, send: with(fields{name, value}, good), ids: ids, differs: differs}
	}
	// In front of a good answer.
	frame := func(name string, ids []string, differs string, send func(*writer)) odd {
		return odd{name: name, ids: ids, differs: differs, send: func(to *writer) {
			send(to)
			with(nil, good)(to)
		}}
	}
	http := func(status string, ids []string, differs string) odd {
		return odd{name: "HTTP status " + status, ids: ids, differs: differs, send: func(to *writer) {
			to.head(false, fields{":status", status, "content-type", "application/grpc"})
			to.data(false)
			to.head(true, good)
		}}
	}
	message := func(name string, ids []string, octets string) odd {
		return odd{name: name, ids: ids, send: func(to *writer) {
			to.head(false, inGRPC)
			_ = to.framer.WriteData(to.stream, false, append([]byte{0, 0, 0, 0, byte(len(octets))}, octets...))
			to.head(true, good)
		}}
	}
	return []odd{
		header("connection", "keep-alive", ""), header("te", "gzip", ""), header("transfer-encoding", "chunked", ""),
		header("upgrade", "h2c", ""), header("keep-alive", "x", ""), header("proxy-connection", "x", ""),
		header("content-length", "3", ""), header("content-length", "many", ""), header("X-Up", "a", ""),
		http("204", tolerated, ""), http("404", tolerated, ""), http("502", tolerated, ""), http("301", tolerated, ""),
		http("0", malformed, oddStatus), http("2000", malformed, oddStatus),
		frame("DATA on a stream that was not begun", tolerated, "", func(to *writer) {
			_ = to.framer.WriteData(to.stream+2, false, []byte("x"))
		}),
		frame("HEADERS on an even stream", tolerated, "", func(to *writer) {
			_ = to.framer.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 2, []byte("\x88\x00\x01a\x01b"))
		}),
		frame("RST_STREAM on a stream that was not begun", tolerated, "", func(to *writer) {
			_ = to.framer.WriteRSTStream(to.stream+4, http2.ErrCodeCancel)
		}),
		frame("WINDOW_UPDATE on a stream that was not begun", tolerated, "", func(to *writer) {
			_ = to.framer.WriteWindowUpdate(to.stream+4, 1)
		}),
		frame("PUSH_PROMISE", tolerated, "", func(to *writer) {
			_ = to.framer.WritePushPromise(http2.PushPromiseParam{StreamID: to.stream, PromiseID: 2, BlockFragment: []byte("\x82\x86\x84\x41\x01a"), EndHeaders: true})
		}),
		frame("HEADERS on an even stream, for the table", malformed, tableOfOthers, func(to *writer) { to.on(2, false, fields{"a", "b"}) }),
		{name: "DATA before HEADERS", ids: malformed, differs: "DATA before HEADERS", send: func(to *writer) {
			to.data(false)
			to.head(false, inGRPC)
			to.head(true, good)
		}},
		{name: "a window that is too large", ids: malformed, differs: "more window than HTTP/2 has", send: func(to *writer) {
			_ = to.framer.WriteWindowUpdate(0, 1<<31-1)
			with(nil, good)(to)
		}},
		{name: "2 MiB of header fields", ids: malformed, differs: "more than 1 MiB of header fields", send: func(to *writer) {
			to.long(2 << 20)
			to.data(false)
			to.head(true, good)
		}},
		{name: "no HTTP status", ids: malformed, differs: noStatus, send: func(to *writer) {
			to.head(false, fields{"content-type", "application/grpc"})
			to.data(false)
			to.head(true, good)
		}},
		frame("frames that are too small", malformed, smallFrames, func(to *writer) {
			_ = to.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 100})
		}),
		message("status as fixed32, then as a number", healthy, "\x0d\x01\x00\x00\x00\x08\x01"),
		message("status as fixed64", []string{"probe.health.not-serving"}, "\x09\x01\x00\x00\x00\x00\x00\x00\x00"),
		message("status as bytes", []string{"probe.health.not-serving"}, "\x0a\x01\x01"),
		message("status as a group", []string{"probe.health.not-serving"}, "\x0b\x08\x01\x0c"),
		message("status as a group without an end", []string{"probe.grpc.invalid-message"}, "\x0b\x08\x01"),
		message("status of a type that there is not", []string{"probe.grpc.invalid-message"}, "\x0e\x01"),
		message("two statuses", healthy, "\x08\x02\x08\x01"),
		message("status of more than 32 bits", healthy, "\x08\x81\x80\x80\x80\x10"),
		{name: "status in the headers only", ids: closed, send: func(to *writer) {
			to.head(false, slices.Concat(inGRPC, good))
			to.data(true)
		}},
		{name: "status in the headers, no message", ids: closed, send: func(to *writer) {
			to.head(false, slices.Concat(inGRPC, good))
			to.framer.WriteData(to.stream, true, nil)
		}},
		{name: "status 14 in the headers, 0 in the trailers", ids: healthy, send: with(fields{"grpc-status", "14"}, good)},
		{name: "status 0 in the headers, 14 in the trailers", ids: []string{"probe.grpc.unavailable"},
			send: with(good, fields{"grpc-status", "14"})},
		{name: "no number in the headers, 0 in the trailers", ids: noNumber, send: with(fields{"grpc-status", "fine"}, good)},
		{name: "status 14 alone", ids: []string{"probe.grpc.unavailable"}, send: func(to *writer) {
			to.head(true, slices.Concat(inGRPC, fields{"grpc-status", "14"}))
		}},
		{name: "status 0 alone", ids: []string{"probe.grpc.invalid-message"}, send: func(to *writer) {
			to.head(true, slices.Concat(inGRPC, good))
		}},
		{name: "trailers 14, then 0", ids: healthy, send: with(nil, fields{"grpc-status", "14", "grpc-status", "0"})},
		{name: "trailers 0, then 14", ids: []string{"probe.grpc.unavailable"}, send: with(nil, fields{"grpc-status", "0", "grpc-status", "14"})},
		{name: "trailers no number, then 0", ids: noNumber, send: with(nil, fields{"grpc-status", "x", "grpc-status", "0"})},
		{name: "trailers without a status", ids: closed, send: with(nil, fields{"x", "y"})},
		status("00", healthy), status("+0", healthy), status("-0", healthy),
		status("-1", noNumber), status("2147483648", noNumber), status("2147483647", noNumber), status("0 ", noNumber),
		status("", noNumber), status("0x0", noNumber), status("0_0", noNumber),
		{name: "content type of a page, then of gRPC", ids: healthy, send: func(to *writer) {
			to.head(false, fields{":status", "200", "content-type", "text/html", "content-type", "application/grpc"})
			to.data(false)
			to.head(true, good)
		}},
		{name: "metadata that is no base64", ids: []string{"probe.grpc.malformed"}, send: with(fields{"x-bin", "a!"}, good)},
		{name: "trailing metadata that is no base64", ids: []string{"probe.grpc.malformed"},
			send: with(nil, fields{"grpc-status", "0", "x-bin", "=a=="})},
		{name: "metadata in base64 of every kind", ids: healthy,
			send: with(fields{"a-bin", "", "b-bin", "YQ", "c-bin", "YQ==", "d-bin", "YWE", "e-bin", "YR"}, good)},
	}
}

// writer writes the frames of an answer.
type writer struct {
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	stream  uint32
}

// head writes a block of header fields.
func (w *writer) head(end bool, of fields) {
	w.on(w.stream, end, of)
}

func (w *writer) on(stream uint32, end bool, of fields) {
	w.block.Reset()
	for pair := range slices.Chunk(of, 2) {
		_ = w.encoder.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]})
	}
	_ = w.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: w.block.Bytes(), EndHeaders: true, EndStream: end,
	})
}

// long writes the headers of an answer with a value of so many bytes, in as many frames as it takes.
func (w *writer) long(size int) {
	w.block.Reset()
	for pair := range slices.Chunk(inGRPC, 2) {
		_ = w.encoder.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]})
	}
	_ = w.encoder.WriteField(hpack.HeaderField{Name: "x-long", Value: string(bytes.Repeat([]byte("a"), size)), Sensitive: true})
	const most = 16 << 10
	rest := slices.Clone(w.block.Bytes())
	_ = w.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: w.stream, BlockFragment: rest[:most]})
	for rest = rest[most:]; len(rest) > 0; {
		piece := rest[:min(most, len(rest))]
		rest = rest[len(piece):]
		_ = w.framer.WriteContinuation(w.stream, len(rest) == 0, piece)
	}
}

// data writes the message of a server that serves.
func (w *writer) data(end bool) {
	_ = w.framer.WriteData(w.stream, end, serving)
}

// start answers every call on a listener's connections, in plaintext.
func (o odd) start(t *testing.T) (address, directory string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go o.answer(connection)
		}
	}()
	return listener.Addr().String(), t.TempDir()
}

func (o odd) answer(connection net.Conn) {
	defer connection.Close()
	if _, err := io.ReadFull(connection, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	to := &writer{framer: http2.NewFramer(connection, connection)}
	to.framer.AllowIllegalWrites = true
	to.encoder = hpack.NewEncoder(&to.block)
	_ = to.framer.WriteSettings()
	for {
		frame, err := to.framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = to.framer.WriteSettingsAck()
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				to.stream = frame.StreamID
				o.send(to)
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = to.framer.WritePing(true, frame.Data)
			}
		}
	}
}

func TestOddAnswersAreJudgedAsGrpcGoJudgesThem(t *testing.T) {
	for _, odd := range oddAnswers() {
		t.Run(odd.name, func(t *testing.T) {
			t.Parallel()
			address, _ := odd.start(t)
			found := report(t, []string{"probe", "-o", "json", "tcp://" + address, "--timeout", "1m"})
			if !slices.Equal(found.ids(), odd.ids) {
				t.Errorf("found %v, expected %v\n%s", found.ids(), odd.ids, found.text)
			}
		})
	}
}

// linesOfOddAnswers call each of them.
func linesOfOddAnswers() []line {
	var all []line
	for _, odd := range oddAnswers() {
		all = append(all, line{words: "-addr {addr}", server: row{fault: odd.name}, start: odd.start, differs: odd.differs})
	}
	return all
}
