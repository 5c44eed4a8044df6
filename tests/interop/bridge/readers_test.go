package peers

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// rawWide is a raw caller whose stopped streams do not use up the window of its connection.
var rawWide = callerKind{name: "raw", open: func(t *testing.T, via route) caller {
	t.Helper()
	peer := openRaw(t, via)
	if err := peer.frames(func(f *http2.Framer) error { return f.WriteWindowUpdate(0, 1<<28) }); err != nil {
		t.Fatal(err)
	}
	return &rawCaller{peer: peer}
}}

// stopped begins five large answers whose readers stop after the first message. `release` lets them read on and
// gives the outcomes.
func stopped(on caller) (release func() []outcome) {
	made, hold := make([]outcome, 5), make(chan struct{})
	var all sync.WaitGroup
	for at := range made {
		all.Go(func() {
			made[at] = on.do(call{Method: source, Metadata: asking("x-messages", 64, "x-size", 256<<10), hold: hold})
		})
	}
	return func() []outcome {
		close(hold)
		all.Wait()
		return made
	}
}

// stalled waits until the server has begun all five answers and sends nothing any more.
func (s *goServer) stalled(t *testing.T) {
	t.Helper()
	last, same := int64(-1), 0
	eventually(t, limit, "five readers that have stopped stall the server", func() bool {
		if now := s.sent.Load(); now != last || now < 5 {
			last, same = now, 0
		}
		same++
		return same == 30
	})
}

// Other calls go on while they stand still, and every byte arrives when they read again.
func TestFiveReadersThatStopCostTheirOwnCallsOnly(t *testing.T) {
	t.Parallel()
	for _, from := range []callerKind{grpcGo, grpcio, nghttp2, rawWide} {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			var server *goServer
			s := scenario{run: func(t *testing.T, on caller) []outcome {
				server.sent.Store(0)
				release := stopped(on)
				server.stalled(t)
				made := inTurn([]call{bystanderCall, bystanderCall, bystanderCall})(t, on)
				return append(made, release()...)
			}}
			s.compare(t, from, serverKind{start: func(t *testing.T) string {
				server = startGo(t)
				return server.address
			}})
		})
	}
}

// The bridge's own limit holds while it waits for the reader, too.
func TestTheCallTimeoutEndsReadersThatStop(t *testing.T) {
	t.Parallel()
	for _, from := range []callerKind{grpcGo, grpcio, nghttp2, rawWide} {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			server := startGo(t)
			b := startBridge(t, server.address, bridgeOptions{callTimeout: "2s"})
			on := from.open(t, b.route)
			release := stopped(on)
			eventually(t, limit, "five calls have reached the server", func() bool { return server.running.Load() == 5 })
			w := watch(t, "on the same connection", on)
			// The bystander's calls come and go: five fewer are under way when the five are over.
			eventually(t, 20*time.Second, "the stopped calls end at the server", func() bool {
				return server.running.Load() <= 1
			})
			for at, o := range release() {
				// grpc-go says so of a status that comes within a message.
				if o.Code != "DEADLINE_EXCEEDED" && o.Message != "unexpected EOF" {
					t.Errorf("call %d ended with %s", at, o)
				}
			}
			w.untouched(t)
		})
	}
}

// The same in the other direction: a server that leaves five requests unread, and reads them in the end.
func TestFiveRequestsThatAreNotReadCostTheirOwnCallsOnly(t *testing.T) {
	t.Parallel()
	for _, from := range allCallers {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			var release chan struct{}
			server := serverKind{start: func(t *testing.T) string {
				return listenRaw(t, func(p *rawPeer) func(*rawStream) {
					// Its streams have windows of their own only.
					_ = p.frames(func(f *http2.Framer) error { return f.WriteWindowUpdate(0, 1<<28) })
					return func(s *rawStream) {
						if _, asked := s.request(); len(asked["x-odd"]) > 0 {
							<-release
						}
						s.answer(shape{})
					}
				}).address
			}}
			s := scenario{run: func(t *testing.T, on caller) []outcome {
				release = make(chan struct{})
				uploads := make(chan []outcome)
				go func() { uploads <- atOnce(5, 1, call{Method: count, Messages: 64, Size: 256 << 10})(t, on) }()
				made := inTurn([]call{bystanderCall, bystanderCall, bystanderCall})(t, on)
				w := watch(t, "while requests are not read", on)
				eventually(t, limit, "fifty calls of others", func() bool { return w.done() > 50 || w.ended() })
				close(release)
				w.untouched(t)
				return append(made, <-uploads...)
			}}
			s.compare(t, from, server)
		})
	}
}
