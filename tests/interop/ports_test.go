package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixedPorts cannot be chosen: Envoy Gateway's xDS, Wasm and health, admin and statistics of it and Envoy,
// Envoy's readiness.
var fixedPorts = []int{18000, 18002, 8081, 19000, 19001, 19003}

// refuseSecondEnvoyGateway fails the test when one of Envoy Gateway's own ports is taken, and says by whom.
func refuseSecondEnvoyGateway(t *testing.T) {
	t.Helper()
	for _, port := range fixedPorts {
		// A listener of an earlier test may be a moment from gone.
		listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Fatalf("Envoy Gateway cannot run here: port %d is held by %s; stop it first", port, holder(port))
		}
		_ = listener.Close()
	}
}

// holder names the process that listens on a port, as far as Linux lets us see it.
func holder(port int) string {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(content), "\n") {
			// sl, local address, remote address, state (0A listens), queues, timer, retransmits, uid, timeout, inode
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == "0A" && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+fields[9]+"]"] = true
			}
		}
	}
	descriptors, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return "a process that cannot be seen"
	}
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && inodes[target] {
			process := filepath.Dir(filepath.Dir(descriptor))
			name, err := os.ReadFile(filepath.Join(process, "comm"))
			if err == nil {
				return fmt.Sprintf("process %s (%s)", filepath.Base(process), strings.TrimSpace(string(name)))
			}
		}
	}
	return "a process that cannot be seen"
}
