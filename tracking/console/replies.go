package console

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

type replyPage struct {
	Shell        shell
	Consultation gateway.Consultation
	Courier      gateway.Courier
	Recipient    gateway.Recipient
	Reply        gateway.Reply
	Whole        string // the message's complete text; empty when nothing of it is left out
	Path         string
	Files        []fileRow
	Mailto       string
	Subject      string
	Text         string // of the answer begun
	Error        string
	Archived     bool
}

// readReply shows a company's reply. Reading it is an event.
func (c *Console) readReply(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.opening(r, v); err != nil {
		return err
	}
	return c.showReply(w, r, v, http.StatusOK, "", "")
}

func (c *Console) showReply(w http.ResponseWriter, r *http.Request, v *visit, status int, text, problem string) error {
	recipient, err := c.d.Store.Recipient(r.Context(), v.reply.Recipient)
	if err != nil {
		return err
	}
	p := replyPage{
		Shell: v.shell(r, "follow"), Consultation: v.consultation, Courier: v.courier, Recipient: recipient, Reply: v.reply,
		Path: v.courierPath() + "/reponses/" + v.reply.ID.String(), Mailto: c.mailto(v, v.reply), Subject: answerSubject(v.reply.Subject),
		Text: text, Error: problem, Archived: !v.consultation.Archived.IsZero(),
	}
	if p.Whole, err = c.whole(r, v.reply); err != nil {
		return err
	}
	for i, f := range v.reply.Files {
		p.Files = append(p.Files, fileRow{f, fmt.Sprintf("%s/fichiers/%d/%s", p.Path, i+1, url.PathEscape(f.Name))})
	}
	return c.page(w, r, v, web.Page{Name: "reply", Status: status, About: v.consultation.Reference, Data: p})
}

// whole is the complete text of a reply by mail, with what it quotes; empty when that is what is shown already.
func (c *Console) whole(r *http.Request, reply gateway.Reply) (string, error) {
	m, err := c.open(r.Context(), reply.Content)
	if errors.Is(err, gateway.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer m.Close()
	text, err := m.Words(maxText)
	if err = message.Uncut(err); err != nil {
		return "", err
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if text == strings.TrimSpace(strings.ReplaceAll(reply.Text, "\r\n", "\n")) {
		return "", nil
	}
	return text, nil
}

// opening records that the agent reads a reply: once for each agent, and each hour for one that was sealed
// (promise 9). A reply that may not be read is not found; nothing is shown before the event is durable.
func (c *Console) opening(r *http.Request, v *visit) error {
	if v.reply.Closed() {
		return gateway.ErrNotFound
	}
	if r.Method == http.MethodHead || r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") == "prefetch" {
		return gateway.ErrNotFound // nobody reads it: a browser that looks ahead asks again when somebody does
	}
	e := gateway.NewEvent(gateway.Opened, v.now, gateway.OpenedDetails{Reply: v.reply.ID}, nil).
		About(v.courier.ID, v.reply.Recipient).By("agent:"+v.agent.Login, gateway.ByAgent)
	e.Once = "opened:" + v.reply.ID.String() + ":" + v.agent.ID.String()
	if v.reply.Sealed {
		e.Once += ":" + v.now.UTC().Format("2006010215")
	}
	err := c.d.Store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}})
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	return err
}

func (c *Console) replyMessage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.opening(r, v); err != nil {
		return err
	}
	return c.download(w, r, v.reply.Content, "reponse-"+v.reply.ID.String()+".eml")
}

func (c *Console) replyFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.opening(r, v); err != nil {
		return err
	}
	return c.fileOf(w, r, v.reply.Content, v.reply.Files)
}

// answerSubject is the subject of the answer to a message.
func answerSubject(subject string) string {
	subject = strings.Join(strings.Fields(subject), " ")
	if len(subject) >= 3 && strings.EqualFold(subject[:3], "re:") {
		return subject
	}
	return strings.TrimSpace("Re: " + subject)
}

// answer sends the company an answer in the thread, through the intake like every door.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.opening(r, v); err != nil { // whatever is wrong with the answer, the page that says so shows the reply
		return err
	}
	forged := c.readSmall(w, r, v)
	text := strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("texte"), "\r\n", "\n"))
	switch {
	case forged != nil && text == "":
		return forged
	case forged != nil:
		return c.showReply(w, r, v, http.StatusForbidden, text, c.stale(v))
	}
	if text == "" {
		return c.showReply(w, r, v, http.StatusUnprocessableEntity, text, c.site.Text(v.lang, "answer.empty"))
	}
	if len(v.agent.Addresses) == 0 {
		return c.showReply(w, r, v, http.StatusUnprocessableEntity, text, c.site.Text(v.lang, "answer.no-address"))
	}
	spool := c.d.Store.Spool()
	defer spool.Discard()
	if err := c.writeAnswer(spool, v, text, r.PostForm.Get(fieldForm)); err != nil {
		return err
	}
	wish := address.Wish{Source: address.FromField, Name: v.consultation.Address, Type: gateway.Libre}
	receipt, err := c.submit(r.Context(), v, spool, wish, c.thread(v.reply.Recipient))
	var fault *gateway.Fault
	if errors.As(err, &fault) && fault.Class == gateway.Permanent {
		return c.showReply(w, r, v, http.StatusUnprocessableEntity, text, catalog.Text(v.lang, fault.Key, fault.Args))
	}
	if err != nil {
		return err
	}
	return after(w, r, "/courriers/"+receipt.Courier.ID.String(), "answered")
}

// writeAnswer writes the answer as a message. Its Message-ID is made of the page's token, and it bears no date: a form
// that is sent twice is the same message (promise 3).
func (c *Console) writeAnswer(w *store.Spool, v *visit, text, form string) error {
	from := mail.Address{Name: v.agent.Name, Address: v.agent.Addresses[0]}
	head := []string{
		"From: " + from.String(), "Subject: " + mime.QEncoding.Encode("utf-8", answerSubject(v.reply.Subject)),
		"Message-ID: <" + hashed("answer", v.agent.ID.String()+form).String()[:40] + "@" + c.o.Domain + ">",
	}
	if id := v.reply.MessageID; len(id) < 900 && strings.HasPrefix(id, "<") && strings.HasSuffix(id, ">") && !strings.ContainsAny(id, " \t\r\n") {
		head = append(head, "In-Reply-To: "+id)
	}
	head = append(head, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "")
	if _, err := io.WriteString(w, strings.Join(head, "\r\n")); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	q := quotedprintable.NewWriter(w)
	_, err := io.WriteString(q, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
	if err = errors.Join(err, q.Close()); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	return nil
}
