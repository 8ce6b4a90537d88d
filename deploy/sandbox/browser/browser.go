package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"
	"go.uber.org/goleak"

	"vaguemestre/deploy/sandbox"
)

// patience is what a page has to load, or a thing to appear, on a machine that is busy.
const patience = 90 * time.Second

// Browser is one Chromium for all the tests of a binary. Its zero value is ready; it is safe for concurrent use.
type Browser struct {
	mu      sync.Mutex
	service sandbox.Service
	rod     *rod.Browser
	socket  *cdp.WebSocket
	cancel  context.CancelFunc
	folder  string
}

// Main runs the tests, ends the browser, and fails when something of theirs goes on.
func (b *Browser) Main(m *testing.M) int {
	code := m.Run()
	if err := b.Close(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// Close ends the browser, if it was started.
func (b *Browser) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.service == nil {
		return nil
	}
	b.cancel()
	err := b.socket.Close()
	b.service.Stop()
	b.service = nil
	return errors.Join(err, os.RemoveAll(b.folder))
}

// started is the browser, which the first test starts.
func (b *Browser) started(t sandbox.T) *rod.Browser {
	t.Helper()
	sandbox.Need(t, "chromium")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.service == nil {
		if err := b.start(); err != nil {
			t.Fatalf("start the browser: %v", err)
		}
	}
	return b.rod
}

func (b *Browser) start() (err error) {
	if b.folder, err = os.MkdirTemp("", "vaguemestre-browser-"); err != nil {
		return err
	}
	path, err := sandbox.Find("chromium")
	if err != nil {
		return err
	}
	if b.service, err = sandbox.Run("chromium", exec.Command(path, arguments(b.folder)...)); err != nil {
		return errors.Join(err, os.RemoveAll(b.folder))
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := b.connect(ctx); err != nil {
		cancel()
		b.service.Stop()
		said := b.service.Logs()
		b.service = nil
		return fmt.Errorf("%w; it said:\n%s", errors.Join(err, os.RemoveAll(b.folder)), said)
	}
	b.cancel = cancel
	return nil
}

// arguments of a browser that keeps to itself: no network of its own, no first run, no sandbox that root cannot have.
func arguments(folder string) []string {
	return []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-domain-reliability", "--disable-breakpad", "--no-first-run",
		"--no-default-browser-check", "--no-pings", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb", "--ignore-certificate-errors",
		"--disable-features=Translate,OptimizationHints,MediaRouter,InterestFeedContentSuggestions,DialMediaRouteProvider,AutofillServerCommunication",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
		"--remote-debugging-port=0", "--user-data-dir=" + filepath.Join(folder, "profile"), "about:blank",
	}
}

// connect reads from the profile where the browser listens, once it does, and speaks to it there.
func (b *Browser) connect(ctx context.Context) error {
	address, err := b.address(ctx)
	if err != nil {
		return err
	}
	b.socket = &cdp.WebSocket{}
	if err := b.socket.Connect(ctx, address, nil); err != nil {
		return fmt.Errorf("reach the browser: %w", err)
	}
	b.rod = rod.New().Context(ctx).Client(cdp.New().Start(b.socket))
	if err := b.rod.Connect(); err != nil {
		return fmt.Errorf("speak to the browser: %w", err)
	}
	return nil
}

func (b *Browser) address(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := os.ReadFile(filepath.Join(b.folder, "profile", "DevToolsActivePort"))
		if port, path, whole := strings.Cut(strings.TrimSpace(string(said)), "\n"); err == nil && whole {
			return "ws://127.0.0.1:" + port + path, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the browser: %w", ctx.Err())
		}
	}
}

// View is how a page is looked at.
type View struct {
	Name          string // in the names of pictures
	Width, Height int
	Phone         bool   // touch, and a telephone's user agent
	NoScript      bool   // JavaScript is off
	Dark          bool   // prefers-color-scheme
	HighContrast  bool   // forced-colors
	Language      string // Accept-Language; French when empty
	Agent         string // user agent; a current browser's when empty
}

// Desktop is a window on a desk.
func Desktop() View { return View{Name: "desktop", Width: 1280, Height: 900} }

// Phone is a small telephone.
func Phone() View { return View{Name: "phone", Width: 360, Height: 740, Phone: true} }

// Zoomed is a desk at 400 %: 320 CSS pixels wide (WCAG 1.4.10).
func Zoomed() View { return View{Name: "zoom400", Width: 320, Height: 256} }

// WithoutScript is the view with JavaScript off.
func (v View) WithoutScript() View {
	v.Name += "-noscript"
	v.NoScript = true
	return v
}

// InTheDark is the view of who asked for dark pages.
func (v View) InTheDark() View {
	v.Name += "-dark"
	v.Dark = true
	return v
}

// InHighContrast is the view of who has the system choose the colours.
func (v View) InHighContrast() View {
	v.Name += "-contrast"
	v.HighContrast = true
	return v
}

// In is the view of who reads another language.
func (v View) In(language string) View {
	v.Name += "-" + language
	v.Language = language
	return v
}

// Views is every combination that a path must work in: telephone and desk, with and without JavaScript.
func Views() []View {
	return []View{Desktop(), Desktop().WithoutScript(), Phone(), Phone().WithoutScript()}
}

// The user agents of the views: a headless browser's own says that it is a machine.
const (
	desktopAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	phoneAgent   = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)

func (v View) agent() string {
	switch {
	case v.Agent != "":
		return v.Agent
	case v.Phone:
		return phoneAgent
	}
	return desktopAgent
}

// Open opens an empty page in a session of its own, which ends with the test.
func (b *Browser) Open(t sandbox.T, v View) *Page {
	t.Helper()
	session, err := b.started(t).Incognito()
	if err != nil {
		t.Fatalf("open a session: %v", err)
	}
	page, err := session.Page(proto.TargetCreateTarget{URL: "about:blank"})
	if err != nil {
		t.Fatalf("open a page: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(func() {
		cancel()
		_ = session.Close() // the browser may have ended
	})
	p := &Page{t: t, view: v, Page: page.Context(ctx)}
	if err := p.dress(); err != nil {
		t.Fatalf("prepare a page: %v", err)
	}
	return p
}

func (p *Page) dress() error {
	v := p.view
	language := v.Language
	if language == "" {
		language = "fr"
	}
	scheme, forced := "light", "none"
	if v.Dark {
		scheme = "dark"
	}
	if v.HighContrast {
		forced = "active"
	}
	return errors.Join(
		p.SetUserAgent(&proto.NetworkSetUserAgentOverride{UserAgent: v.agent(), AcceptLanguage: language}),
		p.SetViewport(&proto.EmulationSetDeviceMetricsOverride{Width: v.Width, Height: v.Height, DeviceScaleFactor: 1, Mobile: v.Phone}),
		proto.EmulationSetTouchEmulationEnabled{Enabled: v.Phone}.Call(p),
		proto.EmulationSetScriptExecutionDisabled{Value: v.NoScript}.Call(p),
		proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "forced-colors", Value: forced}}}.Call(p),
	)
}
