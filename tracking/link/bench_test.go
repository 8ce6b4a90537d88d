package link

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkLandingPage is a letter's landing page without its store: templates, tokens, the visit that is already recorded.
func BenchmarkLandingPage(b *testing.B) {
	d := newDesk(b)
	d.pages.opts.PerMinute = 1 << 30
	d.pages.limiter = nil
	r := httptest.NewRequest("GET", d.link, nil)
	r.SetPathValue("token", d.link[3:])
	r.Header.Set("User-Agent", firefox)
	r.Header.Set("Accept-Language", "fr-FR,fr;q=0.9")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		d.pages.site.Headers(w.Header())
		d.pages.letter(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
