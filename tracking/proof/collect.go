package proof

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/tracking/ledger"
)

// material is what a proof is made of.
type material struct {
	evidence *Evidence
	files    []content // evidence.json first, then as evidence.Files lists them
}

// maxText is how much of a letter's or a reply's text the pages show, in octets.
const maxText = 200_000

// gathering is a collection under way.
type gathering struct {
	*Issuer
	ctx     context.Context
	courier gateway.Courier
	only    gateway.ID // the recipient to show; zero: all
	all     []gateway.Event
	shown   []gateway.Event
	replies []gateway.Reply
	ev      *Evidence
	files   []content
}

func (i *Issuer) collect(ctx context.Context, courier, recipient gateway.ID, language string) (*material, error) {
	c, err := i.store.Courier(ctx, courier)
	if err != nil {
		return nil, err
	}
	if language == "" {
		language = c.Context.Language
	}
	w, err := wordsOf(language)
	if err != nil {
		return nil, err
	}
	g := &gathering{Issuer: i, ctx: ctx, courier: c, only: recipient, ev: &Evidence{Format: format, Version: formatVersion}}
	for _, step := range []func() error{g.read, g.ledgerFacts, g.letterFacts, g.eventFacts, g.recipientFacts, g.replyFacts, g.reports} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	at := gateway.Micros(i.o.Now())
	g.ev.Issued = Issued{
		At: at, Language: w.language, For: recipient, Title: w.t("page.title", "at", w.minute(at.In(c.Context.Location()))),
		Layout: w.layoutName(), Notice: w.t("page.notice"),
	}
	for _, f := range g.files {
		g.ev.Files = append(g.ev.Files, f.Attached)
	}
	first, err := g.ev.encode()
	if err != nil {
		return nil, err
	}
	return &material{evidence: g.ev, files: append([]content{first}, g.files...)}, nil
}

// read waits until the ledger has the courier's events, and reads them.
func (g *gathering) read() error {
	events, err := g.store.Events(g.ctx, g.courier.ID, gateway.ID{})
	if err != nil {
		return err
	}
	var waiting []gateway.ID
	for _, e := range events {
		if e.Position < 0 {
			waiting = append(waiting, e.ID)
		}
	}
	if err := g.ledger.Wait(g.ctx, waiting...); err != nil {
		return err
	}
	if g.replies, err = g.store.Replies(g.ctx, g.courier.ID); err != nil {
		return err
	}
	g.all, err = g.store.Events(g.ctx, g.courier.ID, gateway.ID{})
	return err
}

// ledgerFacts takes the newest checkpoint and attaches it; what came after it is not part of the proof.
func (g *gathering) ledgerFacts() error {
	c, late, err := g.ledger.Stamped(g.ctx)
	if err != nil {
		return err
	}
	g.late("time-stamp the ledger for a proof", g.courier.ID, late)
	g.all = slices.DeleteFunc(g.all, func(e gateway.Event) bool { return e.Position < 0 || e.Position >= c.Size })
	g.ev.Ledger = LedgerFacts{
		Name: c.Name, Key: g.ledger.Key(), Size: c.Size, Until: c.Time.UTC(), Root: base64.StdEncoding.EncodeToString(c.Root[:]),
	}
	g.files = append(g.files, bytesContent(checkpointName, roleCheckpoint, "text/plain", c.Note))
	authority := ""
	if c.Token != nil {
		stamp, err := ledger.CheckStamp(c.Note, c.Token, nil)
		if err != nil {
			return fmt.Errorf("read the checkpoint's time stamp: %w", err)
		}
		g.ev.Ledger.Stamped = &Stamped{Authority: stamp.Authority(), At: stamp.Time}
		g.files = append(g.files, bytesContent(stampName, roleStamp, "application/timestamp-reply", c.Token))
		if g.ledger.Authority() != nil {
			authority = stamp.Authority()
		}
	}
	g.ev.Seal = g.o.Seal.facts(authority)
	g.chooseEvents()
	return g.include(c.Checkpoint)
}

// Names of the files attached.
const (
	checkpointName = "checkpoint.txt"
	stampName      = "checkpoint.tsr"
	inclusionName  = "inclusion.json"
	messageName    = "message.eml"
)

// ofEach tells the events without a recipient that a proof for one recipient shows (their details
// withheld): those that concern each of them. The one of the submission bears the hash of the message, which
// names the others; each recipient's own says when it was.
func ofEach(e gateway.Event) bool {
	switch e.Kind {
	case gateway.Cancelled, gateway.Withdrawn, gateway.Unsealed:
		return e.Recipient.IsZero()
	}
	return false
}

