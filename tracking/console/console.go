package console

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/web"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/*
var staticFiles embed.FS

// Accounts checks passwords (*account.Accounts).
type Accounts interface {
	Login(ctx context.Context, try account.Attempt) (gateway.Agent, error)
}

// Intake takes couriers (*intake.Intake).
type Intake interface {
	Submit(ctx context.Context, s intake.Submission) (intake.Receipt, error)
	Check(ctx context.Context, s intake.Submission) (intake.Report, error)
}

// Composer makes the message of one recipient (outbound/compose, with its tokens).
type Composer interface {
	Letter(w io.Writer, c gateway.Courier, r gateway.Recipient, content io.ReaderAt) error
}

// Pager writes the page that a company would see of a courier that is not stored (tracking/link), whole in one file.
type Pager interface {
	Page(ctx context.Context, w io.Writer, c gateway.Courier, r gateway.Recipient, content *store.Spool) error
}

// Prover writes proofs (*proof.Issuer).
type Prover interface {
	Write(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error
	Bundle(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error
}

// Options says how the console behaves.
type Options struct {
	BaseURL        string // as agents see it, without a final slash
	Domain         string // of the gateway's addresses
	Name           string // what people call the gateway in its own mails
	Theme          web.Theme
	Mail           Mail
	MaxPlain       int64          // bytes of a courier's files without acknowledgement; 0: gateway.MaxPlain
	MaxFiles       int64          // with acknowledgement, and of a draft; 0: gateway.MaxAcknowledged
	PerMinute      int            // requests of one network
	Live           int            // pages updated live, in all; 0: 400
	LivePerAgent   int            // of one agent; 0: 5
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Idle, Lifetime time.Duration  // of sessions
	OpenID         *OpenID        // nil: none
	Now            func() time.Time
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
}

// Deps is what the console works with.
type Deps struct {
	Store       *store.Store
	Accounts    Accounts
	Intake      Intake
	Prover      Prover
	Composer    Composer
	Pager       Pager
	Matcher     Matcher
	Vault       *seal.Vault // of mail that may be a sealed answer
	Instruments Instruments
	Node        string // this process's name among the nodes, as store.SeeNode has it
	APIKeys     APIKeys
	Kinds       *kinds.Set
	Tokens      *token.Ring
}

// Console is the agents' pages. It is an http.Handler, safe for concurrent use; it owns no goroutine.
type Console struct {
	o       Options
	d       Deps
	site    *web.Site
	forms   web.Forms
	cross   *http.CrossOriginProtection
	visits  *web.Limiter // of a network
	tries   *web.Limiter // to sign in, of a network
	mails   *web.Limiter // links to one mailbox
	grammar *address.Grammar
	metrics *metrics
	mux     *http.ServeMux
	secure  bool // the console is reached over TLS

	followed liveBound
	liveAsk  time.Duration // how often a page for which there is no room among the live ones asks by itself
	draining context.Context
	drain    context.CancelFunc
}

// New makes the console. A route that does not say who may use it is an error.
func New(o Options, d Deps) (*Console, error) {
	c := &Console{
		o: o, d: d, secure: strings.HasPrefix(o.BaseURL, "https://"),
		forms:   web.Forms{Key: d.Tokens.Derive("console form"), Life: 24 * time.Hour},
		cross:   http.NewCrossOriginProtection(),
		visits:  web.PerMinute(o.PerMinute, o.Now),
		tries:   web.PerMinute(20, o.Now),
		mails:   web.NewLimiter(rate.Every(5*time.Minute), 3, o.Now),
		metrics: newMetrics(o.Registerer),
		mux:     http.NewServeMux(),

		followed: liveBound{most: cmp.Or(o.Live, 400), each: cmp.Or(o.LivePerAgent, 5), of: map[gateway.ID]int{}},
		liveAsk:  30 * time.Second,
	}
	c.o.MaxPlain = cmp.Or(o.MaxPlain, gateway.MaxPlain)
	c.o.MaxFiles = cmp.Or(o.MaxFiles, gateway.MaxAcknowledged)
	var err error
	if c.grammar, err = address.New(o.Domain, d.Kinds.Codes()); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.draining, c.drain = context.WithCancel(context.Background())
	if err := c.cross.AddTrustedOrigin(o.BaseURL); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	pages, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.site, err = web.New(web.Options{
		Prefix: "console", Home: "/", Templates: pages, Static: static, Theme: o.Theme, HSTS: c.secure, Logger: o.Logger,
		Policy: web.Policy{"script-src": "'self'", "connect-src": "'self'", "frame-src": "'self'"},
	})
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	for _, rt := range c.routes() {
		if err := rt.check(); err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		c.mux.Handle(rt.method+" "+rt.path, c.guard(rt))
	}
	c.mux.HandleFunc("GET "+web.AssetPrefix+"{file...}", c.site.Asset(c.missing))
	c.mux.HandleFunc("GET /robots.txt", web.Robots)
	c.mux.HandleFunc("GET /.well-known/autoconfig/mail/config-v1.1.xml", c.autoconfig)
	c.mux.HandleFunc("GET /mail/config-v1.1.xml", c.autoconfig)
	c.mux.HandleFunc("POST /autodiscover/autodiscover.xml", c.autodiscover)
	c.mux.HandleFunc("/", c.missing)
	return c, nil
}

// Drain ends the answers that wait: live updates stop. Requests at work go on.
func (c *Console) Drain() { c.drain() }

// ServeHTTP answers with the headers that every page bears, within the limits of its network.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.site.Headers(w.Header())
	if strings.HasPrefix(r.URL.Path, web.AssetPrefix) {
		c.mux.ServeHTTP(w, r)
		return
	}
	if !c.visits.Allow(c.network(r)) {
		c.metrics.limited.Inc()
		c.notice(w, r, http.StatusTooManyRequests, "limited")
		return
	}
	if err := c.cross.Check(r); err != nil {
		c.metrics.forged.Inc()
		c.notice(w, r, http.StatusForbidden, "forged")
		return
	}
	c.mux.ServeHTTP(w, r)
}

func (c *Console) network(r *http.Request) string {
	return web.Network(web.ClientAddress(r, c.o.TrustedProxies))
}

// missing is the page of what does not exist, and of what the agent may not see.
func (c *Console) missing(w http.ResponseWriter, r *http.Request) {
	c.notice(w, r, http.StatusNotFound, "unknown")
}

// notice is a page of one sentence.
func (c *Console) notice(w http.ResponseWriter, r *http.Request, status int, name string) {
	c.site.Write(w, r, web.Page{Name: name, Status: status, Lang: c.language(w, r), Switch: r.URL.Path})
}

// fail answers a request that could not be served.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	var said *gateway.Fault
	var sent errSent
	switch {
	case r.Context().Err() != nil: // the agent has left
	case errors.As(err, &sent): // whoever presses twice, or comes back, is led to what became of it
		_ = after(w, r, "/courriers/"+sent.courier.String(), "sent")
	case errors.Is(err, gateway.ErrNotFound):
		c.missing(w, r)
	case errors.Is(err, errForged):
		c.metrics.forged.Inc()
		c.notice(w, r, http.StatusForbidden, "forged")
	case errors.As(err, &said) && said.Class == gateway.Permanent && said.Key != "":
		c.refused(w, r, v, said)
	default:
		c.metrics.outages.Inc()
		c.o.Logger.Error("console: page not served", "route", r.Pattern, "courier", v.courier.ID.String(), "err", err) // never the path, which may bear a link
		w.Header().Set("Retry-After", "60")
		c.notice(w, r, http.StatusServiceUnavailable, "outage")
	}
}
