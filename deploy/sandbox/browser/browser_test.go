package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox/browser"
)

var chromium browser.Browser

func TestMain(m *testing.M) { os.Exit(chromium.Main(m)) }

// site is a page that its script would change, under a policy that allows no script of text.
func site(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'")
		if r.URL.Path == "/s.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `document.getElementById("said").textContent = "script ran"`)
			return
		}
		fmt.Fprintf(w, `<!DOCTYPE html><html lang="fr"><meta name="viewport" content="width=device-width"><title>Essai</title><main><h1>%s</h1><p id="said">no script</p>%s<a href="/next">suite</a></main><script src="/s.js"></script>`,
			r.Header.Get("Accept-Language"), body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestViewsAreWhatTheySay(t *testing.T) {
	at := site(t, "")
	for _, v := range browser.Views() {
		p := chromium.Open(t, v).Go(at + "/").Axe().Shoot("harness").Fits()
		want := "script ran"
		if v.NoScript {
			want = "no script"
		}
		p.Says(want, "fr")
		if p.Press("a"); !strings.HasSuffix(p.Where(), "/next") {
			t.Errorf("%s: at %s", v.Name, p.Where())
		}
	}
}

// witness takes the failure of what must fail.
type witness struct {
	*testing.T
	failed bool
}

func (w *witness) Fatalf(string, ...any) {
	w.failed = true
	runtime.Goexit()
}

func TestAxeFindsWhatIsWrong(t *testing.T) {
	w := &witness{T: t}
	p := chromium.Open(w, browser.Desktop()).Go(site(t, `<input type="text">`) + "/")
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Axe()
	}()
	<-done
	if !w.failed {
		t.Error("a field without a label passes")
	}
}
