package notice

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"mime/quotedprintable"
	"strings"
	"text/template"
	"time"

	"vaguemestre/gateway"
)

//go:embed templates
var templateFiles embed.FS

// readTemplates reads the sentences. They are part of the program: an error is its author's.
func readTemplates() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, language := range [...]string{"fr", "en"} {
		text, err := fs.ReadFile(templateFiles, "templates/"+language+".txt")
		if err != nil {
			panic(fmt.Sprintf("notice: %v", err))
		}
		words := template.FuncMap{"when": func(t time.Time, zone *time.Location) string { return when(language, t, zone) }}
		all[language] = template.Must(template.New(language).Funcs(words).Option("missingkey=error").Parse(string(text)))
	}
	return all
}

// words is what the templates may say.
type words struct {
	Name      string // of the gateway
	Domain    string
	Reference string // of the consultation
	Title     string
	Zone      *time.Location
	Subject   string // of the courier
	Type      string
	Courier   string // its identifier
	Company   string
	Address   string
	Sent      time.Time
	At        time.Time // of what the notice tells

	Reason    string // key of the reason of a failure
	Expired   bool
	Rejection bool
	Status    string
	Said      string // by the other side
	By        string // who said it
	Late      bool
	Other     string // the other sender's address
	Opens     time.Time
	Files     []gateway.File
	Text      string // of an answer that is too large to be sent on
	Sealed    bool
	Relayed   bool
	Days      int
	Silent    []string // those who have not read
	More      int      // of them, not listed
	Day       time.Time
	News      []news
}

func (c *Composer) words(s *subject) words {
	return words{
		Name: c.o.Name, Domain: c.o.Domain, Reference: clean(s.courier.Context.Reference), Title: clean(s.courier.Context.Title),
		Zone: s.courier.Context.Location(), Subject: clean(s.courier.Subject), Type: clean(s.courier.TypeLabel), Courier: s.courier.ID.String(),
		Company: clean(s.recipient.Name()), Address: clean(s.recipient.Address), Sent: s.recipient.Standing.Sent, At: s.job.Created,
	}
}

// say executes one template of a language.
func (c *Composer) say(language, name string, w words) (string, error) {
	t := c.templates[language]
	if t == nil {
		t = c.templates[c.o.Language]
	}
	if t == nil {
		t = c.templates["fr"]
	}
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, w); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	text := b.String()
	for strings.Contains(text, "\n\n\n") { // a condition that did not hold leaves its empty lines
		text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
	}
	return strings.TrimSpace(text), nil
}

// simple makes a notice of one text.
func (c *Composer) simple(s *subject, h *header, to, body string) Mail {
	h.add("MIME-Version", "1.0")
	return c.mail(s, to, func(w io.Writer) error {
		if _, err := io.WriteString(w, h.String()); err != nil {
			return err
		}
		return writeText(w, body)
	})
}

func (c *Composer) mail(s *subject, to string, write func(io.Writer) error) Mail {
	return Mail{To: to, MessageID: c.id(s.job), Date: s.job.Created, Write: write}
}

// writeText writes the Content fields of a text, the empty line and the text.
func writeText(w io.Writer, text string) error {
	const fields = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	if _, err := io.WriteString(w, fields); err != nil {
		return err
	}
	qp := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(qp, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n"); err != nil {
		return err
	}
	return qp.Close()
}

// when writes an instant for people, with its offset.
func when(language string, t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if language == "fr" {
		months := [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
		day := fmt.Sprint(t.Day())
		if t.Day() == 1 {
			day = "1er"
		}
		return fmt.Sprintf("%s %s %d à %s", day, months[t.Month()-1], t.Year(), t.Format("15:04 (UTC-07:00)"))
	}
	return t.Format("2 January 2006 at 15:04 (UTC-07:00)")
}
