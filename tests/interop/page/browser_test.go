package page

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// look is a size of the window and a colour scheme.
type look struct {
	width  int64
	scheme string
}

var looks = []look{{400, "light"}, {400, "dark"}, {1200, "light"}, {1200, "dark"}}

// tab is a page in Chromium.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	mu     sync.Mutex
	// complaints are errors and warnings of the console.
	complaints []string
	// requests are the URLs that were asked for.
	requests []string
}

// open opens a page, or skips the test if there is no Chromium.
func open(t *testing.T, url string, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)))
	if os.Geteuid() == 0 {
		// Chromium does not sandbox itself for root.
		options = append(options, chromedp.NoSandbox)
	}
	browser, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(browser)
	t.Cleanup(end)
	p := &tab{t: t, ctx: ctx, origin: url}
	must(t, chromedp.Listen(ctx, p.note))
	p.do(append(before, chromedp.Navigate(url))...)
	return p
}

func chromium(t *testing.T) string {
	t.Helper()
	path, err := findChromium()
	switch {
	case err == nil:
		return path
	case os.Getenv("EGEXT_INTEROP") == "1":
		t.Fatal(err)
	default:
		t.Skipf("skipped: %v", err)
	}
	return ""
}

// note runs inside of the loop that reads the browser's messages.
func (p *tab) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.complaints = append(p.complaints, fmt.Sprintf("console.%s", event.Type))
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, event.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		p.complaints = append(p.complaints, fmt.Sprintf("%s: %s (%s)", event.Entry.Level, event.Entry.Text, event.Entry.URL))
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, event.Request.URL)
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	must(p.t, chromedp.Do(ctx, steps...))
}

// value evaluates an expression.
func value[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// shows waits until the page, as a person sees it, has all of these texts. Nothing loads it again but itself.
func (p *tab) shows(wanted ...string) {
	p.t.Helper()
	eventually(p.t, "the page shows it", func() error {
		text, err := value[string](p, "document.body.innerText")
		if err != nil {
			return err
		}
		for _, wanted := range wanted {
			if !strings.Contains(text, wanted) {
				return fmt.Errorf("no `%s` in:\n%s", wanted, text)
			}
		}
		return nil
	})
}

// heading is the first thing that a person reads.
func (p *tab) heading() string {
	p.t.Helper()
	text, err := value[string](p, "document.querySelector('h1').innerText")
	must(p.t, err)
	return text
}

// isSound looks at the page in every size and scheme.
func (p *tab) isSound(name string) {
	p.t.Helper()
	for _, look := range looks {
		p.do(chromedp.EmulateViewport(look.width, 900), scheme(look.scheme))
		p.keepPicture(fmt.Sprintf("%s-%d-%s.png", name, look.width, look.scheme))
		what := fmt.Sprintf("%s at %d px, %s", name, look.width, look.scheme)
		flaws, err := value[[]string](p, readable)
		must(p.t, err)
		for _, flaw := range flaws {
			p.t.Errorf("%s: %s", what, flaw)
		}
		width, err := value[int64](p, "innerWidth")
		must(p.t, err)
		if width != look.width {
			p.t.Errorf("%s: it is laid out for %d px", what, width)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, complaint := range p.complaints {
		p.t.Errorf("%s: the console has: %s", name, complaint)
	}
	if len(p.requests) == 0 {
		p.t.Errorf("%s: the browser tells of no request", name)
	}
	for _, url := range p.requests {
		if !strings.HasPrefix(url, p.origin) && !strings.HasPrefix(url, "data:") {
			p.t.Errorf("%s: it asks %s", name, url)
		}
	}
}

func scheme(name string) chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia.Method, func(ctx context.Context) error {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return err
	})
}

// withoutScripts is a browser whose user forbids them.
func withoutScripts() chromedp.Action[chromedp.Void] {
	return call(emulation.SetScriptExecutionDisabled.Method, func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

func call(name string, command func(context.Context) error) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if err := command(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// keepPicture saves what is seen, if a directory for it is named.
func (p *tab) keepPicture(name string) {
	p.t.Helper()
	directory := os.Getenv("EGEXT_PICTURES")
	if directory == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	must(p.t, err)
	must(p.t, os.WriteFile(filepath.Join(directory, name), picture, 0o644))
}

// readable is a list of what a person could not read.
//
//go:embed readable.js
var readable string

var errNoChromium = errors.New("`chromium` not found: install it (Debian: chromium)")
