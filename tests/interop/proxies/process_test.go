package proxies

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a running program. It ends with the scenario.
type process struct {
	name    string
	command *exec.Cmd
	// ended is closed when the program has ended.
	ended chan struct{}
	log   transcript
}

// start runs a program until the end of the scenario. All that it prints is kept.
func (s *stage) start(name string, command *exec.Cmd) *process {
	p := &process{name: name, command: command, ended: make(chan struct{})}
	command.Stdout, command.Stderr = &p.log, &p.log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// A descendant that keeps the pipe open does not keep us from seeing the end.
	command.WaitDelay = time.Second
	s.must(command.Start())
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	s.mu.Lock()
	s.processes = append(s.processes, p)
	s.mu.Unlock()
	s.cleanup(func() {
		// The group is what is left of it; if there is none, that is what we want.
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		<-p.ended
	})
	return p
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) signal(signal syscall.Signal) error { return p.command.Process.Signal(signal) }

// exit waits for the end and is the exit code, or an error.
func (p *process) exit(within time.Duration) (int, error) {
	select {
	case <-p.ended:
		return p.command.ProcessState.ExitCode(), nil
	case <-time.After(within):
		return 0, fmt.Errorf("%s still runs after %s", p.name, within)
	}
}

// family are the ids of the process and its descendants: HAProxy and nginx work in children.
func (p *process) family() []string {
	all := []string{strconv.Itoa(p.command.Process.Pid)}
	for i := 0; i < len(all); i++ {
		children, err := os.ReadFile(filepath.Join("/proc", all[i], "task", all[i], "children"))
		if err == nil {
			all = append(all, strings.Fields(string(children))...)
		}
	}
	return all
}

// usage is what the process and its descendants hold: open files, and resident memory in KiB.
func (p *process) usage() (files, memory int) {
	for _, pid := range p.family() {
		if entries, err := os.ReadDir(filepath.Join("/proc", pid, "fd")); err == nil {
			files += len(entries)
		}
		status, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
		if match := residentSize.FindSubmatch(status); err == nil && match != nil {
			size, _ := strconv.Atoi(string(match[1]))
			memory += size
		}
	}
	return files, memory
}

// catches reports whether the process has a handler for that signal, and does not block it.
func (p *process) catches(signal syscall.Signal) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid), "status"))
	if err != nil {
		return false
	}
	has := func(mask string) bool {
		match := regexp.MustCompile(mask + `:\s+([0-9a-f]+)`).FindSubmatch(status)
		if match == nil {
			return false
		}
		set, err := strconv.ParseUint(string(match[1]), 16, 64)
		return err == nil && set&(1<<(signal-1)) != 0
	}
	return has("SigCgt") && !has("SigBlk")
}

var residentSize = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// transcript keeps the lines that a program writes.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *transcript) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *transcript) last(count int) string {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

// kill ends one of our programs, or one of its children, without a chance to clean up.
func kill(pid string) {
	if number, err := strconv.Atoi(pid); err == nil {
		_ = syscall.Kill(number, syscall.SIGKILL)
	}
}
