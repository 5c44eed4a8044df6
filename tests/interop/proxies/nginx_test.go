package proxies

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
)

var nginxKind = &kind{
	name: "nginx",
	version: func() (string, error) {
		path, err := found("nginx", "install the package nginx")
		if err != nil {
			return "", err
		}
		version, err := said(path, "-v")
		return regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(version), err
	},
	command: func(s *stage, with setup) *exec.Cmd {
		s.must(os.WriteFile(s.path("nginx.conf"), []byte(nginxConfiguration(s, with)), 0o600))
		return exec.Command("nginx", "-p", s.directory, "-e", "stderr", "-c", s.path("nginx.conf"))
	},
	reload: func(p *proxy) error { return p.signal(syscall.SIGHUP) },
	drain:  syscall.SIGQUIT,
	force:  syscall.SIGTERM,
	lacks: map[feature]string{
		sans:     "1.22 has no variable with the names in a client's certificate",
		identity: "has no such header of its own",
		admin:    "its status page counts requests, not calls; this suite does not read it",
		watches:  "reads its files at a signal only",
	},
}

func nginxConfiguration(s *stage, with setup) string {
	listen, pass, security := nginxAddress(with.listen)+" http2", "grpc://server", nginxOriginate
	if with.role == terminate {
		listen, security = nginxAddress(with.listen)+" ssl http2", nginxTerminate
		if with.revocations != "" {
			security += "    ssl_crl " + with.revocations + ";\n"
		}
	} else {
		pass = "grpcs://server"
	}
	return strings.NewReplacer(
		"@USER@", nginxUser(), "@DIR@", s.directory, "@CERTS@", with.certificates, "@NAME@", with.name,
		"@LISTEN@", listen, "@PASS@", pass, "@SERVER@", nginxAddress(with.upstream),
		"@CONNECT@", milliseconds(with.connect.Milliseconds()), "@SILENCE@", milliseconds(with.silence.Milliseconds()),
		"@DRAIN@", milliseconds(with.drain.Milliseconds()),
	).Replace(strings.Replace(nginxTemplate, "@SECURITY@", security, 1))
}

func milliseconds(number int64) string { return fmt.Sprintf("%dms", number) }

// nginxUser keeps the workers from becoming a user that cannot read the files.
func nginxUser() string {
	if os.Getuid() == 0 {
		return "user root;"
	}
	return ""
}

func nginxAddress(address string) string {
	if network(address) == "unix" {
		return "unix:" + address
	}
	return address
}

const nginxTemplate = `@USER@
worker_processes 1;
worker_shutdown_timeout @DRAIN@;
daemon off;
pid @DIR@/nginx.pid;
events { worker_connections 2048; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path @DIR@/body;
  proxy_temp_path @DIR@/proxy;
  fastcgi_temp_path @DIR@/fastcgi;
  uwsgi_temp_path @DIR@/uwsgi;
  scgi_temp_path @DIR@/scgi;
  http2_max_concurrent_streams 1024;
  client_header_timeout @SILENCE@;
  keepalive_requests 1000000000;
  upstream server { server @SERVER@; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen @LISTEN@;
    @SECURITY@
    location / {
      grpc_pass @PASS@;
      grpc_set_header Host $http_host;
      grpc_set_header X-Forwarded-Client-Cert "";
      grpc_connect_timeout @CONNECT@;
      grpc_read_timeout 30s;
      grpc_send_timeout 30s;
    }
  }
}
`

const nginxOriginate = `
    grpc_ssl_certificate @CERTS@/client.crt;
    grpc_ssl_certificate_key @CERTS@/client.key;
    grpc_ssl_trusted_certificate @CERTS@/ca.crt;
    grpc_ssl_verify on;
    grpc_ssl_verify_depth 3;
    grpc_ssl_server_name on;
    grpc_ssl_name @NAME@;
    grpc_ssl_protocols TLSv1.2 TLSv1.3;
`

const nginxTerminate = `
    ssl_certificate @CERTS@/server.crt;
    ssl_certificate_key @CERTS@/server.key;
    ssl_client_certificate @CERTS@/ca.crt;
    ssl_verify_client on;
    ssl_verify_depth 3;
    ssl_protocols TLSv1.2 TLSv1.3;
`
