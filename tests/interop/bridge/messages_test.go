package peers

import (
	"testing"

	"golang.org/x/net/http2"
)

var (
	allCallers = []callerKind{grpcGo, grpcio, raw}
	allServers = []serverKind{grpcGoServer, grpcioServer, rawServer}
)

// Small messages are small frames, and a stream of them is an ordinary one.
func TestAHundredThousandMessagesOfOneByteBothWays(t *testing.T) {
	t.Parallel()
	s := scenario{call: call{Method: echo, Messages: 100_000, Size: 1}}
	s.compareAll(t, []callerKind{grpcGo, raw}, []serverKind{grpcGoServer, rawServer})
	s.compareAll(t, []callerKind{grpcGo}, []serverKind{grpcioServer})
	s.compareAll(t, []callerKind{grpcio}, []serverKind{grpcGoServer})
}

// The same with fewer, for pairs in which Python needs a minute.
func TestTwentyThousandMessagesOfOneByteBothWays(t *testing.T) {
	t.Parallel()
	s := scenario{call: call{Method: echo, Messages: 20_000, Size: 1}}
	s.compareAll(t, []callerKind{grpcio}, []serverKind{grpcioServer, rawServer})
	s.compareAll(t, []callerKind{raw}, []serverKind{grpcioServer})
}

func TestMessagesWithoutAnyByte(t *testing.T) {
	t.Parallel()
	scenario{call: call{Method: echo, Messages: 1000, Size: 0}}.compareAll(t, allCallers, allServers)
}

// Every byte in a DATA frame of its own, also those of the prefix.
func TestFramesOfOneByte(t *testing.T) {
	t.Parallel()
	single := shape{data: 1}
	s := scenario{call: call{Method: echo, Messages: 5, Size: 10_000}}
	s.compareAll(t, []callerKind{rawCallerOf("raw with frames of one byte", single)}, []serverKind{grpcGoServer})
	s.compareAll(t, []callerKind{grpcGo}, []serverKind{rawServerOf("raw with frames of one byte", single)})
}

func TestLargeMessagesBothWays(t *testing.T) {
	t.Parallel()
	scenario{call: call{Method: echo, Messages: 4, Size: 8 << 20}}.compareAll(t, allCallers, allServers)
}

func TestTinyWindows(t *testing.T) {
	t.Parallel()
	tiny := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}
	s := scenario{call: call{Method: echo, Messages: 3, Size: 100}}
	s.compareAll(t, []callerKind{rawCallerOf("raw with windows of one byte", shape{}, tiny)}, []serverKind{grpcGoServer})
}
