package peers

import (
	"fmt"
	"testing"
)

// Both sides of a connection keep a table of the header fields that have passed. Whatever comes between must not let
// them get out of step: with values that are larger than the table, that push others out, and tables that change
// their size.
func TestHeaderTablesStayInStep(t *testing.T) {
	t.Parallel()
	s := scenario{run: func(t *testing.T, on caller) []outcome {
		var made []outcome
		for number := range 150 {
			if c, ok := on.(*rawCaller); ok {
				c.resize(number)
			}
			size := number * 37 % 5000
			made = append(made, on.do(call{
				Method: count, Messages: 1, Size: 1, PadBytes: size, PadValues: 1 + number%3,
				Metadata: asking(
					"x-number", number, "x-again", number%7, fmt.Sprintf("x-name-%d", number%11), "a value",
					"x-trailer-bytes", (number*91)%6000, "x-trailer-values", 1+number%4,
					"x-header-bytes", (number*53)%3000, "x-header-values", 1+number%2),
			}))
		}
		return made
	}}
	s.compareAll(t, []callerKind{grpcGo, raw, nghttp2}, []serverKind{grpcGoServer, rawServer})
}

// resize says now and then that the encoder uses a smaller table, or the whole again.
func (c *rawCaller) resize(number int) {
	c.peer.write.Lock()
	defer c.peer.write.Unlock()
	switch number % 10 {
	case 3:
		c.peer.encoder.SetMaxDynamicTableSize(0)
	case 5:
		c.peer.encoder.SetMaxDynamicTableSize(4096)
	case 8:
		c.peer.encoder.SetMaxDynamicTableSize(300)
	}
}
