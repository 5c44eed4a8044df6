package peers

import (
	"os"
	"testing"
)

// badLogs are places for a log that fail or stall.
var badLogs = map[string]func(t *testing.T) *os.File{
	"closed": func(t *testing.T) *os.File {
		reader, writer := pipe(t)
		_ = reader.Close()
		return writer
	},
	"full": func(t *testing.T) *os.File {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip("this system has no /dev/full")
		}
		return full
	},
	"never read": func(t *testing.T) *os.File {
		_, writer := pipe(t)
		return writer
	},
}

func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = reader.Close()
		_ = writer.Close()
	})
	return reader, writer
}

// Thousands of lines, and a server that ends the connection, after which the bridge has to connect again.
func TestALogThatFailsOrStallsCostsNothing(t *testing.T) {
	t.Parallel()
	for name, open := range badLogs {
		for _, format := range []string{"text", "json"} {
			t.Run(name+", "+format, func(t *testing.T) {
				t.Parallel()
				server := listenRaw(t, each(func(s *rawStream) { s.answer(shape{}) }))
				b := startBridge(t, server.address, bridgeOptions{
					stderr: open(t), flags: []string{"--log-level", "trace", "--log-format", format},
				})
				on := openGo(t, b.route)
				for range 5 {
					// Some hundred lines each.
					for at, o := range atOnce(4, 15, call{Method: echo, Messages: 1, Size: 10})(t, on) {
						if o.Code != "OK" {
							t.Fatalf("call %d: %s (the bridge lives: %t)", at, o, b.alive())
						}
					}
					server.retire()
				}
				if !b.alive() {
					t.Errorf("the bridge has ended: %s", b.command.ProcessState)
				}
			})
		}
	}
}