// chooseEvents keeps what the proof may show. An event of a sealed reply that bears the hash of
// its content is not shown at all (promise 9).
func (g *gathering) chooseEvents() {
	for _, e := range g.all {
		if !g.only.IsZero() && e.Recipient != g.only && !ofEach(e) {
			continue
		}
		if len(e.Contents) > 0 && g.why(e) == withheldSealed {
			continue
		}
		g.shown = append(g.shown, e)
	}
}

// why says why an event's details are not to be shown; empty when they are.
func (g *gathering) why(e gateway.Event) string {
	if !g.only.IsZero() && e.Recipient.IsZero() {
		return withheldOthers
	}
	if e.Kind == gateway.Replied && g.sealedEvent(e) {
		return withheldSealed
	}
	return ""
}

// sealedEvent tells the event of a sealed reply. While any reply of the recipient is sealed, an event
// that cannot be tied to an open one counts as sealed.
func (g *gathering) sealedEvent(e gateway.Event) bool {
	d := details[gateway.ReplyDetails](EventFacts{Details: string(e.Details)})
	sealed := false
	for _, r := range g.replies {
		if r.ID == d.Reply {
			return r.Closed()
		}
		sealed = sealed || r.Recipient == e.Recipient && r.Closed()
	}
	return sealed
}

// include proves that each shown event is in the ledger.
func (g *gathering) include(c ledger.Checkpoint) error {
	positions := make([]int64, len(g.shown))
	for i, e := range g.shown {
		positions[i] = e.Position
	}
	proofs, err := g.ledger.Include(g.ctx, c, positions)
	if err != nil {
		return err
	}
	all := inclusions{Size: c.Size, Proofs: []inclusion{}}
	for i, p := range proofs {
		all.Proofs = append(all.Proofs, inclusion{Event: g.shown[i].ID, Position: p.Position, Path: p.Path})
	}
	b, err := canonical(all)
	if err != nil {
		return err
	}
	g.files = append(g.files, bytesContent(inclusionName, roleInclusion, "application/json", b))
	return nil
}

// letterFacts takes the courier, its text, and the message as it was submitted. In a proof for one
// recipient the message stays out, with its hash and its identifier: it may name the others, and who
// knows the rest of it could search for their addresses in its hash.
func (g *gathering) letterFacts() error {
	c := g.courier
	g.ev.Consultation = c.Context
	g.ev.Courier = CourierFacts{
		ID: c.ID, Type: c.Type, TypeLabel: c.TypeLabel, Options: c.Options, Subject: c.Subject,
		AuthorName: c.AuthorName, AuthorAddr: c.AuthorAddr, Door: c.Door, Accepted: c.Accepted.UTC(), Files: c.Files,
	}
	text, cut, err := g.text(c)
	if err != nil {
		return err
	}
	g.ev.Courier.Text, g.ev.Courier.TextCut = text, cut
	if !g.only.IsZero() {
		return nil
	}
	g.ev.Courier.MessageID, g.ev.Courier.Content, g.ev.Courier.Size = c.MessageID, c.Content, c.Size
	return g.attach(c.Content, messageName, roleMessage)
}

