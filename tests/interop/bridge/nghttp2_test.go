package peers

import "testing"

// nghttp2 has limits of its own: eight CONTINUATION frames, and 64 KiB for one value.
func TestNghttp2AsCallerAndServer(t *testing.T) {
	t.Parallel()
	calls := append(paddedCalls(1, 1<<10, 16<<10, 60_000),
		call{Method: echo, Messages: 20_000, Size: 1},
		call{Method: echo, Messages: 100, Size: 0},
		call{Method: echo, Messages: 3, Size: 4 << 20},
		call{Method: source, Metadata: asking("x-messages", 20_000, "x-size", 1)},
		call{Method: count, Messages: 20_000, Size: 1},
		call{Method: count},
		call{Method: echo, Messages: 1, Size: 1, Timeout: 3600})
	s := scenario{run: inTurn(calls)}
	s.compareAll(t, []callerKind{nghttp2}, []serverKind{grpcGoServer, nghttp2Server})
	s.compareAll(t, []callerKind{grpcGo}, []serverKind{nghttp2Server})
}

func TestNghttp2sDeadlinesAndStatus(t *testing.T) {
	t.Parallel()
	for _, to := range []serverKind{grpcGoServer, nghttp2Server} {
		late := scenario{want: "DEADLINE_EXCEEDED", run: inTurn([]call{
			{Method: silent, Messages: 1, Size: 10, Timeout: 0.001}, {Method: silent, Timeout: 0.2},
		})}
		late.compareAll(t, []callerKind{nghttp2}, []serverKind{to})
		failed := scenario{
			want: "ABORTED",
			call: call{Method: echo, Messages: 1, Size: 3, Metadata: asking("x-code", "ABORTED")},
		}
		t.Run("status of "+to.name, func(t *testing.T) {
			failed.compareAll(t, []callerKind{nghttp2, grpcGo}, []serverKind{to})
		})
	}
}
