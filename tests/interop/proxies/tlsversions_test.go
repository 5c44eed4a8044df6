package proxies

import (
	"crypto/tls"
	"errors"
)

var tlsScenarios = []scenario{
	{name: "RSA keys on both sides (TLS in)", run: func(s *stage) { keyType(s, terminate, "rsa") }},
	{name: "RSA keys on both sides (TLS out)", run: func(s *stage) { keyType(s, originate, "rsa") }},
	{name: "P-384 keys on both sides (TLS in)", run: func(s *stage) { keyType(s, terminate, "p384") }},
	{name: "P-384 keys on both sides (TLS out)", run: func(s *stage) { keyType(s, originate, "p384") }},
	{name: "Ed25519 keys on both sides (TLS in)", run: func(s *stage) { keyType(s, terminate, "ed25519") }},
	{name: "Ed25519 keys on both sides (TLS out)", run: func(s *stage) { keyType(s, originate, "ed25519") }},
	{name: "a server that has TLS 1.2 only", run: func(s *stage) { serverVersion(s, tls.VersionTLS12) }},
	{name: "a server that has TLS 1.3 only", run: func(s *stage) { serverVersion(s, tls.VersionTLS13) }},
	{name: "a caller that has TLS 1.2 only", run: func(s *stage) { callerVersion(s, tls.VersionTLS12) }},
	{name: "a caller that has TLS 1.3 only", run: func(s *stage) { callerVersion(s, tls.VersionTLS13) }},
	{name: "a caller that has TLS 1.1 only: rejected", run: oldCaller},
	{name: "ALPN: h2 is chosen for a caller that offers more", run: choosesH2},
	{name: "ALPN: a caller that offers HTTP/1.1 only gets no call through", run: offersHTTP1},
	{name: "ALPN: the server gets an offer of h2, which grpc-go demands, and its own name", run: offersH2},
}

func keyType(s *stage, role role, kind string) {
	s.material.server = s.authority.issue(leaf{server: true, keyType: kind})
	s.material.client = s.authority.issue(leaf{keyType: kind})
	_, p := s.onePair(role)
	s.must(s.dial(p).echo([]byte("hello")))
}

func serverVersion(s *stage, version uint16) {
	config := s.material.serverTLS()
	config.MinVersion, config.MaxVersion = version, version
	server := s.serve(serving{tls: true, config: config})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).echo([]byte("hello")))
}

func callerVersion(s *stage, version uint16) {
	_, p := s.onePair(terminate)
	config := s.material.clientTLS()
	config.MinVersion, config.MaxVersion = version, version
	_, err := exchange(p, config)
	s.must(err)
}

func oldCaller(s *stage) {
	_, p := s.onePair(terminate)
	config := s.material.clientTLS()
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	_, err := p.secure(config)
	s.want(err != nil, "the handshake succeeded")
	s.must(s.dial(p).echo([]byte("another caller")))
}

func choosesH2(s *stage) {
	_, p := s.onePair(terminate)
	config := s.material.clientTLS()
	config.NextProtos = []string{"http/1.1", "h2"}
	connection, err := p.secure(config)
	s.must(err)
	defer connection.Close()
	chosen := connection.ConnectionState().NegotiatedProtocol
	s.want(chosen == "h2", "%q was chosen", chosen)
}

func offersHTTP1(s *stage) {
	server, p := s.onePair(terminate)
	config := s.material.clientTLS()
	config.NextProtos = []string{"http/1.1"}
	connection, err := p.secure(config)
	if err == nil {
		defer connection.Close()
		_, err = connection.Write([]byte("POST " + prefix + "Echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"))
		s.must(err)
		_, err = connection.Read(make([]byte, 1000))
	}
	s.want(server.calls.Load() == 0, "the server has got a call, and the caller %v", err)
	s.must(s.dial(p).echo([]byte("another caller")))
}

func offersH2(s *stage) {
	hellos := make(chan *tls.ClientHelloInfo, 100)
	config := s.material.serverTLS()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		hellos <- hello
		if len(hello.SupportedProtos) == 0 || hello.SupportedProtos[0] != "h2" {
			return nil, errors.New("no offer of h2")
		}
		return nil, nil
	}
	server := s.serve(serving{tls: true, config: config})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).echo([]byte("hello")))
	hello := await(s, "a handshake", hellos)
	s.want(hello.ServerName == "localhost", "the server was called %q", hello.ServerName)
}
