package peers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func TestShortDeadlinesAgainstAServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	var calls []call
	for _, seconds := range []float64{0.001, 0.001, 0.01, 0.01, 0.1, 1} {
		calls = append(calls,
			call{Method: silent, Timeout: seconds},
			call{Method: silent, Messages: 3, Size: 1000, Timeout: seconds})
	}
	// C-core takes a server's reset for the end, when that comes before its own clock's.
	s := scenario{run: inTurn(calls), want: "DEADLINE_EXCEEDED", mayFail: "CANCELLED"}
	s.compareAll(t, retrying, allServers)
}

// A caller that has no clock of its own and relies on the answer. Peers differ in what they then say themselves.
func TestTheBridgeKeepsTheDeadlineOfACallerThatOnlyAsksForIt(t *testing.T) {
	t.Parallel()
	for _, to := range allServers {
		t.Run(to.name, func(t *testing.T) {
			t.Parallel()
			on := raw.open(t, startBridge(t, to.start(t), bridgeOptions{}).route)
			w := watch(t, "on the same connection", on)
			for _, seconds := range []float64{0.001, 0.001, 0.01, 0.01, 0.1, 0.1, 1} {
				wantDeadline(t, on.do(call{Method: silent, Messages: 1, Size: 10, Timeout: seconds}), "")
			}
			w.untouched(t)
		})
	}
}

func wantDeadline(t *testing.T, o outcome, prefix string) {
	t.Helper()
	if o.Code != "DEADLINE_EXCEEDED" || !strings.HasPrefix(o.Message, prefix) {
		t.Errorf("ended with %s, want DEADLINE_EXCEEDED %q", o, prefix)
	}
}

func TestADeadlineOfAnHourArrivesAndDisturbsNothing(t *testing.T) {
	t.Parallel()
	scenario{call: call{Method: echo, Messages: 3, Size: 10, Timeout: 3600}}.compareAll(t, allCallers, allServers)
}

// whenOver are servers that do something at the deadline that the bridge has passed on.
var whenOver = map[string]serverKind{
	"is grpc-go": grpcGoServer,
	"is grpcio":  grpcioServer,
	"sends the status CANCELLED": oddServer(func(s *rawStream, asked script) {
		awaitTimeout(s, asked)
		_ = s.sendHeaders(append(responseHeaders(), fields("grpc-status", "1", "grpc-message", "late")...), true, 16384)
	}),
	"resets the call": oddServer(func(s *rawStream, asked script) {
		awaitTimeout(s, asked)
		_ = s.peer.frames(func(f *http2.Framer) error { return f.WriteRSTStream(s.id, http2.ErrCodeCancel) })
	}),
	"resets after headers": oddServer(func(s *rawStream, asked script) {
		_ = s.sendHeaders(responseHeaders(), false, 16384)
		awaitTimeout(s, asked)
		_ = s.peer.frames(func(f *http2.Framer) error { return f.WriteRSTStream(s.id, http2.ErrCodeCancel) })
	}),
	"goes on in silence": oddServer(func(s *rawStream, _ script) { _ = s.await(func() bool { return false }) }),
}

// awaitTimeout waits until the caller's time is over, if it gave one.
func awaitTimeout(s *rawStream, asked script) {
	if left, limited := grpcTimeout(asked); limited {
		time.Sleep(left)
		return
	}
	_ = s.await(func() bool { return false })
}

// Who is first to notice must not decide what the caller is told.
func TestTheCallTimeoutIsADeadlineWhateverTheServerDoes(t *testing.T) {
	t.Parallel()
	for name, to := range whenOver {
		for _, from := range allCallers {
			t.Run(fmt.Sprintf("%s, the server %s", from.name, name), func(t *testing.T) {
				t.Parallel()
				b := startBridge(t, to.start(t), bridgeOptions{callTimeout: "1s"})
				on := from.open(t, b.route)
				w := watch(t, "on the same connection", on)
				for _, o := range atOnce(10, 1, call{Method: silent, Messages: 1, Size: 10})(t, on) {
					// These two say DEADLINE_EXCEEDED themselves.
					if to.name == grpcGoServer.name || to.name == grpcioServer.name {
						wantDeadline(t, o, "")
					} else {
						wantDeadline(t, o, "egext bridge: ")
					}
				}
				w.untouched(t)
			})
		}
	}
}
