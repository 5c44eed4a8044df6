package probe

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"egext.dev/binary"
)

// Every finding of the probe that a server can cause is caused here by one that is not ours: Go, C-core, Node.js or OpenSSL.

// withoutServer are findings that no server here causes, and why.
var withoutServer = map[string]string{
	"probe.resolve.failed":                 "no server is involved",
	"probe.connect.failed":                 "the operating system refuses, before any server",
	"probe.connect.permission":             "the mode of a socket decides, before any server",
	"probe.connect.refused":                "nothing listens",
	"probe.connect.reset":                  "firewalls do that, servers cannot do it reliably",
	"probe.connect.socket-missing":         "there is no socket",
	"probe.connect.unreachable":            "there is no route",
	"probe.ca.unusable":                    "a file of ours",
	"probe.client-cert.key-mismatch":       "files of ours",
	"probe.client-cert.unreadable":         "a file of ours",
	"probe.server-cert.revocation-unknown": "only the bridge reads revocation lists",
	"probe.server-cert.revoked":            "only the bridge reads revocation lists",
}

var (
	seenGuard sync.Mutex
	seenIDs   = map[string]bool{}
)

// saw keeps what a report found.
func saw(ids ...string) {
	seenGuard.Lock()
	defer seenGuard.Unlock()
	for _, id := range ids {
		seenIDs[id] = true
	}
}

var headingOfID = regexp.MustCompile(`(?m)^### (probe\.\S+)$`)

// unseen compares what was found in the whole run with the findings that there are, and says what is wrong.
func unseen() ([]string, error) {
	page, err := binary.Command(egext, "generate", "findings").Output()
	if err != nil {
		return nil, fmt.Errorf("egext generate findings: %w", err)
	}
	wrong := []string{}
	known := map[string]bool{}
	for _, match := range headingOfID.FindAllSubmatch(page, -1) {
		id := string(match[1])
		known[id] = true
		switch _, excused := withoutServer[id]; {
		case excused && seenIDs[id]:
			wrong = append(wrong, id+" is caused by a server here, and `withoutServer` says that none can")
		case !excused && !seenIDs[id]:
			wrong = append(wrong, "no server here causes "+id)
		}
	}
	for id := range withoutServer {
		if !known[id] {
			wrong = append(wrong, id+" is no finding")
		}
	}
	slices.Sort(wrong)
	return wrong, nil
}

// complete is whether all tests ran: with `-run` or without the programs, not every server was there.
func complete() bool {
	isPart := func(argument string) bool {
		return strings.HasPrefix(argument, "-test.run=") || strings.HasPrefix(argument, "-test.skip=")
	}
	return os.Getenv("EGEXT_INTEROP") == "1" && !slices.ContainsFunc(os.Args[1:], isPart)
}
