package peers

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd opens connections that say nothing, until the end of the test, and returns when all of them are there or the
// others have to wait, because neither the bridge nor its queue has room.
func crowd(t *testing.T, via route, count int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var there atomic.Int64
	for range count {
		all.Go(func() {
			connection, err := new(net.Dialer).DialContext(ctx, via.network(), via.address)
			if err != nil {
				return
			}
			there.Add(1)
			<-ctx.Done()
			_ = connection.Close()
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	last, same := int64(0), 0
	eventually(t, limit, "a crowd of silent connections", func() bool {
		if now := there.Load(); now != last {
			last, same = now, 0
		}
		same++
		return last == int64(count) || last > descriptors && same > 100
	})
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
			crowd(t, b.route, 1500)
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
