package daemon

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

// registerOf is an installation with a register of n companies of one address each, and the desk that takes a letter to it.
func registerOf(t testing.TB, n int, now func() time.Time) (*Desk, gateway.Agent, *prometheus.Registry) {
	t.Helper()
	c := settings(t)
	registry := prometheus.NewRegistry()
	s, err := OpenStore(t.Context(), c, slog.New(slog.DiscardHandler), registry, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	companies := make([]gateway.Company, n)
	for i := range companies {
		ref := fmt.Sprintf("f%04d", i)
		companies[i] = gateway.Company{Ref: ref, Name: "Entreprise " + ref, Addresses: []string{ref + "@entreprise.example"}, Registers: []gateway.Register{gateway.Depots}}
	}
	stored, err := s.ImportConsultations(t.Context(), []store.Entry{{Consultation: ManualConsultation(), Companies: companies, Listed: true}}, store.Import{})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := s.PutAgent(t.Context(), gateway.Agent{Login: "victoria", Name: "Victoria Brun", Addresses: []string{"agent@acheteur.example"}})
	if err == nil {
		err = s.Entitle(t.Context(), agent.ID, stored[0].ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	desk, err := NewDesk(c, s, now)
	if err != nil {
		t.Fatal(err)
	}
	return desk, agent, registry
}

func (k *Desk) toRegister(t testing.TB, agent gateway.Agent, words string) (intake.Receipt, *store.Spool) {
	t.Helper()
	spool := k.daemon.store.Spool()
	t.Cleanup(spool.Discard)
	mail := "From: agent@acheteur.example\nTo: depots.testesr2020+libre" + words + "@" + k.daemon.cfg.Domain + "\nSubject: Visite du site\n\nBonjour,\n\nLa visite aura lieu lundi.\n"
	if err := Mail(spool, strings.NewReader(mail)); err != nil {
		t.Fatal(err)
	}
	receipt, err := k.Submit(t.Context(), intake.Submission{
		Agent: agent, Door: gateway.DoorCommand, Message: spool, Recipients: []string{"depots.testesr2020+libre" + words + "@" + k.daemon.cfg.Domain},
	})
	if err != nil {
		t.Fatal(err)
	}
	return receipt, spool
}

var companyAddress = regexp.MustCompile(`f\d{4}@entreprise\.example`)

// A letter to 2,000 companies is one transaction, and 2,000 messages of which each bears its own recipient and no other.
func TestPromise4EachOfTwoThousandGetsAMessageOfTheirOwn(t *testing.T) {
	const n = 2000
	desk, agent, registry := registerOf(t, n, time.Now)
	committed := func() float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				if f.GetName() == "vaguemestre_store_transactions_total" && m.Label[0].GetValue() == "committed" {
					return m.Counter.GetValue()
				}
			}
		}
		t.Fatal("no count of transactions")
		return 0
	}
	before := committed()
	receipt, spool := desk.toRegister(t, agent, "+simple")
	if after := committed(); after != before+1 || len(receipt.Added) != n {
		t.Errorf("%d recipients in %v transactions", len(receipt.Added), after-before)
	}
	jobs, err := desk.daemon.store.Jobs(t.Context(), store.JobFilter{Limit: n + 1})
	if err != nil || len(jobs) != n {
		t.Errorf("%d letters wait, %v", len(jobs), err)
	}
	seen, ids := map[[32]byte]bool{}, map[string]bool{}
	for _, r := range receipt.Added {
		var letter bytes.Buffer
		if err := desk.daemon.composer.Letter(&letter, receipt.Courier, r, spool.ReaderAt()); err != nil {
			t.Fatal(err)
		}
		seen[sha256.Sum256(letter.Bytes())] = true
		m, err := message.Read(bytes.NewReader(letter.Bytes()), int64(letter.Len()), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		ids[m.Header().Get("Message-ID")] = true
		if to := m.Header().Addresses("To"); len(to) != 1 || to[0].Address != r.Address {
			t.Fatalf("to %v, want %s", to, r.Address)
		}
		text, err := m.Text().Text(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range companyAddress.FindAllString(letter.String()+text, -1) {
			if found != r.Address {
				t.Fatalf("the message to %s bears %s", r.Address, found)
			}
		}
		if strings.Contains(letter.String()+text, "depots") {
			t.Fatalf("the group shows:\n%s", letter.String())
		}
	}
	if len(seen) != n || len(ids) != n {
		t.Errorf("%d messages and %d Message-IDs of %d", len(seen), len(ids), n)
	}
}

// BenchmarkALetterToTwoThousand is accepted whole by the daemon's own parts on SQLite, its first message composed.
func BenchmarkALetterToTwoThousand(b *testing.B) {
	now := time.Now()
	desk, agent, _ := registerOf(b, 2000, func() time.Time { return now })
	for b.Loop() {
		now = now.Add(2 * time.Hour) // no Message-ID: another courier
		if receipt, _ := desk.toRegister(b, agent, ""); len(receipt.Added) != 2000 {
			b.Fatal(len(receipt.Added))
		}
	}
}
