package proxies

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

const (
	// reloads is whether certificates can be replaced while the proxy runs.
	reloads feature = "reload"
	// watches is whether it notices new files without being told.
	watches feature = "watch"
)

var reloadScenarios = []scenario{
	{name: "a new server certificate is presented to new callers", needs: []feature{reloads}, run: newServerCertificate},
	{name: "a new client certificate is presented to the server, without a failed call",
		needs: []feature{reloads}, run: newClientCertificate},
	{name: "a new CA for callers: its clients are accepted", needs: []feature{reloads}, run: newCallersCA},
	{name: "a new CA for the server: its certificate is accepted", needs: []feature{reloads}, run: newServersCA},
	{name: "new files are noticed without a signal", needs: []feature{watches}, run: noticed},
	{name: "a broken certificate on disk: the old one keeps serving new callers", needs: []feature{reloads},
		run: func(s *stage) { brokenFile(s, "server.crt", "server.pem") }},
	{name: "a broken key on disk: the old one keeps serving new callers", needs: []feature{reloads},
		run: func(s *stage) { brokenFile(s, "server.key", "server.pem") }},
	{name: "a broken CA file on disk: the old one keeps serving new callers", needs: []feature{reloads},
		run: func(s *stage) { brokenFile(s, "ca.crt") }},
	{name: "a new certificate with the old key keeps the old pair, until the new key is there",
		needs: []feature{reloads}, run: tornPair},
	{name: "five reloads under the load of eight callers, no failed call", needs: []feature{reloads}, run: reloadUnderLoad},
	{name: "a reload with nothing new disturbs no call under way", needs: []feature{reloads}, run: reloadInVain},
	{name: "after a reload callers on old connections get the new certificate without a failed call",
		needs: []feature{reloads}, run: oldConnections},
}

// presented is the certificate that a new caller sees.
func (p *proxy) presented(config *tls.Config) (*x509.Certificate, error) {
	connection, err := p.secure(config)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0], nil
}

// presents is an error unless a new caller sees that certificate.
func (p *proxy) presents(wanted pair) error {
	got, err := p.presented(p.stage.material.clientTLS())
	if err != nil {
		return err
	}
	return holds(got.Equal(wanted.tls.Leaf), "the certificate with the serial number %s is presented", got.SerialNumber)
}

func newServerCertificate(s *stage) {
	_, p := s.onePair(terminate)
	s.must(p.presents(s.material.server))
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true})
	p.replace(renewed.files())
	s.eventually(soon, "the new certificate is presented", func() error { return p.presents(renewed.server) })
	s.must(s.dial(p).echo([]byte("after the reload")))
}

// whoCalls is a server whose calls report the serial number of the proxy's certificate.
func (s *stage) whoCalls() *server {
	return s.serve(serving{tls: true, handlers: map[string]handler{"Who": func(stream grpc.ServerStream) error {
		from, _ := peer.FromContext(stream.Context())
		state := from.AuthInfo.(credentials.TLSInfo).State
		answer := []byte(state.PeerCertificates[0].SerialNumber.String())
		return stream.SendMsg(&answer)
	}}})
}

func newClientCertificate(s *stage) {
	server := s.whoCalls()
	p := s.proxy(setup{upstream: server.address})
	c := s.dial(p)
	s.must(c.echo([]byte("before")))
	renewed := s.material
	renewed.client = s.authority.issue(leaf{})
	p.replace(renewed.files())
	wanted := renewed.client.tls.Leaf.SerialNumber.String()
	deadline := time.Now().Add(2 * soon)
	for {
		answer, err := c.call(s.ctx, "Who", nil)
		s.must(err)
		if string(answer) == wanted {
			return
		}
		s.want(time.Now().Before(deadline), "the old certificate is still presented")
	}
}

func newCallersCA(s *stage) {
	_, p := s.onePair(terminate)
	other := newAuthority("another CA")
	stranger := presenting(s.material.clientTLS(), other.issue(leaf{}))
	_, err := exchange(p, stranger)
	s.want(err != nil, "a client of another CA was accepted before the reload")
	both := s.material
	both.ca = bytes.Join([][]byte{s.material.ca, other.root}, nil)
	p.replace(both.files())
	s.eventually(soon, "its clients are accepted", func() error {
		_, err := exchange(p, stranger)
		return err
	})
}

func newServersCA(s *stage) {
	other := newAuthority("another CA")
	config := s.material.serverTLS()
	config.Certificates = []tls.Certificate{other.issue(leaf{server: true}).tls}
	server := s.serve(serving{tls: true, config: config})
	p := s.proxy(setup{upstream: server.address, connect: time.Second})
	c := s.dial(p)
	s.must(c.attempt())
	both := s.material
	both.ca = bytes.Join([][]byte{s.material.ca, other.root}, nil)
	p.replace(both.files())
	s.eventually(soon, "calls succeed", func() error { return c.echo([]byte("after the reload")) })
}

