// Package daemon wires the gateway: it makes every part from the configuration, starts them in
// order, and stops them in the reverse order.
//
// It promises that once Start returns every listener answers; that Stop lets sessions and deliveries under way
// finish within their grace and loses nothing that was accepted; and that a part that ends by itself
// stops the whole, with its reason. All that outlives a crash is in the store; a crash here leaves nothing else.
package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"vaguemestre/gateway/account"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/oauth"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/inbound/mailbox"
	"vaguemestre/outbound/relay"
	"vaguemestre/outbound/submission"
	"vaguemestre/tracking/ledger"
	"vaguemestre/tracking/proof"
	"vaguemestre/tracking/scan"
)

// Options are what the configuration does not say.
type Options struct {
	Log *slog.Logger
	Now func() time.Time // nil: time.Now
}

// Daemon is one running gateway.
type Daemon struct {
	cfg      config.Config
	log      *slog.Logger
	now      func() time.Time
	registry *prometheus.Registry
	hostname string

	lock      *os.File // on the data folder, while we live
	store     *store.Store
	ring      *token.Ring
	vault     *seal.Vault
	mailboxes *mailbox.Service
	relay     *relay.Relay
	tokens    map[string]*oauth.Source // by name
	ledger    *ledger.Ledger
	proof     *proof.Issuer
	health    *health

	composer  *composer
	antivirus *scan.Keeper // nil: none is configured

	submission   *submission.Server
	pages        *httpServer
	metrics      *httpServer
	api          *httpServer
	console      *httpServer
	drains       []func() // each ends what waits in one of them
	certificates []*certificate

	running sync.WaitGroup
	stopped sync.Once
	cancel  context.CancelFunc
	failed  chan error // the first part that ended by itself
	runners []runner
}

// runner is a part that works until its context ends.
type runner struct {
	name string
	run  func(context.Context) error
}

// New makes the parts; nothing listens and nothing works yet. Close it with Stop.
func New(ctx context.Context, cfg config.Config, o Options) (*Daemon, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Daemon{cfg: cfg, log: o.Log, now: o.Now, registry: prometheus.NewRegistry(), failed: make(chan error, 1), cancel: func() {}}
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := d.make(ctx); err != nil {
		return nil, errors.Join(err, d.closeStore())
	}
	return d, nil
}

