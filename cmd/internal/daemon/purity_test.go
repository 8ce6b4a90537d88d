package daemon

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
)

// TestPromiseTheBytesOfSentCanBeMadeAgain: after an upgrade that changed the pages' address, the keys of DKIM and of the
// tokens, the message whose hash stands in the event `sent` is made again from what acceptance stored.
func TestPromiseTheBytesOfSentCanBeMadeAgain(t *testing.T) {
	c := settings(t)
	world, err := sandbox.StartWorld(t.Context(), sandbox.WorldOptions{Domain: c.Domain})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Stop)
	c.Relay.Smarthosts = []config.Smarthost{{Address: world.SMTP, TLS: "none", Connections: 1}}
	c.DKIM = signingKeys(t)
	arrived := sendAndStop(t, c, world)

	c.DKIM, c.Link.BaseURL = nil, "http://127.0.0.1:2"
	keys := filepath.Join(c.DataDir, keyDir, "tokens")
	old, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, append([]byte("2 "+strings.Repeat("ab", 32)+"\n"), old...), 0o600); err != nil {
		t.Fatal(err)
	}
	later, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := later.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for id, received := range arrived {
		again, details := remade(t, later, id)
		if sum := gateway.Hash(sha256.Sum256(again)); sum != details.SHA256 || !bytes.Equal(again, received) || len(details.Signature) != 2 {
			t.Errorf("the company got\n%s\nmade again, %v:\n%s\nthe event says %v", received, sum, again, details)
		}
	}
}

func signingKeys(t *testing.T) []config.DKIM {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var all []config.DKIM
	for name, key := range map[string]any{"rsa": private, "ed": second} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name+".pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, config.DKIM{Selector: name, Key: path})
	}
	return all
}

// sendAndStop sends a letter of each mode through a running daemon, and gives what arrived, by courier.
func sendAndStop(t *testing.T, c config.Config, world *sandbox.World) map[gateway.ID][]byte {
	t.Helper()
	d, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	about, err := d.store.PutConsultation(t.Context(), ManualConsultation())
	if err != nil {
		t.Fatal(err)
	}
	agent, err := d.store.PutAgent(t.Context(), gateway.Agent{Login: "victoria", Name: "Victoria Brun", Addresses: []string{"victoria@ville.example"}})
	if err == nil {
		err = d.store.Entitle(t.Context(), agent.ID, about.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	door := &Daemon{cfg: d.cfg, log: d.log, now: d.now, registry: prometheus.NewRegistry(), store: d.store, ring: d.ring, composer: d.composer}
	in, err := door.newIntake()
	if err != nil {
		t.Fatal(err)
	}
	arrived := map[gateway.ID][]byte{}
	for _, mode := range []string{"ar", "simple"} {
		spool := d.store.Spool()
		defer spool.Discard()
		if _, err := io.WriteString(spool, "From: victoria@ville.example\r\nMessage-ID: <"+mode+"@ville.example>\r\nSubject: Visite\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>La visite a lieu à 8 heures.</p>\r\n"); err != nil {
			t.Fatal(err)
		}
		box := mode + "@entreprise.example"
		receipt, err := in.Submit(t.Context(), intake.Submission{Agent: agent, Door: gateway.DoorConsole, Message: spool, Recipients: []string{box, about.Address + "+libre+" + mode + "@" + c.Domain}})
		if err != nil {
			t.Fatal(err)
		}
		mail, err := world.Wait(t.Context(), box, func(*sandbox.Mail) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		raw, err := mail.Raw()
		if err != nil {
			t.Fatal(err)
		}
		arrived[receipt.Courier.ID] = raw
		waitForEvent(t, d.store, receipt.Courier.ID, gateway.Sent)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return arrived
}

func waitForEvent(t *testing.T, s *store.Store, courier gateway.ID, kind gateway.EventKind) gateway.Event {
	t.Helper()
	woken, cancel := s.Watch(store.TopicEvents)
	defer cancel()
	for {
		events, err := s.Events(t.Context(), courier, gateway.ID{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == kind {
				return e
			}
		}
		select {
		case <-woken:
		case <-t.Context().Done():
			t.Fatalf("no event %s", kind)
		}
	}
}

// remade is the message of a courier's one recipient, from what is stored, under the signatures that the event keeps.
func remade(t *testing.T, d *Daemon, id gateway.ID) ([]byte, gateway.RelayDetails) {
	t.Helper()
	var details gateway.RelayDetails
	if err := json.Unmarshal(waitForEvent(t, d.store, id, gateway.Sent).Details, &details); err != nil {
		t.Fatal(err)
	}
	courier, err := d.store.Courier(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	recipients, err := d.store.Recipients(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	content, err := d.store.OpenContent(t.Context(), courier.Content)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var again bytes.Buffer
	again.WriteString(strings.Join(details.Signature, "\r\n") + "\r\n")
	if err := d.composer.Letter(&again, courier, recipients[0], content); err != nil {
		t.Fatal(err)
	}
	return again.Bytes(), details
}
