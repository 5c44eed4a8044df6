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
	return []odd{
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

// data writes the message of a server that serves.
func (w *writer) data(end bool) {
	_ = w.framer.WriteData(w.stream, end, serving)
}

// serve answers every call on a listener's connections, in plaintext.
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
