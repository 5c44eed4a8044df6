package peers

import (
	"testing"

	"google.golang.org/grpc/codes"
)

// padded calls: so many bytes, in one value and in many, as request metadata, response headers and trailers.
func paddedCalls(sizes ...int) []call {
	var made []call
	for _, size := range sizes {
		for _, values := range []int{1, 64} {
			made = append(made,
				call{Method: count, Messages: 1, Size: 10, PadBytes: size, PadValues: values},
				call{Method: count, Messages: 1, Size: 10, Metadata: asking("x-header-bytes", size, "x-header-values", values)},
				call{Method: count, Messages: 1, Size: 10, Metadata: asking("x-trailer-bytes", size, "x-trailer-values", values)})
		}
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

func TestMetadataOf1KiBTo1000KiB(t *testing.T) {
	t.Parallel()
	s := scenario{run: inTurn(paddedCalls(1<<10, 16<<10, 64<<10, 345_000, 1000<<10))}
	s.compareAll(t, allCallers, allServers)
}

func TestMetadataOf1MiBAnd2MiBIsCarriedOrRefusedByName(t *testing.T) {
	t.Parallel()
	s := scenario{run: inTurn(paddedCalls(1<<20, 2<<20)), ownLimit: metadataLimit}
	s.compareAll(t, allCallers, allServers)
}

// metadataLimit is the bridge's own answer, or that of a caller which keeps to what the bridge advertises.
const metadataLimit = `^egext bridge: .*(metadata|header|trailer).*(MiB|bytes)|` +
	`^header list size to send violates the maximum size \(\d+ bytes\) set by server`

func TestEveryStatusAndItsWordsArrive(t *testing.T) {
	t.Parallel()
	for code := 1; code <= 16; code++ {
		name := codeName(codes.Code(code))
		s := scenario{call: call{Method: echo, Messages: 1, Size: 3, Metadata: asking("x-code", name)}, want: name}
		t.Run(name, func(t *testing.T) { s.compareAll(t, []callerKind{grpcGo}, []serverKind{grpcGoServer}) })
	}
}
