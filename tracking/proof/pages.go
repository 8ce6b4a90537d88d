package proof

import (
	"strconv"
	"time"

	"vaguemestre/gateway"
)

// pages draws the evidence: the same evidence gives the same octets. digest is the SHA-256 of
// evidence.json.
func pages(ev *Evidence, digest gateway.Hash) ([]byte, error) {
	w, err := wordsOf(ev.Issued.Language)
	if err != nil {
		return nil, err
	}
	s, err := newSheet()
	if err != nil {
		return nil, err
	}
	d := drawer{sheet: s, w: w, ev: ev, events: byRecipient(ev.Events), names: map[gateway.ID]RecipientFacts{}, zone: ev.Consultation.Location(), digest: digest}
	for _, r := range ev.Recipients {
		d.names[r.ID] = r
	}
	d.title()
	d.consultation()
	d.summary()
	d.letter()
	d.recipients()
	d.replies()
	d.limits()
	d.ledger()
	d.check()
	at := d.in(ev.Issued.At)
	return s.bytes(
		ev.Issued.Title,
		w.t("page.foot", "id", ev.Courier.ID.String(), "at", w.instant(at)),
		func(page, pages int) string {
			return w.t("page.number", "page", strconv.Itoa(page), "pages", strconv.Itoa(pages))
		})
}

// drawer draws one evidence on one sheet.
type drawer struct {
	*sheet
	w      words
	ev     *Evidence
	events map[gateway.ID][]EventFacts // by recipient
	names  map[gateway.ID]RecipientFacts
	zone   *time.Location
	digest gateway.Hash
}

// in is the time in the consultation's zone.
func (d *drawer) in(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.In(d.zone)
}

func (d *drawer) instant(at time.Time) string { return d.w.instant(d.in(at)) }

func (d *drawer) title() {
	title := style{bold, titleSize, accent}
	for _, line := range d.wrap(d.ev.Issued.Title, title, bodyW) {
		d.line(line, title, marginX, d.y)
		d.y += title.leading()
	}
	d.gap(3)
	if id := d.ev.Issued.For; !id.IsZero() {
		d.text(d.w.t("page.one", "name", d.recipientName(id)), plain, 0)
	} else {
		d.text(d.w.t("page.all", "count", strconv.Itoa(len(d.ev.Recipients))), plain, 0)
	}
	d.gap(1)
	d.text(d.ev.Issued.Notice, small, 0)
}

func (d *drawer) recipientName(id gateway.ID) string {
	if r, ok := d.names[id]; ok {
		return fullName(r)
	}
	return id.String()
}

func fullName(r RecipientFacts) string {
	if r.Company != "" {
		return r.Company + " <" + r.Address + ">"
	}
	return r.Address
}

func (d *drawer) consultation() {
	d.heading(d.w.t("consultation.heading"))
	c := d.ev.Consultation
	said := func(text string) string {
		if text == "" {
			return d.w.t("consultation.none")
		}
		return text
	}
	d.facts(bodyW*0.36,
		fact{name: d.w.t("consultation.reference"), value: said(c.Reference), style: strong},
		fact{name: d.w.t("consultation.title"), value: said(c.Title)},
		fact{name: d.w.t("consultation.object"), value: said(c.Object)},
		fact{name: d.w.t("consultation.deadline"), value: said(d.instant(c.Deadline))},
		fact{name: d.w.t("consultation.body"), value: said(c.PublicBody)},
		fact{name: d.w.t("consultation.entity"), value: said(c.PurchasingEntity)},
	)
}

