package console

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/kit"
	"vaguemestre/tracking/web"
)

// Mail says where agents' mail clients submit their letters; an empty port is not listened on.
type Mail struct {
	Host     string
	StartTLS string // port (RFC 6409)
	TLS      string // port (RFC 8314)
	IMAP     string // server and port of the agents' own mailboxes, over TLS; empty: not told
}

func (c *Console) mailKitRoutes() []route {
	own := func(method, path string, do func(http.ResponseWriter, *http.Request, *visit) error) route {
		return route{method: method, path: path, object: theAccount, permission: signedIn, do: do}
	}
	return []route{
		{method: "GET", path: "/consultations/{consultation}/messagerie", object: theConsultation, permission: entitled, do: c.mailKit},
		own("GET", "/carnet/{format}", c.addressBook),
		own("GET", "/compte/messagerie", c.mailSettings),
		own("POST", "/compte/messagerie/mots-de-passe", c.addAppPassword),
		own("POST", "/compte/messagerie/mots-de-passe/{password}/revoquer", c.revokeAppPassword),
	}
}

// mailKitPage is « Écrire depuis ma messagerie », about one consultation.
type mailKitPage struct {
	Shell        shell
	Consultation gateway.Consultation
	Back         string
	Links        []mailLink
	Groups       []kit.Entry
}

// mailLink opens the agent's own mail client with everything filled in.
type mailLink struct {
	Label, Address string
	Link           string
	Short          bool // the model did not fit whole
}

// mailKit lists, for each type, the link that opens the agent's mail client, and the addresses of groups and companies.
func (c *Console) mailKit(w http.ResponseWriter, r *http.Request, v *visit) error {
	companies, err := c.d.Store.Companies(r.Context(), v.consultation.ID, "")
	if err != nil {
		return err
	}
	about := kit.About{Consultation: v.consultation, Companies: companies}
	p := mailKitPage{Shell: v.shell(r, "follow"), Consultation: v.consultation, Back: "/consultations/" + v.consultation.ID.String()}
	for _, t := range c.d.Kinds.Types() {
		link, err := c.mailLink(v, about, t)
		if err != nil {
			return err
		}
		p.Links = append(p.Links, link)
	}
	alone, _ := c.grammar.Format(address.Wish{Name: about.Consultation.Address}) // it names the consultation, and writes to nobody
	p.Groups = slices.DeleteFunc(kit.Book(c.grammar, v.lang, nil, []kit.About{about}), func(e kit.Entry) bool { return e.Address == alone })
	return c.page(w, r, v, web.Page{Name: "mailkit", About: v.consultation.Reference, Data: p})
}

func (c *Console) mailLink(v *visit, about kit.About, t gateway.CourierType) (mailLink, error) {
	to, err := kit.Control(c.grammar, about, t)
	if err != nil {
		return mailLink{}, err
	}
	language := about.Consultation.Language
	fields := kinds.FieldsOf(about.Consultation.Block(), time.Time{})
	whole, _ := c.grammar.Format(address.Wish{Name: about.Consultation.Address, Type: t.Code, Action: address.Model})
	m := mailLink{Label: t.Name(v.lang), Address: to}
	m.Link, m.Short = kit.Mailto(kit.Model{
		To: to, Subject: c.d.Kinds.Subject(t.Code, language, fields), Body: c.d.Kinds.Body(t.Code, language, fields),
		Cut: c.site.Text(v.lang, "mailkit.cut", "Address", whole),
	})
	return m, nil
}

// book is a form in which mail clients read address books.
type book struct {
	name, mediaType string
	write           func(io.Writer, []kit.Entry) error
}

func bookOf(format string) (book, bool) {
	switch format {
	case "vcard":
		return book{"vaguemestre.vcf", "text/vcard; charset=utf-8", kit.VCard}, true
	case "ldif":
		return book{"vaguemestre.ldif", "text/ldif; charset=utf-8", kit.LDIF}, true
	case "csv":
		return book{"vaguemestre.csv", "text/csv; charset=utf-8", kit.CSV}, true
	}
	return book{}, false
}

