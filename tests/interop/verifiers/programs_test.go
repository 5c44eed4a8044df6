package verifiers

import (
	"os/exec"
	"testing"
)

// JSSE with nothing but a key store and a trust store, and host names checked as HTTPS does.
func TestVerifierJava(t *testing.T) {
	const cure = "install a JDK of version 17 or later"
	java, javac := require(t, "java", cure), require(t, "javac", cure)
	classes := t.TempDir()
	output(t, exec.Command(javac, "-d", classes, "java/Verify.java"))
	verifier{
		judge: func(t *testing.T, questions []question) []verdict {
			// The process is too short for the second compiler to pay.
			return askProgram(t, exec.Command(java, "-XX:TieredStopAtLevel=1", "-cp", classes, "Verify"), questions)
		},
		words: map[cause]string{
			otherCA:   "unable to find valid certification path",
			otherName: "^No subject alternative (DNS name|names) matching",
			otherRole: "^Extended key usage does not permit use for TLS",
		},
	}.ask(t)
}

func TestVerifierNode(t *testing.T) {
	node := require(t, "node", "install Node.js 20 or later")
	verifier{
		judge: func(t *testing.T, questions []question) []verdict {
			return askProgram(t, exec.Command(node, "node/verify.mjs"), questions)
		},
		words: map[cause]string{
			// Its OpenSSL sends the root along, when it finds it among those that it trusts.
			otherCA:   "^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
			otherName: "^ERR_TLS_CERT_ALTNAME_INVALID",
			otherRole: "^INVALID_PURPOSE",
		},
	}.ask(t)
}

// With VERIFY_X509_STRICT, the default since Python 3.13.
func TestVerifierPythonSSL(t *testing.T) {
	python := python(t)
	verifier{
		judge: func(t *testing.T, questions []question) []verdict {
			return askProgram(t, exec.Command(python, "python/verify.py", "ssl"), questions)
		},
		words: map[cause]string{
			otherCA:   "self[- ]signed certificate in certificate chain|unable to get (local )?issuer certificate",
			otherName: "^(Hostname|IP address) mismatch",
			otherRole: "^un(suitable|supported) certificate purpose",
		},
	}.ask(t)
}

// The verifier of pyca/cryptography, whose rules are those of the web.
func TestVerifierPyca(t *testing.T) {
	python := python(t)
	verifier{
		judge: func(t *testing.T, questions []question) []verdict {
			return askProgram(t, exec.Command(python, "python/verify.py", "cryptography"), questions)
		},
		words: map[cause]string{
			otherCA:   "all candidates exhausted",
			otherName: "leaf certificate has no matching subjectAltName",
			otherRole: "required EKU not found",
		},
		refusedKeys: map[string]string{"ed25519": "Forbidden public key algorithm"},
	}.ask(t)
}
