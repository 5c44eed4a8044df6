package peers

import (
	"testing"

	"google.golang.org/grpc/codes"
)

// paddedCalls carry so many bytes, in so many values, as request metadata, as response headers and as trailers.
func paddedCalls(values int, sizes ...int) []call {
	var made []call
	for _, size := range sizes {
		made = append(made,
			call{Method: count, Messages: 1, Size: 10, PadBytes: size, PadValues: values},
			call{Method: count, Messages: 1, Size: 10, Metadata: asking("x-header-bytes", size, "x-header-values", values)},
			call{Method: count, Messages: 1, Size: 10, Metadata: asking("x-trailer-bytes", size, "x-trailer-values", values)})
	}
	return made
}

func inTurn(calls []call) func(*testing.T, caller) []outcome {
	return func(_ *testing.T, on caller) []outcome {
		var made []outcome
		for _, call := range calls {
			made = append(made, on.do(call))
		}
		return made
	}
}

func TestMetadataOf1KiBTo345KB(t *testing.T) {
	t.Parallel()
	calls := append(paddedCalls(1, 1<<10, 16<<10, 64<<10, 345_000), paddedCalls(64, 64<<10)...)
	scenario{run: inTurn(calls)}.compareAll(t, allCallers, allServers)
}

// A bridge that was built for debugging needs seconds for each of these: not every pair.
func TestMetadataOf1000KiB(t *testing.T) {
	t.Parallel()
	scenario{run: inTurn(paddedCalls(1, 1000<<10))}.comparePairs(t)
}

func TestMetadataOf1MiBAnd2MiBIsCarriedOrRefusedByName(t *testing.T) {
	t.Parallel()
	s := scenario{run: inTurn(append(paddedCalls(1, 1<<20, 2<<20), paddedCalls(64, 2<<20)...)), ownLimit: metadataLimit}
	s.comparePairs(t)
}

// comparePairs lets every peer call and serve.
func (s scenario) comparePairs(t *testing.T) {
	t.Helper()
	s.compareAll(t, []callerKind{grpcGo}, []serverKind{grpcGoServer, rawServer})
	s.compareAll(t, []callerKind{raw}, []serverKind{grpcGoServer})
	s.compareAll(t, []callerKind{grpcio}, []serverKind{grpcioServer})
}

// metadataLimit is the bridge's own answer, or that of a caller which keeps to what the bridge advertises.
const metadataLimit = `^egext bridge: .*(metadata|header|trailer).* limit of \d+|` +
	`^header list size to send violates the maximum size \(\d+ bytes\) set by server`

func TestEveryStatusAndItsWordsArrive(t *testing.T) {
	t.Parallel()
	for code := 1; code <= 16; code++ {
		name := codeName(codes.Code(code))
		s := scenario{call: call{Method: echo, Messages: 1, Size: 3, Metadata: asking("x-code", name)}, want: name}
		t.Run(name, func(t *testing.T) { s.compareAll(t, []callerKind{grpcGo}, []serverKind{grpcGoServer}) })
	}
}
