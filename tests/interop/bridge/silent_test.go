package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd opens connections that say nothing, until the end of the test, and returns when all of them are there or the
// bridge has no descriptor left. Few are opened at once, so that none is turned away by the listener's queue and comes
// back seconds later.
func crowd(t *testing.T, b *bridge, count int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var there atomic.Int64
	for range 30 {
		all.Go(func() {
			for range count / 30 {
				connection, err := new(net.Dialer).DialContext(ctx, b.route.network(), b.route.address)
				if err != nil {
					return
				}
				there.Add(1)
				defer connection.Close()
			}
			<-ctx.Done()
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	eventually(t, limit, "a crowd of silent connections", func() bool {
		return there.Load() == int64(count) || b.openFiles(t) >= descriptors
	})
}

func (p *process) openFiles(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// A caller with a certificate is served, and the bridge can still connect to the server, while 1,500 connections
// without one use up what 1,024 descriptors allow.
func TestSilentConnectionsDoNotKeepOthersOut(t *testing.T) {
	t.Parallel()
	for _, from := range allCallers {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			server := listenRaw(t, each(func(s *rawStream) { s.answer(shape{}) }))
			b := startBridge(t, server.address, bridgeOptions{tls: true, descriptors: descriptors})
			w := watch(t, "on a connection from before", openGo(t, b.route))
			crowd(t, b, 1500)
			server.retire()
			begin := time.Now()
			// The peer's own start is no part of it, but for Python's.
			o := from.open(t, b.route).do(call{Method: echo, Messages: 1, Size: 100})
			if took := time.Since(begin); o.Code != "OK" || took > promptly {
				t.Errorf("after %s a good caller is told %s", took, o)
			}
			w.untouched(t)
			if !b.alive() {
				t.Errorf("the bridge has ended: %s", b.command.ProcessState)
			}
		})
	}
}

const descriptors = 1024

// promptly is far more than a handshake takes, and less than the time that silent connections have.
const promptly = 5 * time.Second
