package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/store"
)

const (
	maxDraftText  = 1 << 20 // octets of the text, with a margin that is never reached by hand
	maxDraftField = 64 << 10
	fieldCost     = 100                // octets that a field costs beside its name and value
	momentForm    = "2006-01-02T15:04" // of an input of the type datetime-local (HTML §2.3.5.5)
)

// typed is the fields of a form, by name.
type typed map[string][]string

func (f typed) get(name string) string {
	if len(f[name]) == 0 {
		return ""
	}
	return f[name][0]
}

// fieldFiles is the field of the files.
const fieldFiles = "fichiers"

// readForm reads the form as it comes, files into spools. No file is taken before the page's token, its first field, was checked; when the
// token is no longer good, the fields come with errForged, for their author to see again.
func (c *Console) readForm(w http.ResponseWriter, r *http.Request, v *visit) (f typed, pieces []store.DraftPiece, err error) {
	forged := errForged
	f, err = c.readParts(w, r, func(part *multipart.Part) (err error) {
		if forged == nil {
			pieces, err = c.readFile(v, part, pieces)
		}
		return err
	}, func(token string) { forged = v.form(token) })
	if err == nil {
		err = forged
	}
	return f, pieces, err
}

// readParts reads the fields of a form, within bounds, and hands its files over. Its first field is the token.
func (c *Console) readParts(w http.ResponseWriter, r *http.Request, file func(*multipart.Part) error, token func(string)) (typed, error) {
	r.Body = http.MaxBytesReader(w, r.Body, c.o.MaxFiles+4<<20)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, errForged
	}
	f := typed{}
	left := int64(2 * maxDraftText) // of all that is no file
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case err != nil:
			return f, err
		case len(f) == 0 && part.FormName() != fieldForm:
			return nil, errForged
		case part.FormName() == fieldFiles:
			if err := file(part); err != nil {
				return f, err
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return f, err
		}
		if left -= int64(len(part.FormName()) + len(text) + fieldCost); left < 0 {
			return f, gateway.Refuse(552, [3]int{5, 3, 4}, "console.draft.long-text", nil)
		}
		if len(f) == 0 {
			token(string(text))
		}
		f[part.FormName()] = append(f[part.FormName()], strings.ToValidUTF8(string(text), "\uFFFD"))
	}
}

// readFile takes a file in; a field left empty is none.
func (c *Console) readFile(v *visit, part *multipart.Part, pieces []store.DraftPiece) ([]store.DraftPiece, error) {
	if part.FileName() == "" || len(pieces) == maxDraftFiles {
		return pieces, nil
	}
	p := c.piece(v, part.FileName(), part.Header.Get("Content-Type"))
	pieces = append(pieces, p)
	_, err := copyTo(p.Content, part)
	return pieces, err
}

// fill puts what was typed into the draft. What cannot be understood is told, by field.
func (c *Console) fill(ctx context.Context, v *visit, f typed) (wrong []fieldError, err error) {
	d := &v.draft
	if kind, known := c.d.Kinds.Type(gateway.TypeCode(f.get("type"))); known {
		d.Type = kind.Code
	}
	by, fault := c.moment(v, f.get("limite"))
	if fault != nil {
		wrong = append(wrong, c.wrong(v, "limite", fault))
	}
	d.Options = gateway.Options{
		Acknowledged: f.get("modalite") != "simple",
		Reply:        gateway.ReplyPolicy{Allowed: f.get("repondre") == "oui", By: by, Sealed: f.get("sceller") == "oui"},
	}
	d.Subject = strings.Join(strings.Fields(bounded(f.get("objet"))), " ")
	d.Text, d.Rich = strings.ReplaceAll(f.get("texte"), "\r\n", "\n"), f.get("riche") == "1"
	d.Recipients, err = c.recipientsOf(ctx, v, f)
	return wrong, err
}

func bounded(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxDraftField)], "")
}

// moment is a date and time of the consultation's zone.
func (c *Console) moment(v *visit, text string) (time.Time, *gateway.Fault) {
	if text == "" {
		return time.Time{}, nil
	}
	at, ok := address.ParseMoment(strings.Replace(text, "T", " ", 1))
	if !ok {
		return time.Time{}, gateway.Refuse(550, [3]int{5, 7, 0}, "refuse.bad-date", map[string]any{"Word": address.Shown(text), "Want": []string{"2027-03-09 12:00"}})
	}
	by, fault := at.In(v.zone())
	return gateway.Micros(by), fault
}

// recipientsOf writes the registers and companies that were ticked as their addresses, then the addresses that were typed, each once.
func (c *Console) recipientsOf(ctx context.Context, v *visit, f typed) ([]string, error) {
	var all []string
	for _, word := range f["registres"] {
		if slices.Contains(gateway.Registers(), gateway.Register(word)) {
			all = append(all, c.registerAddress(v.consultation, gateway.Register(word)))
		}
	}
	if len(f["entreprises"]) > 0 {
		companies, err := c.d.Store.Companies(ctx, v.consultation.ID, "")
		if err != nil {
			return nil, err
		}
		for _, company := range companies {
			if slices.Contains(f["entreprises"], company.Ref) {
				all = append(all, c.companyAddress(v.consultation, company.Ref))
			}
		}
	}
	for _, one := range addressesIn(bounded(f.get("adresses"))) {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all, nil
}

func (c *Console) registerAddress(about gateway.Consultation, register gateway.Register) string {
	text, _ := c.grammar.Format(address.Wish{Name: about.Address, Registers: []gateway.Register{register}})
	return text
}

func (c *Console) companyAddress(about gateway.Consultation, ref string) string {
	text, _ := c.grammar.Format(address.Wish{Name: about.Address, Companies: []string{ref}})
	return text
}

// addressesIn takes the addresses out of what was typed or pasted: one a line, or between commas, semicolons or spaces, with or
// without names. What is none stays as it is, for the rules to say so.
func addressesIn(text string) (all []string) {
	for line := range strings.Lines(text) {
		line = strings.Trim(line, " \t\r\n,;")
		if line == "" {
			continue
		}
		if list, err := mail.ParseAddressList(line); err == nil {
			for _, a := range list {
				all = append(all, a.Address)
			}
			continue
		}
		for _, piece := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' }) {
			all = append(all, addressesOf(piece)...)
		}
	}
	return all
}

// addressesOf is the address of « Name <address> », or what stands between spaces.
func addressesOf(piece string) []string {
	if from := strings.IndexByte(piece, '<'); from >= 0 {
		if to := strings.IndexByte(piece[from:], '>'); to > 0 {
			return []string{strings.TrimSpace(piece[from+1 : from+to])}
		}
	}
	return strings.Fields(piece)
}

// draftAnswer is what scripts are answered.
type draftAnswer struct {
	Text    string `json:"text,omitempty"`
	Draft   string `json:"draft,omitempty"` // the path of the draft
	Version int64  `json:"version,omitempty"`
	File    string `json:"file,omitempty"`
	Form    string `json:"form,omitempty"` // the token to go on with, when that of the page is no longer good
	Name    string `json:"name,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Path    string `json:"path,omitempty"`
}

func wantsJSON(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }

func (c *Console) said(w http.ResponseWriter, status int, a draftAnswer) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(a)
}