func noticed(s *stage) {
	_, p := s.onePair(terminate)
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true})
	s.install(renewed.files())
	s.eventually(soon, "the new certificate is presented", func() error { return p.presents(renewed.server) })
}

func brokenFile(s *stage, names ...string) {
	_, p := s.onePair(terminate)
	c := s.dial(p)
	s.must(c.echo([]byte("before")))
	files := s.material.files()
	for _, name := range names {
		files[name] = []byte("-----BEGIN CERTIFICATE-----\nbroken\n")
	}
	p.replace(files)
	s.stays(p, s.material.server)
	s.must(c.echo([]byte("on the old connection")))
	// And what is whole again is used.
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true})
	p.replace(renewed.files())
	s.eventually(soon, "the repaired files are used", func() error { return p.presents(renewed.server) })
}

// stays watches for some seconds that new callers are served with that certificate.
func (s *stage) stays(p *proxy, wanted pair) {
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s.must(p.presents(wanted))
		s.must(s.dial(p).echo([]byte("a new caller")))
	}
}

func tornPair(s *stage) {
	_, p := s.onePair(terminate)
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true})
	torn := renewed.files()
	torn["server.key"] = s.material.server.key
	torn["server.pem"] = bytes.Join([][]byte{renewed.server.certificate, s.material.server.key}, nil)
	p.replace(torn)
	s.stays(p, s.material.server)
	p.replace(renewed.files())
	s.eventually(soon, "the new pair is used", func() error { return p.presents(renewed.server) })
}

func reloadUnderLoad(s *stage) {
	_, p := s.onePair(terminate)
	load := s.load(8, func() *caller { return s.dial(p) })
	for range 5 {
		renewed := s.material
		renewed.server = s.authority.issue(leaf{server: true})
		p.replace(renewed.files())
		s.eventually(soon, "the new certificate is presented", func() error { return p.presents(renewed.server) })
	}
	load.end(s)
}

// load is callers that make calls until they are told to end.
type load struct {
	stop    atomic.Bool
	running sync.WaitGroup
	calls   atomic.Int64
	mu      sync.Mutex
	errs    []error
}

func (s *stage) load(count int, dial func() *caller) *load {
	l := &load{}
	for i := range count {
		c := dial()
		l.running.Go(func() {
			for number := 0; !l.stop.Load(); number++ {
				if err := c.echo(noise(uint64(i), 1000)); err != nil {
					l.mu.Lock()
					l.errs = append(l.errs, err)
					l.mu.Unlock()
				}
				l.calls.Add(1)
			}
		})
	}
	s.cleanup(func() { l.stop.Store(true) })
	s.eventually(soon, "calls are made", func() error { return holds(l.calls.Load() > int64(count), "not yet") })
	return l
}

// end stops the load. All of its calls have to have succeeded.
func (l *load) end(s *stage) {
	l.stop.Store(true)
	l.running.Wait()
	if len(l.errs) > 0 {
		s.fail("%d of %d calls: %v", len(l.errs), l.calls.Load(), l.errs[0])
	}
}

func reloadInVain(s *stage) {
	server, p := s.onePair(terminate)
	c := s.dial(p)
	held := c.hold(s.ctx, "under way")
	await(s, "the call arrives", server.arrived)
	for range 3 {
		p.replace(s.material.files())
		s.must(s.dial(p).echo([]byte("a new caller")))
	}
	close(server.released)
	s.must(await(s, "the held call ends", held))
}

func oldConnections(s *stage) {
	_, p := s.onePair(terminate)
	c := s.dial(p)
	s.must(c.echo([]byte("before")))
	renewed := s.material
	renewed.server = s.authority.issue(leaf{server: true})
	p.replace(renewed.files())
	deadline := time.Now().Add(2 * soon)
	for {
		var from peer.Peer
		_, err := c.call(s.ctx, "Echo", []byte("?"), grpc.Peer(&from))
		s.must(err)
		seen := from.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0]
		if seen.Equal(renewed.server.tls.Leaf) {
			return
		}
		s.want(time.Now().Before(deadline), "the caller is still on the connection with the old certificate")
	}
}

// exchange makes one call on a connection with TLS of its own.
func exchange(p *proxy, config *tls.Config) (*rawAnswer, error) {
	connection, err := p.secure(config)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	answer, err := talk(connection)
	if err == nil && answer.status != "0" {
		err = fmt.Errorf("the status is %q", answer.status)
	}
	return answer, err
}
