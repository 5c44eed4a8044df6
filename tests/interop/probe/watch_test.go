package probe

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// eachWatched runs a test for each kind of server, and gives it what starts one on a socket.
func eachWatched(t *testing.T, test func(t *testing.T, path string, start func(without ...string) watched)) {
	for _, kind := range watchables {
		t.Run(kind.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			test(t, path, func(without ...string) watched { return kind.start(t, path, without...) })
		})
	}
}

// TestWatchHearsOfEveryChange does not wait for a call of Check: the next one would come in an hour. A server that ends in
// good order does not wait for the call of Watch.
func TestWatchHearsOfEveryChange(t *testing.T) {
	eachWatched(t, func(t *testing.T, path string, start func(...string) watched) {
		server := start()
		next, _ := watch(t, "unix:"+path, "--interval", "1h")
		next()
		server.serves(false)
		next("probe.health.not-serving")
		server.serves(true)
		next()
		server.dies()
		next("probe.connect.socket-missing")
		server = start()
		next()
		server.stops()
		next("probe.connect.socket-missing")
		start()
		next()
	})
}

// TestWatchMayCallAsOftenAsItDoes counts calls until long after a server of grpc-go would have ended a connection with as
// many PINGs.
func TestWatchMayCallAsOftenAsItDoes(t *testing.T) {
	eachWatched(t, func(t *testing.T, path string, start func(...string) watched) {
		server := start()
		next, _ := watch(t, "unix:"+path, "--interval", "10ms")
		next()
		for range 20 {
			server.serves(false)
			next("probe.health.not-serving")
			server.serves(true)
			next()
		}
	})
}

// TestWatchAsksAServerThatDoesNotTell is about servers that have the older half of the protocol.
func TestWatchAsksAServerThatDoesNotTell(t *testing.T) {
	eachWatched(t, func(t *testing.T, path string, start func(...string) watched) {
		server := start("without-watch")
		next, complaint := watch(t, "unix:"+path, "--interval", "10ms")
		next()
		if line := complaint(); !strings.Contains(line, "the server answered `Health/Watch` with UNIMPLEMENTED") {
			t.Fatalf("it says %q", line)
		}
		server.serves(false)
		next("probe.health.not-serving")
		server.serves(true)
		next()
		server.dies()
		next("probe.connect.socket-missing")
		server = start("without-watch")
		next()
		server.stops()
		next("probe.connect.socket-missing")
	})
}

// watch starts `egext probe --watch`. The first function waits for its next line, and compares the ids of the findings; the
// second waits for a line of stderr.
func watch(t *testing.T, flags ...string) (func(...string), func() string) {
	t.Helper()
	command := exec.Command(egext, append([]string{"probe", "--watch", "-o", "json"}, flags...)...)
	stdout, err := command.StdoutPipe()
	must(t, err)
	stderr, err := command.StderrPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines, complaints := bufio.NewReader(stdout), bufio.NewReader(stderr)
	next := func(ids ...string) {
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
	return next, func() string {
		t.Helper()
		line, err := complaints.ReadString('\n')
		must(t, err)
		return line
	}
}
