package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// h2load is nghttp2's load generator. It reads no gRPC status, but counts the bytes that come back.
func TestH2loadGetsEveryAnswerWhole(t *testing.T) {
	t.Parallel()
	h2load := require(t, "h2load", "install nghttp2's clients (Debian: nghttp2-client)")
	const requests = 5000
	for _, size := range []int{0, 100, 60_000} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			t.Parallel()
			b := startBridge(t, startGo(t).address, bridgeOptions{})
			watched := watch(t, "on another connection", openGo(t, b.route))
			body := framed(message(7, size))
			file := filepath.Join(t.TempDir(), "message")
			if err := os.WriteFile(file, body, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(h2load, "--requests", fmt.Sprint(requests), "--clients", "8", "--max-concurrent-streams", "32",
				"--data", file, "--header", "content-type: application/grpc+proto", "--header", "te: trailers",
				"--base-uri", "unix:"+b.route.address, "http://localhost/egext.Peers/"+echo).CombinedOutput()
			if err != nil {
				t.Fatalf("h2load: %v\n%s", err, out)
			}
			for _, wanted := range []string{
				fmt.Sprintf(`%[1]d total, %[1]d started, %[1]d done, %[1]d succeeded, 0 failed, 0 errored, 0 timeout`, requests),
				fmt.Sprintf(`status codes: %d 2xx, 0 3xx, 0 4xx, 0 5xx`, requests),
				fmt.Sprintf(`\(%d\) data`, requests*len(body)),
			} {
				if !regexp.MustCompile(wanted).Match(out) {
					t.Errorf("h2load does not say `%s`:\n%s", wanted, out)
				}
			}
			watched.untouched(t)
		})
	}
}
