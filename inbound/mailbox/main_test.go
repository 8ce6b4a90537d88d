package mailbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/inbound/correlate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const domain = "courriers.example.fr"

// world is an installation with one letter sent, and what reads its mail.
type world struct {
	t       *testing.T
	store   *store.Store
	dir     string // of the store: its database and its contents
	ring    *token.Ring
	vault   *seal.Vault
	courier gateway.Courier
	letter  gateway.Recipient
	log     io.Writer
}

func newWorld(t *testing.T, policy gateway.ReplyPolicy) *world {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "base.db"), ContentDir: dir, Inline: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ring, err := token.NewRing(token.Key{ID: 1, Secret: sha256.Sum256([]byte(t.Name()))})
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	vault, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, dir: dir, ring: ring, vault: vault, log: t.Output()}
	w.accept(policy)
	return w
}

// accept stores one courier to one company, as intake and queue leave it.
func (w *world) accept(policy gateway.ReplyPolicy) {
	w.t.Helper()
	now := time.Now()
	consultation, err := w.store.PutConsultation(w.t.Context(), gateway.Consultation{ID: gateway.NewID(now), Reference: "TESTESR2020", Address: "testesr2020"})
	if err != nil {
		w.t.Fatal(err)
	}
	agent, err := w.store.PutAgent(w.t.Context(), gateway.Agent{ID: gateway.NewID(now), Login: "agnes", Addresses: []string{"agnes@ministere.example.fr"}})
	if err != nil {
		w.t.Fatal(err)
	}
	body := w.store.Spool()
	defer body.Discard()
	_, _ = io.WriteString(body, "Subject: Rejet\r\n\r\nBonjour.\r\n")
	id := gateway.NewID(now)
	courier := gateway.Courier{
		ID: id, Consultation: consultation.ID, Author: agent.ID, AuthorAddr: "agnes@ministere.example.fr", Door: gateway.DoorSMTP, Type: gateway.Libre,
		Options: gateway.Options{Reply: policy}, Thread: id, Content: body.Hash(), Size: body.Size(), Accepted: gateway.Micros(now),
	}
	recipient := gateway.Recipient{ID: gateway.NewID(now), Courier: id, Address: "contact@entreprise.example.com"}
	recipient.MessageID = gateway.MessageID(recipient.ID, domain)
	var added []gateway.Recipient
	w.courier, added, err = w.store.Accept(w.t.Context(), store.Acceptance{Courier: courier, Recipients: []gateway.Recipient{recipient}, Contents: []*store.Spool{body}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.letter = added[0]
}

func (w *world) address(kind token.Kind) string {
	return "courrier+" + string(kind) + "-" + w.ring.Mint(kind, w.letter.ID) + "@" + domain
}

// account is the mailbox of a server without TLS on this machine.
func account(address string) Account {
	return Account{Name: "principal", Address: address, TLS: TLSNone, Auth: AuthLogin, Username: "passerelle", Password: "secret", Poll: 50 * time.Millisecond}
}

func (w *world) options(accounts ...Account) Options {
	return Options{
		Accounts: accounts, Owner: w.t.Name(), Rules: correlate.Rules{Domain: correlate.Domain{Name: domain, Ring: w.ring}, Administrator: "admin@example.fr"}, Vault: w.vault,
		CommandTimeout: 10 * time.Second, BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Registerer: prometheus.NewRegistry(),
	}
}

// run starts a service; the function given back stops it and waits.
func (w *world) run(o Options, s Store) (service *Service, stop func()) {
	w.t.Helper()
	if s == nil {
		s = w.store
	}
	service, err := New(o, s)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}
	w.t.Cleanup(stop)
	return service, stop
}

// until waits for a condition; a test that never meets it fails after half a minute.
func (w *world) until(what string, met func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-deadline.C:
			w.t.Fatalf("never: %s", what)
		}
	}
}

func (w *world) events() []gateway.Event {
	w.t.Helper()
	all, err := w.store.Events(w.t.Context(), w.courier.ID, w.letter.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) count(kind gateway.EventKind) int {
	n := 0
	for _, e := range w.events() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (w *world) inbounds(state gateway.InboundState) []gateway.Inbound {
	w.t.Helper()
	all, err := w.store.Inbounds(w.t.Context(), store.InboundFilter{State: state})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// crlf writes a mail as it travels.
func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

// delivered is the report of a delivery to the company.
func (w *world) delivered() []byte {
	return crlf(fmt.Sprintf(`Return-Path: <>
Received: by mx.entreprise.example.com; Fri, 20 Nov 2026 10:00:05 +0100
From: MAILER-DAEMON@mx.entreprise.example.com
To: %s
Subject: Delivery report
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.entreprise.example.com
Original-Envelope-Id: %s

Final-Recipient: rfc822; contact@entreprise.example.com
Action: delivered
Status: 2.0.0
--b--
`, w.address(token.Bounce), gateway.EnvelopeID(w.letter.ID, 0, gateway.ForLetter)))
}

// answer is a company's reply; the same n gives the same bytes.
func (w *world) answer(n int) []byte {
	return crlf(fmt.Sprintf(`Return-Path: <contact@entreprise.example.com>
From: Entreprise <contact@entreprise.example.com>
To: %s
Subject: Re: Courrier
Message-ID: <reponse-%d@entreprise.example.com>
Content-Type: text/plain; charset=utf-8

Voici notre réponse.
`, w.address(token.Reply), n))
}

// memory is an IMAP server in this process.
type memory struct {
	address string
	user    *imapmemserver.User
}

// newMemory starts one whose INBOX has the UIDVALIDITY given.
func newMemory(t *testing.T, validity int) *memory {
	t.Helper()
	user := imapmemserver.NewUser("passerelle", "secret")
	for i := 1; i < validity; i++ {
		if err := user.Create(fmt.Sprintf("autre-%d", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	users := imapmemserver.New()
	users.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return users.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}, imap.CapMove: {}},
		InsecureAuth: true,
		Logger:       slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return &memory{l.Addr().String(), user}
}

type literal struct{ *bytes.Reader }

// Size implements imap.LiteralReader.
func (l literal) Size() int64 { return l.Reader.Size() }

func (m *memory) deliver(t *testing.T, mail []byte) {
	t.Helper()
	if _, err := m.user.Append("INBOX", literal{bytes.NewReader(mail)}, &imap.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
}

// copies are the flags of each message of a folder, as another client sees them.
func copies(t *testing.T, address, folder string) [][]imap.Flag {
	t.Helper()
	c, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login("passerelle", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	selected, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil
	}
	if selected.NumMessages == 0 {
		return nil
	}
	all, err := c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var flags [][]imap.Flag
	for _, m := range all {
		flags = append(flags, m.Flags)
	}
	return flags
}
