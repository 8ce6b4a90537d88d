package daemon

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/link"
	"vaguemestre/tracking/web"
)

// trialPager shows agents the page that a company would see, by the very pages that companies get.
type trialPager struct{ d *Daemon }

// prospect is a store that holds one courier, read by its one recipient, and forgets what it is told.
type prospect struct {
	courier   gateway.Courier
	recipient gateway.Recipient
}

func (p prospect) Recipient(context.Context, gateway.ID) (gateway.Recipient, error) {
	return p.recipient, nil
}

func (p prospect) Courier(context.Context, gateway.ID) (gateway.Courier, error) {
	return p.courier, nil
}

func (p prospect) Events(context.Context, gateway.ID, gateway.ID) ([]gateway.Event, error) {
	return nil, nil
}

func (p prospect) Consultation(context.Context, gateway.ID) (gateway.Consultation, error) {
	return gateway.Consultation{ID: p.courier.Consultation}, nil
}

func (prospect) Apply(context.Context, gateway.Step) error { return nil }

// spooled is the message of a trial as pages open contents; the intake discards it.
type spooled struct {
	io.ReaderAt
	size int64
}

func (s spooled) Size() int64 { return s.size }
func (spooled) Close() error  { return nil }

// Page implements intake.Pager. The file stands alone: the style and the letter's HTML are in it, and its links lead nowhere.
func (t trialPager) Page(ctx context.Context, w io.Writer, c gateway.Courier, r gateway.Recipient, content *store.Spool) error {
	r.Courier, r.Standing.Read = c.ID, c.Accepted
	r.Standing.Sent = c.Accepted
	contents := func(context.Context, gateway.Hash) (link.Content, error) {
		return spooled{content.ReaderAt(), content.Size()}, nil
	}
	theme, err := web.LoadTheme(t.d.cfg.Theme)
	if err != nil {
		return err
	}
	pages, err := link.New(prospect{c, r}, contents, link.Options{
		Tokens: t.d.ring, PerMinute: 1000, Theme: theme, Now: t.d.now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	base := "/l/" + t.d.ring.Mint(token.Link, r.ID)
	page, err := fetch(ctx, pages, base)
	if err != nil {
		return err
	}
	if page, err = standalone(ctx, pages, page); err != nil {
		return err
	}
	if source := ` src="` + base + `/texte"`; strings.Contains(page, source) {
		body, err := fetch(ctx, pages, base+"/texte")
		if err != nil {
			return err
		}
		page = strings.Replace(page, source, ` srcdoc="`+html.EscapeString(body)+`"`, 1)
	}
	_, err = io.WriteString(w, strings.ReplaceAll(page, base, "#"))
	return err
}

var (
	sheetLink = regexp.MustCompile(`<link rel="stylesheet" href="([^"]*)">`)
	iconLink  = regexp.MustCompile(`<link rel="icon"[^>]*>\n?`)
	picture   = regexp.MustCompile(`src="(` + web.AssetPrefix + `[^"]*)"`)
)

// standalone puts the style sheet and the logo into the page.
func standalone(ctx context.Context, pages http.Handler, page string) (string, error) {
	page = iconLink.ReplaceAllString(page, "")
	if m := sheetLink.FindStringSubmatch(page); m != nil {
		sheet, err := fetch(ctx, pages, m[1])
		if err != nil {
			return "", err
		}
		page = strings.Replace(page, m[0], "<style>"+sheet+"</style>", 1)
	}
	if m := picture.FindStringSubmatch(page); m != nil {
		logo, err := fetch(ctx, pages, m[1])
		if err != nil {
			return "", err
		}
		mediaType := mime.TypeByExtension(path.Ext(m[1]))
		page = strings.Replace(page, m[0], `src="data:`+mediaType+`;base64,`+base64.StdEncoding.EncodeToString([]byte(logo))+`"`, 1)
	}
	return page, nil
}

func fetch(ctx context.Context, pages http.Handler, address string) (string, error) {
	answer := httptest.NewRecorder()
	pages.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, address, nil))
	if answer.Code != http.StatusOK {
		return "", fmt.Errorf("the page answers %d", answer.Code)
	}
	return answer.Body.String(), nil
}
