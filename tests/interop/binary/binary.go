// Package binary finds the egext that the suites below tests/interop test. Each suite is a module of its own, and uses
// this one from its place in the repository.
package binary

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Find is the absolute path of the binary: the one that EGEXT_BIN names, or one that cargo builds now. The working directory
// is that of a suite, three levels below the root of the repository.
func Find() (string, error) {
	if path := os.Getenv("EGEXT_BIN"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("EGEXT_BIN: %w", err)
		}
		return filepath.Abs(path)
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	build := exec.Command("cargo", "build", "--quiet", "--locked", "--package", "egext")
	build.Dir, build.Stderr = root, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("`cargo build`: %w (or name a binary with EGEXT_BIN)", err)
	}
	target := os.Getenv("CARGO_TARGET_DIR")
	if target == "" {
		target = filepath.Join(root, "target")
	}
	return filepath.Join(target, "debug", "egext"), nil
}

// Command is a run of egext, without the variables that stand for flags.
func Command(path string, arguments ...string) *exec.Cmd {
	command := exec.Command(path, arguments...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "EGEXT_") {
			command.Env = append(command.Env, variable)
		}
	}
	return command
}
