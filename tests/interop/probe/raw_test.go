package probe

import (
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"
)

// rawGo is Go without gRPC: what breaks off, keeps silent, or is out of order below HTTP/2.
func rawGo(t *testing.T, how manner) string {
	t.Helper()
	if how.name == "full" {
		return withoutRoom(t)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var config *tls.Config
	if how.directory != "" {
		config = serverTLS(t, how.directory, how.asks)
		if how.change != nil {
			how.change(config)
		}
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)
		_ = listener.Close()
	})
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				behaviours[how.name](connection, config, done)
			}()
		}
	}()
	return fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port)
}

var behaviours = map[string]func(connection net.Conn, config *tls.Config, done chan struct{}){
	// Reads the hello, or what else the client says, and keeps silent.
	"silent": func(connection net.Conn, _ *tls.Config, done chan struct{}) {
		_, _ = connection.Read(make([]byte, 1<<16))
		<-done
	},
	"closes": func(connection net.Conn, _ *tls.Config, _ chan struct{}) {
		_, _ = connection.Read(make([]byte, 1<<16))
	},
	// A record of TLS with a handshake message that there is none of.
	"nonsense": func(connection net.Conn, _ *tls.Config, done chan struct{}) {
		_, _ = connection.Read(make([]byte, 1<<16))
		_, _ = connection.Write([]byte{22, 3, 3, 0, 8, 2, 0, 0, 4, 1, 2, 3, 4})
		<-done
	},
	// Ends what it has agreed on, before HTTP/2 begins.
	"ends": func(connection net.Conn, config *tls.Config, _ chan struct{}) {
		secured := tls.Server(connection, config)
		if secured.Handshake() == nil {
			_ = secured.Close()
		}
	},
}

// withoutRoom listens, and its queue is full.
func withoutRoom(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	must(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, syscall.Listen(socket, 0))
	bound, err := syscall.Getsockname(socket)
	must(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	for range 16 {
		waiting, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = waiting.Close() })
	}
	t.Fatal("the queue of a socket is never full")
	return ""
}
