package peers

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Unusual things that callers may do.

// oddRequest is a raw caller's own way to write a request.
type oddRequest func(c *rawCaller) (*rawStream, error)

func (write oddRequest) run(_ *testing.T, on caller) []outcome {
	s, err := write(on.(*rawCaller))
	if err != nil {
		return []outcome{{Code: err.Error()}}
	}
	return []outcome{s.outcome(nil)}
}

// inFrames opens an echo and hands the framer over.
func inFrames(write func(f *http2.Framer, id uint32) error) oddRequest {
	return func(c *rawCaller) (*rawStream, error) {
		s, err := c.open(requestHeaders(echo), false)
		if err != nil {
			return s, err
		}
		return s, c.peer.frames(func(f *http2.Framer) error { return write(f, s.id) })
	}
}

// emptyFrames sends so many of them before a message, which ends with another.
func emptyFrames(count int) oddRequest {
	return inFrames(func(f *http2.Framer, id uint32) error {
		for range count {
			if err := f.WriteData(id, false, nil); err != nil {
				return err
			}
		}
		if err := f.WriteData(id, false, framed([]byte("after empty frames"))); err != nil {
			return err
		}
		return f.WriteData(id, true, nil)
	})
}

// byHeaders writes the header block in a way of its own, and one message.
func byHeaders(write func(c *rawCaller, f *http2.Framer, id uint32, block []byte) error) oddRequest {
	return func(c *rawCaller) (*rawStream, error) {
		var s *rawStream
		err := c.peer.frames(func(f *http2.Framer) error {
			c.peer.locked(func() {
				s = c.peer.stream(c.peer.next)
				c.peer.next += 2
			})
			return write(c, f, s.id, c.peer.encoded(requestHeaders(echo)))
		})
		if err != nil {
			return s, err
		}
		return s, s.sendData(framed([]byte("after odd headers")), true, 16384)
	}
}

var oddRequests = map[string]oddRequest{
	"101 empty DATA frames":   emptyFrames(101),
	"5,000 empty DATA frames": emptyFrames(5000),
	"an empty DATA frame after every byte": inFrames(func(f *http2.Framer, id uint32) error {
		for _, octet := range framed([]byte(strings.Repeat("x", 500))) {
			if err := f.WriteData(id, false, []byte{octet}); err != nil {
				return err
			}
			if err := f.WriteData(id, false, nil); err != nil {
				return err
			}
		}
		return f.WriteData(id, true, nil)
	}),
	"padding everywhere": byHeaders(func(c *rawCaller, f *http2.Framer, id uint32, block []byte) error {
		err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, PadLength: 255})
		if err != nil {
			return err
		}
		padding := make([]byte, 255)
		for _, part := range [][]byte{framed([]byte("padded")), nil, nil, framed(nil)} {
			if err := f.WriteDataPadded(id, false, part, padding); err != nil {
				return err
			}
		}
		return nil
	}),
	"priorities": byHeaders(func(c *rawCaller, f *http2.Framer, id uint32, block []byte) error {
		priority := http2.PriorityParam{StreamDep: 0, Exclusive: true, Weight: 7}
		if err := f.WritePriority(id+100, priority); err != nil {
			return err
		}
		err := f.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: block, EndHeaders: true, Priority: priority,
		})
		if err != nil {
			return err
		}
		return f.WritePriority(id, http2.PriorityParam{StreamDep: id + 100, Weight: 255})
	}),
	"headers in two frames": byHeaders(func(c *rawCaller, f *http2.Framer, id uint32, block []byte) error {
		return c.peer.writeBlock(f, id, block, false, len(block)/2+1)
	}),
	"headers in frames of 16 bytes": byHeaders(func(c *rawCaller, f *http2.Framer, id uint32, block []byte) error {
		return c.peer.writeBlock(f, id, block, false, 16)
	}),
	"headers that are never indexed": func(c *rawCaller) (*rawStream, error) {
		list := requestHeaders(count)
		for i := range list {
			list[i].Sensitive = true
		}
		return c.open(list, true)
	},
	"frames of unknown types": inFrames(func(f *http2.Framer, id uint32) error {
		for _, stream := range []uint32{0, id} {
			if err := f.WriteRawFrame(0xfa, 0xff, stream, []byte("what is this?")); err != nil {
				return err
			}
		}
		return f.WriteData(id, true, framed([]byte("a message")))
	}),
	"no body at all": func(c *rawCaller) (*rawStream, error) { return c.open(requestHeaders(count), true) },
	"an end in a frame of its own": inFrames(func(f *http2.Framer, id uint32) error {
		if err := f.WriteData(id, false, framed([]byte("a message"))); err != nil {
			return err
		}
		return f.WriteData(id, true, nil)
	}),
	// C-core does this on a unix socket.
	"a path as the authority": replacing(":authority", "/run/egext/eg.sock"),
	"settings in flight": func(c *rawCaller) (*rawStream, error) {
		c.peer.locked(func() { c.peer.credit = 1 })
		list := append(requestHeaders(source), fields("x-messages", "200", "x-size", "1000")...)
		s, err := c.open(list, true)
		if err != nil {
			return s, err
		}
		return s, c.peer.frames(func(f *http2.Framer) error { return changeSettings(f) })
	},
}

