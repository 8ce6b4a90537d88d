package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/link"
)

// Preview makes the message and the page that a recipient would get, with the very parts of the daemon, in an
// installation of its own that is thrown away.
type Preview struct {
	dir    string
	daemon *Daemon
	intake *intake.Intake
	agent  gateway.Agent
	about  gateway.Consultation
	pages  http.Handler
}

// previewDomain is the gateway's in previews (RFC 2606).
const (
	previewDomain = "courrier.example"
	previewAgent  = "agent@acheteur.example"
)

// NewPreview prepares one for a consultation; a zero one is the manual's.
func NewPreview(ctx context.Context, about gateway.Consultation, companies []gateway.Company) (*Preview, error) {
	dir, err := os.MkdirTemp("", "vaguemestre-preview-")
	if err != nil {
		return nil, err
	}
	p := &Preview{dir: dir}
	if err := p.make(ctx, about, companies); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close throws the installation away.
func (p *Preview) Close() error {
	var err error
	if p.daemon != nil {
		err = p.daemon.closeStore()
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

func (p *Preview) make(ctx context.Context, about gateway.Consultation, companies []gateway.Company) (err error) {
	cfg := config.Default()
	cfg.Couriers.LookUp = false  // a preview asks nobody anything
	cfg.Link.PerMinute = 1 << 20 // and is nobody's network
	cfg.Domain, cfg.DataDir, cfg.Link.BaseURL = previewDomain, filepath.Join(p.dir, "data"), "https://"+previewDomain
	d := &Daemon{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now, registry: prometheus.NewRegistry()}
	p.daemon = d
	if d.store, err = OpenStore(ctx, cfg, d.log, d.registry, d.now); err != nil {
		return err
	}
	key := token.Key{ID: 1} // these tokens open nothing
	if d.ring, err = token.NewRing(key); err != nil {
		return err
	}
	d.composer = &composer{ring: d.ring, store: d.store}
	if p.intake, err = d.newIntake(); err != nil {
		return err
	}
	if p.pages, err = d.newPages(); err != nil {
		return err
	}
	return p.feed(ctx, about, companies)
}

func (p *Preview) feed(ctx context.Context, about gateway.Consultation, companies []gateway.Company) (err error) {
	s := p.daemon.store
	if about.Reference == "" {
		about = ManualConsultation()
	}
	if p.about, err = s.PutConsultation(ctx, about); err != nil {
		return err
	}
	if err := s.PutCompanies(ctx, p.about.ID, companies, store.Replace); err != nil {
		return err
	}
	p.agent, err = s.PutAgent(ctx, gateway.Agent{Login: "agent", Name: "Victoria Brun", Addresses: []string{previewAgent}})
	if err != nil {
		return err
	}
	return s.Entitle(ctx, p.agent.ID, p.about.ID)
}

// ManualConsultation is the one of the manual's pictures.
func ManualConsultation() gateway.Consultation {
	return gateway.Consultation{
		Reference: "TESTESR2020", Address: "testesr2020", Title: "TESTESR2020", Object: "test",
		Deadline:   time.Date(2021, 3, 9, 9, 0, 0, 0, time.UTC), // 10:00 in Paris
		PublicBody: "Agence Départementale du Numérique", Zone: gateway.DefaultZone, Language: "fr",
	}
}

// Wanted says what to preview.
type Wanted struct {
	Mail io.Reader
	To   string
	Mode string // ar, simple
	Type string
	Page bool
}

// Refusals are all the reasons for which a mail would be refused.
type Refusals []*gateway.Fault

// Error lists the keys; the sentences are in the catalogue.
func (r Refusals) Error() string { return fmt.Sprintf("%d refusal(s), the first: %v", len(r), r[0]) }

// Write writes the message, or the page's HTML. The error is Refusals when the mail would be refused; nothing is
// written then.
func (p *Preview) Write(ctx context.Context, w io.Writer, wanted Wanted) error {
	spool := p.daemon.store.Spool()
	defer spool.Discard()
	if err := spoolAsAgent(spool, wanted.Mail); err != nil {
		return err
	}
	submission := intake.Submission{
		Agent: p.agent, Door: gateway.DoorConsole, Message: spool,
		Recipients: []string{wanted.To, p.about.Address + "+" + wanted.Type + "+" + wanted.Mode + "@" + previewDomain},
	}
	report, err := p.intake.Check(ctx, submission)
	if limit := askedDeadline(report); err == nil && limit != "" { // one as good as another: the date of the example
		submission.Recipients[1] = p.about.Address + "+" + wanted.Type + "+" + wanted.Mode + "+limite-" + limit + "@" + previewDomain
		report, err = p.intake.Check(ctx, submission)
	}
	if err != nil {
		return err
	}
	if refusals := refusals(report); len(refusals) > 0 {
		return refusals
	}
	if wanted.Page {
		return p.page(ctx, w, submission)
	}
	return p.daemon.composer.Letter(w, report.Courier, report.Recipients[0], spool.ReaderAt())
}

func refusals(report intake.Report) (all Refusals) {
	for _, c := range report.Checks {
		all = append(all, c.Faults...)
	}
	return all
}

// askedDeadline is the example that the intake gives of a deadline, where a type must have one and the mail has none.
func askedDeadline(report intake.Report) string {
	for _, f := range refusals(report) {
		if example, ok := f.Args["Example"].(string); ok && f.Key == "refuse.deadline-required" {
			return example
		}
	}
	return ""
}

// spoolAsAgent copies a mail with CRLF line ends, written by the preview's agent: whose mail a sample was does not
// concern the preview, and the author's field is never sent as it is.
func spoolAsAgent(to *store.Spool, from io.Reader) error {
	raw, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("read the mail: %w", err)
	}
	raw = crlf(raw)
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.DefaultLimits())
	if err != nil {
		if f := gateway.FaultOf(err); f.Class == gateway.Permanent {
			return Refusals{f}
		}
		return err
	}
	block, err := io.ReadAll(m.Root.RawHeader())
	if err != nil {
		return err
	}
	header := []byte("From: Victoria Brun <" + previewAgent + ">\r\n")
	for _, f := range m.Header().Fields() {
		if !slices.ContainsFunc(anothers, f.Is) {
			header = append(header, f.Raw()...)
		}
	}
	_, err = to.Write(slices.Concat(header, []byte("\r\n"), raw[len(block):]))
	return err
}

// anothers are the fields of a sample that speak of its own author and exchange.
var anothers = []string{"From", "Sender", "To", "Cc", "Disposition-Notification-To", "Reply-By", "In-Reply-To", "References"}

// crlf makes every line end CRLF, as submission asks (RFC 5321 §2.3.8). A CR among lines that end with LF is a byte of
// what stands there; where nothing else ends lines, it does.
func crlf(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	if bytes.IndexByte(raw, '\n') < 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	}
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}

// page accepts the courier and reads it, as its recipient would.
func (p *Preview) page(ctx context.Context, w io.Writer, submission intake.Submission) error {
	receipt, err := p.intake.Submit(ctx, submission)
	if err != nil {
		return Refusals{gateway.FaultOf(err)}
	}
	recipients, err := p.daemon.store.Recipients(ctx, receipt.Courier.ID) // the same mail may have been shown before
	if err != nil {
		return err
	}
	r := recipients[0]
	read := gateway.NewEvent(gateway.Read, p.daemon.now(), gateway.ReadDetails{By: string(gateway.ByButton), Looks: string(link.Person)}, nil).
		About(receipt.Courier.ID, r.ID).By("company", gateway.ByButton)
	if err := p.daemon.store.Apply(ctx, gateway.Step{Events: []gateway.Event{read}}); err != nil {
		return err
	}
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/l/"+p.daemon.ring.Mint(token.Link, r.ID), nil)
	answer := httptest.NewRecorder()
	p.pages.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		return fmt.Errorf("the page answers %d", answer.Code)
	}
	_, err = io.Copy(w, answer.Body)
	return err
}
