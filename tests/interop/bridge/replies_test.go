package peers

import (
	"testing"

	"golang.org/x/net/http2"
)

// Unusual things that servers may do.

// oddReply is a raw server's own way to answer a call that carries `x-odd`.
type oddReply func(s *rawStream, f *http2.Framer) error

// replying writes the reply once the request is there, with nothing of other calls between its frames.
func replying(write oddReply) serverKind {
	return oddServer(func(s *rawStream, _ script) {
		if s.await(func() bool { return s.ended }) == nil {
			_ = s.peer.frames(func(f *http2.Framer) error { return write(s, f) })
		}
	})
}

func (s *rawStream) head(f *http2.Framer) error {
	return s.peer.writeBlock(f, s.id, s.peer.encoded(responseHeaders()), false, 16384)
}

func (s *rawStream) tail(f *http2.Framer) error {
	return s.peer.writeBlock(f, s.id, s.peer.encoded(fields("grpc-status", "0", "x-end", "here")), true, 16384)
}

// framesBetween are written between headers and trailers.
func framesBetween(write oddReply) oddReply {
	return func(s *rawStream, f *http2.Framer) error {
		if err := s.head(f); err != nil {
			return err
		}
		if err := write(s, f); err != nil {
			return err
		}
		return s.tail(f)
	}
}

func emptyReplies(count int) oddReply {
	return framesBetween(func(s *rawStream, f *http2.Framer) error {
		for range count {
			if err := f.WriteData(s.id, false, nil); err != nil {
				return err
			}
		}
		return f.WriteData(s.id, false, framed([]byte("after empty frames")))
	})
}

var oddReplies = map[string]oddReply{
	"trailers only": func(s *rawStream, f *http2.Framer) error {
		list := append(responseHeaders(), fields("grpc-status", "0", "x-only", "trailers")...)
		return s.peer.writeBlock(f, s.id, s.peer.encoded(list), true, 16384)
	},
	"101 empty DATA frames":   emptyReplies(101),
	"5,000 empty DATA frames": emptyReplies(5000),
	"padding": framesBetween(func(s *rawStream, f *http2.Framer) error {
		for _, part := range [][]byte{framed([]byte("padded")), nil, framed(nil)} {
			if err := f.WriteDataPadded(s.id, false, part, make([]byte, 255)); err != nil {
				return err
			}
		}
		return nil
	}),
	"headers and trailers in frames of 16 bytes": func(s *rawStream, f *http2.Framer) error {
		list := append(responseHeaders(), fields("x-long", pattern+pattern+pattern)...)
		if err := s.peer.writeBlock(f, s.id, s.peer.encoded(list), false, 16); err != nil {
			return err
		}
		return s.peer.writeBlock(f, s.id, s.peer.encoded(fields("grpc-status", "0", "x-end", pattern+pattern)), true, 16)
	},
	"103 before the headers": func(s *rawStream, f *http2.Framer) error {
		hints := fields(":status", "103", "link", "</style.css>; rel=preload")
		if err := s.peer.writeBlock(f, s.id, s.peer.encoded(hints), false, 16384); err != nil {
			return err
		}
		return framesBetween(func(s *rawStream, f *http2.Framer) error {
			return f.WriteData(s.id, false, framed([]byte("after a hint")))
		})(s, f)
	},
	"a reset without an error after the end": func(s *rawStream, f *http2.Framer) error {
		err := framesBetween(func(s *rawStream, f *http2.Framer) error {
			return f.WriteData(s.id, false, framed([]byte("before a reset")))
		})(s, f)
		if err != nil {
			return err
		}
		return f.WriteRSTStream(s.id, http2.ErrCodeNo)
	},
	"settings in flight": framesBetween(func(s *rawStream, f *http2.Framer) error {
		if err := changeSettings(f); err != nil {
			return err
		}
		return f.WriteData(s.id, false, framed([]byte("after settings")))
	}),
	"frames of unknown types": framesBetween(func(s *rawStream, f *http2.Framer) error {
		for _, stream := range []uint32{0, s.id} {
			if err := f.WriteRawFrame(0xfa, 0xff, stream, []byte("what is this?")); err != nil {
				return err
			}
		}
		return f.WriteData(s.id, false, framed([]byte("after them")))
	}),
	"a first GOAWAY that still allows every call": framesBetween(func(s *rawStream, f *http2.Framer) error {
		if err := f.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil); err != nil {
			return err
		}
		return f.WriteData(s.id, false, framed([]byte("after GOAWAY")))
	}),
	"HTTP status 503 and a page": func(s *rawStream, f *http2.Framer) error {
		list := fields(":status", "503", "content-type", "text/html")
		if err := s.peer.writeBlock(f, s.id, s.peer.encoded(list), false, 16384); err != nil {
			return err
		}
		return f.WriteData(s.id, true, []byte("<h1>Service Unavailable</h1>"))
	},
	"trailers without a status": func(s *rawStream, f *http2.Framer) error {
		if err := s.head(f); err != nil {
			return err
		}
		return s.peer.writeBlock(f, s.id, s.peer.encoded(fields("x-end", "here")), true, 16384)
	},
	"no trailers": func(s *rawStream, f *http2.Framer) error {
		if err := s.head(f); err != nil {
			return err
		}
		return f.WriteData(s.id, true, framed([]byte("the last message")))
	},
}

// notOK are the codes that grpc-go makes of those replies that have none.
var notOK = map[string]string{
	"HTTP status 503 and a page": "UNAVAILABLE",
	"trailers without a status":  "UNKNOWN",
	"no trailers":                "INTERNAL",
}

