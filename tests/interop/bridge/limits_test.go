package peers

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// The bridge ends connections that are idle or old. A client that makes calls all the time, or just when its
// connection ends, loses none.
func TestClientsLoseNoCallToTheEndOfTheirConnection(t *testing.T) {
	t.Parallel()
	for _, from := range []callerKind{grpcGo, grpcio} {
		for name, flags := range map[string][]string{
			"old":  {"--max-connection-age", "100ms"},
			"idle": {"--idle-timeout", "100ms"},
		} {
			t.Run(from.name+" "+name, func(t *testing.T) {
				t.Parallel()
				server := startGo(t)
				b := startBridge(t, server.address, bridgeOptions{flags: append(flags, "--log-level", "debug")})
				on := from.open(t, b.route)
				busy := 8
				if name == "idle" {
					busy = 1
				}
				var all sync.WaitGroup
				for range busy {
					all.Go(func() {
						end := time.Now().Add(5 * time.Second)
						for pause := 0; time.Now().Before(end); pause = (pause + 1) % 60 {
							if o := on.do(bystanderCall); o.Code != "OK" {
								t.Errorf("a call ended with %s", o)
							}
							if name == "idle" {
								// At some of these the connection is just about to end.
								time.Sleep(time.Duration(95+pause) * time.Millisecond)
							}
						}
					})
				}
				all.Wait()
				if ended := b.log.count("a caller's connection is closed"); ended < 5 {
					t.Errorf("%d connections were ended, which shows nothing", ended)
				}
			})
		}
	}
}

// grpc-go's server ends a connection with too many PINGs, by the defaults of its enforcement policy.
func TestTheBridgeNeverSendsTooManyPings(t *testing.T) {
	t.Parallel()
	server := startGo(t)
	b := startBridge(t, server.address, bridgeOptions{
		flags: []string{"--keepalive-interval", "100ms", "--keepalive-timeout", "30s"},
	})
	on := grpcGo.open(t, b.route)
	slow := call{Method: silent, Messages: 1, Size: 10, Timeout: 0.5}
	// Ten PINGs that are fine, because a call was answered between them.
	for range 10 {
		if o := on.do(bystanderCall); o.Code != "OK" {
			t.Fatalf("a call ended with %s", o)
		}
		on.do(slow)
	}
	// And calls that are given up, one after the other, without a word of the server.
	for range 10 {
		on.do(slow)
	}
	if o := on.do(bystanderCall); o.Code != "OK" {
		t.Errorf("a call ended with %s", o)
	}
	if log := b.log.last(100); strings.Contains(log, "connection ended") || strings.Contains(log, "bridge.upstream.silent") {
		t.Errorf("the server has ended the connection:\n%s", log)
	}
}
