package probe

import (
	"bytes"
	"errors"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"egext.dev/binary"
	"google.golang.org/grpc/metadata"
)

// A manifest that calls grpc-health-probe goes on with egext in its place. So both get the same command lines, in front of
// the same servers: exit code, stdout, and what scripts may look for on stderr are compared. What differs is a row of the
// table in docs/probe.md, and each row of it differs here.

// line is a command line.
type line struct {
	// words are separated by spaces; `~` stands for a space in a word, and {addr}, {port}, {ca}, {cert}, {key} and {dir} for
	// what they say.
	words string
	// server is what is called, with grpc-go unless by says otherwise; start is one of another kind.
	server row
	by     *implementation
	start  func(t *testing.T) (address, directory string)
	// environment is set for both.
	environment string
	// differs is a row of the table; empty if nothing differs, but for atOnce if mayBeAtOnce.
	differs     string
	mayBeAtOnce bool
}

// ran is what a program left.
type ran struct {
	code           int
	stdout, stderr string
	// seen is what the server saw of its call.
	seen []metadata.MD
}

func TestReplacementOfGrpcHealthProbe(t *testing.T) {
	real := installed(t, "grpc-health-probe")
	named := filepath.Join(scratch(t), "grpc_health_probe")
	must(t, os.Symlink(egext, named))
	known := differences(t)
	claimed := map[string]bool{bySignal: true}
	for _, line := range slices.Concat(lines(), linesOfServers(), linesOfOddAnswers()) {
		claimed[line.differs] = true
		if line.differs != "" && !known[line.differs] {
			t.Errorf("the table has no row %q", line.differs)
		}
		t.Run(line.name(), func(t *testing.T) {
			t.Parallel()
			line.compare(t, real, named)
		})
	}
	t.Run(bySignal, func(t *testing.T) {
		t.Parallel()
		for _, program := range [][]string{{real}, {egext, "probe", "--compat", "grpc-health-probe"}} {
			stopped := stop(t, program)
			if ended := stopped.Signaled(); ended == (program[0] == real) {
				t.Errorf("%v: %v", program, stopped)
			}
		}
	})
	for row := range known {
		if !claimed[row] {
			t.Errorf("nothing differs by %q", row)
		}
	}
}

const bySignal = "SIGTERM and SIGINT"

// stop ends a program that waits for a silent server with SIGTERM, once it has connected.
func stop(t *testing.T, program []string) syscall.WaitStatus {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	command := binary.Command(program[0], append(program[1:], "-addr", listener.Addr().String(), "-connect-timeout", "1h")...)
	must(t, command.Start())
	connection, err := listener.Accept()
	must(t, err)
	defer connection.Close()
	must(t, command.Process.Signal(syscall.SIGTERM))
	// Its end is what is looked at.
	_ = command.Wait()
	return command.ProcessState.Sys().(syscall.WaitStatus)
}

// What `-h` of that program lists is what we take.
func TestReplacementHasEveryFlag(t *testing.T) {
	theirs := flagNames(run(t, nil, installed(t, "grpc-health-probe"), "-h"))
	ours := flagNames(run(t, nil, egext, "probe", "--compat", "grpc-health-probe", "-h"))
	if len(theirs) < 17 || !maps.Equal(theirs, ours) {
		t.Errorf("their flags: %v\nours: %v", theirs, ours)
	}
	for _, line := range lines() {
		for _, word := range strings.Fields(line.words) {
			name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
			delete(theirs, name)
		}
	}
	if len(theirs) != 0 {
		t.Errorf("no line has these flags: %v", theirs)
	}
}

var flagOfHelp = regexp.MustCompile(`(?m)^  -(\S+)`)

// flagNames are names of flags, and whether they want a value.
func flagNames(help ran) map[string]bool {
	found := map[string]bool{}
	for _, match := range flagOfHelp.FindAllStringSubmatchIndex(help.stderr, -1) {
		rest, _, _ := strings.Cut(help.stderr[match[1]:], "\n")
		found[help.stderr[match[2]:match[3]]] = strings.HasPrefix(rest, " ")
	}
	return found
}

func (l line) name() string {
	name := l.server.fault
	if l.by != nil {
		name += "/" + l.by.name
	}
	return strings.TrimPrefix(name+"/"+strings.TrimSpace(l.environment+" "+l.words), "/")
}

func (l line) compare(t *testing.T, real, named string) {
	var guard sync.Mutex
	var seen []metadata.MD
	l.server.manner.observe = func(metadata metadata.MD) {
		guard.Lock()
		defer guard.Unlock()
		seen = append(seen, metadata)
	}
	server := &goServer
	if l.by != nil {
		server = l.by
	}
	if l.start == nil {
		l.start = func(t *testing.T) (string, string) { return l.server.start(t, *server) }
	}
	address, directory := l.start(t)
	typed, environment := places(l.words, address, directory), places(l.environment, address, directory)
	call := func(program string, first ...string) ran {
		seen = nil
		made := run(t, environment, program, append(first, typed...)...)
		guard.Lock()
		defer guard.Unlock()
		made.seen = seen
		return made
	}
	theirs := call(real)
	ours := call(egext, "probe", "--compat", "grpc-health-probe")
	if byName := call(named); byName.code != ours.code || shape(byName) != shape(ours) {
		t.Errorf("by its name: %v, not %v", byName, ours)
	}
	found := difference(theirs, ours)
	if found == atOnce && l.mayBeAtOnce {
		return
	}
	if (found != "") != (l.differs != "") || (found == atOnce) != (l.differs == atOnce || l.differs == alts) {
		t.Errorf("%v: %s\ntheirs: %+v\nours: %+v", typed, found, theirs, ours)
	}
}

