package console

import (
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"strings"

	"vaguemestre/gateway"
)

// writeLink writes the mail that bears a link to sign in (RFC 3834 §5: made by a program).
func (c *Console) writeLink(w io.Writer, v *visit, agent gateway.Agent, to, link, next string) error {
	address := c.o.BaseURL + "/connexion/lien/" + link
	if next != "/" {
		address += "?" + url.Values{"suite": {next}}.Encode()
	}
	say := func(key string, pairs ...any) string { return c.site.Text(v.lang, key, pairs...) }
	from, towards := mail.Address{Name: c.o.Name, Address: "nepasrepondre@" + c.o.Domain}, mail.Address{Name: agent.Name, Address: to}
	head := []string{
		"From: " + from.String(), "To: " + towards.String(), "Subject: " + mime.QEncoding.Encode("utf-8", say("linkmail.subject")),
		"Date: " + v.now.In(v.zone()).Format("Mon, 02 Jan 2006 15:04:05 -0700"), "Message-ID: <" + gateway.NewID(v.now).String() + "@" + c.o.Domain + ">",
		"Auto-Submitted: auto-generated", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "",
	}
	if _, err := io.WriteString(w, strings.Join(head, "\r\n")); err != nil {
		return fmt.Errorf("write a link's mail: %w", err)
	}
	body := say("linkmail.text", "Name", agent.Name, "Link", address, "Minutes", int(LinkLife.Minutes()), "Service", c.o.Name)
	q := quotedprintable.NewWriter(w)
	_, err := io.WriteString(q, strings.ReplaceAll(body, "\n", "\r\n")+"\r\n")
	if closed := q.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write a link's mail: %w", err)
	}
	return nil
}
