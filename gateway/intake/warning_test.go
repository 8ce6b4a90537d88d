package intake

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestAnAddressTypedByHandIsItsCompanys(t *testing.T) {
	w := newWorld(t)
	r := w.accepted(t, plainMail, "testesr2020+rejet@"+domain, "Durand@durand.example", "contact@acme.example", "neuf@neuf.example")
	var names []string
	for _, a := range r.Added {
		names = append(names, a.Address+"="+a.CompanyName)
	}
	// Two companies have contact@acme.example: it is nobody's.
	want := []string{"Durand@durand.example=Durand & Fils", "contact@acme.example=", "neuf@neuf.example="}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if r.Added[0].Company.IsZero() {
		t.Error("the company is not kept with its recipient")
	}
}

// fail makes the last letter to an address fail.
func (w *world) fail(t testing.TB, to string) {
	t.Helper()
	r := w.accepted(t, "Message-ID: <past@ville.example>\nSubject: Votre offre\n\nVoici.\n", "testesr2020+libre@"+domain, to)
	e := gateway.NewEvent(gateway.Failed, w.clock.now(), nil, nil).About(r.Courier.ID, r.Added[0].ID)
	must(t, w.store.Apply(t.Context(), gateway.Step{Events: []gateway.Event{e}}))
	w.clock.forward(24 * time.Hour)
}

func TestAPastFailureIsAWarningAndNoRefusal(t *testing.T) {
	w := newWorld(t)
	w.fail(t, "perdu@neuf.example")
	r := w.accepted(t, plainMail, "testesr2020+libre@"+domain, "PERDU@neuf.example")
	const said = "Attention : le dernier courrier envoyé à perdu@neuf.example, le 01/03/2021 à 10:00, n'a pas pu être remis."
	if len(r.Warnings) != 1 || !strings.HasSuffix(r.Text, said) {
		t.Errorf("%+v", r)
	}
	tried := w.accepted(t, plainMail, "testesr2020+libre+essai@"+domain, "perdu@neuf.example")
	if !strings.Contains(tried.Text, said) {
		t.Errorf("trial: %q", tried.Text)
	}
	if text := w.trial(t); !strings.Contains(text, "Avertissements") || !strings.Contains(text, "perdu@neuf.example, le 01/03/2021") {
		t.Errorf("trial's mail: %s", text)
	}
}

func TestWhatTheClientAskedGoesWithTheCourier(t *testing.T) {
	w := newWorld(t)
	s := w.submission(t, w.alice, "Disposition-Notification-To: alice@ville.example\n"+plainMail, "testesr2020+libre@"+domain, "neuf@neuf.example")
	s.DSN = gateway.DSNRequest{Return: "HDRS", EnvelopeID: "q1", Recipients: []gateway.DSNRecipient{{Address: "neuf@neuf.example", Notify: []string{"SUCCESS"}}}}
	r, err := w.Submit(t.Context(), s)
	must(t, err)
	c, err := w.store.Courier(t.Context(), r.Courier.ID)
	must(t, err)
	if !c.ReceiptAsked || !reflect.DeepEqual(c.DSN, s.DSN) {
		t.Errorf("receipt %v, %+v", c.ReceiptAsked, c.DSN)
	}
}

type pager struct{}

func (pager) Page(_ context.Context, w io.Writer, c gateway.Courier, r gateway.Recipient, content *store.Spool) error {
	_, err := fmt.Fprintf(w, "<p>%s pour %s, %d octets</p>\r\n\r\n<pre>une\r\ndeux\n</pre>", c.Subject, r.Address, content.Size())
	return err
}

func TestATrialShowsThePage(t *testing.T) {
	w := newWorld(t)
	w.d.Pager = pager{}
	w.accepted(t, plainMail, "testesr2020+libre+essai@"+domain, "neuf@neuf.example")
	text := w.trial(t)
	for _, want := range []string{"filename=page-de-l-entreprise.html", "<p>Votre offre pour neuf@neuf.example", "</p>\r\n\r\n<pre>une\r\ndeux\r\n</pre>"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

// trial is the last message stored for an agent, its transfer encoding undone well enough to be searched.
func (w *world) trial(t testing.TB) string {
	t.Helper()
	for _, j := range w.jobs(t) {
		if j.Notice.Kind == gateway.NoticeRaw {
			return strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(w.raw(t, j.Notice.Content))
		}
	}
	t.Fatal("no trial was mailed")
	return ""
}
