package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// WorldOptions says what the world is like. Only Domain is needed.
type WorldOptions struct {
	Domain   string // of the gateway: mail sent there goes to its IMAP mailbox
	Hostname string // of the world's servers; "mx.sandbox.example" when empty

	SMTPUser, SMTPPassword string // when given, the smarthost asks for AUTH, over TLS only
	IMAPUser, IMAPPassword string // "courrier@<domain>" and "bac-a-sable" when empty

	Keep int           // mails kept over all of the companies' mailboxes; 1,000 when 0
	Slow time.Duration // what lent@… takes before delivery; 10 s when 0

	Now    func() time.Time // time.Now when nil
	Logger *slog.Logger     // nothing is logged when nil
}

func (o WorldOptions) filled() WorldOptions {
	or := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	or(&o.Hostname, "mx.sandbox.example")
	or(&o.IMAPUser, "courrier@"+o.Domain)
	or(&o.IMAPPassword, "bac-a-sable")
	if o.Keep <= 0 {
		o.Keep = 1000
	}
	if o.Slow <= 0 {
		o.Slow = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// World is a smarthost, an IMAP mailbox and the companies' mailboxes, in this process.
type World struct {
	// SMTP, IMAP and IMAPS are host:port: the smarthost (STARTTLS offered), the gateway's mailbox in
	// clear or with STARTTLS, and over TLS.
	SMTP, IMAP, IMAPS string
	// Page is the address of the page of the companies' mailboxes, without a final slash.
	Page string
	// CA is the file of the authority that signed the servers' certificates (for 127.0.0.1 and localhost).
	CA string
	// IMAPUser and IMAPPassword open the gateway's mailbox.
	IMAPUser, IMAPPassword string

	options WorldOptions
	log     *slog.Logger
	dir     string
	ca      *Authority
	boxes   *boxes
	imap    *imapBox
	queued  atomic.Int64
	voyages chan voyage

	stopping context.Context
	stop     context.CancelFunc
	tasks    sync.WaitGroup
	gates    []*gate
}

// StartWorld starts everything; the world lives until Stop, or until ctx ends and Stop is called.
func StartWorld(ctx context.Context, options WorldOptions) (*World, error) {
	options = options.filled()
	if options.Domain == "" {
		return nil, errors.New("start the world: no domain for the gateway")
	}
	dir, err := os.MkdirTemp("", "vgm-world-")
	if err != nil {
		return nil, fmt.Errorf("start the world: %w", err)
	}
	w := &World{
		options: options, log: options.Logger, dir: dir, voyages: make(chan voyage, 256),
		boxes:    newBoxes(options.Keep, options.Now),
		IMAPUser: options.IMAPUser, IMAPPassword: options.IMAPPassword,
	}
	w.stopping, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := w.start(); err != nil {
		w.Stop()
		return nil, fmt.Errorf("start the world: %w", err)
	}
	return w, nil
}

func (w *World) start() error {
	ca, err := NewAuthority(w.dir)
	if err != nil {
		return err
	}
	w.ca, w.CA = ca, ca.File
	pair, err := ca.Leaf("world", w.options.Hostname)
	if err != nil {
		return err
	}
	smarthost, err := w.newSmarthost(pair)
	if err != nil {
		return err
	}
	if w.imap, err = w.newIMAP(pair); err != nil {
		return err
	}
	config, err := pair.Server()
	if err != nil {
		return err
	}
	w.tasks.Go(w.deliverAll)
	return errors.Join(
		w.serve(&w.SMTP, func(g *gate) { _ = smarthost.Serve(g) }),
		w.serve(&w.IMAP, func(g *gate) { _ = w.imap.server.Serve(g) }),
		w.serve(&w.IMAPS, func(g *gate) { _ = w.imap.server.Serve(tls.NewListener(g, config)) }),
		w.servePage(),
	)
}

// serve opens a gate and runs a server behind it until the gate is shut.
func (w *World) serve(address *string, run func(*gate)) error {
	g, err := newGate()
	if err != nil {
		return err
	}
	*address = g.address()
	w.gates = append(w.gates, g)
	w.tasks.Go(func() { run(g) })
	return nil
}

func (w *World) servePage() error {
	server := &http.Server{
		Handler: w.page(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
	err := w.serve(&w.Page, func(g *gate) { _ = server.Serve(g) })
	w.Page = "http://" + w.Page
	return err
}

// Stop closes every socket, ends every goroutine and removes every file of the world.
func (w *World) Stop() {
	w.stop()
	for _, g := range w.gates {
		g.shut()
	}
	w.tasks.Wait()
	_ = os.RemoveAll(w.dir)
}

// Mails lists a company's mailbox, oldest first; an empty address lists the mailboxes all together.
func (w *World) Mails(address string) []*Mail {
	box := ""
	if address != "" {
		box = boxOf(address)
	}
	mails, _ := w.boxes.in(box)
	return mails
}

// Wait gives the first mail of the address, already there or to come, for which pleases is true (nil: any).
// The error of an ended context names the subjects that came.
func (w *World) Wait(ctx context.Context, address string, pleases func(*Mail) bool) (*Mail, error) {
	return w.boxes.wait(ctx, boxOf(address), pleases)
}

// Send submits a message to the smarthost by SMTP, with TLS, as a program of a company does.
func (w *World) Send(ctx context.Context, from string, to []string, raw []byte) error {
	return sendMail(ctx, w.SMTP, w.clientTLS(), w.login(), from, to, raw)
}

func (w *World) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: w.ca.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// Reply answers a mail as its recipient, to its Reply-To, by SMTP, and returns the answer's Message-ID.
func (w *World) Reply(ctx context.Context, m *Mail, text string, files ...File) (string, error) {
	letter, err := m.Letter()
	if err != nil {
		return "", err
	}
	to, err := replyAddress(letter)
	if err != nil {
		return "", err
	}
	raw, id, err := composeReply(m, letter, to, text, files, w.options.Now())
	if err != nil {
		return "", err
	}
	return id, w.Send(ctx, m.To, []string{to}, raw)
}

var _ smtp.AuthSession = (*smtpSession)(nil)
