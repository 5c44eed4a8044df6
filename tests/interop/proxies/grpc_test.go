package proxies

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

var grpcScenarios = []scenario{
	{name: "every status code passes, with a message in UTF-8", run: everyStatus},
	{name: "details of an error pass", run: errorDetails},
	{name: "Trailers-Only: an error without headers passes", run: trailersOnly},
	{name: "metadata passes both ways, also binary and repeated", run: metadataPasses},
	{name: "64 KiB of metadata in headers and trailers pass the limits that are set by default", run: largeMetadata},
	{name: "server streaming: 1,000 messages in their order, each as it comes", run: serverStreaming},
	{name: "the caller's deadline is passed on", run: deadlinePassed},
	{name: "a deadline that passes ends the call at both ends", run: deadlinePasses},
	{name: "`:authority` stays that of the caller", run: authorityKept},
	{name: "compressed messages pass", run: compressed},
	{name: "health: Check, and Watch with a change", run: healthWatch},
	{name: "an unknown method is UNIMPLEMENTED", run: unknownMethod},
	{name: "200 calls at once on one connection", run: manyAtOnce},
	{name: "calls of 200 callers share few connections to the server", run: fewConnections},
}

func everyStatus(s *stage) {
	const message = "Größe: 100 % ☂, \"two\"\nlines"
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Fail": func(stream grpc.ServerStream) error {
		return status.Error(codes.Code(asked(stream, "x-code")), message)
	}}})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		_, err := c.call(with(s.ctx, "x-code", fmt.Sprint(int(code))), "Fail", nil)
		got := status.Convert(err)
		s.want(got.Code() == code && got.Message() == message, "%s came as %s %q", code, got.Code(), got.Message())
	}
}

func errorDetails(s *stage) {
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Fail": func(stream grpc.ServerStream) error {
		said, err := status.New(codes.ResourceExhausted, "later").WithDetails(durationpb.New(time.Hour))
		if err != nil {
			return err
		}
		return said.Err()
	}}})
	_, err := s.dial(s.proxy(setup{upstream: server.address})).call(s.ctx, "Fail", nil)
	details := status.Convert(err).Details()
	s.want(len(details) == 1, "%d details: %v", len(details), err)
	pause, ok := details[0].(*durationpb.Duration)
	s.want(ok && pause.AsDuration() == time.Hour, "the detail is %v", details[0])
}

func trailersOnly(s *stage) {
	server := s.oddly(func(c *rawConn, id uint32) {
		_ = c.headers(id, true, ":status", "200", "content-type", "application/grpc",
			"grpc-status", "9", "grpc-message", "not now", "x-why", "maintenance")
	})
	var trailer metadata.MD
	_, err := s.dial(s.proxy(setup{upstream: server.address})).call(s.ctx, "Odd", nil, grpc.Trailer(&trailer))
	got := status.Convert(err)
	s.want(got.Code() == codes.FailedPrecondition && got.Message() == "not now", "%v", err)
	s.want(first(trailer["x-why"]) == "maintenance", "the trailers are %v", trailer)
}

func metadataPasses(s *stage) {
	binary := string([]byte{0, 255, 10, 13, 128})
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Mirror": func(stream grpc.ServerStream) error {
		incoming, _ := metadata.FromIncomingContext(stream.Context())
		mirrored := metadata.MD{"x-text": incoming["x-text"], "x-bytes-bin": incoming["x-bytes-bin"]}
		stream.SetTrailer(mirrored)
		if err := stream.SendHeader(mirrored); err != nil {
			return err
		}
		return echo(stream)
	}}})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	ctx := with(s.ctx, "x-text", "one", "x-text", "two", "x-bytes-bin", binary)
	var header, trailer metadata.MD
	_, err := c.call(ctx, "Mirror", nil, grpc.Header(&header), grpc.Trailer(&trailer))
	s.must(err)
	for _, got := range []metadata.MD{header, trailer} {
		s.want(slices.Equal(got["x-text"], []string{"one", "two"}), "x-text is %q", got["x-text"])
		s.want(slices.Equal(got["x-bytes-bin"], []string{binary}), "x-bytes-bin is %q", got["x-bytes-bin"])
	}
}

func largeMetadata(s *stage) {
	value := strings.Repeat("0123456789abcdef", 256)
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Mirror": func(stream grpc.ServerStream) error {
		incoming, _ := metadata.FromIncomingContext(stream.Context())
		stream.SetTrailer(metadata.MD{"x-large": incoming["x-large"]})
		return echo(stream)
	}}})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	ctx := s.ctx
	for range 16 {
		ctx = with(ctx, "x-large", value)
	}
	var trailer metadata.MD
	_, err := c.call(ctx, "Mirror", nil, grpc.Trailer(&trailer))
	s.must(err)
	s.want(len(trailer["x-large"]) == 16, "%d values came back", len(trailer["x-large"]))
}

