package proxies

import (
	"bytes"
	"net"
	"os"
)

var socketScenarios = []scenario{
	{name: "a socket file that was left behind is replaced", run: staleSocket},
	{name: "other users cannot connect to the socket", run: socketMode},
	{name: "the socket file is removed at the end", needs: []feature{drained}, run: socketRemoved},
	{name: "a second proxy does not take a socket that is in use", run: socketInUse},
	{name: "a file that is no socket is not removed", run: notASocket},
	{name: "a port that is in use: ends with an error that names it", run: portInUse},
	{name: "plaintext on a loopback port", run: loopbackPort},
	{name: "the server is on a unix socket", run: serverOnSocket},
}

func staleSocket(s *stage) {
	path := s.path("proxy.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	s.must(err)
	listener.SetUnlinkOnClose(false)
	s.must(listener.Close())
	server := s.serve(serving{tls: true})
	p := s.launch(setup{upstream: server.address, listen: path})
	c := s.dial(p)
	s.eventually(soon, "calls succeed", func() error {
		s.want(p.alive(), "the proxy has ended")
		return c.echo([]byte("hello"))
	})
}

func socketMode(s *stage) {
	_, p := s.onePair(originate)
	found, err := os.Stat(p.setup.listen)
	s.must(err)
	s.want(found.Mode().Perm()&0o007 == 0, "the mode is %04o", found.Mode().Perm())
}

func socketRemoved(s *stage) {
	_, p := s.onePair(originate)
	s.must(p.signal(p.kind.drain))
	_, err := p.exit(soon)
	s.must(err)
	_, err = os.Lstat(p.setup.listen)
	s.want(os.IsNotExist(err), "the file is still there")
}

func socketInUse(s *stage) {
	_, p := s.onePair(originate)
	other := s.serve(serving{tls: true})
	second := s.launch(setup{upstream: other.address, listen: p.setup.listen, certificates: p.setup.certificates})
	_, err := second.exit(soon)
	s.must(err)
	s.must(s.dial(p).echo([]byte("still the first")))
	s.want(other.calls.Load() == 0, "the second has got the call")
}

func notASocket(s *stage) {
	path := s.path("proxy.sock")
	content := []byte("somebody's work\n")
	s.must(os.WriteFile(path, content, 0o600))
	p := s.launch(setup{upstream: s.address(), listen: path})
	_, err := p.exit(soon)
	s.must(err)
	left, err := os.ReadFile(path)
	s.must(err)
	s.want(bytes.Equal(left, content), "the file has changed")
}

func portInUse(s *stage) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer listener.Close()
	address := listener.Addr().String()
	p := s.launch(setup{role: terminate, upstream: s.address(), listen: address})
	code, err := p.exit(soon)
	s.must(err)
	_, port, err := net.SplitHostPort(address)
	s.must(err)
	s.want(code != 0, "the exit code is 0")
	s.want(bytes.Contains([]byte(p.log.String()), []byte(port)), "the port is not named: %s", p.log.last(1))
}

func loopbackPort(s *stage) {
	server := s.serve(serving{tls: true})
	p := s.proxy(setup{upstream: server.address, listen: s.address()})
	s.must(s.dial(p).echo([]byte("hello")))
}

func serverOnSocket(s *stage) {
	server := s.serve(serving{address: s.path("server.sock")})
	p := s.proxy(setup{role: terminate, upstream: server.address})
	s.must(s.dial(p).echo([]byte("hello")))
}
