// Package browser opens pages in a headless Chromium, for tests. The program is named by MGD3_TEST_CHROMIUM, as
// .ci/chromium prints it; without it the tests are skipped, and say so.
package browser

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Env names the program.
const Env = "MGD3_TEST_CHROMIUM"

// Page is a tab of the browser.
type Page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string // that are not data:
	errors   []string // on the console
}

// Open starts a browser with a window of this size and shows what is at url.
func Open(t *testing.T, url string, width, height int, more ...chromedp.ExecAllocatorOption) *Page {
	t.Helper()
	program := os.Getenv(Env)
	if program == "" {
		t.Skipf("%s is not set: .ci/chromium fetches a browser", Env)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program),
		chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(options, more...)...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	p.Do(chromedp.EmulateViewport(int64(width), int64(height)), chromedp.Navigate(url))
	return p
}

func (p *Page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			p.requests = append(p.requests, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.errors = append(p.errors, fmt.Sprint(e.Args))
		}
	case *log.EventEntryAdded:
		p.errors = append(p.errors, e.Entry.Text)
	}
}

// Do runs actions.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// Press types keys.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(keys))
}

// Click clicks in the middle of the element that an expression of JavaScript names.
func (p *Page) Click(element string) {
	p.t.Helper()
	x, y := p.middle(element)
	p.Do(chromedp.MouseClickXY(x, y))
}

// Hover moves the mouse to the middle of an element.
func (p *Page) Hover(element string) {
	p.t.Helper()
	x, y := p.middle(element)
	p.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
}

// middle brings an element into view and says where it is, once it stands still.
func (p *Page) middle(element string) (x, y float64) {
	p.t.Helper()
	var last [2]float64
	for range 50 {
		at := value[[]float64](p, fmt.Sprintf("(e => { e.scrollIntoView({block: 'center', behavior: 'instant'}); "+
			"const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })(%s)", element))
		if last == [2]float64(at) {
			return at[0], at[1]
		}
		last = [2]float64(at)
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("%s does not stand still", element)
	return 0, 0
}

// value is what an expression has for a value.
func value[T any](p *Page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Is checks that an expression of JavaScript is true.
func (p *Page) Is(expression string) {
	p.t.Helper()
	if !value[bool](p, "!!("+expression+")") {
		p.t.Errorf("false on the page: %s", expression)
	}
}

// Until waits until an expression of JavaScript is true, for ten seconds at most.
func (p *Page) Until(expression string) {
	p.t.Helper()
	for range 200 {
		if value[bool](p, "!!("+expression+")") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Errorf("never true on the page: %s", expression)
}

// Text is what an expression of JavaScript has for a value.
func (p *Page) Text(expression string) string {
	p.t.Helper()
	return value[string](p, "String("+expression+")")
}

// Quiet checks that nothing was asked for but the page itself, and that the console says nothing.
func (p *Page) Quiet(allowed ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, url := range p.requests {
		if !slices.ContainsFunc(allowed, func(start string) bool { return strings.HasPrefix(url, start) }) {
			p.t.Errorf("the page asked for %q", url)
		}
	}
	for _, text := range p.errors {
		p.t.Errorf("on the console: %s", text)
	}
}

// Screenshot writes a picture of the whole page where MGD3_TEST_SCREENSHOTS names a folder.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("MGD3_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name+".png", png, 0o666); err != nil {
		p.t.Fatal(err)
	}
}
