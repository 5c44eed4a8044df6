package peers

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Go's x/net/http2 is another implementation than grpc-go's: as a client by itself, as a server below grpc-go's handler.
func TestGosHTTP2AsCallerAndServer(t *testing.T) {
	t.Parallel()
	calls := append(paddedCalls(1, 1<<10, 64<<10),
		call{Method: echo, Messages: 20_000, Size: 1},
		call{Method: echo, Messages: 100, Size: 0},
		call{Method: echo, Messages: 3, Size: 4 << 20},
		call{Method: source, Metadata: asking("x-messages", 20_000, "x-size", 1)},
		call{Method: count, Messages: 20_000, Size: 1},
		call{Method: count},
		call{Method: echo, Messages: 1, Size: 1, Timeout: 3600})
	s := scenario{run: inTurn(calls)}
	s.compareAll(t, []callerKind{goHTTP2}, []serverKind{grpcGoServer, goHTTP2Server})
	s.compareAll(t, []callerKind{grpcGo, grpcio}, []serverKind{goHTTP2Server})
	crowd := scenario{run: atOnce(500, 2, call{Method: echo, Messages: 2, Size: 1000})}
	crowd.compareAll(t, []callerKind{goHTTP2}, []serverKind{goHTTP2Server})
}

func TestGosHTTP2Status(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ABORTED", "UNAVAILABLE"} {
		s := scenario{want: code, call: call{Method: echo, Messages: 1, Size: 3, Metadata: asking("x-code", code)}}
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s.compareAll(t, []callerKind{goHTTP2}, []serverKind{grpcGoServer, goHTTP2Server})
			s.compareAll(t, []callerKind{grpcGo}, []serverKind{goHTTP2Server})
		})
	}
}

// ---- caller

var goHTTP2 = callerKind{name: "x/net/http2", open: func(t *testing.T, via route) caller {
	t.Helper()
	transport := &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(context.Context, string, string, *tls.Config) (net.Conn, error) {
			return via.converse()
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &goHTTP2Caller{transport}
}}

type goHTTP2Caller struct{ transport *http2.Transport }

func (c *goHTTP2Caller) do(asked call) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	body, writer := io.Pipe()
	go func() {
		var err error
		for number := 0; number < asked.Messages && err == nil; number++ {
			_, err = writer.Write(framed(message(number, asked.Size)))
		}
		_ = writer.Close()
	}()
	// A call that has ended lets its sender go.
	defer body.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/egext.Peers/"+asked.Method, body)
	if err != nil {
		return outcome{Code: err.Error()}
	}
	for _, field := range headersOf(asked) {
		if !strings.HasPrefix(field.Name, ":") {
			request.Header.Add(field.Name, field.Value)
		}
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return outcome{Code: err.Error()}
	}
	defer response.Body.Close()
	return outcomeOf(response, asked.hold)
}

// outcomeOf reads a response to its end, after which its trailers are there.
func outcomeOf(response *http.Response, hold chan struct{}) outcome {
	got := newReceived()
	reader := bufio.NewReader(response.Body)
	var broken error
	for broken == nil {
		var reply []byte
		if reply, broken = nextFramed(reader); broken != nil {
			break
		}
		got.add(reply)
		if hold != nil && got.messages == 1 {
			<-hold
		}
	}
	header, trailer := lowered(response.Header), lowered(response.Trailer)
	o := outcome{
		Messages: got.messages, Bytes: got.bytes, Digest: got.sum()[:16],
		Header: tallyOf(header, "x-"), Trailer: tallyOf(trailer, "x-"),
	}
	all := maps.Clone(header)
	maps.Copy(all, trailer)
	var block []hpack.HeaderField
	for _, name := range []string{"grpc-status", "grpc-message"} {
		for _, value := range all[name] {
			block = append(block, hpack.HeaderField{Name: name, Value: value})
		}
	}
	o.Code, o.Message = statusOf(block)
	switch {
	case !errors.Is(broken, io.EOF):
		o.Code = broken.Error()
	case o.Code == "":
		o.Code = fmt.Sprintf("HTTP status %d without a gRPC status", response.StatusCode)
	}
	return o
}

// nextFramed is io.EOF between two messages, and another error within one.
func nextFramed(reader io.Reader) ([]byte, error) {
	prefix := make([]byte, 5)
	if _, err := io.ReadFull(reader, prefix); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint32(prefix[1:]))
	if _, err := io.ReadFull(reader, reply); err != nil {
		return nil, fmt.Errorf("within a message: %v", err)
	}
	return reply, nil
}

// lowered has the names as they are on the wire.
func lowered(header http.Header) map[string][]string {
	made := map[string][]string{}
	for name, values := range header {
		made[strings.ToLower(name)] = values
	}
	return made
}

// ---- server

var goHTTP2Server = serverKind{name: "x/net/http2", start: func(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &goServer{address: "localhost:" + portOf(listener)}
	server := &http.Server{
		Handler: s.serving(), TLSConfig: certificates.serverTLS(), ErrorLog: log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
	}
	if err := http2.ConfigureServer(server, nil); err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return s.address
}}