// summary is the table that the manual shows, with what proves each step.
func (d *drawer) summary() {
	d.heading(d.w.t("summary.heading"))
	t := d.table([]float64{bodyW * 0.19, bodyW * 0.23, bodyW * 0.20, bodyW * 0.38},
		d.w.t("summary.step"), d.w.t("summary.date"), d.w.t("summary.author"), d.w.t("summary.proof"))
	for _, st := range d.steps(gateway.ID{}) {
		d.step(t, st)
	}
	if d.many() {
		d.summaryOfMany(t)
		return
	}
	for _, r := range d.ev.Recipients {
		t.band(cell{
			{d.w.t("summary.recipient", "name", fullName(r)), strong},
			{d.w.t("summary.state", "state", d.w.or("state", r.State)), small},
		})
		for _, st := range d.steps(r.ID) {
			d.step(t, st)
		}
	}
}

// many tells a courier to more recipients than pages can tell of in full: each then has one row, with the
// step that its standing rests on. Drawing ten thousand in full would take gigabytes, and nobody would read it.
func (d *drawer) many() bool { return len(d.ev.Recipients) > manyRecipients }

const manyRecipients = 200

func (d *drawer) summaryOfMany(t *table) {
	for _, r := range d.ev.Recipients {
		steps := d.steps(r.ID)
		last := step{name: d.w.or("state", r.State)}
		for _, st := range steps {
			if last.at.IsZero() || string(st.kind) == r.State {
				last = st
			}
		}
		last.author = fullName(r)
		d.step(t, last)
	}
	d.gap(6)
	d.text(d.w.t("summary.many", "count", strconv.Itoa(manyRecipients)), small, 0)
}

func (d *drawer) step(t *table, st step) {
	t.row(
		cell{{st.name, strong}},
		cell{{d.w.instant(d.in(st.at)), plain}},
		cell{{st.author, plain}},
		cell{{st.proof, style{sans, smallSize + 0.5, ink}}},
	)
}

// letter shows the courier as its author wrote it.
func (d *drawer) letter() {
	d.heading(d.w.t("detail.heading"))
	c := d.ev.Courier
	d.subheading(d.w.t("detail.message")+" — "+c.TypeLabel, d.w.t("detail.sent-at", "at", d.instant(c.Accepted)))
	d.facts(namesW,
		fact{name: d.w.t("detail.type"), value: c.TypeLabel},
		fact{name: d.w.t("detail.subject"), value: c.Subject, style: strong},
		fact{name: d.w.t("detail.author"), value: authorOf(c)},
		fact{name: d.w.t("detail.mode"), value: d.mode(c.Options)},
		fact{name: d.w.t("detail.reply"), value: d.replyPolicy(c.Options.Reply)},
		fact{name: d.w.t("detail.door"), value: d.w.t("detail.door-" + string(c.Door))},
		fact{name: d.w.t("detail.id"), value: c.ID.String(), style: hashText},
		fact{name: d.w.t("detail.message-id"), value: c.MessageID, style: hashText},
		fact{name: d.w.t("detail.content"), value: c.Content.String(), style: hashText},
	)
	d.words(d.w.t("detail.text"), c.Text, c.TextCut)
	d.fileTable(c.Files)
}

func authorOf(c CourierFacts) string {
	if c.AuthorName == "" {
		return c.AuthorAddr
	}
	return c.AuthorName + " <" + c.AuthorAddr + ">"
}

func (d *drawer) mode(o gateway.Options) string {
	switch {
	case o.Acknowledged && o.Code:
		return d.w.t("detail.acknowledged-code")
	case o.Acknowledged:
		return d.w.t("detail.acknowledged")
	}
	return d.w.t("detail.simple")
}

func (d *drawer) replyPolicy(p gateway.ReplyPolicy) string {
	switch {
	case !p.Allowed:
		return d.w.t("detail.reply-no")
	case p.Sealed:
		return d.w.t("detail.reply-sealed", "at", d.instant(p.By))
	case !p.By.IsZero():
		return d.w.t("detail.reply-by", "at", d.instant(p.By))
	}
	return d.w.t("detail.reply-yes")
}

