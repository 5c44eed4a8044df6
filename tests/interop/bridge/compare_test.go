package peers

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// scenario is what is done once on the direct connection and once through a bridge.
type scenario struct {
	// call is one call. If `run` is there it is done instead.
	call call
	run  func(t *testing.T, on caller) []outcome
	// anyMessage compares the codes, and not the words of the status.
	anyMessage bool
	// ownLimit matches the message of the status with which the bridged call may end instead of being carried.
	ownLimit string
	bridge   bridgeOptions
	// want is the code that the direct call has to end with, so that a test does not compare two failures.
	want string
	// mayFail is another code with which a direct call may end. The bridged one has to end with `want` all the same.
	mayFail string
}

// compare runs the scenario both ways, and fails where they differ or where a bystander on the bridge was touched.
func (s scenario) compare(t *testing.T, from callerKind, to serverKind) {
	t.Helper()
	server := to.start(t)
	direct := s.yardstick(t, from, route{name: "direct", address: server, tls: true})
	b := startBridge(t, server, s.bridge)
	on := from.open(t, b.route)
	watched := []*bystander{watch(t, "on the same connection", on), watch(t, "on another connection", openGo(t, b.route))}
	bridged := s.outcomes(t, on)
	s.judge(t, direct, bridged)
	for _, w := range watched {
		w.untouched(t)
	}
	if !b.alive() {
		t.Errorf("the bridge has ended: %s", b.command.ProcessState)
	}
}

// yardstick makes the calls on the direct connection. What peers do with a GOAWAY or a deadline that comes in the middle of
// something else is chance: on a busy machine grpc-go ends a call with `the connection is draining`, and nghttp2 one without
// a status. Such a run is no measure, so there is another one, on a new connection.
func (s scenario) yardstick(t *testing.T, from callerKind, direct route) []outcome {
	t.Helper()
	for run := 1; ; run++ {
		made := s.outcomes(t, from.open(t, direct))
		at := slices.IndexFunc(made, func(o outcome) bool { return o.Code != s.wanted() && o.Code != s.mayFail })
		if at < 0 {
			return made
		}
		if run == directRuns {
			t.Fatalf("direct call %d should end with %s, also in run %d: %s", at, s.wanted(), run, made[at])
		}
		t.Logf("direct run %d: call %d ended with %s", run, at, made[at])
	}
}

// directRuns is how often the direct calls are made to find a run without an accident. What is wrong with a scenario is wrong
// in each of them.
const directRuns = 10

// judge prints a few of the calls that differ.
func (s scenario) judge(t *testing.T, direct, bridged []outcome) {
	t.Helper()
	different := 0
	for at := range direct {
		if s.anyMessage {
			direct[at].Message, bridged[at].Message = "", ""
		}
		words := differs(direct[at], bridged[at], s.ownLimit)
		if words == "" || direct[at].Code == s.mayFail && bridged[at].Code == s.wanted() {
			continue
		}
		if different++; different <= 3 {
			t.Errorf("call %d differs\n%s", at, words)
		}
	}
	if different > 3 {
		t.Errorf("%d of %d calls differ", different, len(direct))
	}
}

func (s scenario) wanted() string {
	if s.want == "" {
		return "OK"
	}
	return s.want
}

func (s scenario) outcomes(t *testing.T, on caller) []outcome {
	t.Helper()
	if s.run != nil {
		return s.run(t, on)
	}
	return []outcome{on.do(s.call)}
}

// compareAll runs the scenario for every pair, as subtests.
func (s scenario) compareAll(t *testing.T, callers []callerKind, servers []serverKind) {
	t.Helper()
	for _, from := range callers {
		for _, to := range servers {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				s.compare(t, from, to)
			})
		}
	}
}

// bystander makes one small call after the other, all of which have to succeed.
type bystander struct {
	name string
	stop chan struct{}
	// over is closed after the last call.
	over chan struct{}

	mu      sync.Mutex
	calls   int
	touched *outcome
}

// pace is the pause between a bystander's calls, which leaves the machine to the scenario.
const pace = 20 * time.Millisecond

// watch makes a first call, which has to succeed, and goes on until `untouched` or the end of the test.
func watch(t *testing.T, name string, on caller) *bystander {
	t.Helper()
	b := &bystander{name: name, stop: make(chan struct{}), over: make(chan struct{})}
	if !b.once(on) {
		t.Fatalf("the first call %s fails: %s", name, b.touched)
	}
	go func() {
		defer close(b.over)
		ticker := time.NewTicker(pace)
		defer ticker.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-ticker.C:
				if !b.once(on) {
					return
				}
			}
		}
	}()
	return b
}

// bystanderCall takes well below the bystander's patience on any machine.
var bystanderCall = call{Method: echo, Messages: 1, Size: 16, Timeout: 20}

func (b *bystander) once(on caller) bool {
	o := on.do(bystanderCall)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if o.Code == "OK" && o.Messages == 1 && o.Bytes == 16 {
		return true
	}
	b.touched = &o
	return false
}

// ended is true after a call that has failed.
func (b *bystander) ended() bool {
	select {
	case <-b.over:
		return true
	default:
		return false
	}
}

func (b *bystander) done() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// untouched waits for one more call after the scenario, and fails if any call has failed.
func (b *bystander) untouched(t *testing.T) {
	t.Helper()
	before := b.done()
	eventually(t, limit, "a bystander's call "+b.name, func() bool { return b.ended() || b.done() > before+1 })
	close(b.stop)
	<-b.over
	if b.touched != nil {
		t.Errorf("the bystander %s was touched at its call %d: %s", b.name, b.calls, b.touched)
	}
}

// thrice is how often a wrong thing is done: a peer that compresses refers to what it has sent before. Of large things
// one is enough.
func thrice(name string) int {
	if strings.HasPrefix(name, "5 MiB") {
		return 1
	}
	return 3
}
