package proxies

import (
	"fmt"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// drained is whether a signal lets calls finish before the end.
const drained feature = "drain"

var shutdownScenarios = []scenario{
	{name: "the signal to stop, without calls: ends with 0", needs: []feature{drained}, run: stopIdle},
	{name: "the signal to stop: the call under way is finished, new connections are refused, ends with 0",
		needs: []feature{drained}, run: stopDrains},
	{name: "the signal to stop under load: five answers of 8 MiB arrive whole", needs: []feature{drained}, run: stopUnderLoad},
	{name: "a call that does not end: it gets a status at the end of the drain", needs: []feature{drained}, run: stopAtLast},
	{name: "a second signal ends the drain at once", needs: []feature{drained}, run: stopTwice},
	{name: "a reload during the drain does not cut calls", needs: []feature{drained, reloads}, run: reloadWhileDraining},
	{name: "killed: a new process serves on the same socket", run: killed},
}

// stop sends the signal, and waits until no connection is accepted any more.
func (s *stage) stop(p *proxy) {
	s.must(p.signal(p.kind.drain))
	s.eventually(soon, "new connections are refused", func() error {
		connection, err := p.connect()
		if err != nil {
			return nil
		}
		defer connection.Close()
		_, err = talk(connection)
		return holds(err != nil, "a new caller is still served")
	})
}

// endsWith waits for the proxy's end.
func (s *stage) endsWith(p *proxy, code int) {
	got, err := p.exit(soon)
	s.must(err)
	s.want(got == code, "the exit code is %d", got)
}

func stopIdle(s *stage) {
	_, p := s.onePair(originate)
	s.must(s.dial(p).echo([]byte("before")))
	s.must(p.signal(p.kind.drain))
	s.endsWith(p, 0)
}

func stopDrains(s *stage) {
	server, p := s.onePair(originate)
	held := s.dial(p).hold(s.ctx, "under way")
	await(s, "the call arrives", server.arrived)
	s.stop(p)
	close(server.released)
	s.must(await(s, "the held call ends", held))
	s.endsWith(p, 0)
}

func stopUnderLoad(s *stage) {
	begun := make(chan struct{}, 5)
	goOn := make(chan struct{})
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Slow": func(stream grpc.ServerStream) error {
		for number := range 8 {
			if number == 1 {
				begun <- struct{}{}
				<-goOn
			}
			message := noise(uint64(number), 1<<20)
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
		return nil
	}}})
	p := s.proxy(setup{upstream: server.address})
	ended := make(chan error, 5)
	for range 5 {
		c := s.dial(p)
		go func() { ended <- whole(c, "Slow", 8) }()
	}
	for range 5 {
		await(s, "the answer begins", begun)
	}
	s.stop(p)
	close(goOn)
	for range 5 {
		s.must(await(s, "the answer arrives", ended))
	}
	s.endsWith(p, 0)
}

// whole reads an answer of so many messages.
func whole(c *caller, method string, wanted int) error {
	stream, err := c.open(c.ctx, method)
	if err != nil {
		return err
	}
	if err = stream.CloseSend(); err != nil {
		return err
	}
	messages, err := rest(stream)
	if err == nil && len(messages) != wanted {
		err = fmt.Errorf("%d messages of %d", len(messages), wanted)
	}
	return err
}

func stopAtLast(s *stage) {
	server := s.serve(serving{tls: true})
	p := s.proxy(setup{upstream: server.address, drain: 2 * time.Second})
	held := s.dial(p).hold(s.ctx, "for long")
	await(s, "the call arrives", server.arrived)
	s.must(p.signal(p.kind.drain))
	s.must(refused(await(s, "the call ends", held)))
	_, err := p.exit(soon)
	s.must(err)
}

func stopTwice(s *stage) {
	server := s.serve(serving{tls: true})
	p := s.proxy(setup{upstream: server.address, drain: 10 * time.Minute})
	held := s.dial(p).hold(s.ctx, "for long")
	await(s, "the call arrives", server.arrived)
	s.stop(p)
	s.want(p.alive(), "it has ended at the first signal")
	s.must(p.signal(p.kind.force))
	s.must(refused(await(s, "the call ends", held)))
	_, err := p.exit(soon)
	s.must(err)
}

func reloadWhileDraining(s *stage) {
	server, p := s.onePair(terminate)
	held := s.dial(p).hold(s.ctx, "under way")
	await(s, "the call arrives", server.arrived)
	s.must(p.signal(p.kind.drain))
	s.eventually(soon, "new connections are refused", func() error {
		_, err := exchange(p, s.material.clientTLS())
		return holds(err != nil, "a new caller is still served")
	})
	s.must(p.signal(syscall.SIGHUP))
	time.Sleep(time.Second) // in which it would end
	close(server.released)
	s.must(await(s, "the held call ends", held))
	_, err := p.exit(soon)
	s.must(err)
}

func killed(s *stage) {
	server, p := s.onePair(originate)
	s.must(s.dial(p).echo([]byte("before")))
	for _, pid := range p.family() {
		kill(pid)
	}
	_, err := p.exit(soon)
	s.must(err)
	again := s.proxy(setup{upstream: server.address, listen: p.setup.listen, certificates: p.setup.certificates})
	s.must(s.dial(again).echo([]byte("after")))
}
