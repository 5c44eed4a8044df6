package interop

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// metric is the sum of a metric of the bridge over all series that have each of these labels (`code="OK"`).
func (c *chain) metric(name string, labels ...string) (float64, error) {
	text, err := c.admin("/metrics")
	if err != nil {
		return 0, err
	}
	var sum float64
	for line := range strings.Lines(text) {
		series, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if own, _, _ := strings.Cut(series, "{"); !found || own != name || !hasLabels(series, labels) {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", line, err)
		}
		sum += number
	}
	return sum, nil
}

func hasLabels(series string, labels []string) bool {
	for _, label := range labels {
		if !strings.Contains(series, label) {
			return false
		}
	}
	return true
}

// waitForMetric waits until the sum is at least so much.
func (c *chain) waitForMetric(least float64, name string, labels ...string) {
	c.t.Helper()
	eventually(c.t, name, func() error {
		sum, err := c.metric(name, labels...)
		if err == nil && sum < least {
			err = fmt.Errorf("%v of %v", sum, least)
		}
		return err
	})
}

// admin is a page of the bridge's admin server, whatever its status.
func (c *chain) admin(path string) (string, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.path("admin.sock"))
		},
	}}
	response, err := client.Get("http://localhost" + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