func serverStreaming(s *stage) {
	next := make(chan struct{}, 1)
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Ticks": func(stream grpc.ServerStream) error {
		for number := range 1000 {
			if number < 20 {
				<-next
			}
			message := noise(uint64(number), 100)
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
		return nil
	}}})
	stream, err := s.dial(s.proxy(setup{upstream: server.address})).open(s.ctx, "Ticks")
	s.must(err)
	s.must(stream.CloseSend())
	for number := range 1000 {
		// The first ones are sent only when the one before has arrived: nothing may wait for more.
		if number < 20 {
			next <- struct{}{}
		}
		var message []byte
		s.must(stream.RecvMsg(&message))
		s.want(bytes.Equal(message, noise(uint64(number), 100)), "message %d is another", number)
	}
}

func deadlinePassed(s *stage) {
	left := make(chan time.Duration, 10)
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Left": func(stream grpc.ServerStream) error {
		deadline, ok := stream.Context().Deadline()
		if !ok {
			deadline = time.Now().Add(-time.Hour)
		}
		left <- time.Until(deadline)
		return echo(stream)
	}}})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	_, err := c.call(ctx, "Left", nil)
	s.must(err)
	got := await(s, "the call arrives", left)
	s.want(got > 0 && got <= 30*time.Second, "the server has %s left", got)
}

func deadlinePasses(s *stage) {
	server, p := s.onePair(originate)
	c := s.dial(p)
	s.must(c.echo([]byte("connected")))
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	err := await(s, "the call ends", c.hold(ctx, "held"))
	s.want(status.Code(err) == codes.DeadlineExceeded, "%v", err)
	await(s, "the server learns of it", server.cancelled)
}

func authorityKept(s *stage) {
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Name": func(stream grpc.ServerStream) error {
		incoming, _ := metadata.FromIncomingContext(stream.Context())
		answer := []byte(first(incoming[":authority"]))
		return stream.SendMsg(&answer)
	}}})
	c := s.dial(s.proxy(setup{upstream: server.address}), grpc.WithAuthority("extension.example:5005"))
	answer, err := c.call(s.ctx, "Name", nil)
	s.must(err)
	s.want(string(answer) == "extension.example:5005", "the server saw %q", answer)
}

func compressed(s *stage) {
	_, p := s.onePair(originate)
	message := bytes.Repeat([]byte("again and "), 100_000)
	answer, err := s.dial(p).call(s.ctx, "Echo", message, grpc.UseCompressor(gzip.Name))
	s.must(err)
	s.want(bytes.Equal(answer, message), "%d bytes came back", len(answer))
}

func healthWatch(s *stage) {
	server, p := s.onePair(originate)
	client := healthpb.NewHealthClient(s.dial(p))
	checked, err := client.Check(s.ctx, &healthpb.HealthCheckRequest{})
	s.must(err)
	s.want(checked.Status == healthpb.HealthCheckResponse_SERVING, "Check says %s", checked.Status)
	watch, err := client.Watch(s.ctx, &healthpb.HealthCheckRequest{})
	s.must(err)
	for _, wanted := range []healthpb.HealthCheckResponse_ServingStatus{
		healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING,
	} {
		server.health.SetServingStatus("", wanted)
		seen, err := watch.Recv()
		s.must(err)
		s.want(seen.Status == wanted, "Watch says %s", seen.Status)
	}
}

func unknownMethod(s *stage) {
	server := s.serve(serving{tls: true, bare: true})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	_, err := c.call(s.ctx, "Nothing", nil)
	s.want(status.Code(err) == codes.Unimplemented, "%v", err)
}

func manyAtOnce(s *stage) {
	server, p := s.onePair(originate)
	c := s.dial(p)
	var held []<-chan error
	for i := range 200 {
		held = append(held, c.hold(s.ctx, fmt.Sprint(i)))
	}
	for range 200 {
		await(s, "the call arrives", server.arrived)
	}
	close(server.released)
	for _, ended := range held {
		s.must(await(s, "the call ends", ended))
	}
}

func fewConnections(s *stage) {
	server, p := s.onePair(originate)
	s.each(200, func(i int) error {
		c := s.dial(p)
		defer c.Close()
		return c.echo(noise(uint64(i), 100))
	})
	s.want(server.connections.Load() <= 20, "%d connections were made to the server", server.connections.Load())
}
