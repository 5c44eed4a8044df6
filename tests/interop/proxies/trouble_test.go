package proxies

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Scenarios that combine what the other files ask about one by one. They belong to the groups of those files.
var (
	moreUpstream = []scenario{
		{name: "server down: 50 calls at once all have a status within the time limit", run: manyToNowhere},
		{name: "server down: a caller's deadline of 500 ms is kept", run: shortDeadline},
		{name: "server dies with 50 calls under way: each has a status at once", run: diesWithMany},
		{name: "server that freezes during a call: the caller's deadline is kept at both ends", run: freezes},
		{name: "server that retires each connection after 200 ms (MaxConnectionAge): eight callers, no failed call", run: connectionAge},
	}
	moreLimits = []scenario{
		{name: "a reader that stops in an answer of 256 MiB costs less than 32 MiB of memory", run: stoppedReader},
		{name: "a server that does not read 256 MiB costs less than 32 MiB of memory", run: stoppedServer},
		{name: "frames that a peer has to ignore (PRIORITY, unknown types, padding) disturb no call", run: oddFrames},
	}
	moreReload = []scenario{
		{name: "five reloads under load with TLS towards the server, no failed call", needs: []feature{reloads}, run: reloadTowardsServer},
		{name: "files replaced one after the other, without a link: the new pair is used, no failed call",
			needs: []feature{reloads}, run: inPlace},
		{name: "files that are gone: the old certificate keeps serving new callers", needs: []feature{reloads}, run: filesGone},
		{name: "a new kind of key (P-256, then RSA)", needs: []feature{reloads}, run: newKind},
		{name: "a new certificate for callers while a call is under way: it is finished, others succeed", needs: []feature{reloads},
			run: func(s *stage) { newCertificateDuringCall(s, terminate) }},
		{name: "a new certificate towards the server while a call is under way: it is finished, others succeed",
			needs: []feature{reloads}, run: func(s *stage) { newCertificateDuringCall(s, originate) }},
		{name: "a CA that was removed: its callers are rejected, also with a session of before", needs: []feature{reloads}, run: removedCA},
	}
	moreAuthentication = []scenario{
		{name: "a caller whose certificate has expired since is rejected, also with a session of before", run: expiredSession},
	}
	moreShutdown = []scenario{
		{name: "the signal to stop while a call waits for a server that is down: it has a status, the proxy ends",
			needs: []feature{drained}, run: stopWhileDown},
		{name: "the signal to stop with silent and idle connections: ends at once", needs: []feature{drained}, run: stopWithSilent},
		{name: "a key at the start that is broken: ends with an error that names the file", run: brokenAtStart},
	}
)

func manyToNowhere(s *stage) {
	c := s.dial(s.proxy(setup{upstream: s.address()}))
	s.each(50, func(int) error { return c.attempt() })
}

func shortDeadline(s *stage) {
	c := s.dial(s.proxy(setup{upstream: s.address()}))
	s.eventually(soon, "the caller is connected", func() error {
		c.Connect()
		return holds(c.GetState().String() == "READY", "it is %s", c.GetState())
	})
	ctx, cancel := context.WithTimeout(s.ctx, 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := c.call(ctx, "Echo", nil)
	s.want(err != nil, "the call ended with OK")
	s.want(time.Since(begin) < 2*time.Second, "the call took %s", time.Since(begin))
}

func diesWithMany(s *stage) {
	server, p := s.onePair(originate)
	c := s.dial(p)
	var held []<-chan error
	for i := range 50 {
		held = append(held, c.hold(s.ctx, fmt.Sprint(i)))
	}
	for range 50 {
		await(s, "the call arrives", server.arrived)
	}
	server.Stop()
	for _, ended := range held {
		s.must(refused(await(s, "the call ends", ended)))
	}
}

func freezes(s *stage) {
	begun := make(chan struct{}, 10)
	server := s.serveRaw(func(_ *rawConn, _ int, frame http2.Frame) {
		if _, ok := frame.(*http2.MetaHeadersFrame); ok {
			begun <- struct{}{}
			<-s.ctx.Done()
		}
	})
	c := s.dial(s.proxy(setup{upstream: server.address}))
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	begin := time.Now()
	_, err := c.call(ctx, "Echo", nil)
	s.want(status.Code(err) == codes.DeadlineExceeded, "%v", err)
	s.want(time.Since(begin) < 4*time.Second, "the call took %s", time.Since(begin))
	await(s, "the call has reached the server", begun)
}

func stoppedReader(s *stage) {
	_, p := s.onePair(originate)
	c := s.dial(p)
	s.must(c.echo(noise(1, 1<<20)))
	_, before := p.usage()
	stream, err := c.open(with(s.ctx, "x-messages", "4096", "x-size", "65536"), "Source")
	s.must(err)
	s.must(stream.CloseSend())
	var message []byte
	s.must(stream.RecvMsg(&message))
	s.bounded(p, before)
}

// bounded watches the memory of the proxy for some seconds.
func (s *stage) bounded(p *proxy, before int) {
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, now := p.usage()
		s.want(now-before < 32<<10, "it holds %d KiB more than before", now-before)
	}
	s.bystanders(s.dial(p))
}

