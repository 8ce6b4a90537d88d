package proof

import (
	"fmt"
	"strconv"

	"vaguemestre/gateway"
)

// limits says what the proof is worth, from what it holds.
func (d *drawer) limits() {
	d.newPage()
	d.heading(d.w.t("limits.heading"))
	d.list(d.w.t("limits.yes"), d.established())
	d.gap(6)
	d.list(d.w.t("limits.no"), d.notEstablished())
}

func (d *drawer) list(title string, items []string) {
	d.room(60)
	d.text(title, strong, 0)
	d.gap(2)
	for _, item := range items {
		d.room(plain.leading())
		d.line("–", plain, marginX+2, d.y)
		d.text(item, plain, 14)
		d.gap(2)
	}
}

func (d *drawer) established() []string {
	w, items := d.w, []string{}
	items = append(items, w.t("limits.yes-content"), w.t("limits.yes-chain"), w.t("limits.yes-seal"))
	if st := d.ev.Ledger.Stamped; st != nil {
		items = append(items, w.t("limits.yes-stamp", "at", d.instant(st.At), "authority", st.Authority))
	}
	if n := d.countRecipients(gateway.Delivered); n > 0 {
		items = append(items, w.t("limits.yes-delivered", "count", strconv.Itoa(n)))
	}
	if n := d.countRecipients(gateway.Read); n > 0 {
		items = append(items, w.t("limits.yes-read", "count", strconv.Itoa(n)))
	}
	return items
}

func (d *drawer) notEstablished() []string {
	w, items := d.w, []string{}
	items = append(items, w.t("limits.no-qualified"), w.t("limits.no-identity"), w.t("limits.no-sent"), w.t("limits.no-report"))
	if d.ev.Ledger.Stamped == nil && d.ev.Seal.Authority == "" {
		items = append(items, w.t("limits.no-time"))
	}
	if d.ev.Seal.SelfMade {
		items = append(items, w.t("limits.no-self"))
	}
	return append(items, w.t("limits.no-conformity"))
}

// countRecipients counts the recipients that have an event of the kind.
func (d *drawer) countRecipients(kind gateway.EventKind) int {
	have := map[gateway.ID]bool{}
	for _, f := range d.ev.Events {
		if f.Kind == kind && f.Purpose == gateway.ForLetter {
			have[f.Recipient] = true
		}
	}
	return len(have)
}

func (d *drawer) ledger() {
	d.heading(d.w.t("ledger.heading"))
	l, seal := d.ev.Ledger, d.ev.Seal
	stamped := d.w.t("ledger.unstamped")
	if l.Stamped != nil {
		stamped = d.w.t("ledger.stamped", "at", d.instant(l.Stamped.At), "authority", l.Stamped.Authority)
	}
	sealer := seal.Subject
	if seal.SelfMade {
		sealer += " (" + d.w.t("ledger.seal-self") + ")"
	}
	sealStamp := d.w.t("ledger.unstamped")
	if seal.Authority != "" {
		sealStamp = d.w.t("ledger.seal-stamped", "authority", seal.Authority)
	}
	d.facts(namesW,
		fact{name: d.w.t("ledger.name"), value: l.Name},
		fact{name: d.w.t("ledger.size"), value: strconv.FormatInt(l.Size, 10)},
		fact{name: d.w.t("ledger.root"), value: l.Root, style: hashText},
		fact{name: d.w.t("ledger.until"), value: d.instant(l.Until)},
		fact{name: d.w.t("ledger.stamp"), value: stamped},
		fact{name: d.w.t("ledger.included"), value: d.w.t("ledger.included-count", "count", strconv.Itoa(len(d.ev.Events)))},
		fact{name: d.w.t("ledger.key"), value: l.Key, style: hashText},
		fact{name: d.w.t("ledger.seal"), value: sealer},
		fact{name: d.w.t("ledger.seal-certificate"), value: seal.Certificate.String(), style: hashText},
		fact{name: d.w.t("ledger.seal-stamp"), value: sealStamp},
	)
}

func (d *drawer) check() {
	d.heading(d.w.t("check.heading"))
	d.text(d.w.t("check.how"), plain, 0)
	d.gap(4)
	d.text(d.w.t("check.viewer"), plain, 0)
	d.gap(8)
	d.room(80)
	d.text(d.w.t("check.files"), strong, 0)
	d.gap(3)
	t := d.table([]float64{bodyW * 0.27, bodyW * 0.13, bodyW * 0.60}, d.w.t("detail.file"), d.w.t("detail.file-size"), d.w.t("detail.file-hash"))
	t.row(cell{{evidenceName, plain}, {d.w.t("check.evidence-json"), small}}, cell{}, cell{{d.digest.String(), hashText}})
	for _, f := range d.ev.Files {
		about := d.w.t("check.role-" + f.Role)
		if f.Left != "" {
			about += fmt.Sprintf(" (%s)", d.w.t("check.left-"+f.Left))
		}
		t.row(cell{{f.Name, plain}, {about, small}}, plainCell(d.w.size(f.Size)), cell{{f.SHA256.String(), hashText}})
	}
}
