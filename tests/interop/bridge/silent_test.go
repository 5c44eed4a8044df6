package peers

import (
	"net"
	"sync"
	"testing"
	"time"
)

// silence is a crowd of connections that say nothing.
type silence struct {
	mu          sync.Mutex
	connections []net.Conn
}

// crowd opens connections until the end of the test. Those that the other side closes stay closed.
func crowd(t *testing.T, via route, count int) *silence {
	t.Helper()
	s := &silence{}
	t.Cleanup(func() {
		for _, connection := range s.connections {
			_ = connection.Close()
		}
	})
	var all sync.WaitGroup
	for range 15 {
		all.Go(func() {
			for range count / 15 {
				connection, err := net.DialTimeout(via.network(), via.address, limit)
				if err != nil {
					t.Errorf("a silent connection: %v", err)
					return
				}
				s.mu.Lock()
				s.connections = append(s.connections, connection)
				s.mu.Unlock()
			}
		})
	}
	all.Wait()
	return s
}

// A caller with a certificate is served, and the bridge can still connect to the server, while 1,500 connections
// without one use up what 1,024 descriptors allow.
func TestSilentConnectionsDoNotKeepOthersOut(t *testing.T) {
	t.Parallel()
	for _, from := range allCallers {
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			server := listenRaw(t, each(func(s *rawStream) { s.answer(shape{}) }))
			b := startBridge(t, server.address, bridgeOptions{tls: true, descriptors: 1024})
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

// promptly is far more than a handshake takes, and less than the time that silent connections have.
const promptly = 5 * time.Second
