// Package verifiers asks other people's verifiers about the certificates of `egext certs init`.
//
// Every verifier gets the same questions about every profile: handshakes that it has to accept, and handshakes that it
// has to refuse, for the right reason. A cell in which nothing was verified cannot pass.
package verifiers

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// question is one handshake with mutual TLS.
type question struct {
	profile profile
	name    string
	// server and client are what each shows: a path without `.crt` and `.key`.
	server, client string
	// serverTrusts and clientTrusts are files with a CA.
	serverTrusts, clientTrusts string
	// host is the name or address that the client asks for.
	host string
	// refusedBy is the side that has to refuse the other, because of what is wrong; both empty when all is well.
	refusedBy side
	because   cause
}

type side string

const (
	nobody side = ""
	server side = "server"
	client side = "client"
)

type cause string

const (
	otherCA   cause = "other CA"
	otherName cause = "other name"
	otherRole cause = "other role"
)

// verdict is the side that refused the other, nobody when both accepted, and what it said.
type verdict struct {
	refusedBy side
	reason    string
}

// verifier is a column of the matrix.
type verifier struct {
	// judge answers all questions, in their order.
	judge func(t *testing.T, questions []question) []verdict
	// words are how this verifier puts each cause, as a regular expression.
	words map[cause]string
	// refusedTraits are those of profiles that it is known to refuse whatever else is right, and its words.
	refusedTraits map[string]string
	// overlooked is what it is known not to check on a side.
	overlooked map[side]cause
}

// questions are all that is asked about a profile.
func questions(t *testing.T, p profile) []question {
	t.Helper()
	own, foreign := p.own(t), p.foreign(t)
	good := question{
		profile: p, name: "by " + p.hosts()[0], host: p.hosts()[0],
		server: own.path("server"), client: own.path("client"),
		serverTrusts: own.path("ca.crt"), clientTrusts: own.path("ca.crt"),
	}
	vary := func(name string, refusedBy side, because cause, change func(*question)) question {
		varied := good
		varied.name, varied.refusedBy, varied.because = name, refusedBy, because
		change(&varied)
		return varied
	}
	asked := []question{good}
	for _, host := range p.hosts()[1:] {
		asked = append(asked, vary("by "+host, nobody, "", func(q *question) { q.host = host }))
	}
	if p.host == "" {
		asked = append(asked, vary("by another address", client, otherName, func(q *question) { q.host = "192.0.2.1" }))
	}
	// Who refuses a leaf in the other side's place, and why.
	byClient, byServer, role := client, server, otherRole
	if p.bothRoles {
		byClient, byServer, role = nobody, nobody, ""
	}
	return append(asked,
		vary("by another name", client, otherName, func(q *question) { q.host = "other.example" }),
		vary("server of another CA", client, otherCA, func(q *question) { q.clientTrusts = foreign.path("ca.crt") }),
		vary("client of another CA", server, otherCA, func(q *question) { q.serverTrusts = foreign.path("ca.crt") }),
		vary("client as server", byClient, role, func(q *question) {
			// By its own name, so that nothing but the role can be wrong.
			q.server, q.host = own.path("client"), clientName
		}),
		vary("server as client", byServer, role, func(q *question) { q.client = own.path("server") }),
	)
}

// ask puts all questions about all profiles to a verifier, and compares.
func (v verifier) ask(t *testing.T) {
	t.Helper()
	var asked []question
	for _, p := range profiles {
		for _, q := range questions(t, p) {
			// What else is wrong with a question cannot be told then.
			if v.refusedTraits[p.trait] == "" || q.refusedBy == nobody {
				asked = append(asked, q)
			}
		}
	}
	verdicts := v.judge(t, asked)
	if len(verdicts) != len(asked) {
		t.Fatalf("%d questions, %d verdicts: %v", len(asked), len(verdicts), verdicts)
	}
	for i, q := range asked {
		t.Run(q.profile.name+"/"+q.name, func(t *testing.T) { v.compare(t, q, verdicts[i]) })
	}
}

func (v verifier) compare(t *testing.T, q question, got verdict) {
	t.Helper()
	words, traitRefused := v.refusedTraits[q.profile.trait]
	switch {
	case traitRefused && got.refusedBy == nobody:
		t.Errorf("accepted, though %s is known to be refused: say so in the documentation, and here", q.profile.trait)
	case traitRefused:
		matches(t, words, got.reason)
	case q.refusedBy != nobody && v.overlooked[q.refusedBy] == q.because:
		if got.refusedBy != nobody {
			t.Errorf("refused by the %s (%s), which is known to overlook it: strike it out here", got.refusedBy, got.reason)
		}
	case got.refusedBy != q.refusedBy:
		t.Errorf("refused by %q, want %q: %s", got.refusedBy, q.refusedBy, got.reason)
	case q.refusedBy != nobody:
		matches(t, v.words[q.because], got.reason)
	}
}

func matches(t *testing.T, words, reason string) {
	t.Helper()
	if words == "" || !regexp.MustCompile(words).MatchString(reason) {
		t.Errorf("refused, but not because of `%s`: %s", words, reason)
	}
}

// askProgram puts questions to a program that reads and answers them line by line (python/verify.py says how).
func askProgram(t *testing.T, command *exec.Cmd, questions []question) []verdict {
	t.Helper()
	var lines bytes.Buffer
	for _, q := range questions {
		lines.WriteString(strings.Join([]string{q.server, q.client, q.serverTrusts, q.clientTrusts, q.host}, "\t") + "\n")
	}
	command.Stdin = &lines
	var verdicts []verdict
	for answer := range strings.Lines(string(output(t, command))) {
		who, reason, refused := strings.Cut(strings.TrimSpace(answer), "\t")
		switch {
		case refused && (who == string(server) || who == string(client)):
			verdicts = append(verdicts, verdict{side(who), reason})
		case who == "accepted":
			verdicts = append(verdicts, verdict{})
		default:
			t.Fatalf("no answer: %q", answer)
		}
	}
	return verdicts
}

// judgeEach is for verifiers that take one question at a time.
func judgeEach(judge func(*testing.T, question) verdict) func(*testing.T, []question) []verdict {
	return func(t *testing.T, questions []question) []verdict {
		t.Helper()
		var verdicts []verdict
		for _, q := range questions {
			verdicts = append(verdicts, judge(t, q))
		}
		return verdicts
	}
}

// clientName is the name in the certificate of every client.
const clientName = "client.egext.internal"
