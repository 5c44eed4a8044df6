// Command server is a healthy grpc-go server with mutual TLS, as extension servers are written: it takes the certificates
// in the directory that is named, listens on a free port of the loopback address, and prints the address. A second argument
// names a fault that it has.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: server DIRECTORY [FAULT]")
	}
	directory, fault := os.Args[1], ""
	if len(os.Args) > 2 {
		fault = os.Args[2]
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(directory, "server.crt"), filepath.Join(directory, "server.key"))
	if err != nil {
		log.Fatal(err)
	}
	authorities, err := os.ReadFile(filepath.Join(directory, "ca.crt"))
	if err != nil {
		log.Fatal(err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authorities) {
		log.Fatal("no certificate in ca.crt")
	}
	settings := &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientCAs:    clients,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	}
	service := health.NewServer()
	if fault == "not-serving" {
		service.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	}
	breakTLS(settings, fault)
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(settings)), grpc.UnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			switch fault {
			case "denies":
				return nil, status.Error(codes.PermissionDenied, "not you")
			case "never-answers":
				select {}
			}
			return handle(ctx, request)
		}))
	grpc_health_v1.RegisterHealthServer(server, service)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("localhost:%d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}

// breakTLS gives TLS one of its faults. What hangs does so for longer than any client waits.
func breakTLS(settings *tls.Config, fault string) {
	switch fault {
	case "asks-nobody":
		settings.ClientAuth = tls.NoClientCert
	case "refuses-name", "hangs-on-name":
		settings.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if !strings.Contains(hello.ServerName, ":") {
				return nil, nil
			}
			if fault == "hangs-on-name" {
				time.Sleep(time.Hour)
			}
			return nil, errors.New("no such host")
		}
	case "hangs-on-strangers":
		settings.ClientAuth = tls.RequireAnyClientCert
		settings.VerifyPeerCertificate = func(chain [][]byte, _ [][]*x509.Certificate) error {
			leaf, err := x509.ParseCertificate(chain[0])
			if err != nil {
				return err
			}
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: settings.ClientCAs, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
				time.Sleep(time.Hour)
			}
			return nil
		}
	}
}