// changeSettings ends with small windows and without a header table.
func changeSettings(f *http2.Framer) error {
	for _, settings := range [][]http2.Setting{
		{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}, {ID: http2.SettingMaxFrameSize, Val: 1 << 16}},
		{{ID: http2.SettingInitialWindowSize, Val: 0}},
		{{ID: http2.SettingHeaderTableSize, Val: 0}, {ID: 0x9a9a, Val: 7}},
		{{ID: http2.SettingInitialWindowSize, Val: 3000}, {ID: http2.SettingMaxFrameSize, Val: 1 << 14}},
	} {
		if err := f.WriteSettings(settings...); err != nil {
			return err
		}
	}
	return nil
}

func TestUnusualRequestsArrive(t *testing.T) {
	t.Parallel()
	for name, request := range oddRequests {
		t.Run(name, func(t *testing.T) {
			scenario{run: request.run}.compareAll(t, []callerKind{raw}, []serverKind{grpcGoServer})
		})
	}
}

// A budget for frames that a connection may hold in its life is one that ends ordinary connections.
func TestAConnectionMaySendEmptyFramesForALongTime(t *testing.T) {
	t.Parallel()
	s := scenario{run: func(t *testing.T, on caller) []outcome {
		var made []outcome
		for range 60 {
			made = append(made, emptyFrames(101).run(t, on)...)
		}
		return made
	}}
	s.compareAll(t, []callerKind{raw}, []serverKind{grpcGoServer})
}

// What callers must not do, as far as it is a matter of one call. Other calls on the connection are not touched.
var wrongRequests = map[string]oddRequest{
	"an upper-case name":            withHeader("X-Upper", "1"),
	"a connection header":           withHeader("connection", "close"),
	"a transfer encoding":           withHeader("transfer-encoding", "chunked"),
	"another te":                    withHeader("te", "gzip"),
	"a control character":           withHeader("x-control", "a\x01b"),
	"a wrong content-length":        withHeader("content-length", "1"),
	"an authority with a user":      replacing(":authority", "user@localhost"),
	"a relative path":               replacing(":path", "egext.Peers/Echo"),
	"an asterisk":                   replacing(":path", "*"),
	"another method":                replacing(":method", "GET"),
	"another content type":          replacing("content-type", "application/json"),
	"a timeout without a unit":      withHeader("grpc-timeout", "5"),
	"a timeout beyond eight digits": withHeader("grpc-timeout", "123456789S"),
	"5 MiB of metadata":             withHeader("x-large", padding(5<<20, 1)[0]),
}

func withHeader(name, value string) oddRequest {
	return func(c *rawCaller) (*rawStream, error) {
		return c.oddHeaders(append(requestHeaders(echo), hpack.HeaderField{Name: name, Value: value}))
	}
}

func replacing(name, value string) oddRequest {
	return func(c *rawCaller) (*rawStream, error) {
		list := requestHeaders(echo)
		for i := range list {
			if list[i].Name == name {
				list[i].Value = value
			}
		}
		return c.oddHeaders(list)
	}
}

func (c *rawCaller) oddHeaders(list []hpack.HeaderField) (*rawStream, error) {
	s, err := c.open(list, false)
	if err != nil {
		return s, err
	}
	return s, s.sendData(framed([]byte("a message")), true, 16384)
}

func TestAWrongRequestCostsItsOwnCallOnly(t *testing.T) {
	t.Parallel()
	for name, request := range wrongRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBridge(t, startGo(t).address, bridgeOptions{})
			on := raw.open(t, b.route)
			same, other := watch(t, "on the same connection", on), watch(t, "on another connection", openGo(t, b.route))
			for range thrice(name) {
				if o := request.run(t, on)[0]; o.Code == "OK" {
					t.Errorf("it was carried: %s", o)
				}
			}
			same.untouched(t)
			other.untouched(t)
		})
	}
}

// Two hundred callers that go away cost nothing, and their calls end at the server.
func TestCallsThatAreGivenUpEndAtTheServer(t *testing.T) {
	t.Parallel()
	server := startGo(t)
	b := startBridge(t, server.address, bridgeOptions{})
	on := raw.open(t, b.route).(*rawCaller)
	for number := range 200 {
		s, err := on.open(requestHeaders(silent), false)
		if err == nil {
			err = s.peer.frames(func(f *http2.Framer) error { return f.WriteRSTStream(s.id, http2.ErrCodeCancel) })
		}
		if err != nil {
			t.Fatal(fmt.Errorf("call %d: %w", number, err))
		}
	}
	if o := on.do(bystanderCall); o.Code != "OK" {
		t.Errorf("a call after them ended with %s", o)
	}
	eventually(t, limit, "the calls end at the server", func() bool { return server.running.Load() == 0 })
}
