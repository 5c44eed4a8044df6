package peers

import (
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// begun makes calls that the server never answers, and returns once all of them are under way.
func begun(t *testing.T, server *goServer, on caller, count int) (outcomes func() []outcome) {
	t.Helper()
	made := make([]outcome, count)
	var all sync.WaitGroup
	for at := range made {
		all.Go(func() { made[at] = on.do(call{Method: silent, Messages: 1, Size: 10}) })
	}
	eventually(t, limit, "all calls have reached the server", func() bool { return server.running.Load() == int64(count) })
	return func() []outcome {
		all.Wait()
		return made
	}
}

func wantOurs(t *testing.T, outcomes []outcome, code string) {
	t.Helper()
	for at, o := range outcomes {
		if o.Code != code || !strings.HasPrefix(o.Message, "egext bridge: ") {
			t.Errorf("call %d should end with %s and the bridge's words: %s", at, code, o)
			return
		}
	}
}

// The end of the drain cuts calls, and each caller gets a status.
func TestCallsThatAreCutByTheEndOfTheDrainHaveAStatus(t *testing.T) {
	t.Parallel()
	for _, from := range allCallers {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			server := startGo(t)
			b := startBridge(t, server.address, bridgeOptions{flags: []string{"--drain-timeout", "1s"}})
			outcomes := begun(t, server, from.open(t, b.route), 10)
			if err := b.command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			wantOurs(t, outcomes(), "UNAVAILABLE")
			select {
			case <-b.ended:
			case <-time.After(limit):
				t.Error("the bridge does not end")
			}
		})
	}
}

// A server that dies takes its calls along, each of which has a status; the next finds a new connection.
func TestCallsOfAServerThatDiesHaveAStatus(t *testing.T) {
	t.Parallel()
	for _, from := range allCallers {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			var under sync.WaitGroup
			under.Add(10)
			server := oddServer(func(s *rawStream, _ script) {
				_ = s.sendHeaders(responseHeaders(), false, 16384)
				under.Done()
				under.Wait()
				_ = s.peer.connection.Close()
			})
			on := from.open(t, startBridge(t, server.start(t), bridgeOptions{}).route)
			wantOurs(t, atOnce(10, 1, call{Method: echo, Messages: 1, Size: 10})(t, on), "UNAVAILABLE")
			if o := on.do(bystanderCall); o.Code != "OK" {
				t.Errorf("a call after them ended with %s", o)
			}
		})
	}
}

// The half that has gone out cannot be taken back. grpc-go looks for the rest of the message before it looks at the
// trailers. A reset would tell none of the callers why, and only REFUSED_STREAM would be UNAVAILABLE to grpc-go, which then
// makes the call a second time although the server had begun to answer it.
func TestACallThatIsCutInsideAMessage(t *testing.T) {
	t.Parallel()
	cuts := map[string]func(s *rawStream){
		"by the end of the connection": func(s *rawStream) { _ = s.peer.connection.Close() },
		"by a reset": func(s *rawStream) {
			_ = s.peer.frames(func(f *http2.Framer) error { return f.WriteRSTStream(s.id, http2.ErrCodeRefusedStream) })
		},
	}
	for name, cut := range cuts {
		for _, from := range allCallers {
			t.Run(name+", "+from.name, func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int64
				server := oddServer(func(s *rawStream, _ script) {
					asked.Add(1)
					_ = s.sendHeaders(responseHeaders(), false, 16384)
					_ = s.sendData(framed(message(1, 100))[:50], false, 16384)
					// What has not been read yet may be lost together with the connection.
					_ = s.await(func() bool { return s.ended })
					cut(s)
				})
				on := from.open(t, startBridge(t, server.start(t), bridgeOptions{}).route)
				o := on.do(call{Method: echo, Messages: 1, Size: 10, Metadata: asking("x-odd", 1)})
				if from.name == grpcGo.name {
					if o.Code != "INTERNAL" || o.Message != "unexpected EOF" {
						t.Errorf("grpc-go has come to another end than docs/bridge-reference.md says: %s", o)
					}
				} else {
					wantOurs(t, []outcome{o}, "UNAVAILABLE")
				}
				if times := asked.Load(); times != 1 {
					t.Errorf("the server was called %d times", times)
				}
			})
		}
	}
}

// More calls at once than a connection carries streams.
func TestTwoThousandCallsAtOnce(t *testing.T) {
	t.Parallel()
	s := scenario{run: atOnce(2000, 1, call{Method: echo, Messages: 1, Size: 100})}
	s.compareAll(t, []callerKind{grpcGo}, []serverKind{grpcGoServer, rawServerOf("raw, a hundred at a time", shape{},
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100})})
}

func TestOverTLSOnBothSides(t *testing.T) {
	t.Parallel()
	calls := append(paddedCalls(1, 1<<10, 64<<10),
		call{Method: echo, Messages: 1000, Size: 1},
		call{Method: echo, Messages: 3, Size: 2 << 20},
		call{Method: echo, Messages: 1, Size: 1, Timeout: 3600})
	scenario{run: inTurn(calls), bridge: bridgeOptions{tls: true}}.compareAll(t, allCallers, allServers)
}
