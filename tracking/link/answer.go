package link

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// Desk is where answers are written: gateway/store.
type Desk interface {
	writing
	uploading
	sending
	stats
}

type writing interface {
	BeginAnswer(context.Context, gateway.Answer) (gateway.Answer, error)
	AnswerOf(ctx context.Context, recipient gateway.ID) (gateway.Answer, error)
	SaveWords(ctx context.Context, id gateway.ID, saves int64, words []byte) error
}

type uploading interface {
	AddAnswerFile(ctx context.Context, answer gateway.ID, f gateway.AnswerFile, most int) error
	AddChunk(ctx context.Context, answer, file gateway.ID, c gateway.Chunk, content *store.Spool, most int64) error
	FinishAnswerFile(ctx context.Context, answer gateway.ID, f gateway.AnswerFile) error
	RemoveAnswerFile(ctx context.Context, answer, file gateway.ID) error
}

type sending interface {
	Spool() *store.Spool
	Keep(context.Context, *store.Spool) (gateway.Hash, error)
	Reply(context.Context, gateway.ID) (gateway.Reply, error)
}

// Answers says how companies answer on the page.
type Answers struct {
	Desk       Desk
	Vault      *seal.Vault // of sealed answers
	Domain     string      // of the gateway's addresses
	MaxBytes   int64       // of the files of one answer
	MaxFiles   int
	RefuseLate bool // after the deadline: else an answer is taken, and marked as late
}

// answers is the pages on which a company answers a letter. Everything a company was told is kept is durable: the words
// when they are saved, each chunk of a file before its answer, and the whole at once when it is sent. What was begun survives
// reloads, cuts and crashes; what was sent is sent once, whatever is pressed or posted again.
type answers struct {
	*Pages
	Answers
	forms   web.Forms
	chunks  *web.Limiter // per recipient
	sends   *web.Limiter
	sealing []byte // key of the receipts' addresses
	metrics *answerMetrics
}

// answerLife is how long a page of an answer can still be sent: people write for long.
const answerLife = 3 * 24 * time.Hour

func newAnswers(p *Pages, o Answers) *answers {
	t := p.opts.Tokens
	return &answers{
		Pages: p, Answers: o, forms: web.Forms{Key: t.Derive("link answer"), Life: answerLife}, sealing: t.Derive("link receipt"),
		chunks:  web.NewLimiter(rate.Every(20*time.Second), 200, p.opts.Now),
		sends:   web.NewLimiter(rate.Every(5*time.Minute), 20, p.opts.Now),
		metrics: newAnswerMetrics(p.opts.Registerer, o.Desk, p.opts.Logger),
	}
}

func (a *answers) routes(mux *http.ServeMux) {
	const at = "/l/{token}/reponse"
	mux.HandleFunc("GET "+at, a.show)
	mux.HandleFunc("POST "+at, a.write)
	mux.HandleFunc("GET "+at+"/verifier", a.review)
	mux.HandleFunc("POST "+at+"/envoyer", a.send)
	mux.HandleFunc("GET "+at+"/recu/{receipt}", a.sent)
	mux.HandleFunc("PUT "+at+"/texte", a.save)
	mux.HandleFunc("POST "+at+"/fichiers", a.add)
	mux.HandleFunc("HEAD "+at+"/fichiers/{file}", a.offset)
	mux.HandleFunc("PATCH "+at+"/fichiers/{file}", a.append)
	mux.HandleFunc("DELETE "+at+"/fichiers/{file}", a.remove)
}

// past tells whether the deadline of the letter's answers is past.
func past(l letter, now time.Time) bool {
	by := l.courier.Options.Reply.By
	return !by.IsZero() && now.After(by)
}

// sealed tells whether what is written now is under seal.
func sealed(l letter, now time.Time) bool {
	policy := l.courier.Options.Reply
	return policy.Sealed && !policy.By.IsZero() && now.Before(policy.By)
}

// answering tells whether a letter can be answered on the page: "open", "late" (it is taken, and marked), "closed" (its deadline is past),
// or not at all.
func (p *Pages) answering(l letter) string {
	switch o := p.opts.Answers; {
	case o == nil || !l.courier.Options.Reply.Allowed:
		return ""
	case !past(l, p.opts.Now()):
		return "open"
	case o.RefuseLate:
		return "closed"
	}
	return "late"
}

// enter finds the letter that is answered, and answers in its place when it cannot be: it is not acknowledged yet, it calls for no
// answer, or its deadline is past and late ones are refused.
func (a *answers) enter(w http.ResponseWriter, r *http.Request) (letter, bool) {
	l, ok := a.open(w, r)
	if !ok {
		return l, false
	}
	can := a.answering(l)
	switch {
	case l.recipient.Standing.Read.IsZero():
		a.landing(w, r, l, web.NewShown(a.opts.Now()), http.StatusForbidden, "first")
	case can == "":
		a.page(w, r, http.StatusForbidden, "answer-none", a.view(r, l))
	case can == "closed":
		a.metrics.sent.WithLabelValues("refused-late").Inc()
		a.page(w, r, http.StatusForbidden, "answer-closed", a.view(r, l))
	default:
		return l, true
	}
	return l, false
}

// draft is what a company has written so far, opened.
type draft struct {
	gateway.Answer
	text  string
	files []draftFile
}

type draftFile struct {
	gateway.AnswerFile
	label label
}

// Whole tells a file that has come whole.
func (f draftFile) Whole() bool { return f.Done }

// Name is the file's name.
func (f draftFile) Name() string { return f.label.Name }

// Type is its media type.
func (f draftFile) Type() string { return f.label.Type }

// Hash is its SHA-256, once it is whole.
func (f draftFile) Hash() gateway.Hash { return f.label.SHA256 }

// current is what the recipient is writing; an empty draft without an ID when it is nothing.
func (a *answers) current(ctx context.Context, l letter) (draft, error) {
	answer, err := a.Desk.AnswerOf(ctx, l.recipient.ID)
	if errors.Is(err, gateway.ErrNotFound) {
		return draft{}, nil
	}
	if err != nil {
		return draft{}, err
	}
	return a.opened(answer)
}

// begin is current for who is about to write.
func (a *answers) begin(ctx context.Context, l letter) (draft, error) {
	now := a.opts.Now()
	answer, err := a.Desk.BeginAnswer(ctx, gateway.Answer{
		ID: gateway.NewID(now), Courier: l.courier.ID, Recipient: l.recipient.ID, Sealed: sealed(l, now),
	})
	if err != nil {
		return draft{}, err
	}
	return a.opened(answer)
}

func (a *answers) opened(answer gateway.Answer) (draft, error) {
	d := draft{Answer: answer}
	words, err := a.unlock(answer.Sealed, answer.Words)
	if err != nil {
		return d, err
	}
	d.text = string(words)
	for _, f := range answer.Files {
		of := draftFile{AnswerFile: f}
		if of.label, err = a.readLabel(answer.Sealed, f.Label); err != nil {
			return d, err
		}
		d.files = append(d.files, of)
	}
	return d, nil
}

func (d draft) file(id string) (draftFile, bool) {
	for _, f := range d.files {
		if f.ID.String() == id {
			return f, true
		}
	}
	return draftFile{}, false
}

// whole is the files that have come whole.
func (d draft) whole() []draftFile {
	var files []draftFile
	for _, f := range d.files {
		if f.Done {
			files = append(files, f)
		}
	}
	return files
}