func (d *Daemon) make(ctx context.Context) (err error) {
	if d.hostname, err = hostname(d.cfg); err != nil {
		return err
	}
	if d.lock, err = lockFolder(d.cfg.DataDir); err != nil {
		return err
	}
	if d.store, err = OpenStore(ctx, d.cfg, d.log, d.registry, d.now); err != nil {
		return err
	}
	if d.ring, err = TokenRing(d.key("tokens")); err != nil {
		return err
	}
	if d.vault, err = SealVault(d.key("seals")); err != nil {
		return err
	}
	if d.tokens, err = NewTokens(d.cfg, d.registry, d.now); err != nil {
		return err
	}
	d.health = newHealth(d.store, func() []*certificate { return d.certificates }, d.registry)
	for _, step := range []func() error{d.makeLedger, d.makeOutbound, d.makeInbound, d.makeAntivirus, d.makePages, d.makeSubmission, d.makeMetrics} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// key is the path of a key that the gateway makes itself.
func (d *Daemon) key(name string) string { return KeyFile(d.cfg, name) }

// owner names this node in leases. The lock on the data folder keeps it unique among the processes that live; that
// it survives a restart lets the next process take over at once what a killed one held.
func (d *Daemon) owner() string { return d.hostname + ":" + d.cfg.DataDir }

func (d *Daemon) makeLedger() (err error) {
	d.ledger, err = NewLedger(d.cfg, d.store, d.owner(), d.log, d.registry, d.now)
	if err != nil {
		return err
	}
	d.proof, err = NewIssuer(d.cfg, d.store, d.ledger, d.log, d.registry, d.now)
	d.add("ledger", d.ledger.Run)
	d.add("housekeeping", d.keepHouse)
	return err
}

func (d *Daemon) makeSubmission() error {
	in, err := d.newIntake()
	if err != nil {
		return err
	}
	asked, err := newDirectory(d.cfg.Accounts.LDAP)
	if err != nil {
		return err
	}
	accounts, err := account.New(account.Options{
		Directory: asked,
		Remember:  d.cfg.Accounts.Remember.Of(), LockAfter: d.cfg.Accounts.LockAfter, LockAddress: d.cfg.Accounts.LockAddress,
		Delay: d.cfg.Accounts.Delay.Of(), LongestDelay: d.cfg.Accounts.LongestDelay.Of(), LockFor: d.cfg.Accounts.LockFor.Of(), Hashing: d.cfg.Accounts.Hashing,
		Now: d.now, Logger: d.log, Registerer: d.registry,
	}, d.store)
	if err != nil {
		return err
	}
	if err := d.makeAPI(in); err != nil {
		return err
	}
	if err := d.makeConsole(in, accounts); err != nil {
		return err
	}
	s := d.cfg.Submission
	cert, err := d.certificate("submission", s.Certificate, s.Key)
	if err != nil {
		return err
	}
	d.submission = submission.New(submission.Options{
		Hostname: d.hostname, StartTLS: s.StartTLS, TLS: s.TLS, Certificate: cert.config().GetCertificate,
		MaxBytes: s.MaxBytes, MaxHeaderBytes: s.MaxHeaderBytes, MaxRecipients: s.MaxRecipients, MaxConnections: s.MaxConnections,
		MaxPerAddress: s.MaxPerAddress, MaxFailedLogins: s.MaxFailedLogins, MaxCommands: s.MaxCommands,
		MaxLine: s.MaxLine, MaxCommandLine: s.MaxCommandLine, GreetTimeout: s.HandshakeTimeout.Of(), LoginTimeout: s.LoginTimeout.Of(),
		BlockTimeout: s.BlockTimeout.Of(), SubmitTimeout: s.SubmitTimeout.Of(), WriteTimeout: s.WriteTimeout.Of(), LingerTimeout: s.LingerTimeout.Of(),
		CommandTimeout: s.CommandTimeout.Of(), DataTimeout: s.DataTimeout.Of(), SessionTimeout: s.SessionTimeout.Of(),
		Now: d.now, Logger: d.log, Registerer: d.registry,
	}, in, accounts, d.store)
	return nil
}

func (d *Daemon) makeAntivirus() error {
	c := d.cfg.Clamd
	if c.Address == "" {
		return nil
	}
	network, address := c.Network()
	d.antivirus = scan.NewKeeper(scan.Clamd{Network: network, Address: address, Timeout: c.Timeout.Of()}, c.Again.Of(), d.now, d.registry)
	return nil
}

func (d *Daemon) makePages() error {
	pages, err := d.newPages()
	if err != nil {
		return err
	}
	var t *tls.Config
	if l := d.cfg.Link; l.Certificate != "" {
		cert, err := d.certificate("pages", l.Certificate, l.Key)
		if err != nil {
			return err
		}
		t = cert.config()
	}
	d.pages = newHTTPServer("pages", pages, t, d.log)
	return nil
}

func (d *Daemon) makeMetrics() error {
	if d.cfg.Metrics.Listen == "" {
		return nil
	}
	mux := http.NewServeMux()
	d.health.routes(mux, d.registry)
	d.metrics = newHTTPServer("metrics", mux, nil, d.log)
	return nil
}

func (d *Daemon) certificate(listener, file, key string) (*certificate, error) {
	c, err := loadCertificate(listener, file, key)
	if err == nil {
		d.certificates = append(d.certificates, c)
	}
	return c, err
}

func (d *Daemon) add(name string, run func(context.Context) error) {
	d.runners = append(d.runners, runner{name, run})
}

// Start opens the listeners and sets the parts to work. When one cannot, everything is stopped as by Stop.
func (d *Daemon) Start(ctx context.Context) error {
	if err := d.start(ctx); err != nil {
		return errors.Join(err, d.stopSoon(ctx))
	}
	return nil
}

func (d *Daemon) start(ctx context.Context) error {
	abandoned, err := d.store.Abandon(ctx, d.owner())
	if err != nil {
		return err
	}
	if abandoned > 0 {
		d.log.Warn("deliveries were under way when the gateway stopped; they are marked uncertain and tried again", "jobs", abandoned)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	for _, r := range d.runners {
		d.running.Go(func() {
			if err := r.run(work); err != nil && work.Err() == nil {
				d.fail(fmt.Errorf("%s: %w", r.name, err))
			}
		})
	}
	if err := d.pages.start(d.cfg.Link.Listen); err != nil {
		return err
	}
	if d.metrics != nil {
		if err := d.metrics.start(d.cfg.Metrics.Listen); err != nil {
			return err
		}
	}
	if d.api != nil {
		if err := d.api.start(d.cfg.API.Listen); err != nil {
			return err
		}
	}
	if d.console != nil {
		if err := d.console.start(d.cfg.Console.Listen); err != nil {
			return err
		}
	}
	if err := d.submission.Start(ctx); err != nil {
		return err
	}
	d.health.started()
	d.log.Info("started", "submission", d.Addresses().StartTLS, "submission_tls", d.Addresses().TLS, "pages", d.Addresses().Pages, "metrics", d.Addresses().Metrics, "api", d.Addresses().API, "console", d.Addresses().Console)
	return nil
}

func (d *Daemon) fail(err error) {
	select {
	case d.failed <- err:
	default: // one reason is enough to stop
	}
}

// Failed tells the reason of a part that ended by itself.
func (d *Daemon) Failed() <-chan error { return d.failed }

// Addresses are where the daemon listens; empty: it does not.
type Addresses struct{ StartTLS, TLS, Pages, Metrics, API, Console string }

// Addresses tells them after Start.
func (d *Daemon) Addresses() Addresses {
	a := Addresses{Pages: d.pages.addr()}
	startTLS, implicit := d.submission.Addr()
	if startTLS != nil {
		a.StartTLS = startTLS.String()
	}
	if implicit != nil {
		a.TLS = implicit.String()
	}
	if d.metrics != nil {
		a.Metrics = d.metrics.addr()
	}
	if d.api != nil {
		a.API = d.api.addr()
	}
	if d.console != nil {
		a.Console = d.console.addr()
	}
	return a
}

// Reload reads the certificates again; the old ones stay when the new ones cannot be read.
func (d *Daemon) Reload() error {
	var problems []error
	for _, c := range d.certificates {
		problems = append(problems, c.reload())
	}
	return errors.Join(problems...)
}

// Stop drains: no new work is taken, what is under way finishes within its grace, then everything is closed.
// Whatever ctx cuts short is left as a crash leaves it: in the store. What was stopped already stays so.
func (d *Daemon) Stop(ctx context.Context) (err error) {
	d.stopped.Do(func() { err = d.stop(ctx) })
	return err
}

func (d *Daemon) stop(ctx context.Context) error {
	d.health.stopping()
	for _, drain := range d.drains {
		drain()
	}
	drain, done := context.WithTimeout(ctx, d.cfg.Submission.DrainTimeout.Of())
	defer done()
	var problems []error
	problems = append(problems, d.submission.Stop(drain))
	problems = append(problems, d.pages.stopIfStarted(drain))
	problems = append(problems, d.api.stopIfStarted(drain))
	problems = append(problems, d.console.stopIfStarted(drain))
	d.cancel()
	d.running.Wait()
	if d.metrics != nil {
		problems = append(problems, d.metrics.stopIfStarted(ctx))
	}
	return errors.Join(append(problems, d.closeStore())...)
}

func (d *Daemon) closeStore() error {
	var problems []error
	if d.store != nil {
		problems = append(problems, d.store.Close())
	}
	if d.lock != nil {
		problems = append(problems, d.lock.Close())
	}
	return errors.Join(problems...)
}

// Store is the open installation, for those who run the daemon in their own process.
func (d *Daemon) Store() *store.Store { return d.store }

func prefixes(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, fmt.Errorf("link.trusted_proxies: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}
