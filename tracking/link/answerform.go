package link

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// answerView is what the templates of an answer see.
type answerView struct {
	view
	Form     string
	Answer   string // its identifier, and the states of its words and of the whole that the page shows
	Saves    int64
	Version  int64
	Words    string
	Stored   string // the words saved elsewhere meanwhile
	Conflict bool
	Parts    []draftFile
	Missing  []draftFile // that have not come whole
	Weight   int64
	Most     int64
	MostOf   int
	Chunk    int64
	Now, By  time.Time
	Late     bool
	Sealed   bool
	Before   time.Time // of an answer sent before
	Errors   []any
	Changed  bool // since the page that was sent
	Receipt  receipt
}

// left is the time that remains, in whole days, hours and minutes; the page's script counts on.
func (v answerView) left() (days, hours, minutes int) {
	d := max(v.By.Sub(v.Now), 0)
	return int(d / (24 * time.Hour)), int(d / time.Hour % 24), int(d / time.Minute % 60)
}

// Days, Hours and Minutes remain before the deadline.
func (v answerView) Days() int    { days, _, _ := v.left(); return days }
func (v answerView) Hours() int   { _, hours, _ := v.left(); return hours }
func (v answerView) Minutes() int { _, _, minutes := v.left(); return minutes }

// Clock and Until are the server's clock and the deadline, for the page's script.
func (v answerView) Clock() int64 { return v.Now.UnixMilli() }
func (v answerView) Until() int64 { return v.By.UnixMilli() }

func (a *answers) answerView(r *http.Request, l letter, d draft) answerView {
	now := a.opts.Now()
	v := answerView{
		view: a.view(r, l), Form: a.forms.Mint(now, l.recipient.ID.String()), Answer: d.ID.String(), Saves: d.Saves, Version: d.Version,
		Words: d.text, Weight: d.Size, Most: a.MaxBytes, MostOf: a.MaxFiles, Chunk: chunkSize,
		Now: now, By: l.courier.Options.Reply.By, Late: past(l, now), Sealed: sealed(l, now), Before: l.recipient.Standing.Replied,
	}
	for _, f := range d.files {
		if f.Done {
			v.Parts = append(v.Parts, f)
		} else {
			v.Missing = append(v.Missing, f)
		}
	}
	return v
}

func (a *answers) answerPage(w http.ResponseWriter, r *http.Request, status int, name string, v answerView) {
	a.site.Write(w, r, web.Page{
		Name: name, Status: status, Lang: web.Language(r, v.Block.Language), About: v.Block.Reference,
		Owner: v.Block.PublicBody, Switch: r.URL.Path, Data: v,
	})
}

// show is the form.
func (a *answers) show(w http.ResponseWriter, r *http.Request) {
	l, ok := a.enter(w, r)
	if !ok {
		return
	}
	d, err := a.current(r.Context(), l)
	if err != nil {
		a.outage(w, r, "read an answer", err)
		return
	}
	a.answerPage(w, r, http.StatusOK, "answer", a.answerView(r, l, d))
}

// problem is what is wrong in a form, as the page says it.
type problem struct {
	field, key string
	args       []any
}

// round is one sending of the form, as far as it was read.
type round struct {
	draft
	action   string // "review", or the form again
	text     string
	wrote    bool
	glanced  bool // the words were only read, for the page's token was not good
	conflict bool
	problems []problem
}

// write takes a form that works without a script: the words, and files one after the other, each durable as it comes.
func (a *answers) write(w http.ResponseWriter, r *http.Request) {
	l, ok := a.enter(w, r)
	if !ok {
		return
	}
	form, err := r.MultipartReader()
	if err != nil {
		a.again(w, r, l, http.StatusBadRequest, &round{problems: []problem{{key: "form"}}})
		return
	}
	in := new(round)
	err = a.read(r.Context(), l, form, in)
	switch {
	case errors.Is(err, web.ErrForm):
		glance(form, in)
		in.problems = append(in.problems, problem{key: "form"})
		a.again(w, r, l, http.StatusForbidden, in)
	case err != nil:
		a.outage(w, r, "take an answer", err)
	case len(in.problems) > 0 || in.conflict:
		a.again(w, r, l, http.StatusUnprocessableEntity, in)
	case in.action == "review":
		a.to(w, r, "/reponse/verifier")
	default:
		a.to(w, r, "/reponse#fichiers")
	}
}

