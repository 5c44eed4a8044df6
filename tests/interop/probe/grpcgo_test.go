package probe

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// grpcGo is a server of grpc-go.
func grpcGo(t *testing.T, how manner) string {
	t.Helper()
	options := []grpc.ServerOption{}
	if how.directory != "" {
		config := serverTLS(t, how.directory, how.asks)
		if how.change != nil {
			how.change(config)
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	if how.observe != nil {
		options = append(options, grpc.ChainUnaryInterceptor(
			func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
				received, _ := metadata.FromIncomingContext(ctx)
				how.observe(received)
				return handle(ctx, request)
			}))
	}
	if code, found := refusals[how.name]; found {
		options = append(options, grpc.ChainUnaryInterceptor(
			func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
				return nil, status.Error(code, "as the test wants")
			}))
	}
	server := grpc.NewServer(options...)
	if how.name != "without-health" {
		service := health.NewServer()
		if how.name == "not-serving" {
			service.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		}
		grpc_health_v1.RegisterHealthServer(server, service)
	}
	network, place := "tcp", "127.0.0.1:0"
	if how.socket != "" {
		network, place = "unix", how.socket
	}
	listener, err := net.Listen(network, place)
	must(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	address := listener.Addr().String()
	if how.socket != "" {
		return "unix:" + address
	}
	return "localhost" + address[strings.LastIndex(address, ":"):]
}

var refusals = map[string]codes.Code{
	"denies": codes.PermissionDenied, "unauthenticated": codes.Unauthenticated, "unavailable": codes.Unavailable,
	"internal": codes.Internal, "late": codes.DeadlineExceeded,
}
