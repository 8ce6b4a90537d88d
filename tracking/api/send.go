package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/form"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

const (
	maxOptions = 1 << 20 // octets
	maxText    = 1 << 20
	maxJSON    = 16 << 20 // of a courier as one JSON value, which waits in memory; a form does not
	maxSubject = 500
	maxKey     = 200
	// fieldOnce makes a repeated request the same courier: the same key with the same content (promise 3).
	fieldOnce = "Idempotency-Key"
)

// send takes a courier as a form or as one JSON value.
func (a *API) send(w http.ResponseWriter, r *http.Request, c call) error {
	once := r.Header.Get(fieldOnce)
	if once == "" || len(once) > maxKey {
		return bad("the field %s of 1 to %d octets is needed", fieldOnce, maxKey)
	}
	if len(c.agent.Addresses) == 0 {
		return problems().agentWithoutAddress.problem("")
	}
	spool := a.store.Spool()
	defer spool.Discard()
	l := letter{claim: gateway.HashOf([]byte("api\x00" + c.agent.ID.String() + "\x00" + once)), agent: c.agent, spool: spool}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, a.o.MaxBytes)
		err = a.readForm(r, &l)
	case err == nil && media == "application/json":
		r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
		err = a.readJSON(r, &l)
	default:
		err = problems().mediaType.problem("multipart/form-data or application/json is expected")
	}
	if err != nil {
		return err
	}
	receipt, err := a.submit(r.Context(), l)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, view.OfReceipt(receipt))
}

// letter is a courier as it was read. Its message is named after the agent and the idempotency key and bears no date, so that
// a repeated request is the same message.
type letter struct {
	claim   gateway.Hash
	agent   gateway.Agent
	options form.Options
	said    address.Wish
	spool   *store.Spool
}

// begin judges the options and begins the message.
func (a *API) begin(l *letter) (*form.Writer, error) {
	if len(l.options.Subject) > maxSubject {
		return nil, bad("subject is at most %d octets", maxSubject)
	}
	// An address of the gateway may ask for a draft, a trial, a model, a proof or the administrator: what is sent is
	// said by the other options only.
	for _, to := range l.options.To {
		if _, fault := a.grammar.Company(to); fault != nil {
			return nil, fault
		}
	}
	var err error
	if l.said, err = l.options.Wish(); err != nil {
		return nil, bad("%v", err)
	}
	return form.New(l.spool, l.agent, l.options, "<"+l.claim.String()+"@"+a.o.Domain+">")
}

// submit sends what means sending; its claim is no other courier's.
func (a *API) submit(ctx context.Context, l letter) (intake.Receipt, error) {
	s := intake.Submission{
		Agent: l.agent, Door: gateway.DoorAPI, Recipients: l.options.To, Said: l.said, Message: l.spool, Claim: l.claim,
	}
	if strings.Contains(l.options.Subject, "[") { // a tag of the subject may ask for something else than sending
		report, err := a.intake.Check(ctx, s)
		if err != nil {
			return intake.Receipt{}, err
		}
		if report.Action != address.Send {
			return intake.Receipt{}, problems().onlySending.problem("take %q out of the subject", report.Action)
		}
	}
	return a.intake.Submit(ctx, s)
}

// readForm takes the parts options, text, then any files, in that order, so that nothing waits in memory.
func (a *API) readForm(r *http.Request, l *letter) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return bad("a form of parts is expected: %v", err)
	}
	_, text, err := part(parts, maxOptions, "options")
	if err != nil {
		return err
	}
	if err := decode(strings.NewReader(text), &l.options); err != nil {
		return err
	}
	m, err := a.begin(l)
	if err != nil {
		return err
	}
	name, text, err := part(parts, maxText, "text", "html")
	if err != nil {
		return err
	}
	if err := wrote(m, name == "html", text); err != nil {
		return err
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return m.Close()
		}
		if err != nil {
			return broken(err)
		}
		if part.FormName() != "files" || part.FileName() == "" {
			return bad("only files with a name are expected after the text")
		}
		if err := file(m, part.FileName(), incoming{part}); err != nil {
			return err
		}
	}
}

func file(m *form.Writer, name string, from io.Reader) error {
	err := m.File(name, "", from)
	if errors.Is(err, form.ErrName) {
		return bad("%v", err)
	}
	return err
}

// incoming tells what fails while a file comes in from what fails while it is kept.
type incoming struct{ r io.Reader }

// Read implements io.Reader.
func (i incoming) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(err)
	}
	return n, err
}

// wrote writes the letter's text, which is HTML or not. Without words the model's are taken.
func wrote(m *form.Writer, html bool, text string) error {
	if html && strings.TrimSpace(text) != "" {
		return m.HTML(text)
	}
	return m.Text(text)
}

// part is the text of the next part, which has to have one of these names.
func part(parts *multipart.Reader, most int64, names ...string) (name, text string, err error) {
	part, err := parts.NextPart()
	if err != nil {
		return "", "", broken(err)
	}
	if name = part.FormName(); !slices.Contains(names, name) {
		return "", "", bad("the part %q is expected here", strings.Join(names, " or "))
	}
	all, err := io.ReadAll(io.LimitReader(part, most+1))
	if err != nil {
		return "", "", broken(err)
	}
	if int64(len(all)) > most {
		return "", "", problems().tooLarge.problem("the part %q is at most %d octets", name, most)
	}
	return name, string(all), nil
}

func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return bad("the form is broken: %v", err)
}

// sendJSON is a courier as one JSON value.
type sendJSON struct {
	Options form.Options `json:"options"`
	Text    string       `json:"text"`
	HTML    string       `json:"html"` // in the place of Text
	Files   []fileJSON   `json:"files"`
}

type fileJSON struct {
	Name    string `json:"name"`
	Content string `json:"content"` // base64
}

func (a *API) readJSON(r *http.Request, l *letter) error {
	var in sendJSON
	if err := decode(r.Body, &in); err != nil {
		return err
	}
	l.options = in.Options
	m, err := a.begin(l)
	if err != nil {
		return err
	}
	if in.Text != "" && in.HTML != "" {
		return bad("text or html is expected, not both: the text is made of the HTML")
	}
	if len(in.Text)+len(in.HTML) > maxText {
		return problems().tooLarge.problem("text or html is at most %d octets", maxText)
	}
	if err := wrote(m, in.HTML != "", in.Text+in.HTML); err != nil {
		return err
	}
	for i, f := range in.Files {
		content, err := base64.StdEncoding.DecodeString(f.Content)
		if err != nil {
			return bad("files[%d].content is not base64", i)
		}
		if err := file(m, f.Name, bytes.NewReader(content)); err != nil {
			return fmt.Errorf("files[%d]: %w", i, err)
		}
	}
	return m.Close()
}