// again shows the form with what is wrong; the words posted stay in it.
func (a *answers) again(w http.ResponseWriter, r *http.Request, l letter, status int, in *round) {
	d, err := a.current(r.Context(), l)
	if err != nil {
		a.outage(w, r, "read an answer", err)
		return
	}
	v := a.answerView(r, l, d)
	if in.wrote {
		v.Words = in.text
	}
	if in.conflict || in.glanced && in.Saves != d.Saves && in.text != d.text {
		v.Conflict, v.Stored = true, d.text
	}
	lang := web.Language(r, v.Block.Language)
	for _, p := range in.problems {
		v.Errors = append(v.Errors, map[string]any{"Field": p.field, "Text": a.site.Text(lang, "answer.error."+p.key, p.args...)})
	}
	a.answerPage(w, r, status, "answer", v)
}

// maxField bounds the small fields of a form, and maxFields their number, in a form whose files have a bound of their own.
const (
	maxField  = 1 << 10
	maxFields = 1000
)

// read takes the parts of a form in their order: the page's token comes first, and nothing is kept without it. The error is the
// token's, or an outage.
func (a *answers) read(ctx context.Context, l letter, form *multipart.Reader, in *round) error {
	for n := 0; ; n++ {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil || n == maxFields { // what came before is kept
			in.problems = append(in.problems, problem{key: "cut"})
			return nil
		}
		if n == 0 {
			if err := a.enterForm(ctx, l, part, in); err != nil {
				return err
			}
			continue
		}
		if err := a.field(ctx, l, part, in); err != nil {
			return err
		}
	}
}

// enterForm checks the page's token, without which nothing is kept.
func (a *answers) enterForm(ctx context.Context, l letter, part *multipart.Part, in *round) (err error) {
	token, err := small(part)
	if err != nil || part.FormName() != "form" {
		return web.ErrForm
	}
	if _, err := a.forms.Check(token, a.opts.Now(), l.recipient.ID.String()); err != nil {
		return err
	}
	in.draft, err = a.begin(ctx, l)
	return err
}

// glance reads the words of a form whose token is not good: they are shown again, and kept nowhere.
func glance(form *multipart.Reader, in *round) {
	for range maxFields {
		part, err := form.NextRawPart()
		if err != nil {
			return
		}
		switch part.FormName() {
		case "saves":
			value, _ := small(part) // what is cut short is no number
			in.Saves, _ = strconv.ParseInt(value, 10, 64)
		case "text":
			b, err := io.ReadAll(io.LimitReader(part, maxWords))
			in.text, in.wrote, in.glanced = words(b), err == nil, true
			return
		}
	}
}

func small(part *multipart.Part) (string, error) {
	b, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if len(b) > maxField {
		return "", web.ErrForm
	}
	return string(b), err
}

// field takes one part of the form.
func (a *answers) field(ctx context.Context, l letter, part *multipart.Part, in *round) error {
	switch name := part.FormName(); name {
	case "files":
		return a.fileField(ctx, part, in)
	case "text":
		return a.textField(ctx, l, part, in)
	case "saves", "action", "remove":
		value, err := small(part)
		if err != nil {
			in.problems = append(in.problems, problem{key: "cut"})
			return nil
		}
		switch name {
		case "saves":
			in.Saves, err = strconv.ParseInt(value, 10, 64)
			if err != nil {
				return web.ErrForm
			}
		case "action":
			in.action = value
		case "remove":
			return a.dropFile(ctx, in.draft, value)
		}
	}
	return nil
}

