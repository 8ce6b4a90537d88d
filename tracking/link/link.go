package link

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"vaguemestre/gateway"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/web"
)

// Store is what the pages read and record.
type Store interface {
	Recipient(context.Context, gateway.ID) (gateway.Recipient, error)
	Courier(context.Context, gateway.ID) (gateway.Courier, error)
	Consultation(context.Context, gateway.ID) (gateway.Consultation, error)
	Events(ctx context.Context, courier, recipient gateway.ID) ([]gateway.Event, error)
	Apply(context.Context, gateway.Step) error
}

// Contents opens what a courier is made of.
type Contents func(context.Context, gateway.Hash) (Content, error)

// Content is the bytes of a stored content.
type Content interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Receipts makes the company's own receipt: the proof of a courier, limited to one recipient, as a PDF.
type Receipts interface {
	Write(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error
}

// Antivirus tells what malware is in a file: its signature, empty when there is none. An error is an outage; nothing is known then.
type Antivirus interface {
	Judge(ctx context.Context, h gateway.Hash, open func() (io.Reader, error)) (signature string, err error)
	// Known is what was found before, without asking again.
	Known(h gateway.Hash) (signature string, ok bool)
}

// Options says how the pages behave.
type Options struct {
	Tokens         *token.Ring
	MinDelay       time.Duration  // between showing the landing page and its acknowledgement
	OpenFor        time.Duration  // after its acceptance, a letter's pages close; 0: never
	PerMinute      int            // requests of one network (IPv4 /32, IPv6 /64)
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	DataCentres    []netip.Prefix // whose visitors look like machines
	HSTS           bool           // the pages are served over TLS
	Theme          web.Theme
	Receipts       Receipts  // nil: companies get none
	Antivirus      Antivirus // nil: files are not scanned
	Postmaster     string    // who is told of an infected file beside the agent
	Answers        *Answers  // nil: no answer can be written on the page
	Now            func() time.Time
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
}

// Pages is the companies' pages. It is an http.Handler, safe for concurrent use.
type Pages struct {
	store    Store
	contents Contents
	opts     Options
	site     *web.Site
	forms    web.Forms
	recent   recent
	limiter  *web.Limiter  // per network
	codes    *web.Limiter  // tries of the short code, per recipient
	receipts *web.Limiter  // per recipient
	drawing  chan struct{} // room for receipts being made
	metrics  *metrics
	mux      *http.ServeMux
}

// formLife is how long a page that was shown can still acknowledge.
const formLife = 24 * time.Hour

// New makes the pages.
func New(store Store, contents Contents, o Options) (*Pages, error) {
	site, err := newSite(o)
	if err != nil {
		return nil, err
	}
	p := &Pages{
		store: store, contents: contents, opts: o, site: site,
		forms:    web.Forms{Key: o.Tokens.Derive("link form"), Wait: o.MinDelay, Life: formLife},
		limiter:  web.PerMinute(o.PerMinute, o.Now),
		codes:    web.NewLimiter(rate.Every(2*time.Minute), 5, o.Now),
		receipts: web.NewLimiter(rate.Every(10*time.Minute), 5, o.Now),
		drawing:  make(chan struct{}, receiptsAtOnce),
		metrics:  newMetrics(o.Registerer),
		mux:      http.NewServeMux(),
	}
	p.routes()
	return p, nil
}

func (p *Pages) routes() {
	p.mux.HandleFunc("GET /l/{token}", p.letter)
	p.mux.HandleFunc("POST /l/{token}", p.acknowledge)
	p.mux.HandleFunc("GET /l/{token}/texte", p.body)
	p.mux.HandleFunc("GET /l/{token}/image/{part}", p.image)
	p.mux.HandleFunc("GET /l/{token}/fichier/{n}/{name}", p.file)
	p.mux.HandleFunc("GET /l/{token}/tout.zip", p.archive)
	p.mux.HandleFunc("GET /l/{token}/recepisse.pdf", p.receipt)
	p.mux.HandleFunc("GET /l/{token}/erreur", p.mistake)
	p.mux.HandleFunc("POST /l/{token}/erreur", p.wrong)
	if p.opts.Answers != nil {
		newAnswers(p, *p.opts.Answers).routes(p.mux)
	}
	p.mux.HandleFunc("GET "+web.AssetPrefix, p.site.Asset(p.unknown))
	p.mux.HandleFunc("GET /robots.txt", web.Robots)
	p.mux.HandleFunc("/", p.unknown)
}

// ServeHTTP answers with the headers that every page bears, within the limits of its network.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.site.Headers(w.Header())
	if !p.limiter.Allow(web.Network(web.ClientAddress(r, p.opts.TrustedProxies))) {
		p.limited(w, r)
		return
	}
	p.mux.ServeHTTP(w, r)
}
