package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/security/advancedtls"
)

// A server and two clients that load their files again between the steps, one side after the other, in both orders.
// Every call makes a connection of its own, so every call depends on the certificates of that moment.
func TestNoCallFailsWhileTheCAIsReplaced(t *testing.T) {
	m := newMaterial(t)
	var server, client atomic.Pointer[material]
	server.Store(&m)
	client.Store(&m)
	address, seen := startEcho(t, credentials.NewTLS(&tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := server.Load().serverTLS()
			config.NextProtos = []string{"h2"}
			return config, nil
		},
	}))
	go func() {
		for range seen { //nolint:revive // the server waits until somebody has taken note
		}
	}()
	envoyGateway := reloadingAdvancedClient(t, &client)
	callers := []*caller{
		startCaller(address, func() credentials.TransportCredentials { return credentials.NewTLS(client.Load().clientTLS()) }),
		startCaller(address, func() credentials.TransportCredentials { return envoyGateway }),
	}
	for _, order := range [][]*atomic.Pointer[material]{{&server, &client}, {&client, &server}} {
		for _, step := range []string{"prepare", "activate", "finish"} {
			output(t, tools.egext, "certs", "rotate-ca", step, "--dir", m.directory)
			moreCalls(t, callers)
			for _, side := range order {
				loaded := loadMaterial(t, m.directory)
				side.Store(&loaded)
				moreCalls(t, callers)
			}
		}
	}
	for _, caller := range callers {
		if err := caller.stop(); err != nil {
			t.Error(err)
		}
	}
}

// caller makes one call after the other.
type caller struct {
	calls  atomic.Int64
	done   chan struct{}
	ended  sync.WaitGroup
	failed error
}

func startCaller(address string, transport func() credentials.TransportCredentials) *caller {
	c := &caller{done: make(chan struct{})}
	c.ended.Add(1)
	go func() {
		defer c.ended.Done()
		for {
			select {
			case <-c.done:
				return
			default:
			}
			if err := callOnce(address, transport()); err != nil {
				c.failed = errors.Join(c.failed, fmt.Errorf("call %d: %w", c.calls.Load(), err))
			}
			c.calls.Add(1)
		}
	}()
	return c
}

func (c *caller) stop() error {
	close(c.done)
	c.ended.Wait()
	return c.failed
}

// moreCalls waits until each caller has made calls that began after now.
func moreCalls(t *testing.T, callers []*caller) {
	t.Helper()
	for _, caller := range callers {
		target := caller.calls.Load() + 3
		eventually(t, "calls go on", func() error {
			if made := caller.calls.Load(); made < target {
				return fmt.Errorf("%d of %d", made, target)
			}
			return nil
		})
	}
}

func callOnce(address string, transport credentials.TransportCredentials) error {
	// No retry and no waiting: the first refusal counts.
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport), grpc.WithDisableRetry())
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	message, answer := []byte("hello"), []byte(nil)
	return connection.Invoke(ctx, "/envoygateway.extension.EnvoyGatewayExtension/PostTranslateModify",
		&message, &answer, grpc.ForceCodec(octets{}))
}

// reloadingAdvancedClient is Envoy Gateway's TLS client, which asks for its Secrets at every handshake.
func reloadingAdvancedClient(t *testing.T, current *atomic.Pointer[material]) credentials.TransportCredentials {
	t.Helper()
	made, err := advancedtls.NewClientCreds(&advancedtls.Options{
		RootOptions: advancedtls.RootCertificateOptions{
			GetRootCertificates: func(*advancedtls.ConnectionInfo) (*advancedtls.RootCertificates, error) {
				return &advancedtls.RootCertificates{TrustCerts: current.Load().ca}, nil
			},
		},
		IdentityOptions: advancedtls.IdentityCertificateOptions{
			GetIdentityCertificatesForClient: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &current.Load().client, nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}
