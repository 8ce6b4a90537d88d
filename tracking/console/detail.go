package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/kit"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/proof"
	"vaguemestre/tracking/web"
)

func (c *Console) courierRoutes() []route {
	get := func(path string, do func(http.ResponseWriter, *http.Request, *visit) error) route {
		return route{method: "GET", path: "/courriers/{courier}" + path, object: theCourier, permission: entitled, do: do}
	}
	post := func(path string, do func(http.ResponseWriter, *http.Request, *visit) error) route {
		rt := get(path, do)
		rt.method = "POST"
		return rt
	}
	answer := post("/reponses/{reply}/repondre", c.answer)
	answer.streams, answer.typed = true, true
	return []route{
		get("", c.detail),
		get("/message", c.asSent), get("/texte", c.html), get("/image/{part}", c.image), get("/fichiers/{n}/{name}", c.file),
		get("/preuve.pdf", c.proofPDF), get("/preuve.zip", c.proofBundle),
		get("/evenements/{event}/rapport", c.report),
		post("/relancer", c.remindAll), post("/retirer", c.withdrawAll), post("/annuler", c.cancelAll),
		post("/destinataires/{recipient}/relancer", c.remind), post("/destinataires/{recipient}/retirer", c.withdraw),
		post("/destinataires/{recipient}/annuler", c.cancel), post("/destinataires/{recipient}/renvoyer", c.retry),
		post("/destinataires/{recipient}/corriger", c.correct),
		get("/reponses/{reply}", c.readReply), get("/reponses/{reply}/message", c.replyMessage), get("/reponses/{reply}/fichiers/{n}/{name}", c.replyFile),
		answer,
	}
}

// listed is how many recipients a page of details shows.
const listed = 100

type detailPage struct {
	Shell        shell
	Consultation gateway.Consultation
	Courier      gateway.Courier
	Path         string
	Zone         *time.Location
	Options      string
	Body         letterBody
	Files        []fileRow
	Total        int64
	Recipients   []recipientRow
	Count        int
	Next         string
	Chosen       *recipientRow // whose exchanges are shown
	Events       []eventRow
	Replies      []replyRow
	SealedUntil  time.Time
	SealedCount  int
	May          may // for all recipients at once
	ProofFor     string
	Thread       []gateway.Courier // the others of the thread
	Error        string
	Corrected    string // as it was typed
}

type recipientRow struct {
	person
	May  may
	This bool
}

type fileRow struct {
	gateway.File
	Link string
}

type eventRow struct {
	proof.Told
	Icon   string
	At     time.Time
	Who    string // the recipient, when all are shown
	Report string // address of the raw report; empty: none
}

type replyRow struct {
	gateway.Reply
	Who  string
	Path string
}

// detail is « Détail des échanges ».
func (c *Console) detail(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showDetail(w, r, v, http.StatusOK, "", "")
}

func (c *Console) showDetail(w http.ResponseWriter, r *http.Request, v *visit, status int, problem, corrected string) error {
	ctx := r.Context()
	x := v.courier
	p := detailPage{
		Shell: v.shell(r, "follow"), Consultation: v.consultation, Courier: x, Path: "/courriers/" + x.ID.String(), Zone: x.Context.Location(),
		Options: c.options(v, x), Error: problem, Corrected: corrected,
	}
	recipients, err := c.d.Store.Recipients(ctx, x.ID)
	if err != nil {
		return err
	}
	p.choose(r, x, recipients)
	if p.Body, err = c.body(ctx, x); err != nil {
		return err
	}
	for i, f := range x.Files {
		p.Files = append(p.Files, fileRow{f, fmt.Sprintf("%s/fichiers/%d/%s", p.Path, i+1, url.PathEscape(f.Name))})
		p.Total += f.Size
	}
	if err := c.exchanges(ctx, v, &p, recipients); err != nil {
		return err
	}
	return c.page(w, r, v, web.Page{Name: "detail", Status: status, About: v.consultation.Reference, Data: p})
}

// choose makes the page of recipients, and finds the one whose exchanges are asked for: the only one, by default.
func (p *detailPage) choose(r *http.Request, x gateway.Courier, recipients []gateway.Recipient) {
	p.Count = len(recipients)
	wanted := r.URL.Query().Get("destinataire")
	if r.PathValue("recipient") != "" {
		wanted = r.PathValue("recipient")
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("de"))
	from = min(max(from, 0), len(recipients))
	for i, one := range recipients {
		row := recipientRow{person: personOf(one), May: mayOf(x, one)}
		p.May = p.May.or(row.May)
		row.This = one.ID.String() == wanted || len(recipients) == 1
		if row.This {
			p.Chosen = &row
			p.ProofFor = one.ID.String()
		}
		if i >= from && i < from+listed {
			p.Recipients = append(p.Recipients, row)
		}
	}
	if from+listed < len(recipients) {
		p.Next = p.Path + "?de=" + strconv.Itoa(from+listed)
	}
	if len(recipients) == 1 {
		p.ProofFor = ""
	}
}

