package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crypto/tls"
)

// The methods that every server has. What they are to do stands in the metadata of the call.
const (
	// echo sends every message back.
	echo = "Echo"
	// count reads all messages and answers with their number, their bytes and a digest.
	count = "Count"
	// source sends `x-messages` messages of `x-size` bytes.
	source = "Source"
	// silent answers nothing, until its deadline or the caller ends it.
	silent = "Silent"
)

// call is what a caller is asked to do. All calls are streams both ways, so that a peer needs one kind of handler.
type call struct {
	Method string `json:"method"`
	// Metadata is sent in no particular order. Values are printable ASCII.
	Metadata map[string]string `json:"metadata"`
	// PadBytes of further metadata are sent in PadValues values.
	PadBytes  int `json:"pad_bytes"`
	PadValues int `json:"pad_values"`
	// Messages of Size bytes are sent.
	Messages int `json:"messages"`
	Size     int `json:"size"`
	// Timeout in seconds is the caller's deadline; 0 is none.
	Timeout float64 `json:"timeout"`
	// hold lets the caller read one message and then none until it is closed.
	hold chan struct{}
}

// outcome is all that a caller sees of a call.
type outcome struct {
	// Code is the name of the gRPC status, or what there was instead of one.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Messages, Bytes and Digest are of the messages received.
	Messages int    `json:"messages"`
	Bytes    int    `json:"bytes"`
	Digest   string `json:"digest"`
	Header   tally  `json:"header"`
	Trailer  tally  `json:"trailer"`
}

// tally is metadata in short: only keys that begin with `x-` count, the rest is the transport's.
type tally struct {
	Values int    `json:"values"`
	Bytes  int    `json:"bytes"`
	Digest string `json:"digest"`
}

// caller makes calls on one connection, also at the same time.
type caller interface {
	do(call) outcome
}

// callerKind opens a caller's connection.
type callerKind struct {
	name string
	open func(t *testing.T, via route) caller
}

// serverKind starts a server and returns its address. The server demands a client certificate.
type serverKind struct {
	name  string
	start func(t *testing.T) string
}

// route is a way to a server: its own address, or that of a bridge before it.
type route struct {
	name string
	// address is `host:port`, or the path of a unix socket.
	address string
	tls     bool
}

func (r route) network() string {
	if strings.HasPrefix(r.address, "/") {
		return "unix"
	}
	return "tcp"
}

func (r route) connect() (net.Conn, error) {
	return net.DialTimeout(r.network(), r.address, limit)
}

// converse connects and does the TLS handshake where there is one.
func (r route) converse() (net.Conn, error) {
	connection, err := r.connect()
	if err != nil || !r.tls {
		return connection, err
	}
	secured := tls.Client(connection, certificates.clientTLS())
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return secured, nil
}

// differs says in which way a bridged call ended otherwise than the direct one, or "". Where `ownLimit` is not
// empty, the bridged call may instead end with a status whose message matches.
func differs(direct, bridged outcome, ownLimit string) string {
	// Whether the caller's clock or the server's runs out first is chance, and what is there besides the code is the
	// winner's.
	if direct.Code == "DEADLINE_EXCEEDED" && bridged.Code == direct.Code {
		return ""
	}
	if direct == bridged {
		return ""
	}
	if ownLimit != "" && bridged.Code != "OK" && regexp.MustCompile(ownLimit).MatchString(bridged.Message) {
		return ""
	}
	return fmt.Sprintf("direct:  %s\nbridged: %s", direct, bridged)
}

func (o outcome) String() string {
	message := o.Message
	if len(message) > 300 {
		message = message[:300] + "[...]"
	}
	return fmt.Sprintf("%s %q, %d messages of %d bytes (%s), header %v, trailer %v",
		o.Code, message, o.Messages, o.Bytes, o.Digest, o.Header, o.Trailer)
}

// received counts messages.
type received struct {
	messages, bytes int
	digest          hash.Hash
}

func newReceived() *received { return &received{digest: sha256.New()} }

func (r *received) add(message []byte) {
	r.messages++
	r.bytes += len(message)
	_, _ = r.digest.Write(message)
}

func (r *received) sum() string { return hex.EncodeToString(r.digest.Sum(nil)) }

// answer is what the method Count says.
func (r *received) answer() []byte {
	return fmt.Appendf(nil, "%d %d %s", r.messages, r.bytes, r.sum())
}

// message is the one that every peer sends as its `number`th.
func message(number, size int) []byte {
	return bytes.Repeat([]byte{byte(number % 251)}, size)
}

const pattern = "0123456789abcdef-ghijklmnop_QRSTUVWXYZ"

// padding is metadata of so many bytes in so many values, all for the key `x-pad`.
func padding(total, values int) []string {
	if values == 0 {
		return nil
	}
	share := total / values
	value := strings.Repeat(pattern, share/len(pattern)+1)[:share]
	return slices.Repeat([]string{value}, values)
}

func tallyOf(metadata map[string][]string, prefix string) tally {
	var flat []string
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if strings.HasPrefix(key, prefix) {
			for _, value := range metadata[key] {
				flat = append(flat, key+": "+value+"\n")
			}
		}
	}
	text := strings.Join(flat, "")
	digest := sha256.Sum256([]byte(text))
	return tally{Values: len(flat), Bytes: len(text), Digest: hex.EncodeToString(digest[:])[:16]}
}

// script is what a server is to do, read from the metadata of a call.
type script map[string][]string

func (s script) number(key string) int {
	if len(s[key]) == 0 {
		return 0
	}
	number, err := strconv.Atoi(s[key][0])
	if err != nil {
		panic(err) // the suite's own mistake
	}
	return number
}

// header is the initial metadata asked for; none is sent without any.
func (s script) header() map[string][]string {
	return padded(s.number("x-header-bytes"), s.number("x-header-values"))
}

// trailer is what every server adds at the end: what was asked for, and what it saw of the request.
func (s script) trailer(left time.Duration, limited bool) map[string][]string {
	made := padded(s.number("x-trailer-bytes"), s.number("x-trailer-values"))
	saw := tallyOf(s, "x-pad")
	made["x-saw"] = []string{fmt.Sprintf("%d %d %s", saw.Values, saw.Bytes, saw.Digest)}
	made["x-limit"] = []string{"none"}
	if limited {
		made["x-limit"] = []string{fmt.Sprintf("%.0fh", left.Hours())}
	}
	return made
}

func padded(total, values int) map[string][]string {
	made := map[string][]string{}
	if values > 0 {
		made["x-pad"] = padding(total, values)
	}
	return made
}

// asking is metadata that asks a server for something.
func asking(pairs ...any) map[string]string {
	made := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		made[pairs[i].(string)] = fmt.Sprint(pairs[i+1])
	}
	return made
}