// textField saves the words over those that the page showed.
func (a *answers) textField(ctx context.Context, l letter, part *multipart.Part, in *round) error {
	b, err := io.ReadAll(io.LimitReader(part, maxWords+1))
	if err != nil {
		in.problems = append(in.problems, problem{key: "cut"})
		return nil
	}
	in.text, in.wrote = words(b), true
	if len(b) > maxWords {
		in.problems = append(in.problems, problem{field: "text", key: "long", args: []any{"Size", int64(maxWords)}})
		return nil
	}
	if in.text == in.draft.text {
		return nil
	}
	err = a.saveWords(ctx, in.draft, in.Saves, in.text)
	if errors.Is(err, store.ErrConflict) {
		in.conflict, err = a.others(ctx, l, in.text)
	}
	return err
}

// others tells whether the words kept are others than text: the page's own script may have kept these a moment before.
func (a *answers) others(ctx context.Context, l letter, text string) (bool, error) {
	d, err := a.current(ctx, l)
	return d.text != text, err
}

// words is a text as it is kept: UTF-8, line ends of one kind.
func words(b []byte) string {
	text := strings.ToValidUTF8(string(b), "\uFFFD")
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\x00", "")
}

func (a *answers) saveWords(ctx context.Context, d draft, saves int64, text string) error {
	b, err := a.lock(d.Sealed, []byte(text))
	if err != nil {
		return err
	}
	return a.Desk.SaveWords(ctx, d.ID, saves, b)
}

// fileField takes one file; what is wrong with it does not stop the next.
func (a *answers) fileField(ctx context.Context, part *multipart.Part, in *round) error {
	// The name as it was sent: FileName would take off what CleanName must see.
	if part.FileName() == "" {
		return nil // no file was chosen
	}
	l, ok := newLabel(part.FileName(), part.Header.Get("Content-Type"))
	if !ok {
		in.problems = append(in.problems, problem{field: "files", key: "name"})
		return nil
	}
	p, err := a.fileProblem(l.Name, a.receive(ctx, in.draft, l, part))
	if p != nil {
		in.problems = append(in.problems, *p)
	}
	return err
}

// fileProblem says to the company why its file was not taken; an outage stays an error.
func (a *answers) fileProblem(name string, err error) (*problem, error) {
	p := &problem{field: "files", args: []any{"Name", name, "Most", a.MaxBytes, "Count", a.MaxFiles}}
	var infected *infectedError
	var fault *gateway.Fault
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, store.ErrFull):
		p.key = "full"
		a.metrics.files.WithLabelValues("full").Inc()
	case errors.Is(err, errEmpty):
		p.key = "empty"
		a.metrics.files.WithLabelValues("refused").Inc()
	case errors.Is(err, errUnscanned):
		p.key = "unscanned"
		a.opts.Logger.Error("file of an answer not scanned", "cause", err)
	case errors.Is(err, errTooMany):
		p.key = "often"
		a.metrics.files.WithLabelValues("refused").Inc()
	case errors.As(err, &infected):
		p.key, p.args = "infected", append(p.args, "Found", infected.found)
	case errors.Is(err, store.ErrConflict), errors.Is(err, gateway.ErrNotFound):
		p.key = "gone"
		a.metrics.files.WithLabelValues("refused").Inc()
	case errors.As(err, &fault):
		return nil, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		p.key = "cut"
		a.metrics.files.WithLabelValues("cut").Inc()
	default:
		return nil, err
	}
	return p, nil
}

// dropFile takes a file out; one that is gone is out.
func (a *answers) dropFile(ctx context.Context, d draft, file string) error {
	id, err := gateway.ParseID(file)
	if err != nil {
		return web.ErrForm
	}
	err = a.Desk.RemoveAnswerFile(ctx, d.ID, id)
	if errors.Is(err, gateway.ErrNotFound) {
		return nil
	}
	if err == nil {
		a.metrics.files.WithLabelValues("removed").Inc()
	}
	return err
}
