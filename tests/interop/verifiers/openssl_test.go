package verifiers

import (
	"net"
	"testing"
)

func TestVerifierOpenSSL(t *testing.T) {
	openssl := require(t, "openssl", "install openssl")
	check := func(t *testing.T, side side, trusts, pair, purpose string, more ...string) verdict {
		t.Helper()
		arguments := append([]string{
			"verify", "-x509_strict", "-purpose", purpose, "-CAfile", trusts, "-untrusted", pair + ".crt",
		}, more...)
		if printed, ok := says(t, openssl, append(arguments, pair+".crt")...); !ok {
			return verdict{side, printed}
		}
		return verdict{}
	}
	verifier{
		judge: judgeEach(func(t *testing.T, q question) verdict {
			name := "-verify_hostname"
			if net.ParseIP(q.host) != nil {
				name = "-verify_ip"
			}
			if refused := check(t, client, q.clientTrusts, q.server, "sslserver", name, q.host); refused.refusedBy != nobody {
				return refused
			}
			return check(t, server, q.serverTrusts, q.client, "sslclient")
		}),
		words: map[cause]string{
			otherCA:   "unable to get local issuer certificate",
			otherName: "error 6[24] .*(hostname|IP address) mismatch",
			otherRole: "error 26 .*(unsuitable|unsupported) certificate purpose",
		},
	}.ask(t)
}
