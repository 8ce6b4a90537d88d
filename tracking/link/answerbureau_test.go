package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/web"
)

// bureau is the pages over a real store, with one acknowledged letter.
type bureau struct {
	*testing.T
	store     *store.Store
	dir       string
	pages     *Pages
	vault     *seal.Vault
	now       time.Time
	log       bytes.Buffer
	registry  *prometheus.Registry
	courier   gateway.Courier
	recipient gateway.Recipient
	link      string
}

// eicar is a scanner that knows one malware, and is away when it is told so.
type eicar struct{ away bool }

func (e *eicar) Judge(_ context.Context, _ gateway.Hash, open func() (io.Reader, error)) (string, error) {
	if e.away {
		return "", errors.New("connection refused")
	}
	r, err := open()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	if strings.Contains(string(text), "EICAR") {
		return "Eicar-Test", err
	}
	return "", err
}

func (*eicar) Known(gateway.Hash) (string, bool) { return "", false }

func newBureau(t *testing.T, policy gateway.ReplyPolicy, change ...func(*Answers)) *bureau {
	t.Helper()
	b := &bureau{T: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), dir: t.TempDir(), registry: prometheus.NewRegistry()}
	clock := func() time.Time { return b.now }
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(b.dir, "base"), ContentDir: b.dir, Now: clock, Inline: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	b.store = s
	t.Cleanup(func() { _ = s.Close() })
	key, err := seal.NewKey()
	if err == nil {
		b.vault, err = seal.New(key)
	}
	ring, ringErr := token.NewRing(token.Key{ID: 1, Secret: [32]byte{1}})
	if err := errors.Join(err, ringErr); err != nil {
		t.Fatal(err)
	}
	b.accept(policy)
	o := Answers{Desk: s, Vault: b.vault, Domain: "courrier.example", MaxBytes: 1_000_000, MaxFiles: 5}
	for _, c := range change {
		c(&o)
	}
	contents := func(ctx context.Context, h gateway.Hash) (Content, error) { return s.OpenContent(ctx, h) }
	theme, err := web.LoadTheme(config.Default().Theme)
	if err != nil {
		t.Fatal(err)
	}
	b.pages, err = New(s, contents, Options{
		Theme:  theme,
		Tokens: ring, PerMinute: 60000, Now: clock, Answers: &o,
		Logger: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registerer: b.registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.link = "/l/" + ring.Mint(token.Link, b.recipient.ID)
	return b
}

func (b *bureau) accept(policy gateway.ReplyPolicy) {
	b.Helper()
	ctx := b.Context()
	cons, err := b.store.PutConsultation(ctx, gateway.Consultation{Reference: "TESTESR2020", Address: "testesr2020", PublicBody: "Ville <de Test>"})
	if err != nil {
		b.Fatal(err)
	}
	body := b.store.Spool()
	defer body.Discard()
	_, _ = io.WriteString(body, mailText)
	c := gateway.Courier{
		ID: gateway.NewID(b.now), Consultation: cons.ID, Author: gateway.NewID(b.now), AuthorName: "Victoria Brun", AuthorAddr: "victoria@ville.example",
		TypeLabel: "Demande de complément", Subject: "Complément", Options: gateway.Options{Acknowledged: true, Reply: policy}, Accepted: b.now,
		Content: body.Hash(), Context: cons.Block(), Composition: gateway.Composition{KeyID: 1},
	}
	r := gateway.Recipient{ID: gateway.NewID(b.now), Courier: c.ID, Address: "contact@x.example", CompanyName: "Société \"X\"\r\nBcc: y", MessageID: "<lettre@courrier.example>"}
	read := gateway.NewEvent(gateway.Read, b.now, nil, nil).About(c.ID, r.ID)
	c, added, err := b.store.Accept(ctx, store.Acceptance{Courier: c, Recipients: []gateway.Recipient{r}, Contents: []*store.Spool{body}})
	if err == nil {
		err = b.store.Apply(ctx, gateway.Step{Events: []gateway.Event{read}})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.courier, b.recipient = c, added[0]
}

func (b *bureau) do(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(method, b.link+path, body)
	r.Header.Set("Accept-Language", "fr")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r)
	w.Body = bytes.NewBufferString(strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(w.Body.String())) // French signs stay with their word
	return w
}

func (b *bureau) see(path string) string { return b.do("GET", path, nil).Body.String() }

func (b *bureau) field(page, name string) string {
	b.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		b.Fatalf("no field %s in\n%s", name, page)
	}
	return m[1]
}

type attached struct{ name, mediaType, body string }

// post sends the form as a browser without a script does.
func (b *bureau) post(text, action string, files ...attached) *httptest.ResponseRecorder {
	b.Helper()
	page := b.see("/reponse")
	return b.postForm(b.field(page, "form"), b.field(page, "saves"), text, action, files...)
}

func (b *bureau) postForm(form, saves, text, action string, files ...attached) *httptest.ResponseRecorder {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	_ = m.WriteField("form", form)
	_ = m.WriteField("saves", saves)
	_ = m.WriteField("text", text)
	for _, f := range files {
		h := textproto.MIMEHeader{"Content-Type": {f.mediaType}, "Content-Disposition": {fmt.Sprintf(`form-data; name="files"; filename=%q`, f.name)}}
		w, _ := m.CreatePart(h)
		_, _ = io.WriteString(w, f.body)
	}
	_ = m.WriteField("action", action)
	_ = m.Close()
	return b.do("POST", "/reponse", &body, "Content-Type", m.FormDataContentType())
}

// press sends what the review shows.
func (b *bureau) press(review string) *httptest.ResponseRecorder {
	b.Helper()
	return b.do("POST", "/reponse/envoyer", strings.NewReader("form="+b.field(review, "form")+"&answer="+b.field(review, "answer")+"&version="+b.field(review, "version")),
		"Content-Type", "application/x-www-form-urlencoded")
}

func (b *bureau) replies() []gateway.Reply {
	b.Helper()
	replies, err := b.store.Replies(b.Context(), b.courier.ID)
	if err != nil {
		b.Fatal(err)
	}
	return replies
}

func (b *bureau) jobs() (kinds []gateway.NoticeKind) {
	b.Helper()
	jobs, err := b.store.Jobs(b.Context(), store.JobFilter{})
	if err != nil {
		b.Fatal(err)
	}
	for _, j := range jobs {
		kinds = append(kinds, j.Notice.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (b *bureau) content(h gateway.Hash) []byte {
	b.Helper()
	c, err := b.store.OpenContent(b.Context(), h)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	raw, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		b.Fatal(err)
	}
	return raw
}
