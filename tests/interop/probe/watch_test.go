package probe

import (
	"bufio"
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// TestWatchHearsOfEveryChange does not wait for a call of Check: the next one would come in an hour.
func TestWatchHearsOfEveryChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	server, states := watchable(t, path)
	next := watch(t, "unix:"+path, "--interval", "1h")
	next()
	states.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	next("probe.health.not-serving")
	states.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
	next()
	server.Stop()
	next("probe.connect.socket-missing")
	server, _ = watchable(t, path)
	next()
	server.GracefulStop()
	next("probe.connect.socket-missing")
}

// TestWatchMayCallAsOftenAsItDoes counts calls until long after a server of grpc-go would have ended a connection with as
// many PINGs.
func TestWatchMayCallAsOftenAsItDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	_, states := watchable(t, path)
	next := watch(t, "unix:"+path, "--interval", "10ms")
	next()
	for range 20 {
		states.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		next("probe.health.not-serving")
		states.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
		next()
	}
}

// watchable is a server of grpc-go on a socket, with its health service.
func watchable(t *testing.T, path string) (*grpc.Server, *health.Server) {
	t.Helper()
	server, states := grpc.NewServer(), health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, states)
	listener, err := net.Listen("unix", path)
	must(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return server, states
}

// watch starts `egext probe --watch`. The function waits for its next line, and compares the ids of the findings.
func watch(t *testing.T, flags ...string) func(...string) {
	t.Helper()
	command := exec.Command(egext, append([]string{"probe", "--watch", "-o", "json"}, flags...)...)
	stdout, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewReader(stdout)
	return func(ids ...string) {
		t.Helper()
		line, err := lines.ReadBytes('\n')
		must(t, err)
		var change struct{ Findings []struct{ ID string } }
		must(t, json.Unmarshal(line, &change))
		found := make([]string, 0)
		for _, finding := range change.Findings {
			found = append(found, finding.ID)
		}
		if !slices.Equal(found, ids) {
			t.Fatalf("found %q, expected %q in %s", found, ids, line)
		}
	}
}
