package proxies

import (
	"crypto/tls"
	"io"
	"time"
)

var authenticationScenarios = []scenario{
	{name: "caller without a certificate: rejected, the server sees nothing", run: func(s *stage) {
		rejectsCaller(s, func(config *tls.Config) { config.Certificates = nil })
	}},
	{name: "caller of another CA: rejected, the server sees nothing", run: func(s *stage) {
		rejectsCertificate(s, newAuthority("another CA"), leaf{})
	}},
	{name: "caller of another CA with the same name: rejected", run: func(s *stage) {
		rejectsCertificate(s, newAuthority("stage CA"), leaf{})
	}},
	{name: "caller whose certificate has expired: rejected", run: func(s *stage) {
		rejectsCertificate(s, s.authority, leaf{from: -time.Hour, until: -time.Minute})
	}},
	{name: "caller whose certificate is not valid yet: rejected", run: func(s *stage) {
		rejectsCertificate(s, s.authority, leaf{from: time.Hour, until: 2 * time.Hour})
	}},
	{name: "caller with a certificate for servers only: rejected", run: func(s *stage) {
		rejectsCertificate(s, s.authority, leaf{server: true})
	}},
	{name: "caller with plaintext at the TLS listener: rejected, others are served", run: plaintextCaller},
	{name: "caller of an intermediate CA: accepted", run: callerOfIntermediate},
	{name: "server of an intermediate CA: accepted", run: serverOfIntermediate},
	{name: "server that demands no certificate: accepted", run: serverDemandsNothing},
	{name: "server of another CA: rejected, with a status", run: func(s *stage) {
		rejectsServer(s, newAuthority("another CA"), leaf{server: true})
	}},
	{name: "server whose certificate has expired: rejected, with a status", run: func(s *stage) {
		rejectsServer(s, s.authority, leaf{server: true, from: -time.Hour, until: -time.Minute})
	}},
	{name: "server with another name: rejected, with a status", run: func(s *stage) {
		rejectsServer(s, s.authority, leaf{server: true, dns: []string{"elsewhere.example"}})
	}},
	{name: "server with a certificate for clients only: rejected, with a status", run: func(s *stage) {
		rejectsServer(s, s.authority, leaf{dns: []string{"localhost"}})
	}},
	{name: "a server that rejects the proxy's certificate: a status within the time limit", run: serverRejects},
	{name: "server with a wildcard name: accepted", run: wildcardServer},
}

// rejectsCaller is fine if a call with these settings does not succeed, and nothing of it arrives.
func rejectsCaller(s *stage, change func(*tls.Config)) {
	server, p := s.onePair(terminate)
	config := s.material.clientTLS()
	change(config)
	_, err := exchange(p, config)
	s.want(err != nil, "the caller was served")
	s.want(server.calls.Load() == 0, "its call has reached the server")
	s.must(s.dial(p).echo([]byte("another caller")))
}

func rejectsCertificate(s *stage, of *authority, with leaf) {
	rejectsCaller(s, func(config *tls.Config) { presenting(config, of.issue(with)) })
}

// presenting lets a client present a certificate in any case: Go withholds one that does not suit the CAs that the
// server names.
func presenting(config *tls.Config, issued pair) *tls.Config {
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &issued.tls, nil }
	return config
}

func plaintextCaller(s *stage) {
	server, p := s.onePair(terminate)
	connection, err := p.connect()
	s.must(err)
	defer connection.Close()
	_, err = talk(connection)
	s.want(err != nil && server.calls.Load() == 0, "the caller was served")
	_, err = io.WriteString(connection, "\r\n")
	if err == nil {
		_, err = closed(connection, p.setup.silence+soon)
		s.must(err)
	}
	s.must(s.dial(p).echo([]byte("another caller")))
}

func callerOfIntermediate(s *stage) {
	_, p := s.onePair(terminate)
	m := s.material
	m.client = s.authority.intermediate("intermediate CA").issue(leaf{})
	s.must(s.dialWith(p, m).echo([]byte("hello")))
}

// behind starts a TLS server with that certificate and a proxy before it.
func (s *stage) behind(with pair) (*server, *proxy) {
	config := s.material.serverTLS()
	config.Certificates = []tls.Certificate{with.tls}
	server := s.serve(serving{tls: true, config: config})
	return server, s.proxy(setup{upstream: server.address})
}

func serverOfIntermediate(s *stage) {
	_, p := s.behind(s.authority.intermediate("intermediate CA").issue(leaf{server: true}))
	s.must(s.dial(p).echo([]byte("hello")))
}

func serverDemandsNothing(s *stage) {
	config := s.material.serverTLS()
	config.ClientAuth = tls.NoClientCert
	server := s.serve(serving{tls: true, config: config})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).echo([]byte("hello")))
}

func rejectsServer(s *stage, of *authority, with leaf) {
	server, p := s.behind(of.issue(with))
	s.must(s.dial(p).attempt())
	s.want(server.calls.Load() == 0, "the call has reached the server")
}

func serverRejects(s *stage) {
	config := s.material.serverTLS()
	config.ClientCAs = material{ca: newAuthority("another CA").root}.pool()
	server := s.serve(serving{tls: true, config: config})
	s.must(s.dial(s.proxy(setup{upstream: server.address})).attempt())
}

func wildcardServer(s *stage) {
	config := s.material.serverTLS()
	config.Certificates = []tls.Certificate{s.authority.issue(leaf{server: true, dns: []string{"*.example.test"}}).tls}
	server := s.serve(serving{tls: true, config: config})
	p := s.proxy(setup{upstream: server.address, name: "a.example.test"})
	s.must(s.dial(p).echo([]byte("hello")))
}
