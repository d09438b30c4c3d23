// Package browsertest opens pages in a real browser, for tests: Debian's chromium, without a window, driven by the DevTools
// protocol through a pipe. It tells what a page's own code can't: what the browser complained about, and what the page asked of
// any network. Tests skip where no browser is installed, and fail there under CI=true.
package browsertest

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TB is what it needs of *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// patience is how long one page may take; the machine may be busy.
const patience = 2 * time.Minute

// Browser is a running browser.
type Browser struct{ ctx context.Context }

// Start runs a browser until the test ends.
func Start(t TB) *Browser {
	t.Helper()
	path := find()
	switch {
	case path == "" && os.Getenv("CI") == "true":
		t.Fatalf("a browser is needed under CI: apt-get install chromium")
	case path == "":
		t.Skipf("no browser is installed: apt-get install chromium")
	}
	// NoSandbox: root has none to give, and the pages are our own.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { chromedp.Cancel(ctx); cancel(); stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &Browser{ctx}
}

func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// View is how a page is looked at.
type View struct {
	Width int // of the window, in CSS pixels
	Dark  bool
	Print bool // as it would be printed
}

// Page is an open page.
type Page struct {
	ctx context.Context
	t   TB

	mu       sync.Mutex
	console  []string
	requests []string
}

// Open opens a file, and waits until it is loaded. The page is closed when the test ends.
func (b *Browser) Open(t TB, file string, v View) *Page {
	t.Helper()
	tab, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	ctx, stop := context.WithTimeout(tab, patience)
	t.Cleanup(stop)
	p := &Page{ctx: ctx, t: t}
	address := (&url.URL{Scheme: "file", Path: file}).String()
	if err := p.load(address, v); err != nil {
		t.Fatalf("opening %s: %v", file, err)
	}
	p.requests = slices.DeleteFunc(p.requests, func(asked string) bool { return asked == address })
	return p
}

func (p *Page) load(address string, v View) error {
	if err := chromedp.Listen(p.ctx, p.note); err != nil {
		return err
	}
	if _, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{}); err != nil {
		return err
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme(v.Dark)}}}
	if v.Print {
		media.Media = "print"
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		return err
	}
	return chromedp.Do(p.ctx, chromedp.EmulateViewport(int64(v.Width), 900), chromedp.Navigate(address))
}

func scheme(dark bool) string {
	if dark {
		return "dark"
	}
	return "light"
}

// note keeps what the browser says about the page. It is called in the order of the protocol, before the command that caused it
// returns.
func (p *Page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *log.EventEntryAdded:
		p.console = append(p.console, strings.TrimSpace(e.Entry.Text+" "+e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			p.console = append(p.console, string(a.Value))
		}
	case *runtime.EventExceptionThrown:
		p.console = append(p.console, e.ExceptionDetails.Text)
	}
}

// Console is everything that the console shows: errors, warnings, what scripts wrote, what a policy stopped.
func (p *Page) Console() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.console)
}

// Requests is everything that the page asked for, beside itself.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Eval evaluates an expression in the page. Its policy does not stop that.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// Screenshot is the whole page as a PNG.
func (p *Page) Screenshot() []byte {
	p.t.Helper()
	image, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("taking a screenshot: %v", err)
	}
	return image
}

// PDF is the page as it would be printed on A4.
func (p *Page) PDF() []byte {
	p.t.Helper()
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF())
	if err != nil {
		p.t.Fatalf("printing: %v", err)
	}
	return pdf
}
