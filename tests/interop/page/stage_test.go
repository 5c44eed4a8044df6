package page

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"egext.dev/binary"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// limit bounds every wait. It is far beyond what anything here takes on a busy machine.
const limit = 60 * time.Second

// service is that of the hooks.
const service = "/envoygateway.extension.EnvoyGatewayExtension/"

// stage is a bridge between a caller and a server, with certificates and a resource directory of its own.
type stage struct {
	t *testing.T
	// directory has the certificates in `certs` and Envoy Gateway's resources in `resources`.
	directory string
	// upstream is the server's address, which stays the same when it starts again.
	upstream string
	server   *grpc.Server
	bridge   *process
	caller   *grpc.ClientConn
	// page is the URL of the admin page.
	page string
}

// newStage starts a server and a bridge.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := prepare(t)
	s.serve("127.0.0.1:0")
	s.start("--connect-wait", "300ms")
	return s
}

// prepare makes certificates, with flags of `certs init`, and a resource directory.
func prepare(t *testing.T, flags ...string) *stage {
	t.Helper()
	// Its name is short enough for the path of a socket.
	directory, err := os.MkdirTemp("/tmp", "eg")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	s := &stage{t: t, directory: directory}
	s.egext(append([]string{"certs", "init", "--dir", s.path("certs")}, flags...)...)
	must(t, os.Mkdir(s.path("resources"), 0o755))
	must(t, os.WriteFile(s.path("resources/gateway.yaml"), []byte(gateway), 0o644))
	return s
}

func (s *stage) path(name string) string { return filepath.Join(s.directory, name) }

// egext runs a command to its end.
func (s *stage) egext(arguments ...string) {
	s.t.Helper()
	if out, err := exec.Command(egext, arguments...).CombinedOutput(); err != nil {
		s.t.Fatalf("`egext %s`: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

// serve starts the extension server: each hook succeeds, but PostClusterModify.
func (s *stage) serve(address string) {
	s.t.Helper()
	pair, err := tls.LoadX509KeyPair(s.path("certs/server.crt"), s.path("certs/server.key"))
	must(s.t, err)
	ca, err := os.ReadFile(s.path("certs/ca.crt"))
	must(s.t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	answer := func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		if method, _ := grpc.MethodFromServerStream(stream); method == service+"PostClusterModify" {
			return status.Error(codes.InvalidArgument, "no such cluster")
		}
		return stream.SendMsg(new(emptypb.Empty))
	}
	s.server = grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.UnknownServiceHandler(answer))
	listener, err := net.Listen("tcp", address)
	must(s.t, err)
	s.upstream = listener.Addr().String()
	go func(server *grpc.Server) { _ = server.Serve(listener) }(s.server)
	s.t.Cleanup(s.server.Stop)
}

// start starts the bridge, and a caller.
func (s *stage) start(flags ...string) {
	s.t.Helper()
	socket := s.path("eg.sock")
	flags = append(flags, "--listen", "unix:"+socket, "--upstream", s.upstream, "--dir", s.path("certs"),
		"--resync", s.path("resources"), "--admin", "127.0.0.1:0")
	s.bridge = launch(s.t, exec.Command(egext, append([]string{"bridge"}, flags...)...))
	address := s.bridge.says(`admin server is up.*address=tcp://(\S+)`)
	s.page = "http://" + address + "/"
	var err error
	s.caller, err = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(s.t, err)
	s.t.Cleanup(func() { _ = s.caller.Close() })
}

// call calls a hook.
func (s *stage) call(hook string) codes.Code {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := s.caller.Invoke(ctx, service+hook, new(emptypb.Empty), new(emptypb.Empty))
	return status.Code(err)
}

// process is a running program. It ends with the test.
type process struct {
	t       *testing.T
	command *exec.Cmd
	mu      sync.Mutex
	log     strings.Builder
}

func launch(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, command: command}
	command.Stdout, command.Stderr = p, p
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, command.Start())
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the log of the bridge:\n%s", p)
		}
	})
	return p
}

func (p *process) kill() {
	// Fails when it has ended already.
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// Write implements io.Writer.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(text)
}

func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// says waits for a line of the log and returns its first submatch.
func (p *process) says(pattern string) (found string) {
	p.t.Helper()
	wanted := regexp.MustCompile(pattern)
	eventually(p.t, "the log has "+pattern, func() error {
		match := wanted.FindStringSubmatch(p.String())
		if match == nil {
			return errors.New("it has not")
		}
		found = match[1]
		return nil
	})
	return found
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() error) {
	t.Helper()
	err := is()
	for begin := time.Now(); err != nil; err = is() {
		if time.Since(begin) > limit {
			t.Fatalf("not after %s: %s: %v", limit, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// egext is the binary under test, an absolute path.
var egext string

func TestMain(m *testing.M) {
	var err error
	if egext, err = binary.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// gateway is what the resource directory has: something that a marker can be attached to.
const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: eg
  namespace: default
spec:
  gatewayClassName: eg
  listeners:
    - name: http
      protocol: HTTP
      port: 10080
`
