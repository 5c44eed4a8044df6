package proxies

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
)

var dataScenarios = []scenario{
	{name: "64 MiB each way on one stream arrive whole (plaintext in, TLS out)",
		run: func(s *stage) { largeStream(s, originate) }},
	{name: "64 MiB each way on one stream arrive whole (TLS in, plaintext out)",
		run: func(s *stage) { largeStream(s, terminate) }},
	{name: "a message of 16 MiB there and back", run: oneLargeMessage},
	{name: "streams both ways on four connections at once, nothing mixed", run: fullDuplex},
	{name: "5,000 messages of one byte, and 200 of one byte in turn", run: tinyMessages},
	{name: "a message of 4 KiB in frames of one byte", run: tinyFrames},
	{name: "16 connections with 16 calls each at once, no cross-talk", run: crowd},
	{name: "the server's 32 MiB arrive whole after the caller's half-close", run: pushAfterHalfClose},
	{name: "an answer before the request has ended reaches the caller", run: earlyAnswer},
}

// largeStream compares every message with what was sent.
func largeStream(s *stage, role role) {
	_, p := s.onePair(role)
	s.must(echoStream(s.ctx, s.dial(p), 1, 64, 1<<20))
}

// echoStream sends messages while it reads their echoes.
func echoStream(ctx context.Context, c *caller, seed uint64, messages, size int) error {
	stream, err := c.open(ctx, "Echo")
	if err != nil {
		return err
	}
	go func() {
		for number := range messages {
			message := noise(seed+uint64(number), size)
			if stream.SendMsg(&message) != nil {
				return // receiving tells why
			}
		}
		_ = stream.CloseSend()
	}()
	for number := range messages {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			return fmt.Errorf("message %d of %d: %w", number, messages, err)
		}
		if !bytes.Equal(message, noise(seed+uint64(number), size)) {
			return fmt.Errorf("message %d of %d is another than was sent", number, messages)
		}
	}
	var more []byte
	if err := stream.RecvMsg(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the last message: %w", err)
	}
	return nil
}

func oneLargeMessage(s *stage) {
	_, p := s.onePair(originate)
	s.must(s.dial(p).echo(noise(7, 16<<20)))
}

func fullDuplex(s *stage) {
	_, p := s.onePair(originate)
	callers := []*caller{s.dial(p), s.dial(p), s.dial(p), s.dial(p)}
	s.each(8, func(i int) error {
		return echoStream(s.ctx, callers[i%4], uint64(1000*i), 64, 64<<10)
	})
}

func tinyMessages(s *stage) {
	_, p := s.onePair(originate)
	c := s.dial(p)
	s.must(echoStream(s.ctx, c, 3, 5000, 1))
	stream, err := c.open(s.ctx, "Echo")
	s.must(err)
	for number := range 200 {
		sent, got := []byte{byte(number)}, []byte(nil)
		s.must(stream.SendMsg(&sent))
		s.must(stream.RecvMsg(&got))
		s.want(bytes.Equal(sent, got), "answer %d is %v", number, got)
	}
}

func tinyFrames(s *stage) {
	_, p := s.onePair(originate)
	c := s.raw(p)
	message := noise(5, 4<<10)
	s.must(c.request(1, "Echo", false))
	octets := framed(message)
	for at := range octets {
		s.must(c.framer.WriteData(1, at == len(octets)-1, octets[at:at+1]))
	}
	answer := c.answer(1)
	s.want(answer.err == nil && answer.status == "0", "status %q, %v", answer.status, answer.err)
	s.want(bytes.Equal(answer.body, octets), "%d bytes came back", len(answer.body))
}

func crowd(s *stage) {
	_, p := s.onePair(originate)
	callers := make([]*caller, 16)
	for i := range callers {
		callers[i] = s.dial(p)
	}
	s.each(256, func(i int) error {
		return callers[i%16].echo(noise(uint64(i), 1000+97*i))
	})
}

func pushAfterHalfClose(s *stage) {
	_, p := s.onePair(terminate)
	stream, err := s.dial(p).open(with(s.ctx, "x-messages", "32", "x-size", "1048576"), "Source")
	s.must(err)
	s.must(stream.CloseSend())
	messages, err := rest(stream)
	s.must(err)
	sum, wanted := sha256.New(), sha256.New()
	for number, message := range messages {
		_, _ = sum.Write(message)
		_, _ = wanted.Write(noise(uint64(number), 1<<20))
	}
	s.want(len(messages) == 32 && bytes.Equal(sum.Sum(nil), wanted.Sum(nil)), "%d messages, or others", len(messages))
}

func earlyAnswer(s *stage) {
	server := s.serve(serving{tls: true, handlers: map[string]handler{
		"Early": func(stream grpc.ServerStream) error {
			answer := []byte("enough")
			return stream.SendMsg(&answer)
		},
	}})
	stream, err := s.dial(s.proxy(setup{upstream: server.address})).open(s.ctx, "Early")
	s.must(err)
	message := []byte("the first of many")
	s.must(stream.SendMsg(&message))
	answers, err := rest(stream)
	s.must(err)
	s.want(len(answers) == 1 && string(answers[0]) == "enough", "the answers are %q", answers)
}
