package proxies

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// bytesCodec carries messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// Name stands in the content type.
func (bytesCodec) Name() string { return "proto" }

// handler answers the calls of one method.
type handler func(stream grpc.ServerStream) error

// serving says how a server is to be. The zero value is plaintext on a port of its own.
type serving struct {
	tls bool
	// config replaces that of the stage's material.
	config *tls.Config
	// address is where it listens, if not on a port of its own: `127.0.0.1:port` or the path of a socket.
	address string
	// handlers are methods besides those that every server has.
	handlers map[string]handler
	// bare leaves out the methods: the server has health only.
	bare    bool
	options []grpc.ServerOption
}

// server is a grpc-go server that can be watched.
type server struct {
	*grpc.Server
	address string
	health  *health.Server
	// calls counts the calls that have arrived, running those under way.
	calls, running atomic.Int64
	// connections counts those accepted.
	connections atomic.Int64
	// arrived gets one value for each call of Hold, and released ends these calls.
	arrived  chan string
	released chan struct{}
	// cancelled gets one value for each call of Hold that its caller ended.
	cancelled chan error
}

func (s *stage) serve(with serving) *server {
	made := &server{
		arrived: make(chan string, 1000), released: make(chan struct{}), cancelled: make(chan error, 1000),
		health: health.NewServer(),
	}
	listener, err := net.Listen(network(with.address), cmpOr(with.address, "127.0.0.1:0"))
	s.must(err)
	made.address = listener.Addr().String()
	options := append([]grpc.ServerOption{
		grpc.ForceServerCodec(either{}), grpc.MaxRecvMsgSize(1 << 30),
	}, with.options...)
	if !with.bare {
		options = append(options, grpc.UnknownServiceHandler(made.dispatch(with.handlers)))
	}
	if with.tls {
		config := with.config
		if config == nil {
			config = s.material.serverTLS()
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	made.Server = grpc.NewServer(options...)
	healthpb.RegisterHealthServer(made.Server, made.health)
	go func() { _ = made.Serve(&counted{listener, &made.connections}) }()
	s.cleanup(made.Stop)
	return made
}

func cmpOr(value, other string) string {
	if value != "" {
		return value
	}
	return other
}

// counted counts the connections that a listener accepts.
type counted struct {
	net.Listener
	count *atomic.Int64
}

// Accept implements net.Listener.
func (c *counted) Accept() (net.Conn, error) {
	connection, err := c.Listener.Accept()
	if err == nil {
		c.count.Add(1)
	}
	return connection, err
}

// prefix of the methods' names.
const prefix = "/egext.Proxies/"

func (made *server) dispatch(own map[string]handler) grpc.StreamHandler {
	handlers := map[string]handler{"Echo": echo, "Count": count, "Source": source, "Hold": made.hold}
	for name, handle := range own {
		handlers[name] = handle
	}
	return func(_ any, stream grpc.ServerStream) error {
		made.calls.Add(1)
		made.running.Add(1)
		defer made.running.Add(-1)
		method, _ := grpc.MethodFromServerStream(stream)
		if handle, ok := handlers[method[len(prefix):]]; ok {
			return handle(stream)
		}
		return fmt.Errorf("the test's server has no method %s", method)
	}
}

// echo sends every message back.
func echo(stream grpc.ServerStream) error {
	return received(stream, func(message []byte) error { return stream.SendMsg(&message) })
}

// count reads all messages and answers with their number and a digest.
func count(stream grpc.ServerStream) error {
	digest, number := sha256.New(), 0
	err := received(stream, func(message []byte) error {
		number++
		_, _ = digest.Write(message)
		return nil
	})
	if err != nil {
		return err
	}
	answer := fmt.Appendf(nil, "%d %x", number, digest.Sum(nil))
	return stream.SendMsg(&answer)
}

// received calls `take` with every message of the caller.
func received(stream grpc.ServerStream, take func([]byte) error) error {
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = take(message)
		}
		if err != nil {
			return err
		}
	}
}

// source sends `x-messages` messages of `x-size` bytes; the number is the seed of each.
func source(stream grpc.ServerStream) error {
	messages, size := asked(stream, "x-messages"), asked(stream, "x-size")
	for number := range messages {
		message := noise(uint64(number), size)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

func asked(stream grpc.ServerStream, key string) int {
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	number, _ := strconv.Atoi(first(incoming[key]))
	return number
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// tell sends, unless so much was sent already that nothing reads it.
func tell[T any](channel chan T, value T) {
	select {
	case channel <- value:
	default:
	}
}

// hold answers when it is released, with the first message.
func (made *server) hold(stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	tell(made.arrived, string(message))
	select {
	case <-made.released:
		return stream.SendMsg(&message)
	case <-stream.Context().Done():
		tell(made.cancelled, stream.Context().Err())
		return stream.Context().Err()
	}
}
