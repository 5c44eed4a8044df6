package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// guard looks at Envoy again and again: each answer has the extension's header, and so has each route of its
// configuration that leads to a backend.
type guard struct {
	done chan struct{}
	// ended is closed by each of the two loops.
	ended    sync.WaitGroup
	mutex    sync.Mutex
	faults   map[string]bool
	answers  int
	versions map[string]bool
}

// startGuard begins when the header is there.
func startGuard(c *chain) *guard {
	c.t.Helper()
	admin := "http://" + c.envoyAdmin() + "/config_dump?resource=dynamic_route_configs"
	g := &guard{done: make(chan struct{}), faults: map[string]bool{}, versions: map[string]bool{}}
	g.loop(func() error { return g.request(c.listener) })
	g.loop(func() error { return g.configuration(admin) })
	return g
}

func (g *guard) loop(look func() error) {
	g.ended.Add(1)
	go func() {
		defer g.ended.Done()
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		for {
			if err := look(); err != nil {
				g.mutex.Lock()
				g.faults[err.Error()] = true
				g.mutex.Unlock()
			}
			select {
			case <-g.done:
				return
			case <-pace.C:
			}
		}
	}()
}

func (g *guard) request(port int) error {
	header, err := get(port, "/")
	if err != nil {
		return err
	}
	g.mutex.Lock()
	g.answers++
	g.mutex.Unlock()
	if value := header.Get("x-greeting"); value != greeting {
		return fmt.Errorf("an answer with x-greeting %q", value)
	}
	return nil
}

// configuration is that of Envoy's routes.
func (g *guard) configuration(admin string) error {
	response, err := http.Get(admin)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var dump struct {
		Configs []struct {
			Version     string `json:"version_info"`
			RouteConfig struct {
				VirtualHosts []struct {
					Headers json.RawMessage   `json:"response_headers_to_add"`
					Routes  []json.RawMessage `json:"routes"`
				} `json:"virtual_hosts"`
			} `json:"route_config"`
		} `json:"configs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&dump); err != nil {
		return err
	}
	routes := 0
	for _, config := range dump.Configs {
		g.mutex.Lock()
		g.versions[config.Version] = true
		g.mutex.Unlock()
		for _, host := range config.RouteConfig.VirtualHosts {
			for _, route := range host.Routes {
				// The route of a resync only redirects.
				if !strings.Contains(string(route), `"cluster"`) {
					continue
				}
				routes++
				if !strings.Contains(string(route)+string(host.Headers), greeting) {
					return fmt.Errorf("configuration %s has a route without the extension: %s", config.Version, route)
				}
			}
		}
	}
	if routes == 0 {
		return errors.New("Envoy has no route to a backend")
	}
	return nil
}

func (g *guard) stop(t *testing.T) {
	t.Helper()
	close(g.done)
	g.ended.Wait()
	t.Logf("%d answers and %d versions of the configuration were looked at", g.answers, len(g.versions))
	for fault := range g.faults {
		t.Errorf("meanwhile: %s", fault)
	}
}

// envoyAdmin is the address that Envoy has written into a file for the library that started it.
func (c *chain) envoyAdmin() (address string) {
	c.t.Helper()
	eventually(c.t, "Envoy's admin address", func() error {
		address = ""
		err := filepath.WalkDir(c.home, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "admin-address.txt" {
				var content []byte
				content, err = os.ReadFile(path)
				address = strings.TrimSpace(string(content))
			}
			return err
		})
		if err == nil && address == "" {
			err = errors.New("no file has it")
		}
		return err
	})
	return address
}
