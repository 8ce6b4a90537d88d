package console

import (
	"encoding/csv"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/store"
)

// exportPage is how many couriers are read at a time.
const exportPage = 500

// export gives every courier that the filters choose, a line for each recipient, as a spreadsheet reads it in France:
// semicolons, and the mark that says UTF-8. It is written page by page: memory does not grow with its length.
func (c *Console) export(w http.ResponseWriter, r *http.Request, v *visit) error {
	filter, drafts := readFollow(r.URL.Query()).filter(v)
	filter.Limit = exportPage
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "suivi-" + address.Fold(v.consultation.Reference) + ".csv"}))
	out := csv.NewWriter(w)
	out.Comma, out.UseCRLF = ';', true
	begun := false
	for more := !drafts; more || !begun; {
		var page store.FollowPage
		var err error
		if more {
			if page, err = c.d.Store.Follow(r.Context(), filter); err != nil {
				return cut(err, begun)
			}
		}
		if !begun {
			_, _ = io.WriteString(w, "\ufeff") // nobody to tell when the agent has left
			_ = out.Write(c.exportHead(v.lang))
			begun = true
		}
		for _, x := range page.Couriers {
			recipients, err := c.d.Store.Recipients(r.Context(), x.ID)
			if err != nil {
				return cut(err, begun)
			}
			for _, one := range recipients {
				_ = out.Write(c.exportLine(v, x, one))
			}
		}
		if out.Flush(); out.Error() != nil {
			return nil // the agent has left
		}
		filter.After = page.Next
		more = page.Next != ""
	}
	return nil
}

// cut breaks the connection when a file that has begun cannot be finished: half of it must not be taken for all.
func cut(err error, begun bool) error {
	if begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

func (c *Console) exportHead(lang string) []string {
	var head []string
	for _, column := range []string{"courier", "accepted", "type", "subject", "author", "company", "address", "status", "sent", "delivered", "read", "replied", "failed", "reminders"} {
		head = append(head, c.site.Text(lang, "export."+column))
	}
	return head
}

func (c *Console) exportLine(v *visit, x gateway.Courier, r gateway.Recipient) []string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(v.zone()).Format("2006-01-02 15:04:05")
	}
	p := personOf(r)
	word := c.site.Text(v.lang, "status."+p.Status.Name)
	if p.Mark != "" {
		word += ", " + c.site.Text(v.lang, "mark."+p.Mark)
	}
	s := r.Standing
	line := []string{
		x.ID.String(), at(x.Accepted), x.TypeLabel, x.Subject, x.AuthorName, r.CompanyName, r.Address, word,
		at(s.Sent), at(s.Delivered), at(s.Read), at(s.Replied), at(s.Failed), strconv.Itoa(s.Reminders),
	}
	for i, cell := range line {
		line[i] = harmless(cell)
	}
	return line
}

// harmless keeps a cell from being a formula (CWE-1236): an apostrophe makes a spreadsheet show it as it is.
func harmless(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, cell)
	if strings.IndexAny(strings.TrimLeft(cell, " \u00a0"), "=+-@|%＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}