// text is the letter's text as a person reads it.
func (g *gathering) text(c gateway.Courier) (text string, cut bool, err error) {
	if c.Composition.Model != "" {
		text, cut = cutText(c.Composition.Model)
		return text, cut, nil
	}
	opened, err := g.store.OpenContent(g.ctx, c.Content)
	if errors.Is(err, gateway.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer opened.Close()
	return readText(opened, opened.Size())
}

// readText is the first text of a message, plain by preference.
func readText(r io.ReaderAt, size int64) (text string, cut bool, err error) {
	m, err := message.Read(r, size, message.Limits{})
	if err != nil {
		return "", false, fmt.Errorf("read the message: %w", err)
	}
	if p := m.Text(); p != nil {
		text, err = p.Text(4 * maxText)
	} else if p := m.HTML(); p != nil {
		if text, err = p.Text(8 * maxText); err == nil {
			text = message.HTMLToText(text)
		}
	}
	if err != nil {
		return "", false, fmt.Errorf("read the message: %w", err)
	}
	text, cut = cutText(text)
	return text, cut, nil
}

// cutText brings a text to the form in which proofs hold it: LF line ends, no blank end, bounded.
func cutText(text string) (string, bool) {
	text = strings.TrimRight(strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd"), " \n\t")
	if len(text) <= maxText {
		return text, false
	}
	return strings.ToValidUTF8(text[:maxText], ""), true
}

func (g *gathering) recipientFacts() error {
	recipients, err := g.store.Recipients(g.ctx, g.courier.ID)
	if err != nil {
		return err
	}
	events := byRecipient(g.ev.Events)
	for _, r := range recipients {
		if !g.only.IsZero() && r.ID != g.only {
			continue
		}
		g.ev.Recipients = append(g.ev.Recipients, RecipientFacts{
			ID: r.ID, Address: r.Address, Company: r.CompanyName, Register: r.Register, MessageID: r.MessageID, State: stateOf(events[r.ID]),
		})
	}
	if !g.only.IsZero() && len(g.ev.Recipients) == 0 {
		return gateway.ErrNotFound
	}
	return nil
}

func (g *gathering) replyFacts() error {
	hidden := 0
	for _, r := range g.replies {
		switch {
		case !g.only.IsZero() && r.Recipient != g.only:
		case r.Closed():
			hidden++
		case g.covered(r.ID):
			text, cut := cutText(r.Text)
			g.ev.Replies = append(g.ev.Replies, ReplyFacts{
				ID: r.ID, Recipient: r.Recipient, From: r.From, OtherSender: r.OtherSender, Late: r.Late, ByMail: !r.Inbound.IsZero(),
				Subject: r.Subject, Text: text, TextCut: cut, MessageID: r.MessageID, Content: r.Content, Files: r.Files, Received: r.Received.UTC(),
			})
		}
	}
	if hidden > 0 {
		g.ev.Sealed = &SealedFacts{Count: hidden, Until: g.courier.Options.Reply.By}
	}
	return nil
}

// covered tells a reply whose event is under the checkpoint.
func (g *gathering) covered(reply gateway.ID) bool {
	return slices.ContainsFunc(g.shown, func(e gateway.Event) bool {
		return e.Kind == gateway.Replied && (len(e.Details) == 0 || details[gateway.ReplyDetails](EventFacts{Details: string(e.Details)}).Reply == reply)
	})
}

func (g *gathering) eventFacts() error {
	g.ev.Events = []EventFacts{}
	for _, e := range g.shown {
		g.ev.Events = append(g.ev.Events, factsOf(e, g.why(e)))
	}
	return nil
}

// reports attaches the raw mails that events rest on, replies apart. One that events of other recipients
// rest on as well stays out of a proof for one recipient.
func (g *gathering) reports() error {
	g.ev.Files = []Attached{}
	n := 0
	done := map[gateway.Hash]bool{}
	for _, e := range g.shown {
		for _, h := range e.Contents {
			if e.Kind == gateway.Replied || done[h] || h == g.courier.Content {
				continue
			}
			done[h] = true
			n++
			name := "report-" + strconv.Itoa(n) + ".eml"
			if !g.only.IsZero() && g.shared(h) {
				g.files = append(g.files, content{Attached: Attached{Name: name, Role: roleReport, MediaType: "message/rfc822", SHA256: h, Left: "others"}})
				continue
			}
			if err := g.attach(h, name, roleReport); err != nil {
				return err
			}
		}
	}
	return nil
}

// shared tells a content that events of several recipients rest on.
func (g *gathering) shared(h gateway.Hash) bool {
	return slices.ContainsFunc(g.all, func(e gateway.Event) bool {
		return e.Recipient != g.only && slices.Contains(e.Contents, h)
	})
}

// attach lists a stored content among the files; it is opened again when it is written.
func (g *gathering) attach(h gateway.Hash, name, role string) error {
	f := content{Attached: Attached{Name: name, Role: role, MediaType: "message/rfc822", SHA256: h}}
	opened, err := g.store.OpenContent(g.ctx, h)
	switch {
	case errors.Is(err, gateway.ErrNotFound):
		f.Left = "missing"
	case err != nil:
		return err
	default:
		f.Size = opened.Size()
		if f.Size > g.o.Attach {
			f.Left = "size"
		}
		if err := opened.Close(); err != nil {
			return err
		}
	}
	f.open = func() (io.Reader, io.Closer, error) {
		opened, err := g.store.OpenContent(g.ctx, h)
		if err != nil {
			return nil, nil, err
		}
		return io.NewSectionReader(opened, 0, opened.Size()), opened, nil
	}
	g.files = append(g.files, f)
	return nil
}