func stoppedServer(s *stage) {
	server := s.serve(serving{tls: true, handlers: map[string]handler{"Deaf": func(stream grpc.ServerStream) error {
		<-stream.Context().Done()
		return nil
	}}})
	p := s.proxy(setup{upstream: server.address})
	c := s.dial(p)
	s.must(c.echo(noise(1, 1<<20)))
	_, before := p.usage()
	stream, err := c.open(s.ctx, "Deaf")
	s.must(err)
	go func() {
		message := make([]byte, 64<<10)
		for range 4096 {
			if stream.SendMsg(&message) != nil {
				return // the scenario has ended
			}
		}
	}()
	s.bounded(p, before)
}

func oddFrames(s *stage) {
	_, p := s.onePair(originate)
	c := s.raw(p, http2.Setting{ID: 0xf0f0, Val: 7}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	message := framed([]byte("among odd frames"))
	s.must(errors.Join(
		c.framer.WriteRawFrame(0xf0, 0xff, 0, []byte("unknown")),
		c.framer.WritePriority(1, http2.PriorityParam{StreamDep: 0, Weight: 200}),
		c.request(1, "Echo", false),
		c.framer.WriteRawFrame(0xf1, 0xff, 1, []byte("unknown")),
		c.framer.WriteDataPadded(1, false, message[:7], make([]byte, 200)),
		c.framer.WritePriority(3, http2.PriorityParam{StreamDep: 1, Exclusive: true}),
		c.framer.WriteDataPadded(1, true, message[7:], make([]byte, 255)),
	))
	answer := c.answer(1)
	s.want(answer.err == nil && answer.status == "0", "status %q, %v", answer.status, answer.err)
	s.want(slices.Equal(answer.body, message), "the echo is %q", answer.body)
}

func reloadTowardsServer(s *stage) {
	server := s.whoCalls()
	p := s.proxy(setup{upstream: server.address})
	load := s.load(8, func() *caller { return s.dial(p) })
	for range 5 {
		renewed := s.material
		renewed.client = s.authority.issue(leaf{})
		p.replace(renewed.files())
		wanted := renewed.client.tls.Leaf.SerialNumber.String()
		c := s.dial(p)
		s.eventually(soon, "the new certificate is presented", func() error {
			answer, err := c.call(s.ctx, "Who", nil)
			if err == nil {
				err = holds(string(answer) == wanted, "another is presented")
			}
			return err
		})
	}
	load.end(s)
}

func inPlace(s *stage) {
	directory := s.path("plain")
	s.must(os.Mkdir(directory, 0o700))
	write := func(files map[string][]byte, names ...string) {
		for _, name := range names {
			temporary := filepath.Join(directory, "."+name)
			s.must(os.WriteFile(temporary, files[name], 0o600))
			s.must(os.Rename(temporary, filepath.Join(directory, name)))
		}
	}
	names := []string{"ca.crt", "client.crt", "client.key", "client.pem", "server.crt", "server.key", "server.pem"}
	write(s.material.files(), names...)
	server := s.serve(serving{})
	p := s.proxy(setup{role: terminate, upstream: server.address, certificates: directory})
	load := s.load(2, func() *caller { return s.dial(p) })
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true})
	write(renewed.files(), "server.crt")
	// The program that writes them takes its time.
	time.Sleep(300 * time.Millisecond)
	write(renewed.files(), "server.key", "server.pem")
	if p.kind.reload != nil {
		s.must(p.kind.reload(p))
	}
	s.eventually(soon, "the new certificate is presented", func() error { return p.presents(renewed.server) })
	load.end(s)
}

func filesGone(s *stage) {
	_, p := s.onePair(terminate)
	link := filepath.Join(p.setup.certificates, "..data")
	s.must(os.Rename(link, link+".gone"))
	if p.kind.reload != nil {
		s.must(p.kind.reload(p))
	}
	s.stays(p, s.material.server)
}

