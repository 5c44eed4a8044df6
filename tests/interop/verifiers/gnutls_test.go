package verifiers

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

const gnutlsCure = "install gnutls-bin (or gnutls-utils)"

// What GnuTLS says, in all of its programs.
var gnutlsWords = map[cause]string{
	otherCA:   "The certificate issuer is unknown",
	otherName: "The name in the certificate does not match the expected",
	otherRole: "The certificate chain does not match the intended purpose",
}

func TestVerifierGnuTLSCertificates(t *testing.T) {
	certtool := require(t, "certtool", gnutlsCure)
	check := func(t *testing.T, side side, trusts, pair, purpose string, more ...string) verdict {
		t.Helper()
		arguments := append([]string{"--verify", "--load-ca-certificate", trusts, "--infile", pair + ".crt",
			"--verify-profile", "medium", "--verify-purpose", purpose}, more...)
		if printed, ok := says(t, certtool, arguments...); !ok {
			return verdict{side, printed}
		}
		return verdict{}
	}
	verifier{
		judge: judgeEach(func(t *testing.T, q question) verdict {
			refused := check(t, client, q.clientTrusts, q.server, serverAuth, "--verify-hostname", q.host)
			if refused.refusedBy != nobody {
				return refused
			}
			return check(t, server, q.serverTrusts, q.client, clientAuth)
		}),
		words: gnutlsWords,
	}.ask(t)
}

// gnutls-cli against gnutls-serv.
func TestVerifierGnuTLSHandshake(t *testing.T) {
	serve, connect := require(t, "gnutls-serv", gnutlsCure), require(t, "gnutls-cli", gnutlsCure)
	verifier{
		judge: judgeEach(func(t *testing.T, q question) verdict {
			port, serverSays := startGnuTLS(t, serve, q)
			printed, _ := says(t, connect, "--port", port, "--x509cafile", q.clientTrusts,
				"--x509certfile", q.client+".crt", "--x509keyfile", q.client+".key", "--verify-hostname", q.host, "127.0.0.1")
			if status := notTrusted.FindString(printed); status != "" {
				return verdict{client, status}
			}
			// The client's handshake is complete before the server has judged its certificate.
			status := serverSays(t)
			if notTrusted.MatchString(status) {
				return verdict{server, status}
			}
			return verdict{}
		}),
		words: gnutlsWords,
		// It does not say to the library that it is a server; certtool, above, looks at the purpose.
		overlooked: map[side]cause{server: otherRole},
	}.ask(t)
}

var notTrusted = regexp.MustCompile(`The certificate is NOT trusted[^*\n]*`)

// startGnuTLS runs a server for one connection. What is returned waits for the server's verdict about the client.
func startGnuTLS(t *testing.T, serve string, q question) (string, func(*testing.T) string) {
	t.Helper()
	port := freePort(t)
	// Into a pipe it would print nothing before it ends.
	command := exec.Command("stdbuf", "-oL", serve, "--port", port, "--echo", "--x509cafile", q.serverTrusts,
		"--x509certfile", q.server+".crt", "--x509keyfile", q.server+".key", "--require-client-cert", "--verify-client-cert")
	printed, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// That it listens is said there, the verdict on stdout.
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(limit, func() { _ = command.Process.Kill() })
	t.Cleanup(func() {
		overdue.Stop()
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(printed)
	waitFor := func(t *testing.T, what string) string {
		t.Helper()
		for lines.Scan() {
			if bytes.Contains(lines.Bytes(), []byte(what)) {
				return lines.Text()
			}
		}
		t.Fatalf("%s: gnutls-serv ended, or took more than %s, before it said `%s`", q.name, limit, what)
		return ""
	}
	waitFor(t, "listening on IPv4")
	return port, func(t *testing.T) string {
		t.Helper()
		status := waitFor(t, "- Status: ")
		_ = command.Process.Kill()
		return status
	}
}

// freePort is one that nobody listens on. Somebody else may take it before we do; the test then says so.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

const (
	serverAuth = "1.3.6.1.5.5.7.3.1"
	clientAuth = "1.3.6.1.5.5.7.3.2"
)
