package probe

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// TestACallIsMadeAgainAsEnvoyGatewayDoesIt compares the probe with gRPC for Go as Envoy Gateway sets it up: which calls are
// made again, how often, and what comes of it.
func TestACallIsMadeAgainAsEnvoyGatewayDoesIt(t *testing.T) {
	for _, how := range refusalsBelowGRPC {
		for times := int32(1); times <= 5; times++ {
			for _, code := range []string{"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"} {
				// Whether the call has left a client when it reads that is left to chance, and with these it does not matter.
				if how.greeting != nil && (code != "UNAVAILABLE" && times > 1 || times > attempts) {
					continue
				}
				t.Run(fmt.Sprintf("%s, %d times, again after %s", how.name, times, code), func(t *testing.T) {
					theirs := refuses(t, how, times)
					works := asEnvoyGateway(t, theirs.listener.Addr(), code)
					ours := refuses(t, how, times)
					found := report(t, []string{"probe", "-o", "json", "--gateway-config", configuration(t, ours.listener.Addr(), code)})
					if (found.Exit == 0) != works {
						t.Errorf("gRPC for Go: %t; %s", works, found.text)
					}
					if ours, theirs := ours.calls.Load(), theirs.calls.Load(); ours != theirs && how.greeting == nil {
						t.Errorf("%d calls, and gRPC for Go makes %d; %s", ours, theirs, found.text)
					}
					isTold := slices.Contains(found.ids(), "probe.grpc.repeated")
					if works && isTold != how.isUnseen {
						t.Errorf("told: %t; %s", isTold, found.text)
					}
				})
			}
		}
	}
}

// attempts is how often a call is made that fails with the status of the policy.
const attempts = 3

// asEnvoyGateway makes a call of the health service as Envoy Gateway calls its hooks.
func asEnvoyGateway(t *testing.T, server net.Addr, code string) bool {
	t.Helper()
	// v1.9.1:internal/extension/registry/extension_manager.go, grpcServiceConfigTemplate
	config := fmt.Sprintf(`{"methodConfig": [{"name": [{"service": "grpc.health.v1.Health"}], "waitForReady": true, "retryPolicy": {
		"MaxAttempts": %d, "InitialBackoff": "0.001s", "MaxBackoff": "0.002s", "BackoffMultiplier": 2.0,
		"RetryableStatusCodes": [%q]}}]}`, attempts, code)
	connection, err := grpc.NewClient("passthrough:///"+server.String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(config))
	must(t, err)
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err == nil
}

// configuration is a file of Envoy Gateway that calls a server.
func configuration(t *testing.T, server net.Addr, code string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "envoy-gateway.yaml")
	text := fmt.Sprintf(`apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
provider: {type: Kubernetes}
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
extensionManager:
  hooks: {xdsTranslator: {post: [Route]}}
  service:
    fqdn: {hostname: localhost, port: %d}
    retry: {maxAttempts: %d, initialBackoff: 1ms, maxBackoff: 2ms, RetryableStatusCodes: [%s]}
`, server.(*net.TCPAddr).Port, attempts, code)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
