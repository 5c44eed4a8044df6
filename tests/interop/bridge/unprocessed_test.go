package peers

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// retrying are the callers that send a call again by themselves when it was not processed.
var retrying = []callerKind{grpcGo, grpcio}

// atOnce makes calls from several callers at once, and tells them apart by their metadata `x-id`.
func atOnce(callers, each int, asked call) func(*testing.T, caller) []outcome {
	// Ids of the direct connection are not those of the bridged one.
	var runs atomic.Int64
	return func(_ *testing.T, on caller) []outcome {
		run := runs.Add(1)
		made := make([]outcome, callers*each)
		var all sync.WaitGroup
		for who := range callers {
			all.Go(func() {
				for number := range each {
					at := who*each + number
					asked := asked
					asked.Metadata = asking("x-odd", 1, "x-id", fmt.Sprintf("%d-%d", run, at))
					made[at] = on.do(asked)
				}
			})
		}
		all.Wait()
		return made
	}
}

// A server that ends every connection after ten calls, as one with a limited age of connections does.
func TestGoAwayAfterTenCallsWithEightCallers(t *testing.T) {
	t.Parallel()
	server := serverKind{name: "raw", start: func(t *testing.T) string {
		return listenRaw(t, each(func(s *rawStream) {
			switch number := (s.id + 1) / 2; {
			case number == 10:
				_ = s.peer.frames(func(f *http2.Framer) error { return f.WriteGoAway(s.id, http2.ErrCodeNo, nil) })
				s.answer(shape{})
			case number < 10:
				s.answer(shape{})
			}
		})).address
	}}
	s := scenario{run: atOnce(8, 25, call{Method: echo, Messages: 1, Size: 100})}
	s.compareAll(t, retrying, []serverKind{server})
}

// refusing refuses every call `times` times, before or after it has read the request.
func refusing(times int, readFirst bool) serverKind {
	var mu sync.Mutex
	seen := map[string]int{}
	return oddServer(func(s *rawStream, asked script) {
		mu.Lock()
		seen[asked["x-id"][0]]++
		refuse := seen[asked["x-id"][0]] <= times
		mu.Unlock()
		if !refuse {
			s.answer(shape{})
			return
		}
		if readFirst && s.await(func() bool { return s.ended }) != nil {
			return
		}
		_ = s.peer.frames(func(f *http2.Framer) error { return f.WriteRSTStream(s.id, http2.ErrCodeRefusedStream) })
	})
}

func TestACallThatWasRefusedOnceSucceeds(t *testing.T) {
	t.Parallel()
	for name, readFirst := range map[string]bool{"before the message": false, "after the message": true} {
		t.Run(name, func(t *testing.T) {
			// C-core does not send a call again that was refused after its message. The bridge does.
			s := scenario{run: atOnce(3, 10, call{Method: echo, Messages: 1, Size: 100}), mayFail: "UNAVAILABLE"}
			for _, from := range retrying {
				s.compareAll(t, []callerKind{from}, []serverKind{refusing(1, readFirst)})
			}
		})
	}
}

// It ends, and its caller can try again.
func TestACallThatIsAlwaysRefusedIsUnavailable(t *testing.T) {
	t.Parallel()
	s := scenario{
		run: atOnce(2, 3, call{Method: echo, Messages: 1, Size: 100}), want: "UNAVAILABLE", anyMessage: true,
		// For so long the bridge tries.
		bridge: bridgeOptions{connectWait: "4s"},
	}
	s.compareAll(t, []callerKind{grpcGo}, []serverKind{refusing(1_000_000, true)})
}

// A server that takes one call at a time, and eight callers.
func TestOneCallAtATime(t *testing.T) {
	t.Parallel()
	one := http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1}
	s := scenario{run: atOnce(8, 5, call{Method: echo, Messages: 1, Size: 100})}
	s.compareAll(t, retrying, []serverKind{rawServerOf("raw, one at a time", shape{}, one)})
}
