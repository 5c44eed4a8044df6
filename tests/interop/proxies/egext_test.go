package proxies

import (
	"os/exec"
	"strings"
	"syscall"
)

var egextKind = &kind{
	name: "egext",
	version: func() (string, error) {
		version, err := said(egext, "version")
		return firstLine(version), err
	},
	command: func(s *stage, with setup) *exec.Cmd {
		listen, upstream := egextAddress(with.listen), egextAddress(with.upstream)
		if with.role == terminate {
			listen = "tls://" + with.listen
		} else {
			upstream = with.upstream
		}
		arguments := []string{
			"bridge", "--listen", listen, "--upstream", upstream, "--dir", with.certificates,
			"--call-timeout", with.call.String(), "--connect-wait", with.connect.String(), "--drain-timeout", with.drain.String(),
		}
		if with.role == originate {
			arguments = append(arguments, "--server-name", with.name)
		}
		if with.permitted != "" {
			arguments = append(arguments, "--allow-san", with.permitted)
		}
		if with.revocations != "" {
			arguments = append(arguments, "--crl", with.revocations)
		}
		return exec.Command(egext, append(arguments, with.flags...)...)
	},
	reload: func(p *proxy) error { return p.signal(syscall.SIGHUP) },
	drain:  syscall.SIGTERM,
	force:  syscall.SIGTERM,
}

// egextAddress is an address without TLS.
func egextAddress(address string) string {
	if network(address) == "unix" {
		return "unix:" + address
	}
	return "tcp://" + address
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
