package browser

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"

	"vaguemestre/deploy/sandbox"
)

// Page is a page that a person looks at. Whatever it is asked and cannot do fails the test.
type Page struct {
	*rod.Page
	t    sandbox.T
	view View
}

// shotsVariable names the folder where pictures go; without it none are kept.
const shotsVariable = "VAGUEMESTRE_SCREENSHOTS"

func (p *Page) must(doing string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.view.Name, doing, err)
	}
}

// Go goes to an address and waits until it is loaded.
func (p *Page) Go(address string) *Page {
	p.t.Helper()
	wait := p.WaitNavigation(proto.PageLifecycleEventNameLoad)
	p.must("go to the page", p.Navigate(address))
	wait()
	return p
}

// Find is the first element of a CSS selector, waited for.
func (p *Page) Find(selector string) *rod.Element {
	p.t.Helper()
	e, err := p.Element(selector)
	p.must("find "+selector, err)
	return e
}

// Count is how many elements of a selector there are now.
func (p *Page) Count(selector string) int {
	p.t.Helper()
	all, err := p.Elements(selector)
	p.must("count "+selector, err)
	return len(all)
}

// Press clicks on an element, and waits for the page that it leads to.
func (p *Page) Press(selector string) *Page {
	p.t.Helper()
	e := p.Find(selector)
	wait := p.WaitNavigation(proto.PageLifecycleEventNameLoad)
	p.must("press "+selector, p.click(e))
	wait()
	return p
}

// Click clicks on an element that leads nowhere.
func (p *Page) Click(selector string) *Page {
	p.t.Helper()
	p.must("click "+selector, p.click(p.Find(selector)))
	return p
}

// click moves the mouse there and presses it. The library's own way waits for frames that a page without JavaScript never
// announces.
func (p *Page) click(e *rod.Element) error {
	if err := (proto.DOMScrollIntoViewIfNeeded{ObjectID: e.Object.ObjectID}).Call(p); err != nil {
		return err
	}
	shape, err := e.Shape()
	if err != nil {
		return err
	}
	at := shape.OnePointInside()
	if at == nil {
		return errors.New("it has no place on the page")
	}
	return errors.Join(p.Mouse.MoveTo(*at), p.Mouse.Click(proto.InputMouseButtonLeft, 1))
}

// Type replaces what a field holds.
func (p *Page) Type(selector, text string) *Page {
	p.t.Helper()
	e := p.Find(selector)
	p.must("go to the field "+selector, proto.DOMFocus{ObjectID: e.Object.ObjectID}.Call(p))
	_, err := e.Eval(`() => this.select()`)
	p.must("empty "+selector, err)
	p.must("type into "+selector, p.InsertText(text))
	return p
}

// Key presses keys of the keyboard, one after the other.
func (p *Page) Key(keys ...input.Key) *Page {
	p.t.Helper()
	p.must("press keys", p.Keyboard.Type(keys...))
	return p
}

// Text is what the page says.
func (p *Page) Text() string {
	p.t.Helper()
	text, err := p.Find("body").Text()
	p.must("read the page", err)
	return text
}

// Says fails the test unless the page says each of these.
func (p *Page) Says(wanted ...string) *Page {
	p.t.Helper()
	text := strings.Join(strings.Fields(p.Text()), " ")
	for _, w := range wanted {
		if !strings.Contains(text, strings.Join(strings.Fields(w), " ")) {
			p.t.Fatalf("%s: the page does not say %q but:\n%s", p.view.Name, w, text)
		}
	}
	return p
}

// Where is the page's address.
func (p *Page) Where() string {
	p.t.Helper()
	info, err := p.Info()
	p.must("ask the address", err)
	return info.URL
}

// Fits fails the test when the page is wider than the view: people would have to scroll sideways (WCAG 1.4.10).
func (p *Page) Fits() *Page {
	p.t.Helper()
	// Not window.innerWidth: a telephone's window grows with a page that is too wide for it.
	over, err := p.Eval(`width => document.documentElement.scrollWidth - width`, p.view.Width)
	p.must("measure the page", err)
	if n := over.Value.Int(); n > 0 {
		p.t.Fatalf("%s: the page is %d pixels wider than the window", p.view.Name, n)
	}
	return p
}

// Shoot keeps a picture of the whole page, as NAME-VIEW.png.
func (p *Page) Shoot(name string) *Page {
	p.t.Helper()
	folder := os.Getenv(shotsVariable)
	if folder == "" {
		return p
	}
	picture, err := p.Screenshot(true, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatPng})
	p.must("take a picture", err)
	p.must("make the folder of pictures", os.MkdirAll(folder, 0o755))
	p.must("keep the picture", os.WriteFile(filepath.Join(folder, name+"-"+p.view.Name+".png"), picture, 0o644))
	return p
}
