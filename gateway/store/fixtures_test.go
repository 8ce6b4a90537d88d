package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// hands is a clock that tests set.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) time() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// use makes a handle go by this clock.
func (h *hands) use(o *store.Options) { o.Now = h.time }

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func same[T any](t testing.TB, what string, got, want T, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// spooled is a content ready to be stored.
func spooled(t testing.TB, s *store.Store, content []byte) *store.Spool {
	t.Helper()
	p := s.Spool()
	t.Cleanup(p.Discard)
	_, err := p.Write(content)
	check(t, err)
	return p
}

// letterTo is an acceptance of a courier with these recipients, each with an event and a job.
func letterTo(t testing.TB, s *store.Store, content string, key string, addresses ...string) store.Acceptance {
	t.Helper()
	p := spooled(t, s, []byte(content))
	now := noon
	c := gateway.Courier{
		ID: gateway.NewID(now), Consultation: gateway.NewID(now), Author: gateway.NewID(now), AuthorName: "Camille Martin", AuthorAddr: "camille@acheteur.example",
		Door: gateway.DoorSMTP, Type: gateway.Rejet, TypeLabel: "Courrier de rejet", Subject: "Résultat de la consultation", Excerpt: "Madame, Monsieur",
		MessageID: "<" + gateway.NewID(now).String() + "@acheteur.example>", Content: p.Hash(), Size: p.Size(), Accepted: now,
		Options:     gateway.Options{Acknowledged: true, Reply: gateway.ReplyPolicy{Allowed: true, By: now.Add(time.Hour), Sealed: true}},
		Files:       []gateway.File{{Name: "rapport.pdf", MediaType: "application/pdf", Size: 12, SHA256: gateway.HashOf([]byte("rapport")), Part: "2"}},
		Context:     gateway.ContextBlock{Reference: "TESTESR2020", Title: "Fourniture", Deadline: now, Zone: "Europe/Paris", Language: "fr"},
		Composition: gateway.Composition{Version: 1, BaseURL: "https://courrier.example", Domain: "courrier.example", Date: now, Boundary: "b", KeyID: 3},
	}
	a := store.Acceptance{Courier: c, Contents: []*store.Spool{p}}
	if key != "" { // as in the intake, a key is of one Message-ID
		a.Key = gateway.HashOf([]byte(key))
		a.Courier.MessageID = "<" + key + "@acheteur.example>"
	}
	a.Events = append(a.Events, gateway.NewEvent(gateway.Submitted, now, gateway.SubmittedDetails{Subject: c.Subject}, nil).About(c.ID, gateway.ID{}))
	for _, address := range addresses {
		r := gateway.Recipient{ID: gateway.NewID(now), Courier: c.ID, Address: address, CompanyName: "Société " + address, Register: gateway.Depots}
		r.MessageID = gateway.MessageID(r.ID, "courrier.example")
		a.Recipients = append(a.Recipients, r)
		a.Events = append(a.Events, gateway.NewEvent(gateway.Submitted, now, gateway.RecipientDetails{Address: address}, map[string]string{"address": "192.0.2.1"}).About(c.ID, r.ID))
		a.Jobs = append(a.Jobs, gateway.Job{ID: gateway.NewID(now), Kind: gateway.JobLetter, Courier: c.ID, Recipient: r.ID, Created: now, Due: now})
	}
	return a
}

func accept(t testing.TB, s *store.Store, a store.Acceptance) (gateway.Courier, []gateway.Recipient) {
	t.Helper()
	c, added, err := s.Accept(context.Background(), a)
	check(t, err)
	return c, added
}

// contentOf reads a stored content whole.
func contentOf(t testing.TB, s *store.Store, h gateway.Hash) []byte {
	t.Helper()
	c := must(s.OpenContent(context.Background(), h))(t)
	defer c.Close()
	b := must(io.ReadAll(io.NewSectionReader(c, 0, c.Size())))(t)
	if gateway.HashOf(b) != h {
		t.Fatalf("content %s reads as %d octets of %s", h, len(b), gateway.HashOf(b))
	}
	return b
}

// together runs do from n goroutines at once and gives their errors.
func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// lone tells that exactly one of the errors is nil and all the others are that answer.
func lone(t testing.TB, errs []error, answer error) {
	t.Helper()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, answer):
			t.Fatal(err)
		}
	}
	if won != 1 {
		t.Fatalf("%d of %d succeeded, want exactly one", won, len(errs))
	}
}

func large(seed string) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%-64s", seed)), 2048) } // 128 KiB: beyond Inline

func letters() []gateway.JobKind { return []gateway.JobKind{gateway.JobLetter} }
