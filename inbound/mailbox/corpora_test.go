package mailbox

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

// Real mail, and what damage makes of it, is taken in as the daemon does: no panic, and what cannot be read is refused by name, so
// that it is kept raw and quarantined. Replies keep their files and show words when they have any.
func TestPromiseEveryMailIsTakenIn(t *testing.T) {
	mails := ownMails
	corpora, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "corpora", "*", "*.eml"))
	for _, file := range corpora {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, raw)
	}
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
	shelf := &oneMail{Store: w.store}
	o := w.options()
	o.Logger = slog.New(slog.DiscardHandler)
	service, err := New(o, shelf)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewSource(1))
	heard := newHearing(t)
	for _, raw := range mails {
		heard.add(takeIn(t, service, shelf, w.address(token.Reply), raw))
		if damaged := mutants(random, raw); len(damaged) > 0 {
			heard.add(takeIn(t, service, shelf, w.address(token.Reply), damaged[random.Intn(len(damaged))]))
		}
	}
	heard.tell()
}

// takeIn reads one mail as if it had come for the address, and gives its refusal.
func takeIn(t *testing.T, service *Service, shelf *oneMail, to string, raw []byte) error {
	shelf.raw = append([]byte("Delivered-To: "+to+"\r\n"), raw...)
	now := time.Now()
	mail, err := service.read(t.Context(), gateway.Inbound{ID: gateway.NewID(now), Content: gateway.HashOf(shelf.raw), Size: int64(len(shelf.raw)), Received: now})
	if err != nil {
		return err
	}
	_, err = service.o.Rules.Understand(mail)
	return err
}

// mutants are a few damaged forms of a mail: cut short, header lines shuffled, a charset changed, octets changed.
func mutants(random *rand.Rand, raw []byte) [][]byte {
	if len(raw) < 2 {
		return nil
	}
	header, body, _ := bytes.Cut(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	lines := bytes.Split(header, []byte("\n"))
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	shuffled := append(append(bytes.Join(lines, []byte("\n")), "\n\n"...), body...)
	charset := []string{"utf-16", "iso-2022-jp", "x-inconnu", "utf-7", "windows-1252", "gb18030"}[random.Intn(6)]
	other := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("utf-8"), []byte(charset)), []byte("us-ascii"), []byte(charset))
	noisy := bytes.Clone(raw)
	for range 1 + len(noisy)/200 {
		noisy[random.Intn(len(noisy))] = byte(random.Intn(256))
	}
	return [][]byte{raw[:random.Intn(len(raw))], shuffled, other, noisy}
}

// oneMail gives one mail whatever is asked.
type oneMail struct {
	*store.Store
	raw []byte
}

func (m *oneMail) OpenContent(context.Context, gateway.Hash) (store.Content, error) {
	return octets{bytes.NewReader(m.raw)}, nil
}

type octets struct{ *bytes.Reader }

func (octets) Close() error { return nil }

var _ io.ReaderAt = octets{}

// hearing counts what came of the mails.
type hearing struct {
	t        *testing.T
	n        int
	refusals map[string]int
}

func newHearing(t *testing.T) *hearing { return &hearing{t: t, refusals: map[string]int{}} }

func (h *hearing) add(err error) {
	if h.n++; err != nil {
		h.refusals[err.Error()]++
	}
}

func (h *hearing) tell() {
	h.t.Logf("%d mails; refused: %v", h.n, h.refusals)
	if len(h.refusals) > h.n/50 {
		h.t.Error("too many cannot be read")
	}
}

// ownMails are tried where the corpora are absent.
var ownMails = [][]byte{
	[]byte("From: a@b.example\r\nSubject: Re: Courrier\r\n\r\nBonjour.\r\n"),
	[]byte("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nVoici.\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n"),
	[]byte("From: MAILER-DAEMON@b.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; b\r\n\r\nFinal-Recipient: rfc822;x@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"),
	[]byte("Subject: sans fin"), []byte("\r\n\r\n"), []byte("x"),
}
