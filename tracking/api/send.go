package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/textproto"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake"
)

const (
	maxOptions = 1 << 20 // octets
	maxText    = 1 << 20
	maxSubject = 500
	maxKey     = 200
	// fieldOnce makes a repeated request the same courier: the same key with the same content (promise 3).
	fieldOnce = "Idempotency-Key"
)

type sentView struct {
	Outcome intake.Outcome `json:"outcome"`
	Courier gateway.ID     `json:"courier"`
	Added   int            `json:"added"` // recipients who get it because of this request
	Text    string         `json:"text"`
}

// send takes a form of the parts options, text, then any files, in that order, so that nothing waits in memory.
func (a *API) send(w http.ResponseWriter, r *http.Request, c call) error {
	once := r.Header.Get(fieldOnce)
	if once == "" || len(once) > maxKey {
		return bad("the field %s of 1 to %d octets is needed", fieldOnce, maxKey)
	}
	if len(c.agent.Addresses) == 0 {
		return problem{Status: http.StatusForbidden, Title: "the agent has no address"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, a.o.MaxBytes)
	form, err := r.MultipartReader()
	if err != nil {
		return bad("a form of parts is expected: %v", err)
	}
	part, err := next(form, "options")
	if err != nil {
		return err
	}
	options, err := a.readOptions(part)
	if err != nil {
		return err
	}
	said, err := options.wish()
	if err != nil {
		return err
	}
	l, err := a.letter(c, once, options)
	if err != nil {
		return err
	}
	spool := a.store.Spool()
	defer spool.Discard()
	if err := write(spool, form, l); err != nil {
		return err
	}
	receipt, err := a.submit(r.Context(), l, intake.Submission{
		Agent: c.agent, Door: gateway.DoorAPI, Recipients: options.To, Said: said, Message: spool,
	})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, sentView{receipt.Outcome, receipt.Courier.ID, len(receipt.Added), receipt.Text})
}

// letter names the message after the agent and the idempotency key, and has the options in its octets: other
// options under the same key are another content.
func (a *API) letter(c call, once string, options sendOptions) (letter, error) {
	key := gateway.HashOf([]byte(c.agent.ID.String() + "\x00" + once))
	text, err := json.Marshal(options)
	if err != nil {
		return letter{}, err
	}
	return letter{
		agent: c.agent, subject: options.Subject, key: key, id: "<" + key.String() + "@" + a.o.Domain + ">",
		boundary: gateway.HashOf(append(text, key[:]...)).String(),
	}, nil
}

// submit sends what means sending, unless its key was used for something else.
func (a *API) submit(ctx context.Context, l letter, s intake.Submission) (intake.Receipt, error) {
	turn := &a.sends[int(l.key[0])%len(a.sends)]
	turn.Lock()
	defer turn.Unlock()
	before, err := a.store.CourierByMessageID(ctx, l.id)
	if err != nil && !absent(err) {
		return intake.Receipt{}, err
	}
	if err == nil && (before.Content != s.Message.Hash() || before.Author != l.agent.ID) {
		return intake.Receipt{}, problem{Status: http.StatusUnprocessableEntity, Title: "this " + fieldOnce + " was used for another courier"}
	}
	if strings.Contains(l.subject, "[") { // a tag of the subject may ask for something else than sending
		report, err := a.intake.Check(ctx, s)
		if err != nil {
			return intake.Receipt{}, err
		}
		if report.Action != address.Send {
			return intake.Receipt{}, problem{Status: http.StatusUnprocessableEntity, Title: "couriers are only sent here", Detail: fmt.Sprintf("take %q out of the subject", report.Action)}
		}
	}
	return a.intake.Submit(ctx, s)
}

// next is the next part, which has to have this name.
func next(form *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := form.NextPart()
	if err != nil {
		return nil, broken(err)
	}
	if part.FormName() != name {
		return nil, bad("the part %q is expected here", name)
	}
	return part, nil
}

func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return bad("the form is broken: %v", err)
}

// letter is what the head of the message says. It bears no date, so that a retry has the same octets.
type letter struct {
	agent                 gateway.Agent
	key                   gateway.Hash
	subject, id, boundary string
}

func (l letter) head() string {
	subject := strings.Join(strings.Fields(l.subject), " ")
	from := mail.Address{Name: l.agent.Name, Address: l.agent.Addresses[0]}
	return fmt.Sprintf("From: %s\r\nSubject: %s\r\nMessage-ID: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n",
		from.String(), mime.BEncoding.Encode("utf-8", subject), l.id, l.boundary)
}

// write makes the message: the text, then the files as they come.
func write(to io.Writer, form *multipart.Reader, l letter) error {
	if _, err := io.WriteString(to, l.head()); err != nil {
		return err
	}
	m := multipart.NewWriter(to)
	if err := m.SetBoundary(l.boundary); err != nil {
		return err
	}
	part, err := next(form, "text")
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(part, maxText+1))
	if err != nil {
		return broken(err)
	}
	if len(text) > maxText {
		return problem{Status: http.StatusRequestEntityTooLarge, Title: "the text is too large"}
	}
	crlf := strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n")
	if err := attach(m, "text/plain; charset=utf-8", "", strings.NewReader(crlf)); err != nil {
		return err
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return m.Close()
		}
		if err != nil {
			return broken(err)
		}
		if part.FormName() != "files" || part.FileName() == "" {
			return bad("only files with a name are expected after the text")
		}
		if err := attach(m, "application/octet-stream", part.FileName(), part); err != nil {
			return err
		}
	}
}

// attach writes one part in base64 (RFC 2045 §6.8).
func attach(m *multipart.Writer, media, name string, from io.Reader) error {
	h := textproto.MIMEHeader{"Content-Type": {media}, "Content-Transfer-Encoding": {"base64"}}
	if name != "" {
		value := mime.FormatMediaType("attachment", map[string]string{"filename": name})
		if value == "" || len(value) > 900 || strings.ContainsFunc(name, control) {
			return bad("a file's name cannot be written in a message")
		}
		h.Set("Content-Disposition", value)
	}
	part, err := m.CreatePart(h)
	if err != nil {
		return err
	}
	lines := &lines{to: part}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(enc, from); err != nil {
		return broken(err)
	}
	return enc.Close()
}

// lines breaks base64 into lines of 76.
type lines struct {
	to  io.Writer
	col int
}

func (l *lines) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		if l.col == 76 {
			if _, err := io.WriteString(l.to, "\r\n"); err != nil {
				return n, err
			}
			l.col = 0
		}
		k, err := l.to.Write(b[:min(len(b), 76-l.col)])
		n, l.col, b = n+k, l.col+k, b[k:]
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