// addressBook is the book of every open consultation of the agent.
func (c *Console) addressBook(w http.ResponseWriter, r *http.Request, v *visit) error {
	as, known := bookOf(r.PathValue("format"))
	if !known {
		return gateway.ErrNotFound
	}
	consultations, err := c.d.Store.EntitledConsultations(r.Context(), v.agent.ID)
	if err != nil {
		return err
	}
	var abouts []kit.About
	for _, one := range consultations {
		if !one.Archived.IsZero() {
			continue
		}
		companies, err := c.d.Store.Companies(r.Context(), one.ID, "")
		if err != nil {
			return err
		}
		abouts = append(abouts, kit.About{Consultation: one, Companies: companies})
	}
	attachment(w.Header(), as.name, -1)
	w.Header().Set("Content-Type", as.mediaType)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": as.name}))
	_ = as.write(w, kit.Book(c.grammar, v.lang, c.d.Kinds.Types(), abouts)) // an agent who left does not concern us
	return nil
}

// settingsPage is how the agent's mail client reaches the gateway.
type settingsPage struct {
	Shell     shell
	Login     string
	Mail      Mail
	Passwords []gateway.AppPassword
	Shown     string // a new one, this once
	Label     string
	Error     string
}

func (c *Console) mailSettings(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showSettings(w, r, v, settingsPage{})
}

func (c *Console) showSettings(w http.ResponseWriter, r *http.Request, v *visit, p settingsPage) (err error) {
	p.Shell, p.Login, p.Mail = v.shell(r, "account"), v.agent.Login, c.o.Mail
	if p.Passwords, err = c.d.Store.AppPasswords(r.Context(), v.agent.ID); err != nil {
		return err
	}
	status := http.StatusOK
	if p.Error != "" {
		status = http.StatusUnprocessableEntity
	}
	return c.page(w, r, v, web.Page{Name: "settings", Status: status, Switch: "/compte/messagerie", Data: p})
}

// maxLabel and maxAppPasswords bound what one agent keeps.
const (
	maxLabel        = 60 // characters
	maxAppPasswords = 50
)

// addAppPassword makes a password for one device, and shows it this once: the store keeps its hash.
func (c *Console) addAppPassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	label := singleLine(r.PostForm.Get("appareil"), maxLabel)
	if label == "" {
		return c.showSettings(w, r, v, settingsPage{Error: c.site.Text(v.lang, "settings.no-label")})
	}
	known, err := c.d.Store.AppPasswords(r.Context(), v.agent.ID)
	if err != nil {
		return err
	}
	if inForce(known) >= maxAppPasswords {
		return c.showSettings(w, r, v, settingsPage{Error: c.site.Text(v.lang, "settings.too-many", "Max", maxAppPasswords)})
	}
	shown, kept := account.NewAppPassword()
	if _, err := c.d.Store.AddAppPassword(r.Context(), gateway.AppPassword{Agent: v.agent.ID, Label: label, Hash: kept}); err != nil {
		return err
	}
	c.o.Logger.InfoContext(r.Context(), "app password added", "agent", v.agent.Login, "label", label)
	return c.showSettings(w, r, v, settingsPage{Shown: shown, Label: label})
}

func inForce(all []gateway.AppPassword) (n int) {
	for _, one := range all {
		if one.Revoked.IsZero() {
			n++
		}
	}
	return n
}

// revokeAppPassword ends one of the agent's own; another's is not found.
func (c *Console) revokeAppPassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	known, err := c.d.Store.AppPasswords(r.Context(), v.agent.ID)
	if err != nil {
		return err
	}
	for _, one := range known {
		if one.ID.String() == r.PathValue("password") && one.Revoked.IsZero() {
			if err := c.d.Store.RevokeAppPassword(r.Context(), one.ID); err != nil {
				return err
			}
			c.o.Logger.InfoContext(r.Context(), "app password revoked", "agent", v.agent.Login, "label", one.Label)
			return after(w, r, "/compte/messagerie", "password-revoked")
		}
	}
	return gateway.ErrNotFound
}

// singleLine makes at most so many characters of one line of what was typed.
func singleLine(text string, most int) string {
	line := []rune(oneLine(text))
	return strings.TrimSpace(string(line[:min(len(line), most)]))
}

// oneLine is a text in one line, its white space folded.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
}
