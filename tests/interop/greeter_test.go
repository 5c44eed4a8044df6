package interop

import (
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

const greeting = "hello from the extension"

// greeter is an extension server that adds a header to all answers of each virtual host.
type greeter struct {
	*grpc.Server
	// caller is the certificate of the last call's client.
	caller atomic.Pointer[x509.Certificate]
}

// startGreeter runs one in plaintext, unless the options say otherwise.
func startGreeter(t *testing.T, port int, options ...grpc.ServerOption) *greeter {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	g := &greeter{}
	options = append(options, grpc.ForceServerCodec(octets{}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var request []byte
			if err := stream.RecvMsg(&request); err != nil {
				return err
			}
			if chain := callerOf(stream.Context()); len(chain) > 0 {
				g.caller.Store(chain[0])
			}
			method, _ := grpc.MethodFromServerStream(stream)
			answer, _, err := passThrough(method, request)
			if err != nil {
				return err
			}
			if strings.HasSuffix(method, "/PostVirtualHostModify") {
				answer = greet(answer)
			}
			return stream.SendMsg(&answer)
		}))
	g.Server = grpc.NewServer(options...)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return g
}

// greet adds `response_headers_to_add` (10 of config.route.v3.VirtualHost, a HeaderValueOption) to the virtual host
// (field 1). Of a message that occurs twice, protobuf merges both.
func greet(answer []byte) []byte {
	header := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "x-greeting")
	header = protowire.AppendString(protowire.AppendTag(header, 2, protowire.BytesType), greeting)
	option := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), header)
	host := protowire.AppendBytes(protowire.AppendTag(nil, 10, protowire.BytesType), option)
	return protowire.AppendBytes(protowire.AppendTag(answer, 1, protowire.BytesType), host)
}
