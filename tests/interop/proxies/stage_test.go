package proxies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// limit bounds a scenario. It is far beyond what any of them takes on a busy machine.
	limit = 60 * time.Second
	// soon bounds what should happen at once, on a machine that has much else to do.
	soon = 20 * time.Second
)

// stage is the set-up of one scenario: certificates, servers, a proxy, callers. All of it ends with the scenario.
type stage struct {
	kind      *kind
	directory string
	limit     time.Duration
	// authority has issued the certificates of `material`, which the proxy and its peers use unless told otherwise.
	authority *authority
	material  material
	ctx       context.Context
	cancel    context.CancelFunc

	mu        sync.Mutex
	cleanups  []func()
	processes []*process
	result    verdict
}

var stages atomic.Int64

func newStage(kind *kind, limit time.Duration) *stage {
	s := &stage{
		kind:      kind,
		limit:     limit,
		directory: filepath.Join(scratch, fmt.Sprint(stages.Add(1))),
		result:    verdict{word: passes},
	}
	s.ctx, s.cancel = context.WithTimeout(context.Background(), limit)
	return s
}

// perform runs a scenario to its end, and cleans up.
func (s *stage) perform(run func(*stage)) verdict {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.recovered()
		s.must(os.Mkdir(s.directory, 0o700))
		s.authority = newAuthority("stage CA")
		s.material = s.authority.material()
		run(s)
	}()
	select {
	case <-done:
	case <-time.After(s.limit + soon):
		s.conclude(fails, fmt.Sprintf("the scenario is not over within %s", s.limit+soon))
	}
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cleanup := range slices.Backward(s.cleanups) {
		cleanup()
	}
	return s.result
}

// recovered makes a mistake of the scenario's code a failure of this scenario, not of all.
func (s *stage) recovered() {
	if panicked := recover(); panicked != nil {
		buffer := make([]byte, 4<<10)
		s.conclude(fails, fmt.Sprintf("panic: %v\n%s", panicked, buffer[:runtime.Stack(buffer, false)]))
	}
}

func (s *stage) conclude(word, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.result.word == passes {
		s.result = verdict{word, why}
	}
}

// cleanup is run at the end, the last one first.
func (s *stage) cleanup(run func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, run)
}

// fail ends the scenario. It must be called by the scenario's own goroutine.
func (s *stage) fail(format string, values ...any) {
	s.conclude(fails, fmt.Sprintf(format, values...))
	runtime.Goexit()
}

// must ends the scenario if there is an error.
func (s *stage) must(err error) {
	if err != nil {
		s.fail("%v", err)
	}
}

// want ends the scenario if the condition does not hold.
func (s *stage) want(holds bool, format string, values ...any) {
	if !holds {
		s.fail(format, values...)
	}
}

// eventually waits until there is no error, and ends the scenario if that takes too long.
func (s *stage) eventually(within time.Duration, what string, attempt func() error) {
	var err error
	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		if err = attempt(); err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.fail("%s: not within %s: %v", what, within, err)
		}
	}
}

// each runs `work` so many times at once, and ends the scenario with the first error.
func (s *stage) each(count int, work func(i int) error) {
	failures := make([]error, count)
	var running sync.WaitGroup
	for i := range count {
		running.Go(func() { failures[i] = work(i) })
	}
	running.Wait()
	for i, err := range failures {
		if err != nil {
			s.fail("%d of %d: %v (number %d)", countErrors(failures), count, err, i)
		}
	}
}

func countErrors(failures []error) int {
	return len(failures) - len(slices.DeleteFunc(slices.Clone(failures), func(err error) bool { return err != nil }))
}

// await waits for a channel, and ends the scenario if that takes too long.
func await[T any](s *stage, what string, channel <-chan T) T {
	select {
	case value := <-channel:
		return value
	case <-time.After(soon):
		s.fail("%s: not within %s", what, soon)
	}
	panic("unreachable")
}

// holds is an error if the condition does not hold.
func holds(condition bool, format string, values ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf(format, values...)
}

// logs are the last lines of every program.
func (s *stage) logs(count int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, process := range s.processes {
		all = append(all, process.name+":\n"+process.log.last(count))
	}
	return strings.Join(all, "\n")
}

var errStopped = errors.New("the test's server has been stopped")
