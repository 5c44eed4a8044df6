package proxies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// either carries protobuf's messages as `proto` does, and bytes as they are.
type either struct{ bytesCodec }

// Marshal implements encoding.Codec.
func (e either) Marshal(message any) ([]byte, error) {
	if octets, ok := message.(*[]byte); ok {
		return *octets, nil
	}
	parts, err := encoding.GetCodecV2("proto").Marshal(message)
	return parts.Materialize(), err
}

// Unmarshal implements encoding.Codec.
func (e either) Unmarshal(data []byte, message any) error {
	if octets, ok := message.(*[]byte); ok {
		return e.bytesCodec.Unmarshal(data, octets)
	}
	return encoding.GetCodecV2("proto").Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, message)
}

// caller is a connection of grpc-go to the proxy.
type caller struct {
	*grpc.ClientConn
	ctx context.Context
}

// dial connects when the first call is made, with the material of the stage.
func (s *stage) dial(p *proxy, options ...grpc.DialOption) *caller {
	return s.dialWith(p, s.material, options...)
}

func (s *stage) dialWith(p *proxy, m material, options ...grpc.DialOption) *caller {
	transport := insecure.NewCredentials()
	if p.setup.role == terminate {
		transport = credentials.NewTLS(m.clientTLS())
	}
	patience := backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second}
	connection, err := grpc.NewClient("passthrough:///localhost", append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network(p.setup.listen), p.setup.listen)
		}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: patience, MinConnectTimeout: soon}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1 << 30)),
	}, options...)...)
	s.must(err)
	s.cleanup(func() { _ = connection.Close() })
	return &caller{connection, s.ctx}
}

// call makes a call with one message and one answer.
func (c *caller) call(ctx context.Context, method string, message []byte, options ...grpc.CallOption) ([]byte, error) {
	var answer []byte
	options = append([]grpc.CallOption{grpc.ForceCodec(bytesCodec{})}, options...)
	err := c.Invoke(ctx, prefix+method, &message, &answer, options...)
	return answer, err
}

// within is a context with a deadline.
func (c *caller) within(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.ctx, limit)
}

// echo makes one call, with a deadline, and compares.
func (c *caller) echo(message []byte) error {
	ctx, cancel := c.within(soon)
	defer cancel()
	answer, err := c.call(ctx, "Echo", message)
	if err == nil && !bytes.Equal(answer, message) {
		err = fmt.Errorf("the echo of %d bytes has %d bytes, or others", len(message), len(answer))
	}
	return err
}

// open begins a stream both ways.
func (c *caller) open(ctx context.Context, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	both := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	options = append([]grpc.CallOption{grpc.ForceCodec(bytesCodec{})}, options...)
	return c.NewStream(ctx, both, prefix+method, options...)
}

// hold begins a call of Hold and reports how it ends.
func (c *caller) hold(ctx context.Context, message string) <-chan error {
	ended := make(chan error, 1)
	go func() {
		answer, err := c.call(ctx, "Hold", []byte(message))
		if err == nil && string(answer) != message {
			err = fmt.Errorf("the answer is %q instead of %q", answer, message)
		}
		ended <- err
	}()
	return ended
}

// rest reads a stream to its end.
func rest(stream grpc.ClientStream) ([][]byte, error) {
	var all [][]byte
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, message)
	}
}

// refused is an error unless the call ended with a status in time.
func refused(err error) error {
	switch status.Code(err) {
	case codes.OK:
		return errors.New("the call ended with OK")
	case codes.DeadlineExceeded:
		return errors.New("the call had no status before its deadline")
	}
	return nil
}

// with adds metadata to a context.
func with(ctx context.Context, pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}