// words shows a text that somebody wrote, apart from ours by a rule at its left.
func (d *drawer) words(title, text string, cut bool) {
	d.gap(8)
	d.room(50)
	d.line(d.printable(title, bold), strong, marginX, d.y)
	d.y += strong.leading() + 3
	if text == "" {
		text = d.w.t("detail.text-none")
	}
	for _, line := range d.wrap(text, plain, bodyW-14) {
		d.room(plain.leading())
		d.fill(rule, marginX, d.y-1, 2, plain.leading()+0.2)
		d.line(line, plain, marginX+12, d.y)
		d.y += plain.leading()
	}
	if cut {
		d.text(d.w.t("detail.text-cut"), small, 12)
	}
}

func (d *drawer) fileTable(files []gateway.File) {
	if len(files) == 0 {
		return
	}
	d.gap(8)
	d.room(60)
	d.line(d.printable(d.w.t("detail.files"), bold), strong, marginX, d.y)
	d.y += strong.leading() + 3
	t := d.table([]float64{bodyW * 0.27, bodyW * 0.13, bodyW * 0.60}, d.w.t("detail.file"), d.w.t("detail.file-size"), d.w.t("detail.file-hash"))
	for _, f := range files {
		t.row(plainCell(f.Name), plainCell(d.w.size(f.Size)), cell{{f.SHA256.String(), hashText}})
	}
}

// recipients shows every event, those of the whole courier first.
func (d *drawer) recipients() {
	d.exchanges(gateway.ID{}, d.w.t("detail.common"))
	if d.many() {
		return
	}
	for _, r := range d.ev.Recipients {
		d.gap(14)
		d.room(90)
		d.text(d.w.t("detail.recipient", "name", fullName(r)), style{bold, subheadingSize + 1, accent}, 0)
		d.gap(3)
		d.facts(namesW,
			fact{name: d.w.t("detail.address"), value: r.Address},
			fact{name: d.w.t("detail.company"), value: r.Company},
			fact{name: d.w.t("detail.register"), value: string(r.Register)},
			fact{name: d.w.t("detail.sent-id"), value: r.MessageID, style: hashText},
			fact{name: d.w.t("detail.state"), value: d.w.or("state", r.State), style: strong},
		)
		d.exchanges(r.ID, "")
	}
}

func (d *drawer) exchanges(recipient gateway.ID, title string) {
	for _, f := range d.events[recipient] {
		if title != "" {
			d.gap(14)
			d.room(90)
			d.text(title, style{bold, subheadingSize + 1, accent}, 0)
			title = ""
		}
		d.event(f)
	}
}

func (d *drawer) replies() {
	if len(d.ev.Replies) == 0 && d.ev.Sealed == nil {
		return
	}
	d.heading(d.w.t("replies.heading"))
	if sealed := d.ev.Sealed; sealed != nil {
		key := "replies.sealed"
		if sealed.Until.IsZero() {
			key = "replies.sealed-open"
		}
		d.text(d.w.t(key, "count", strconv.Itoa(sealed.Count), "at", d.instant(sealed.Until)), plain, 0)
	}
	for _, r := range d.ev.Replies {
		d.subheading(d.w.t("replies.reply", "name", d.recipientName(r.Recipient)), d.w.t("replies.at", "at", d.instant(r.Received)))
		from := r.From
		if r.OtherSender {
			from += " (" + d.w.t("replies.other") + ")"
		}
		d.facts(namesW,
			fact{name: d.w.t("replies.from"), value: from},
			fact{name: d.w.t("replies.subject"), value: r.Subject, style: strong},
			fact{name: d.w.t("replies.late"), value: onlyIf(r.Late, d.w.yesNo(true))},
			fact{name: d.w.t("replies.message-id"), value: r.MessageID, style: hashText},
			fact{name: d.w.t("replies.content"), value: r.Content.String(), style: hashText},
		)
		d.words(d.w.t("replies.text"), r.Text, r.TextCut)
		d.fileTable(r.Files)
	}
}

func onlyIf(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// namesW is the width of the column of names.
const namesW = bodyW * 0.28

// evidenceName is the name under which the evidence is attached.
const evidenceName = "evidence.json"
