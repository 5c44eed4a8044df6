package proxies

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// admin is whether this suite can ask the proxy about its state.
const admin feature = "admin"

var adminScenarios = []scenario{
	{name: "readiness follows the server: not ready while it is down, ready after it is up",
		needs: []feature{admin}, run: readiness},
	{name: "metrics count calls by their gRPC code", needs: []feature{admin}, run: countsCalls},
	{name: "metrics show calls and connections under way, and none after them", needs: []feature{admin}, run: showsUnderWay},
	{name: "metrics tell when the certificates expire, also after a reload", needs: []feature{admin}, run: tellsExpiry},
}

// withAdmin starts egext with its admin server, and returns the path of its socket.
func (s *stage) withAdmin(with setup) (*proxy, string) {
	path := s.path("admin.sock")
	with.flags = append(with.flags, "--admin", "unix:"+path)
	return s.proxy(with), path
}

// fetch gets a page of the admin server.
func fetch(socket, page string) (int, string, error) {
	client := http.Client{Timeout: soon, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	answer, err := client.Get("http://localhost" + page)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

// metrics is the text that Prometheus reads.
type metrics string

func readMetrics(socket string) (metrics, error) {
	code, body, err := fetch(socket, "/metrics")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("/metrics answers %d", code)
	}
	return metrics(body), err
}

// sum adds the values of all series of a name that have these labels.
func (m metrics) sum(name string, labels ...string) float64 {
	total := 0.0
	for _, series := range regexp.MustCompile(`(?m)^`+name+`(\{.*\})? (\S+)$`).FindAllStringSubmatch(string(m), -1) {
		has := true
		for _, label := range labels {
			has = has && strings.Contains(series[1], label)
		}
		if value, err := strconv.ParseFloat(series[2], 64); has && err == nil {
			total += value
		}
	}
	return total
}

func readiness(s *stage) {
	address := s.address()
	p, socket := s.withAdmin(setup{upstream: address})
	wanted := func(code int) func() error {
		return func() error {
			got, body, err := fetch(socket, "/readyz")
			if err != nil {
				return err
			}
			return holds(got == code, "/readyz answers %d: %s", got, firstLine(body))
		}
	}
	s.eventually(soon, "it is not ready", wanted(http.StatusServiceUnavailable))
	server := s.serve(serving{tls: true, address: address})
	c := s.dial(p)
	s.eventually(soon, "calls succeed", func() error { return c.echo([]byte("hello")) })
	s.eventually(soon, "it is ready", wanted(http.StatusOK))
	server.Stop()
	s.eventually(soon, "it is not ready again", wanted(http.StatusServiceUnavailable))
}

func countsCalls(s *stage) {
	server := s.serve(serving{tls: true})
	p, socket := s.withAdmin(setup{upstream: server.address})
	c := s.dial(p)
	for range 7 {
		s.must(c.echo([]byte("hello")))
	}
	for range 3 {
		_, err := c.call(s.ctx, "Nothing", nil)
		s.must(refused(err))
	}
	s.eventually(soon, "the calls are counted", func() error {
		got, err := readMetrics(socket)
		if err != nil {
			return err
		}
		fine, unknown := got.sum("egext_bridge_calls_total", `code="OK"`), got.sum("egext_bridge_calls_total", `code="UNKNOWN"`)
		return holds(fine == 7 && unknown == 3, "%v with OK and %v with UNKNOWN", fine, unknown)
	})
}

func showsUnderWay(s *stage) {
	server := s.serve(serving{tls: true})
	p, socket := s.withAdmin(setup{upstream: server.address})
	c := s.dial(p)
	held := []<-chan error{c.hold(s.ctx, "one"), c.hold(s.ctx, "two")}
	await(s, "the first arrives", server.arrived)
	await(s, "the second arrives", server.arrived)
	underWay := func(calls, connections float64) {
		s.eventually(soon, "the metrics show it", func() error {
			got, err := readMetrics(socket)
			if err != nil {
				return err
			}
			gotCalls, gotOpen := got.sum("egext_bridge_calls_in_flight"), got.sum("egext_bridge_connections_open")
			return holds(gotCalls == calls && gotOpen == connections, "%v calls, %v connections", gotCalls, gotOpen)
		})
	}
	underWay(2, 1)
	close(server.released)
	for _, ended := range held {
		s.must(await(s, "the call ends", ended))
	}
	_ = c.Close()
	underWay(0, 0)
}

func tellsExpiry(s *stage) {
	server := s.serve(serving{tls: true})
	p, socket := s.withAdmin(setup{upstream: server.address})
	tells := func(wanted pair) {
		s.eventually(soon, "the metrics tell it", func() error {
			got, err := readMetrics(socket)
			if err != nil {
				return err
			}
			expiry := got.sum("egext_bridge_certificate_not_after_timestamp_seconds", `role="client"`)
			return holds(expiry == float64(wanted.tls.Leaf.NotAfter.Unix()), "%v", expiry)
		})
	}
	tells(s.material.client)
	renewed := s.material
	renewed.client = s.authority.issue(leaf{from: -time.Minute, until: 48 * time.Hour})
	p.replace(renewed.files())
	tells(renewed.client)
}
