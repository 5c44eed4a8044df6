package proxies

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	soakClients = 64
	// soakDeadline is that of every call; one that has no status a while later hangs.
	soakDeadline = 15 * time.Second
	soakMargin   = 15 * time.Second
)

// TestSoak lets 64 clients call through one bridge, while its credentials change every second and the server is killed
// at random. Every call has to end with a status, and what the bridge holds has to stay as it is.
func TestSoak(t *testing.T) {
	duration, seed := soakSettings(t)
	t.Logf("%s with EGEXT_SEED=%d", duration, seed)
	s := newStage(egextKind, duration+4*time.Minute)
	k := &soak{stage: s, seed: seed, codes: map[codes.Code]int{}}
	result := s.perform(func(*stage) { k.run(duration) })
	t.Log(k.summary())
	if result.word != passes {
		t.Errorf("%s (EGEXT_SEED=%d)\n%s", result.why, seed, s.logs(20))
	}
}

// soakSettings are EGEXT_SOAK, a duration, and EGEXT_SEED, which repeats what was drawn in another run.
func soakSettings(t *testing.T) (time.Duration, uint64) {
	t.Helper()
	duration, err := time.ParseDuration(cmpOr(os.Getenv("EGEXT_SOAK"), "60s"))
	if err != nil {
		t.Fatalf("EGEXT_SOAK: %v", err)
	}
	seed := rand.Uint64N(1 << 32)
	if text := os.Getenv("EGEXT_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("EGEXT_SEED: %v", err)
		}
	}
	return duration, seed
}

type soak struct {
	stage *stage
	seed  uint64
	proxy *proxy
	// material is what the server uses for the next handshake.
	material atomic.Pointer[material]
	// hanging counts calls without a status in time.
	hanging        atomic.Int64
	reloads, kills int

	mu      sync.Mutex
	codes   map[codes.Code]int
	faults  []string
	samples []sample
}

// sample is what the bridge held at a moment.
type sample struct{ files, memory int }

func (k *soak) run(duration time.Duration) {
	s := k.stage
	first := s.material
	k.material.Store(&first)
	address := s.address()
	server := k.serve(address)
	k.proxy = s.proxy(setup{
		upstream: address, connect: 2 * time.Second, drain: 5 * time.Second,
		call: 12 * time.Second, flags: []string{"--admin", "unix:" + s.path("admin.sock")},
	})
	stop, cancel := context.WithTimeout(s.ctx, duration)
	defer cancel()
	var clients, others sync.WaitGroup
	for number := range soakClients {
		clients.Go(func() { k.client(stop, number) })
	}
	others.Go(func() { k.sampleUntil(stop) })
	others.Go(func() { k.reloadUntil(stop) })
	k.killUntil(stop, server, address)
	others.Wait()
	ended := make(chan struct{})
	go func() {
		clients.Wait()
		close(ended)
	}()
	await(s, "the last calls end", timely(ended))
	k.judge()
}

// timely is a channel that `await` gives more time.
func timely(ended <-chan struct{}) <-chan struct{} {
	select {
	case <-ended:
	case <-time.After(soakDeadline + soakMargin):
	}
	return ended
}

func (k *soak) serve(address string) *server {
	config := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return k.material.Load().serverTLS(), nil
	}, NextProtos: []string{"h2"}}
	return k.stage.serve(serving{tls: true, config: config, address: address})
}

// reloadUntil gives both sides new certificates every second, and now and then broken files.
func (k *soak) reloadUntil(stop context.Context) {
	for ticks := time.Tick(time.Second); ; {
		select {
		case <-stop.Done():
			return
		case <-ticks:
		}
		renewed := *k.material.Load()
		renewed.server, renewed.client = k.stage.authority.issue(leaf{server: true}), k.stage.authority.issue(leaf{})
		files := renewed.files()
		if k.reloads%7 == 3 {
			files["client.key"] = k.material.Load().client.key
		}
		k.stage.install(files)
		k.material.Store(&renewed)
		k.reloads++
	}
}

// killUntil stops the server at random, and starts it again.
func (k *soak) killUntil(stop context.Context, server *server, address string) {
	random := rand.New(rand.NewPCG(k.seed, 0))
	for {
		if !pause(stop, time.Duration(random.Int64N(int64(8*time.Second)))) {
			return
		}
		server.Stop()
		k.kills++
		if !pause(stop, time.Duration(random.Int64N(int64(1500*time.Millisecond)))) {
			return
		}
		server = k.serve(address)
	}
}

func pause(stop context.Context, length time.Duration) bool {
	select {
	case <-stop.Done():
		return false
	case <-time.After(length):
		return true
	}
}

func (k *soak) sampleUntil(stop context.Context) {
	for pause(stop, 500*time.Millisecond) {
		files, memory := k.proxy.usage()
		k.mu.Lock()
		k.samples = append(k.samples, sample{files, memory})
		k.mu.Unlock()
	}
}

// client makes calls of all kinds, one after the other.
func (k *soak) client(stop context.Context, number int) {
	random := rand.New(rand.NewPCG(k.seed, uint64(number)+1))
	c := k.stage.dial(k.proxy)
	for stop.Err() == nil {
		if random.IntN(200) == 0 {
			_ = c.Close()
			c = k.stage.dial(k.proxy)
		}
		k.call(c, random)
		// Else 64 clients would only measure the machine.
		pause(stop, time.Duration(random.Int64N(int64(100*time.Millisecond))))
	}
	_ = c.Close()
}

