package peers

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// bytesCodec carries messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// Name is that of the real codec: it stands in the content type.
func (bytesCodec) Name() string { return "proto" }

// ---- caller

var grpcGo = callerKind{name: "grpc-go", open: openGo}

type goCaller struct{ connection *grpc.ClientConn }

func openGo(t *testing.T, via route) caller {
	t.Helper()
	transport := insecure.NewCredentials()
	if via.tls {
		transport = credentials.NewTLS(certificates.clientTLS())
	}
	connection, err := grpc.NewClient("passthrough:///localhost",
		grpc.WithTransportCredentials(transport),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, via.network(), via.address)
		}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return &goCaller{connection}
}

func (c *goCaller) do(call call) outcome {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(errNoEnd) }).Stop()
	if call.Timeout != 0 {
		var release context.CancelFunc
		ctx, release = context.WithTimeout(ctx, time.Duration(call.Timeout*float64(time.Second)))
		defer release()
	}
	pairs := metadata.New(call.Metadata)
	pairs.Append("x-pad", padding(call.PadBytes, call.PadValues)...)
	ctx = metadata.NewOutgoingContext(ctx, pairs)
	both := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := c.connection.NewStream(ctx, both, "/egext.Peers/"+call.Method)
	if err != nil {
		return ended(err, newReceived(), nil, nil)
	}
	go sendAll(stream, call)
	got, err := receiveAll(stream, call.hold)
	header, _ := stream.Header()
	if errors.Is(context.Cause(ctx), errNoEnd) {
		err = errNoEnd
	}
	return ended(err, got, header, stream.Trailer())
}

// sendAll ends early when the call has ended, about which the receiving side knows more.
func sendAll(stream grpc.ClientStream, call call) {
	for number := range call.Messages {
		payload := message(number, call.Size)
		if stream.SendMsg(&payload) != nil {
			return
		}
	}
	_ = stream.CloseSend()
}

func receiveAll(stream grpc.ClientStream, hold chan struct{}) (*received, error) {
	got := newReceived()
	for {
		var reply []byte
		if err := stream.RecvMsg(&reply); err != nil {
			return got, err
		}
		got.add(reply)
		if hold != nil && got.messages == 1 {
			<-hold
		}
	}
}

var errNoEnd = errors.New("no end within " + limit.String())

func ended(err error, got *received, header, trailer metadata.MD) outcome {
	o := outcome{
		Messages: got.messages, Bytes: got.bytes, Digest: got.sum()[:16],
		Header: tallyOf(header, "x-"), Trailer: tallyOf(trailer, "x-"),
	}
	switch {
	case errors.Is(err, io.EOF):
		o.Code = codeName(codes.OK)
	case errors.Is(err, errNoEnd):
		o.Code = err.Error()
	default:
		said := status.Convert(err)
		o.Code, o.Message = codeName(said.Code()), said.Message()
	}
	return o
}

// codeName is the name in the specification, as Python writes it.
func codeName(code codes.Code) string {
	names := []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
		"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if int(code) < len(names) {
		return names[code]
	}
	return code.String()
}

// ---- server

var grpcGoServer = serverKind{name: "grpc-go", start: func(t *testing.T) string { return startGo(t).address }}

// goServer is a grpc-go server that can be watched.
type goServer struct {
	address string
	// sent counts the messages of Source that went into the transport, of all calls.
	sent atomic.Int64
	// running counts the calls under way.
	running atomic.Int64
}

func startGo(t *testing.T, options ...grpc.ServerOption) *goServer {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &goServer{address: "localhost:" + portOf(listener)}
	secured := grpc.Creds(credentials.NewTLS(certificates.serverTLS()))
	server := s.serving(append([]grpc.ServerOption{secured}, options...)...)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return s
}

// serving is a server that can also be a handler below another HTTP/2.
func (s *goServer) serving(options ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append([]grpc.ServerOption{
		grpc.ForceServerCodec(bytesCodec{}), grpc.UnknownServiceHandler(s.handle), grpc.MaxRecvMsgSize(1 << 30),
	}, options...)...)
}

func (s *goServer) handle(_ any, stream grpc.ServerStream) error {
	s.running.Add(1)
	defer s.running.Add(-1)
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	asked := script(incoming)
	method, _ := grpc.MethodFromServerStream(stream)
	if header := asked.header(); len(header) > 0 {
		if err := stream.SendHeader(header); err != nil {
			return err
		}
	}
	deadline, limited := stream.Context().Deadline()
	stream.SetTrailer(asked.trailer(time.Until(deadline), limited))
	if err := s.answer(stream, method[len("/egext.Peers/"):], asked); err != nil {
		return err
	}
	if len(asked["x-code"]) > 0 {
		return status.Error(codeNamed(asked["x-code"][0]), "as the caller wished")
	}
	return nil
}

func (s *goServer) answer(stream grpc.ServerStream, method string, asked script) error {
	switch method {
	case source:
		for number := range asked.number("x-messages") {
			payload := message(number, asked.number("x-size"))
			if err := stream.SendMsg(&payload); err != nil {
				return err
			}
			s.sent.Add(1)
		}
		return nil
	case silent:
		<-stream.Context().Done()
		return status.FromContextError(stream.Context().Err()).Err()
	}
	got := newReceived()
	for {
		var request []byte
		err := stream.RecvMsg(&request)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		got.add(request)
		if method == echo {
			if err := stream.SendMsg(&request); err != nil {
				return err
			}
		}
	}
	if method != count {
		return nil
	}
	answer := got.answer()
	return stream.SendMsg(&answer)
}

func codeNamed(name string) codes.Code {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if codeName(code) == name {
			return code
		}
	}
	panic("no code is called " + name) // the suite's own mistake
}