var oddCall = call{Method: echo, Messages: 1, Size: 10, Metadata: asking("x-odd", 1)}

func TestUnusualRepliesArrive(t *testing.T) {
	t.Parallel()
	for name, reply := range oddReplies {
		t.Run(name, func(t *testing.T) {
			s := scenario{call: oddCall, want: notOK[name]}
			s.compareAll(t, []callerKind{grpcGo}, []serverKind{replying(reply)})
		})
	}
}

func TestAServerMaySendEmptyFramesForALongTime(t *testing.T) {
	t.Parallel()
	s := scenario{run: atOnce(4, 15, oddCall)}
	s.compareAll(t, retrying, []serverKind{replying(emptyReplies(101))})
}

// The answer is there before the request has ended, and the rest of the request is of no interest.
func TestAnAnswerBeforeTheRequestsEnd(t *testing.T) {
	t.Parallel()
	for name, reset := range map[string]bool{"and then a reset without an error": true, "and then nothing": false} {
		t.Run(name, func(t *testing.T) {
			early := oddServer(func(s *rawStream, _ script) {
				defer s.discard()
				_ = s.peer.frames(func(f *http2.Framer) error {
					err := framesBetween(func(s *rawStream, f *http2.Framer) error {
						return f.WriteData(s.id, false, framed([]byte("enough")))
					})(s, f)
					if err != nil || !reset {
						return err
					}
					return f.WriteRSTStream(s.id, http2.ErrCodeNo)
				})
			})
			long := oddCall
			long.Messages, long.Size = 300, 1000
			s := scenario{run: inTurn([]call{long, long, long})}
			s.compareAll(t, []callerKind{grpcGo}, []serverKind{early})
		})
	}
}

// resets are the codes of grpc-go, which are those of the specification but for FLOW_CONTROL_ERROR.
var resets = map[http2.ErrCode]string{
	http2.ErrCodeNo:                 "INTERNAL",
	http2.ErrCodeProtocol:           "INTERNAL",
	http2.ErrCodeInternal:           "INTERNAL",
	http2.ErrCodeStreamClosed:       "INTERNAL",
	http2.ErrCodeCompression:        "INTERNAL",
	http2.ErrCodeCancel:             "CANCELLED",
	http2.ErrCodeEnhanceYourCalm:    "RESOURCE_EXHAUSTED",
	http2.ErrCodeInadequateSecurity: "PERMISSION_DENIED",
}

func TestAResetIsTheStatusThatItIsDirectly(t *testing.T) {
	t.Parallel()
	for code, name := range resets {
		t.Run(code.String(), func(t *testing.T) {
			reset := replying(func(s *rawStream, f *http2.Framer) error {
				if err := s.head(f); err != nil {
					return err
				}
				return f.WriteRSTStream(s.id, code)
			})
			s := scenario{call: oddCall, want: name, anyMessage: true}
			s.compareAll(t, []callerKind{grpcGo}, []serverKind{reset})
		})
	}
}

// What servers must not do, as far as it is a matter of one call.
var wrongReplies = map[string]oddReply{
	"a control character in grpc-message": endingWith("grpc-status", "3", "grpc-message", "a\x01b\nc"),
	"an upper-case name":                  endingWith("grpc-status", "0", "X-Upper", "1"),
	"a connection header":                 endingWith("grpc-status", "0", "connection", "close"),
	"a wrong content-length": func(s *rawStream, f *http2.Framer) error {
		list := append(responseHeaders(), fields("content-length", "3")...)
		if err := s.peer.writeBlock(f, s.id, s.peer.encoded(list), false, 16384); err != nil {
			return err
		}
		if err := f.WriteData(s.id, false, framed([]byte("more than three"))); err != nil {
			return err
		}
		return s.tail(f)
	},
	"no status at all": func(s *rawStream, f *http2.Framer) error {
		return s.peer.writeBlock(f, s.id, s.peer.encoded(fields("content-type", "application/grpc")), true, 16384)
	},
	"a status that is no number": func(s *rawStream, f *http2.Framer) error {
		return s.peer.writeBlock(f, s.id, s.peer.encoded(fields(":status", "many")), true, 16384)
	},
	"half a message": func(s *rawStream, f *http2.Framer) error {
		return framesBetween(func(s *rawStream, f *http2.Framer) error {
			return f.WriteData(s.id, false, []byte{0, 0, 0, 0, 100, 'x'})
		})(s, f)
	},
	"5 MiB of trailers": endingWith("grpc-status", "0", "x-large", padding(5<<20, 1)[0]),
}

func endingWith(trailers ...string) oddReply {
	return func(s *rawStream, f *http2.Framer) error {
		if err := s.head(f); err != nil {
			return err
		}
		return s.peer.writeBlock(f, s.id, s.peer.encoded(fields(trailers...)), true, 16384)
	}
}

func TestAWrongReplyCostsItsOwnCallOnly(t *testing.T) {
	t.Parallel()
	for name, reply := range wrongReplies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBridge(t, replying(reply).start(t), bridgeOptions{})
			on := openGo(t, b.route)
			same, other := watch(t, "on the same connection", on), watch(t, "on another connection", openGo(t, b.route))
			for range thrice(name) {
				if o := on.do(oddCall); o.Code == "OK" {
					t.Errorf("it was carried: %s", o)
				}
			}
			same.untouched(t)
			other.untouched(t)
		})
	}
}
