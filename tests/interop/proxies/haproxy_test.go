package proxies

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
)

var haproxyKind = &kind{
	name: "HAProxy",
	version: func() (string, error) {
		path, err := found("haproxy", "install the package haproxy")
		if err != nil {
			return "", err
		}
		version, err := said(path, "-v")
		return regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(version), err
	},
	command: func(s *stage, with setup) *exec.Cmd {
		s.must(os.WriteFile(s.path("haproxy.cfg"), []byte(haproxyConfiguration(with)), 0o600))
		return exec.Command("haproxy", "-W", "-db", "-f", s.path("haproxy.cfg"))
	},
	heeds: syscall.SIGUSR2,
	reload: func(p *proxy) error {
		// After a reload it starts itself again, and for a while ignores the signal.
		p.stage.eventually(soon, "HAProxy heeds signals", func() error {
			return holds(p.catches(syscall.SIGUSR2), "not yet")
		})
		return p.signal(syscall.SIGUSR2)
	},
	drain: syscall.SIGUSR1,
	force: syscall.SIGTERM,
	lacks: map[feature]string{
		sans:     "2.6 has no expression for the names in a client's certificate",
		identity: "has no such header of its own",
		admin:    "its statistics count requests and HTTP codes, not calls; this suite does not read them",
		watches:  "reads its files at a signal only",
	},
}

func haproxyConfiguration(with setup) string {
	bind, server := haproxyAddress(with.listen)+" proto h2"+haproxyMode(with.listen), haproxyAddress(with.upstream)+" proto h2"
	certificates := with.certificates
	if with.role == terminate {
		bind = fmt.Sprintf("%s ssl crt %s/server.pem ca-file %[2]s/ca.crt verify required alpn h2",
			with.listen, certificates)
		if with.revocations != "" {
			bind += " crl-file " + with.revocations
		}
	} else {
		server = fmt.Sprintf("%s ssl alpn h2 crt %s/client.pem ca-file %[2]s/ca.crt verify required sni str(%s) verifyhost %[3]s",
			with.upstream, certificates, with.name)
	}
	return fmt.Sprintf(`global
  nbthread 1
  tune.h2.initial-window-size 1048576
  tune.bufsize 65536
  tune.h2.max-concurrent-streams 1024
  log stdout format raw local0
  hard-stop-after %dms
defaults
  mode http
  log global
  option httplog
  timeout connect %dms
  timeout client 20s
  retries 1
  timeout server 30s
  timeout http-request %dms
  timeout client-fin 30s
frontend callers
  bind %s
  http-request del-header x-forwarded-client-cert
  default_backend server
backend server
  http-reuse always
  default-server init-addr libc,none
  server s %s
`, with.drain.Milliseconds(), with.connect.Milliseconds(), with.silence.Milliseconds(), bind, server)
}

// haproxyMode keeps other users from the socket.
func haproxyMode(address string) string {
	if network(address) == "unix" {
		return " mode 600"
	}
	return ""
}

func haproxyAddress(address string) string {
	if network(address) == "unix" {
		return "unix@" + address
	}
	return address
}