func newKind(s *stage) {
	_, p := s.onePair(terminate)
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true, keyType: "rsa"})
	p.replace(renewed.files())
	s.eventually(soon, "the new certificate is presented", func() error { return p.presents(renewed.server) })
}

// remembering is a client that resumes sessions.
func remembering(config *tls.Config) *tls.Config {
	config.ClientSessionCache = tls.NewLRUClientSessionCache(10)
	return config
}

func removedCA(s *stage) {
	other := newAuthority("another CA")
	both := s.material
	both.ca = slices.Concat(s.material.ca, other.root)
	server := s.serve(serving{})
	p := s.proxy(setup{role: terminate, upstream: server.address, certificates: s.install(both.files())})
	stranger := remembering(presenting(s.material.clientTLS(), other.issue(leaf{})))
	_, err := exchange(p, stranger)
	s.must(err)
	p.replace(s.material.files())
	s.eventually(soon, "a new caller of the removed CA is rejected", func() error {
		_, err := exchange(p, presenting(s.material.clientTLS(), other.issue(leaf{})))
		return holds(err != nil, "it is served")
	})
	calls := server.calls.Load()
	_, err = exchange(p, stranger)
	s.want(err != nil && server.calls.Load() == calls, "a caller of the removed CA was served, with its session of before")
}

func expiredSession(s *stage) {
	server, p := s.onePair(terminate)
	brief := s.authority.issue(leaf{from: -time.Hour, until: 5 * time.Second})
	config := remembering(presenting(s.material.clientTLS(), brief))
	_, err := exchange(p, config)
	s.must(err)
	time.Sleep(time.Until(brief.tls.Leaf.NotAfter.Add(2 * time.Second)))
	calls := server.calls.Load()
	_, err = exchange(p, config)
	s.want(err != nil && server.calls.Load() == calls, "the caller was served, with its session of before")
}

func stopWhileDown(s *stage) {
	p := s.proxy(setup{upstream: s.address(), connect: 10 * time.Second, drain: 3 * time.Second})
	c := s.dial(p)
	ended := make(chan error, 1)
	go func() { ended <- c.attempt() }()
	s.eventually(soon, "the caller is connected", func() error {
		return holds(c.GetState().String() == "READY" || len(ended) == 1, "not yet")
	})
	s.must(p.signal(p.kind.drain))
	s.must(await(s, "the call ends", ended))
	_, err := p.exit(soon)
	s.must(err)
}

func stopWithSilent(s *stage) {
	_, p := s.onePair(terminate)
	silent, err := p.connect()
	s.must(err)
	defer silent.Close()
	idle, err := p.converse()
	s.must(err)
	defer idle.Close()
	s.must(s.dial(p).echo([]byte("then idle")))
	s.must(p.signal(p.kind.drain))
	code, err := p.exit(8 * time.Second)
	s.must(err)
	s.want(code == 0, "the exit code is %d", code)
}

func brokenAtStart(s *stage) {
	files := s.material.files()
	files["client.key"], files["client.pem"] = []byte("no key\n"), s.material.client.certificate
	server := s.serve(serving{tls: true})
	p := s.launch(setup{upstream: server.address, certificates: s.install(files)})
	code, err := p.exit(soon)
	s.must(err)
	s.want(code != 0, "the exit code is 0")
	said := p.log.String()
	s.want(strings.Contains(said, "client.key") || strings.Contains(said, "client.pem"), "the file is not named: %s", p.log.last(1))
}

// connectionAge is a server that retires its connections all the time, as many do behind load balancers.
func connectionAge(s *stage) {
	age := keepalive.ServerParameters{MaxConnectionAge: 200 * time.Millisecond, MaxConnectionAgeGrace: soon}
	server := s.serve(serving{tls: true, options: []grpc.ServerOption{grpc.KeepaliveParams(age)}})
	p := s.proxy(setup{upstream: server.address})
	load := s.load(8, func() *caller { return s.dial(p) })
	s.eventually(soon, "ten connections have been retired", func() error {
		return holds(server.connections.Load() > 10, "there were %d", server.connections.Load())
	})
	load.end(s)
}

// newCertificateDuringCall reloads a new certificate while a call is under way, and makes another call after it.
func newCertificateDuringCall(s *stage, role role) {
	server, p := s.onePair(role)
	c := s.dial(p)
	held := c.hold(s.ctx, "under way")
	await(s, "the call arrives", server.arrived)
	p.replace(s.authority.material().files())
	// Until the new certificate is in use, and the old connection is drained.
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.must(c.echo([]byte("meanwhile")))
		s.must(s.dial(p).echo([]byte("a new caller")))
	}
	close(server.released)
	s.must(await(s, "the held call ends", held))
}
