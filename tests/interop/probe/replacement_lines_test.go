package probe

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// lines have each flag alone, in sensible pairs, and with wrong values.
func lines() []line {
	var all []line
	add := func(server row, differs string, typed ...string) {
		for _, words := range typed {
			all = append(all, line{words: words, server: server, differs: differs})
		}
	}
	addFlags(add)
	addAddresses(add)
	addCalls(add)
	addTLS(add)
	all = append(all, linesOfSpiffe()...)
	return append(all, lineWithSurroundings()...)
}

type adder func(server row, differs string, typed ...string)

var (
	plaintext = row{fault: "healthy", plaintext: true}
	encrypted = row{fault: "TLS"}
	asking    = row{fault: "mutual TLS", manner: manner{asks: true}}
)

// addFlags has how flags are written, and contradictions.
func addFlags(add adder) {
	add(plaintext, "",
		"-addr {addr}", "--addr {addr}", "-addr={addr}", "--addr={addr}", "-addr unused:1 -addr {addr}",
		"-addr {addr} -tls=false -spiffe=F -alts=0 -gzip=f -v=FALSE -tls-no-verify=False",
		"-addr {addr} -- -no-such-flag", "-addr {addr} word -no-such-flag", "-addr {addr} - -no-such-flag",
		"-addr {addr} -tls-client-cert= -tls-client-key=")
	add(plaintext, "",
		"", "-addr=", "-no-such-flag", "-addr {addr} --no-such-flag=1", "-addr", "---addr {addr}", "-=x", "--=x",
		"-addr {addr} -tls=maybe", "-addr {addr} -gzip=", "-addr {addr} -rpc-timeout 5",
		"-addr {addr} -connect-timeout=", "-addr {addr} -connect-timeout 1d", "-addr {addr} -connect-timeout")
	add(plaintext, "", "-h", "-help", "--help", "-help=1", "-h -no-such-flag", "-no-such-flag -h",
		"-version=false -addr {addr}", "-version -no-such-flag")
	add(plaintext, "`-version`", "-version", "-version -addr=", "-v -version", "-version -alts -spiffe")
	add(plaintext, "",
		"-addr x:1 -connect-timeout -9223372036854775808ns", "-addr x:1 -connect-timeout 2562047h47m16.854775807s -rpc-timeout 0",
		"-addr x:1 -connect-timeout 9223372036854775808ns", "-addr x:1 -connect-timeout 0", "-addr x:1 -connect-timeout -1s", "-addr x:1 -rpc-timeout 0s",
		"-addr x:1 -rpc-timeout=-1m30s", "-addr x:1 -tls-no-verify", "-addr x:1 -tls-ca-cert c",
		"-addr x:1 -tls-client-cert c", "-addr x:1 -tls-client-key k", "-addr x:1 -tls-server-name n",
		"-addr x:1 -tls -tls-client-cert c", "-addr x:1 -tls -tls-client-key k",
		"-addr x:1 -tls -tls-no-verify -tls-ca-cert c", "-addr x:1 -tls -tls-no-verify -tls-server-name n",
		"-addr x:1 -alts -spiffe", "-addr x:1 -tls -alts", "-addr x:1 -tls -spiffe",
		"-addr x:1 -tls=false -tls-ca-cert c", "-alts -spiffe")
	add(plaintext, alts, "-addr {addr} -alts")
}

func addAddresses(add adder) {
	add(plaintext, "",
		"-addr :{port}", "-addr 127.0.0.1:{port}", "-addr passthrough:///{addr}", "-addr passthrough:{addr}",
		"-addr dns:///{addr}", "-addr dns:{addr}", "-addr DNS:///{addr}", "-addr DNS:{addr}",
		"-addr dns:///{addr}?x=1", "-addr dns:///{addr}#f", "-addr dns:{addr}#f")
	add(plaintext, "",
		"-addr 127.0.0.1:1 -connect-timeout 300ms", "-addr [::1]:1 -connect-timeout 300ms",
		"-addr unix:{dir}/none -connect-timeout 300ms", "-addr no.such.host.invalid:1 -connect-timeout 300ms")
	add(plaintext, atOnce,
		"-addr localhost", "-addr http://{addr}", "-addr tcp://{addr}", "-addr tls://{addr}", "-addr ::1:{port}",
		"-addr {addr}:1", "-addr {addr}/x", "-addr {addr}~", "-addr unix-abstract:nowhere", "-addr 127.0.0.1:99999", "-addr 127.0.0.1:0")
	add(plaintext, "`ipv4:` and `ipv6:` in `-addr`", "-addr ipv4:127.0.0.1:{port}")
	socket := row{fault: "on a socket", plaintext: true, manner: manner{socket: "s"}}
	add(socket, "", "-addr unix:{dir}/%73", "-addr unix://{dir}/s?x=1", "-addr UNIX:{dir}/s#f", "-addr unix:{dir}/s", "-addr unix://{dir}/s", "-addr unix:{dir}/s -service x")
	add(socket, atOnce, "-addr {dir}/s")
	socket = row{fault: "TLS on a socket", manner: manner{socket: "s"}}
	add(socket, "", "-addr unix:{dir}/s -tls -tls-ca-cert {ca}", "-addr unix:{dir}/s -tls -tls-no-verify",
		"-addr unix:{dir}/s -tls -tls-ca-cert {ca} -tls-server-name localhost")
	add(socket, atOnce, "-addr unix:{dir}/s -tls -tls-ca-cert {ca} -tls-server-name other.example", "-addr unix:{dir}/s")
}

