package interop

import (
	"context"
	"crypto/x509"
	"math/rand/v2"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

func TestAHookCallOf16MiBPassesTheBridgeUnchanged(t *testing.T) {
	m := newMaterial(t)
	address, calls := startEcho(t, credentials.NewTLS(m.serverTLS()))
	c := &chain{t: t, directory: m.directory, certificates: m.directory}
	c.startBridge(address)

	message := make([]byte, 16<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(message)
	echo(t, dial(t, "unix://"+c.path("eg.sock"), nil), message)

	m.wantClient(t, <-calls)
}

// octets carries messages as they are, so that a comparison is one of every byte.
type octets struct{}

func (octets) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (octets) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// Name is that of the real codec: it stands in the content type.
func (octets) Name() string { return "proto" }

func callerOf(ctx context.Context) []*x509.Certificate {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := caller.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil
	}
	return info.State.PeerCertificates
}