// call makes one call, and notes how it ended.
func (k *soak) call(c *caller, random *rand.Rand) {
	deadline, kind, seed := soakDeadline, random.IntN(100), random.Uint64()
	if kind >= 95 {
		deadline = time.Duration(1+random.IntN(300)) * time.Millisecond
	}
	size := 10 << random.IntN(13)
	ctx, cancel := context.WithTimeout(c.ctx, deadline)
	defer cancel()
	hangs := time.AfterFunc(deadline+soakMargin, func() { k.hanging.Add(1) })
	defer hangs.Stop()
	var err error
	switch {
	case kind < 60:
		err = k.unary(ctx, c, noise(seed, size))
	case kind < 62:
		err = k.unary(ctx, c, noise(seed, 1<<20+random.IntN(3<<20)))
	case kind < 80:
		err = echoStream(ctx, c, seed, 10, size)
	case kind < 90:
		err = k.streamed(with(ctx, "x-messages", "50", "x-size", "2000"), c)
	case kind < 95:
		time.AfterFunc(time.Duration(random.IntN(200))*time.Millisecond, cancel)
		_, err = c.call(ctx, "Hold", []byte("until cancelled"))
	default:
		_, err = c.call(ctx, "Hold", []byte("until the deadline"))
	}
	k.note(err)
}

func (k *soak) unary(ctx context.Context, c *caller, message []byte) error {
	answer, err := c.call(ctx, "Echo", message)
	if err == nil && !bytes.Equal(answer, message) {
		return fmt.Errorf("an echo of %d bytes differs from what was sent", len(message))
	}
	return err
}

func (k *soak) streamed(ctx context.Context, c *caller) error {
	stream, err := c.open(ctx, "Source")
	if err != nil {
		return err
	}
	_ = stream.CloseSend() // if it fails, reading tells why
	messages, err := rest(stream)
	if err == nil && len(messages) != 50 {
		return fmt.Errorf("OK after %d messages of 50", len(messages))
	}
	return err
}

// note counts a status, and keeps what is none, or one that only a fault of the bridge explains.
func (k *soak) note(err error) {
	said, isStatus := status.FromError(err)
	if !isStatus {
		// An error of echoStream wraps the status.
		said = status.Convert(err)
		isStatus = strings.Contains(err.Error(), "rpc error: code =")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.codes[said.Code()]++
	switch said.Code() {
	case codes.OK, codes.Canceled, codes.DeadlineExceeded, codes.Unavailable:
		return
	case codes.Internal:
		// How grpc-go tells that a message was cut, whatever the trailers say.
		if strings.Contains(said.Message(), "unexpected EOF") {
			return
		}
	}
	if len(k.faults) < 20 {
		k.faults = append(k.faults, fmt.Sprintf("%v (a status: %t)", err, isStatus))
	}
}

// judge looks at the bridge after the last call.
func (k *soak) judge() {
	s := k.stage
	s.want(k.proxy.alive(), "the bridge has ended: %s", k.proxy.log.last(3))
	s.want(k.hanging.Load() == 0, "%d calls had no status in time", k.hanging.Load())
	s.want(len(k.faults) == 0, "%d calls or more ended otherwise than they may: %s", len(k.faults), strings.Join(k.faults, "\n"))
	s.want(k.codes[codes.OK] > 100*k.codes[codes.Internal], "the codes are %v", k.codes)
	third := len(k.samples) / 3
	s.want(third > 0, "only %d samples", len(k.samples))
	begin, end := median(k.samples[third/2:third+third/2]), median(k.samples[2*third:])
	s.want(end.memory < begin.memory+begin.memory/4+8<<10, "memory has grown from %d to %d KiB", begin.memory, end.memory)
	s.want(end.files < begin.files+soakClients/4, "open files have grown from %d to %d", begin.files, end.files)
	s.eventually(soon, "connections and calls are gone", func() error {
		metrics, err := k.metrics()
		if err != nil {
			return err
		}
		files, _ := k.proxy.usage()
		calls, open := metrics.sum("egext_bridge_calls_in_flight"), metrics.sum("egext_bridge_connections_open")
		return holds(calls == 0 && open == 0 && files < begin.files-soakClients/2,
			"%v calls, %v connections, %d files", calls, open, files)
	})
}

func median(samples []sample) sample {
	files, memory := make([]int, len(samples)), make([]int, len(samples))
	for i, sample := range samples {
		files[i], memory[i] = sample.files, sample.memory
	}
	slices.Sort(files)
	slices.Sort(memory)
	return sample{files[len(files)/2], memory[len(memory)/2]}
}

// summary is one line about the run.
func (k *soak) summary() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	total, counts := 0, []string{}
	for _, code := range slices.Sorted(maps.Keys(k.codes)) {
		total += k.codes[code]
		counts = append(counts, fmt.Sprintf("%d %s", k.codes[code], code))
	}
	line := fmt.Sprintf("soak: %d calls (%s), %d hanging, %d reloads, %d kills", total, strings.Join(counts, ", "),
		k.hanging.Load(), k.reloads, k.kills)
	if third := len(k.samples) / 3; third > 0 {
		begin, end := median(k.samples[third/2:third+third/2]), median(k.samples[2*third:])
		line += fmt.Sprintf("; memory %d to %d KiB, open files %d to %d", begin.memory, end.memory, begin.files, end.files)
	}
	return line
}

func (k *soak) metrics() (metrics, error) { return readMetrics(k.stage.path("admin.sock")) }