func addCalls(add adder) {
	add(plaintext, "",
		"-addr {addr} -service=", "-addr {addr} -service no.such.Service", "-addr {addr} -gzip",
		"-addr {addr} -gzip -service x", "-addr {addr} -user-agent tests/1", "-addr {addr} -user-agent=",
		"-addr {addr} -user-agent two~words", "-addr {addr} -user-agent ö", "-addr {addr} -connect-timeout 1m30s -rpc-timeout 1h0.5m",
		"-addr {addr} -rpc-timeout 1h")
	add(plaintext, "",
		"-addr {addr} -rpc-header foo:bar", "-addr {addr} -rpc-header Foo:~bar~baz -rpc-header foo:2",
		"-addr {addr} --rpc-header=a:b:c", "-addr {addr} -rpc-header a:~b~", "-addr {addr} -rpc-header a:",
		"-addr {addr} -rpc-header a-bin:b", "-addr {addr} -rpc-header a-bin:ö", "-addr {addr} -rpc-header user-agent:x",
		"-addr {addr} -rpc-header grpc-timeout:1S", "-addr {addr} -rpc-header content-type:x",
		"-addr {addr} -rpc-header te:x", "-addr {addr} -rpc-header grpc-foo:x", "-addr {addr} -rpc-header host:x",
		"-addr {addr} -rpc-header content-length:1")
	add(plaintext, "`-rpc-header` or `-user-agent` with what cannot be sent",
		"-addr {addr} -rpc-header :x", "-addr {addr} -rpc-header ~a~:b", "-addr {addr} -rpc-header a:ö",
		"-addr {addr} -rpc-header ö:a", "-addr {addr} -rpc-header connection:x", "-addr {addr} -user-agent a\x01b")
	add(plaintext, "`-rpc-header` without a colon", "-addr {addr} -rpc-header novalue")
	add(plaintext, "",
		"-addr {addr} -v", "-addr {addr} -v -service x", "-addr x:1 -v -connect-timeout 0", "-v",
		"-addr localhost:1 -v -connect-timeout 300ms")
	add(plaintext, "`-v` with `-rpc-header`", "-addr {addr} -v -rpc-header a:b")
}

func addTLS(add adder) {
	const ours = " -tls-client-cert {cert} -tls-client-key {key}"
	add(encrypted, "",
		"-addr {addr} -tls -tls-ca-cert {ca}", "-addr {addr} -tls -tls-no-verify", "-addr {addr} -tls -tls-no-verify"+ours,
		"-addr 127.0.0.1:{port} -tls -tls-ca-cert {ca}", "-addr 127.0.0.1:{port} -tls -tls-ca-cert {ca} -tls-server-name localhost",
		"-addr {addr} -tls -tls-ca-cert {ca} -tls-server-name 127.0.0.1",
		"-addr {addr} -tls -tls-ca-cert {ca} -tls-server-name localhost:{port}", "-addr {addr} -tls -tls-ca-cert {ca} -v",
		"-addr {addr} -tls -tls-ca-cert {ca} -v -service x"+ours, "-addr {addr} -tls -tls-no-verify -v",
		"-addr dns:///{addr} -tls -tls-ca-cert {ca}", "-addr :{port} -tls -tls-ca-cert {ca}",
		"-addr passthrough:///{addr} -tls -tls-ca-cert {ca}")
	add(encrypted, atOnce, "-addr {addr}", "-addr {addr} -tls -tls-ca-cert {ca} -tls-server-name other.test",
		"-addr {addr} -tls -tls-ca-cert {ca} -tls-server-name a..b")
	add(encrypted, "",
		"-addr {addr} -tls -tls-ca-cert {dir}/none", "-addr {addr} -tls -tls-ca-cert {key}", "-addr {addr} -tls -tls-ca-cert {dir}",
		"-addr {addr} -tls -tls-client-cert {dir}/none -tls-client-key {key}",
		"-addr {addr} -tls -tls-client-cert {cert} -tls-client-key {dir}/none",
		"-addr {addr} -tls -tls-client-cert {cert} -tls-client-key {dir}/server.key",
		"-addr {addr} -tls -tls-client-cert {ca} -tls-client-key {key}", "-v -addr {addr} -tls -tls-ca-cert {dir}/none",
		"-addr localhost -tls -tls-ca-cert {dir}/none")
	add(row{fault: "self-signed", server: leaf{selfSigned: true}}, "", "-addr {addr} -tls -tls-ca-cert {dir}/server.crt")
	add(encrypted, "`-tls-ca-cert` with the server's certificate, issued by a CA", "-addr {addr} -tls -tls-ca-cert {dir}/server.crt")
	add(asking, "",
		"-addr {addr} -tls -tls-ca-cert {ca}"+ours, "-addr {addr} -tls -tls-no-verify"+ours,
		"-addr {addr} -tls -tls-ca-cert {ca} -service x"+ours)
	add(asking, atOnce, "-addr {addr} -tls -tls-ca-cert {ca}", "-addr {addr} -tls -tls-no-verify")
	add(plaintext, atOnce, "-addr {addr} -tls -tls-no-verify", "-addr {addr} -tls -tls-ca-cert {ca}")
	add(row{fault: "verifies if given", client: leaf{issuer: other}, manner: manner{asks: true, change: func(config *tls.Config) {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}}}, "a client certificate of a CA that the server does not name", "-addr {addr} -tls -tls-ca-cert {ca}"+ours)
}