// places are the words with what stands for them.
func places(words, address, directory string) []string {
	port := address[strings.LastIndex(address, ":")+1:]
	places := strings.NewReplacer("~", " ", "{addr}", address, "{port}", port, "{ca}", directory+"/ca.crt",
		"{agent}", agentOf(directory), "{cert}", directory+"/client.crt", "{key}", directory+"/client.key", "{dir}", directory)
	typed := strings.Fields(words)
	for at, word := range typed {
		typed[at] = places.Replace(word)
	}
	return typed
}

// atOnce is the one difference that many lines have, and it is recognised.
const atOnce = "a failure that waiting does not mend"

// alts differs in the same way, and for a reason of its own.
const alts = "`-alts`"

// difference is empty if no manifest or script can tell one from the other.
func difference(theirs, ours ran) string {
	switch {
	case theirs.code != ours.code:
		return "exit code"
	case theirs.stdout != ours.stdout:
		return "stdout"
	case shape(theirs) != shape(ours):
		waited := strings.HasPrefix(shape(theirs), "timeout: failed to connect service ")
		if waited && strings.HasPrefix(shape(ours), "error: failed to connect service at ") && theirs.code == 2 {
			return atOnce
		}
		return "stderr: " + shape(theirs) + " | " + shape(ours)
	case len(theirs.seen) > 0 && len(ours.seen) > 0 && !alike(theirs.seen[0], ours.seen[0]):
		return "what is sent"
	default:
		return ""
	}
}

// alike is whether a server sees the same call. The name of the library behind the user agent is each its own.
func alike(theirs, ours metadata.MD) bool {
	agent := func(md metadata.MD) string {
		name, _, _ := strings.Cut(strings.Join(md["user-agent"], "|"), " ")
		return name
	}
	without := func(md metadata.MD) metadata.MD {
		md = md.Copy()
		delete(md, "user-agent")
		// We know it.
		delete(md, "content-length")
		return md
	}
	return agent(theirs) == agent(ours) && maps.EqualFunc(without(theirs), without(ours), slices.Equal[[]string])
}

// beginnings are what a script may look for; behind them both say why, each in its own words.
var beginnings = []*regexp.Regexp{
	regexp.MustCompile(`^timeout: failed to connect service "[^"]*" within [0-9a-zµ.]*[a-z]`),
	regexp.MustCompile(`^error: failed to connect service at "[^"]*": `),
	regexp.MustCompile(`^timeout: health rpc did not complete within [0-9a-zµ.]*[a-z]`),
	regexp.MustCompile(`^error: health rpc failed: `),
	regexp.MustCompile(`^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\)`),
	regexp.MustCompile(`^failed to initialize tls credentials\. error=`),
	regexp.MustCompile(`^failed to initialize tls credentials with spiffe\. error=`),
}

var took = regexp.MustCompile(`(took |connect=|rpc=)[0-9a-zµ.]+`)

// shape is stderr without what is different each time, and without the list of flags.
func shape(made ran) string {
	text, _, _ := strings.Cut(made.stderr, "Usage:\n")
	var shape []string
	for text := range strings.Lines(text) {
		// Go's library shows the beginning of a page that is no gRPC.
		if strings.HasPrefix(text, "data: ") {
			continue
		}
		text = took.ReplaceAllString(strings.TrimRight(text, " \n"), "$1…")
		for _, beginning := range beginnings {
			if found := beginning.FindString(text); found != "" {
				text = found
			}
		}
		shape = append(shape, text)
	}
	return strings.Join(shape, "\n")
}

// differences are the first cells of the table.
func differences(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../../docs/probe.md")
	must(t, err)
	_, table, found := strings.Cut(string(page), tableOfDifferences)
	if !found {
		t.Fatal("docs/probe.md has no table of differences")
	}
	rows := map[string]bool{}
	for text := range strings.Lines(table) {
		if !strings.HasPrefix(text, "|") {
			break
		}
		rows[strings.TrimSpace(strings.Split(text, "|")[1])] = true
	}
	return rows
}

const tableOfDifferences = "| difference | grpc-health-probe | `egext` | why |\n|---|---|---|---|\n"

func run(t *testing.T, environment []string, program string, arguments ...string) ran {
	t.Helper()
	command := binary.Command(program, arguments...)
	command.Env = append(command.Env, environment...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{code: command.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// installed is a program of EGEXT_PROBES, or of where CI puts them.
func installed(t *testing.T, name string) string {
	t.Helper()
	directory := os.Getenv("EGEXT_PROBES")
	if directory == "" {
		cache, err := os.UserCacheDir()
		must(t, err)
		directory = filepath.Join(cache, "egext", "probes")
	}
	return require(t, filepath.Join(directory, name), "install it as README.md says, and name its directory with EGEXT_PROBES")
}