// shownEvents bounds the events of a courier to many that one page tells.
const shownEvents = 500

// exchanges tells the events and lists the replies, of the chosen recipient or of all.
func (c *Console) exchanges(ctx context.Context, v *visit, p *detailPage, recipients []gateway.Recipient) error {
	only := gateway.ID{}
	if p.Chosen != nil && len(recipients) > 1 {
		only = p.Chosen.ID
	}
	events, err := c.d.Store.Events(ctx, v.courier.ID, only)
	if err != nil {
		return err
	}
	replies, err := c.d.Store.Replies(ctx, v.courier.ID)
	if err != nil {
		return err
	}
	if only.IsZero() { // the letter's own submission tells it
		events = slices.DeleteFunc(events, func(e gateway.Event) bool { return e.Kind == gateway.Submitted && !e.Recipient.IsZero() })
	}
	events = events[max(0, len(events)-shownEvents):]
	told, err := proof.Tell(v.lang, v.courier, recipients, replies, events, v.now)
	if err != nil {
		return err
	}
	names := make(map[gateway.ID]string, len(recipients))
	for _, one := range recipients {
		names[one.ID] = one.Name()
	}
	for _, t := range told {
		row := eventRow{Told: t, Icon: iconOf(t.Event.Kind), At: t.Event.Occurred}
		if only.IsZero() && len(recipients) > 1 {
			row.Who = names[t.Event.Recipient]
		}
		if len(t.Event.Contents) > 0 && reportable(t) {
			row.Report = p.Path + "/evenements/" + t.Event.ID.String() + "/rapport"
		}
		p.Events = append(p.Events, row)
	}
	slices.SortStableFunc(p.Events, func(a, b eventRow) int { return a.At.Compare(b.At) })
	for _, one := range replies {
		if !only.IsZero() && one.Recipient != only {
			continue
		}
		if one.Closed() {
			p.SealedCount++
			p.SealedUntil = one.Opens
			continue
		}
		p.Replies = append(p.Replies, replyRow{one, names[one.Recipient], p.Path + "/reponses/" + one.ID.String()})
	}
	return nil
}

// reportable tells an event whose raw mail the agent may see: reports are, the letter and replies have pages of their own.
func reportable(t proof.Told) bool {
	return t.Event.Kind != gateway.Submitted && t.Event.Kind != gateway.Replied && !t.Withheld
}

func iconOf(k gateway.EventKind) string {
	switch k {
	case gateway.Submitted, gateway.Sent, gateway.Retried:
		return "send"
	case gateway.Deferred, gateway.Delayed, gateway.Reminded:
		return "clock"
	case gateway.Uncertain, gateway.Challenged, gateway.Quarantined:
		return "warning"
	case gateway.Matched, gateway.Dismissed:
		return "edit"
	case gateway.Failed, gateway.Expired, gateway.Cancelled, gateway.Complained:
		return "error"
	case gateway.Delivered, gateway.HandedOver, gateway.Displayed, gateway.Notified:
		return "mail"
	case gateway.Visited, gateway.Absent:
		return "info"
	case gateway.Read, gateway.Opened:
		return "open"
	case gateway.Downloaded:
		return "download"
	case gateway.Replied:
		return "reply"
	case gateway.Withdrawn, gateway.Unsealed:
		return "lock"
	case gateway.WrongPerson:
		return "flag"
	case gateway.ProofIssued:
		return "file"
	}
	return "info"
}

// options writes the courier's options as the catalogue says them everywhere.
func (c *Console) options(v *visit, x gateway.Courier) string {
	o := x.Options
	say := func(key string) string {
		return c.site.Text(v.lang, "options."+key, "Date", web.Date(v.lang, o.Reply.By, x.Context.Location()))
	}
	text := say("plain")
	if o.Acknowledged {
		text = say("acknowledged")
	}
	if o.Code {
		text += ", " + say("code")
	}
	switch {
	case !o.Reply.Allowed:
		return text + ", " + say("no-reply")
	case o.Reply.By.IsZero():
		return text + ", " + say("reply")
	case o.Reply.Sealed:
		return text + ", " + say("reply-sealed")
	}
	return text + ", " + say("reply-by")
}

// thread is the address at which an agent's mail client answers a recipient in the thread.
func (c *Console) thread(recipient gateway.ID) string {
	return "courrier+f-" + c.d.Tokens.Mint(token.Thread, recipient) + "@" + c.o.Domain
}

// mailto opens the agent's own mail client with an answer begun.
func (c *Console) mailto(v *visit, one gateway.Reply) string {
	link, _ := kit.Mailto(kit.Model{To: c.thread(one.Recipient), Subject: answerSubject(one.Subject)})
	return link
}