// lineWithSurroundings have variables, and servers that no row of the other table has.
func lineWithSurroundings() []line {
	const tls, trusting = "-addr {addr} -tls", "-addr {addr} -tls -tls-ca-cert {ca}"
	all := []line{
		{words: tls, environment: "SSL_CERT_FILE={ca}", server: encrypted},
		{words: tls, environment: "SSL_CERT_FILE={ca}", server: row{fault: "another CA", server: leaf{issuer: other}}, differs: atOnce},
		{words: trusting, environment: "SSL_CERT_FILE={dir}/none", server: encrypted},
		{words: tls, environment: "SSL_CERT_FILE={dir}/none SSL_CERT_DIR={dir}", server: encrypted, differs: "`SSL_CERT_DIR`"},
		{words: "-addr away.invalid:1", environment: "HTTPS_PROXY=http://{addr} NO_PROXY=", start: connectProxy, differs: "`HTTPS_PROXY`"},
		{words: "-addr unix-abstract:{port}", start: abstractSocket, differs: "`unix-abstract:` in `-addr`"},
	}
	for _, chain := range chains {
		start := func(t *testing.T) (string, string) {
			set := chain.set(t)
			return set.serve(t, func(config *tlsConfig) { config.ClientAuth = noClientCert }), set.directory
		}
		made := line{words: trusting, server: row{fault: chain.name}, start: start}
		if chain.name != "good" && !chain.onlyGo {
			made.differs = atOnce
		}
		all = append(all, made)
	}
	for changes, differs := range map[string]string{
		"tickets=16": "", "tickets=17": atOnce, "group=secp521r1": "", "group=X448": atOnce,
		"suite=ECDHE-ECDSA-AES128-SHA": atOnce,
	} {
		start := func(t *testing.T) (string, string) {
			set := chain{}.set(t)
			return set.behindOpenSSL(t, strings.Fields(changes)...), set.directory
		}
		all = append(all, line{words: trusting + " -tls-client-cert {cert} -tls-client-key {key}",
			server: row{fault: "OpenSSL, " + changes}, start: start, differs: differs})
	}
	return all
}

// Above, `tls` is a flag.
type tlsConfig = tls.Config

const noClientCert = tls.NoClientCert

// connectProxy leads each CONNECT to one server of grpc-go.
func connectProxy(t *testing.T) (string, string) {
	return proxyTo(t, grpcGo(t, manner{name: "healthy"})), t.TempDir()
}

// proxyTo leads each CONNECT to one address.
func proxyTo(t *testing.T, server string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				reader := bufio.NewReader(client)
				if request, err := http.ReadRequest(reader); err != nil || request.Method != http.MethodConnect {
					return
				}
				onward, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer onward.Close()
				fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
				go func() { _, _ = io.Copy(onward, reader) }()
				_, _ = io.Copy(client, onward)
			}()
		}
	}()
	return listener.Addr().String()
}

// abstractSocket is a server on a socket without a file.
func abstractSocket(t *testing.T) (string, string) {
	name := fmt.Sprintf("egext-test-%d", serial.Add(1))
	grpcGo(t, manner{name: "healthy", socket: "@" + name})
	return ":" + name, t.TempDir()
}

// linesOfServers call every server of the other table.
func linesOfServers() []line {
	var all []line
	for _, row := range rows() {
		words := "-addr {addr}"
		if !row.asPlaintext && (!row.plaintext || row.asTLS) {
			words += " -tls -tls-ca-cert {ca}"
			if !row.withoutClient {
				words += " -tls-client-cert {cert} -tls-client-key {key}"
			}
		}
		if service := row.service(); service != "" {
			words += " -service " + service
		}
		for _, by := range row.by {
			made := line{words: words, server: row, by: &by, differs: differsByFault[row.fault], mayBeAtOnce: true}
			all = append(all, made)
		}
	}
	return all
}

var differsByFault = map[string]string{
	"not-found":  "an HTTP server that answers 404",
	"no-streams": "a server that allows no calls",
}
