package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// TestMutt is an agent's correspondence with mutt: a courier with options in its address, a file and a requested receipt; a whole
// register; an answer to a company's answer, which stays in the thread.
func TestMutt(t *testing.T) {
	t.Parallel()
	sandbox.Need(t, "mutt", "script")
	i, w, config := installDemoWorld(t, "")
	companies := []string{boxOf("un"), boxOf("deux")}
	i.feed(companies...)
	i.serve()
	s := i.look()
	from := func(body string, to ...string) sandbox.Submission {
		return sandbox.Submission{
			Server: i.cfg.Submission.StartTLS, Security: sandbox.StartTLS, CA: i.ca, User: "victoria", Password: agentPassword,
			From: "agent@acheteur.test", To: to, Message: body,
		}
	}
	// newest is the courier that was accepted last.
	newest := func(said string, err error) gateway.Courier {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		couriers, err := s.Couriers(i.ctx, store.CourierFilter{Limit: 1})
		if err != nil || len(couriers) != 1 {
			t.Fatalf("%d couriers, %v; mutt said:\n%s", len(couriers), err, said)
		}
		return couriers[0]
	}
	file := filepath.Join(i.dir, "Notation détaillée.ods")
	if err := os.WriteFile(file, []byte(strings.Repeat("\x00\r\n\xff", 999)), 0o600); err != nil {
		t.Fatal(err)
	}

	c := newest(sandbox.Mutt(i.ctx, from("Bonjour,\n\nVotre réponse n'est pas retenue : prix trop élevé.\n.\n", companies[0], "testesr2020+rejet+reponse@courrier.acheteur.test"),
		"Votre offre – élagage", []string{file}, "my_hdr Disposition-Notification-To: agent@acheteur.test"))
	if c.Type != gateway.Rejet || !c.Options.Acknowledged || !c.ReceiptAsked || c.Subject != "Votre offre – élagage" {
		t.Errorf("understood as %+v", c)
	}
	if len(c.Files) != 1 || c.Files[0].Name != "Notation détaillée.ods" || c.Files[0].Size != 4*999 {
		t.Errorf("files: %+v", c.Files)
	}
	browser := client{installation: i, tls: config}
	browser.press(browser.link(w, "un"))
	i.event(s, c.ID, companies[0], gateway.Read)

	q := newest(sandbox.Mutt(i.ctx, from("Question : peut-on visiter ?\nRéponse : oui.\n", "retraits.testesr2020+question@courrier.acheteur.test"), "Visite du site", nil))
	if recipients, err := s.Recipients(i.ctx, q.ID); err != nil || len(recipients) != 2 || q.Type != gateway.Question {
		t.Errorf("%d recipients of a %s, %v", len(recipients), q.Type, err)
	}

	if _, err := w.Reply(i.ctx, browser.mail(w, "un"), "Merci de nous dire pourquoi."); err != nil {
		t.Fatal(err)
	}
	answer, err := w.Wait(i.ctx, "agent@acheteur.test", func(m *sandbox.Mail) bool {
		raw, err := m.Raw()
		return err == nil && strings.Contains(string(raw), "Merci de nous dire pourquoi.")
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := answer.Raw()
	if err != nil {
		t.Fatal(err)
	}
	reply := newest(sandbox.MuttReply(i.ctx, from("Voici les motifs : le prix.\n"), raw))
	if reply.Thread != c.ID || reply.ID == q.ID {
		t.Errorf("the answer to the answer is no part of the thread: %+v", reply)
	}
	if recipients, err := s.Recipients(i.ctx, reply.ID); err != nil || len(recipients) != 1 || recipients[0].Address != companies[0] {
		t.Errorf("the answer goes to %+v, %v", recipients, err)
	}

	_, err = sandbox.Mutt(i.ctx, from("Bonjour.\n", companies[0], "testesr2020+rejett@courrier.acheteur.test"), "Votre offre", nil)
	if err == nil || !strings.Contains(err.Error(), `"rejett" n'est pas un mot connu : vouliez-vous "rejet" ?`) {
		t.Errorf("a refusal is told as: %v", err)
	}
	i.stop()
}
