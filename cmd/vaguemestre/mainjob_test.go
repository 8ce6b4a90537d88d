package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// real is a gateway among the real programs: Postfix as smarthost and as the companies' server, Dovecot.
type real struct {
	*installation
	kit *sandbox.Kit
}

func installReal(t *testing.T, extra string) *real {
	t.Helper()
	return installRealWith(t, sandbox.KitOptions{}, extra)
}

func installRealWith(t *testing.T, o sandbox.KitOptions, extra string) *real {
	t.Helper()
	kit, err := sandbox.StartKit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(kit.Logs(), 8000))
		}
		kit.Stop()
	})
	i := install(t, world{
		Domain: kit.Domain, Certificate: kit.TLS.Certificate, Key: kit.TLS.Key, CA: kit.CA,
		Smarthost: fmt.Sprintf("[[relay.smarthost]]\naddress = %q\ntls = \"verified\"\nserver_name = \"localhost\"\nca = %q\nauth = \"plain\"\nusername = %q\npassword = \"file:$DIR/relay.password\"\n",
			kit.Smarthost.Submission, kit.CA, kit.Relay.Address),
		Mailbox: fmt.Sprintf("[[mailbox]]\naddress = %q\ntls = \"implicit\"\nserver_name = \"localhost\"\nca = %q\nusername = %q\npassword = \"file:$DIR/imap.password\"\npoll = \"2s\"\ndone_folder = \"Traités\"\n",
			kit.Dovecot.IMAPS, kit.CA, kit.Gateway.Address),
		Extra:     extra,
		Passwords: map[string]string{"relay.password": kit.Relay.Password, "imap.password": kit.Gateway.Password, "client.secret": "secret-du-client"},
	})
	return &real{i, kit}
}

// tail is the last n octets.
func tail(s string, n int) string { return s[max(len(s)-n, 0):] }

// submission is what an agent's mail client is set up with.
func (r *real) submission(to ...string) sandbox.Submission {
	return sandbox.Submission{
		Server: r.cfg.Submission.StartTLS, Security: sandbox.StartTLS, CA: r.kit.CA,
		User: "victoria", Password: agentPassword, From: "agent@acheteur.test", To: to,
	}
}

func with(s sandbox.Submission, message string) sandbox.Submission {
	s.Message = message
	return s
}

func (r *real) control(words string) string { return "testesr2020" + words + "@" + r.kit.Domain }

// letter is a mail as a client writes it.
func letter(id, to, subject, text string) string {
	return "From: Victoria Brun <agent@acheteur.test>\nTo: " + to + "\nSubject: " + subject + "\nMessage-ID: <" + id + "@acheteur.test>\n" +
		"Date: Mon, 23 Nov 2026 10:00:00 +0100\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + text
}

const rejectionText = "Bonjour,\n\nVotre réponse n'a pas été retenue : son prix la place au deuxième rang.\n\nVictoria Brun\n"

var (
	wordDecoder = &mime.WordDecoder{}

	answered = regexp.MustCompile(`250 2\.0\.0 ([0-9a-v]{26})`)
	pageLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/l/[a-z2-7]{53}`)
	hidden   = regexp.MustCompile(`name="form" value="([^"]*)"`)
)

func courierOf(t *testing.T, dialogue string) gateway.ID {
	t.Helper()
	m := answered.FindStringSubmatch(dialogue)
	if m == nil {
		t.Fatalf("no courier number in:\n%s", dialogue)
	}
	id, err := gateway.ParseID(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestMainJobOnRealPostfixAndDovecot(t *testing.T) { mainJob(t, "") }

// mainJob is the whole chain among real programs, on the store that the configuration names.
func mainJob(t *testing.T, extra string) {
	r := installReal(t, extra)
	company, other := r.kit.Companies[0], r.kit.Companies[1]
	r.feed(company.Address, other.Address)
	r.must("", "check")
	r.serve()
	s := r.look()

	// swaks: with acknowledgement, to one company and to one that does not exist.
	unknown := "inconnue@entreprise.test"
	dialogue, err := sandbox.Swaks(r.ctx, with(r.submission(company.Address, unknown, r.control("+rejet+reponse")),
		letter("rejet", company.Address, "Courrier de rejet", rejectionText)))
	if err != nil {
		t.Fatal(err)
	}
	courier := courierOf(t, dialogue)

	// msmtp: without acknowledgement, named by the subject.
	out, err := sandbox.Msmtp(r.ctx, with(r.submission(other.Address),
		letter("simple", other.Address, "[TESTESR2020 libre simple] Une précision", "Bonjour,\n\nLe site ouvre à 8 heures.\n")))
	if err != nil {
		t.Fatal(err)
	}
	plain := courierOf(t, out)

	// s-nail: to a control address, in its own header.
	if _, err := sandbox.SNail(r.ctx, with(r.submission(),
		"To: "+other.Address+", "+r.control("+question")+"\nSubject: Visite du site\n\nQuestion : peut-on visiter ?\nRéponse : oui.\n")); err != nil {
		t.Fatal(err)
	}
	asked, err := s.Couriers(r.ctx, store.CourierFilter{Type: gateway.Question})
	if err != nil || len(asked) != 1 {
		t.Fatalf("s-nail's letter: %d couriers, %v", len(asked), err)
	}

	// header fields, as programs write them.
	dialogue, err = sandbox.Swaks(r.ctx, with(r.submission(other.Address), "Vaguemestre-Consultation: TESTESR2020\nVaguemestre-Type: annulation\n"+
		letter("annulation", other.Address, "Annulation", "Bonjour,\n\nLa consultation est annulée, faute de crédits.\n")))
	if err != nil {
		t.Fatal(err)
	}
	courierOf(t, dialogue)

	t.Run("the company's own server confirms", func(t *testing.T) {
		for id, address := range map[gateway.ID]string{courier: company.Address, plain: other.Address} {
			sent := r.event(s, id, address, gateway.Sent)
			if !strings.Contains(string(sent.Details), `"tls":"TLS 1.3"`) || !strings.Contains(string(sent.Details), `"dsn":true`) {
				t.Errorf("sent says %s", sent.Details)
			}
			delivered := r.event(s, id, address, gateway.Delivered)
			if len(delivered.Contents) == 0 {
				t.Error("delivered rests on no raw report")
			}
		}
	})
	t.Run("an unknown user fails in Postfix's words", func(t *testing.T) {
		failed := r.event(s, courier, unknown, gateway.Failed)
		if !strings.Contains(strings.ToLower(string(failed.Details)), "unknown") {
			t.Errorf("failed says %s", failed.Details)
		}
		if _, err := r.kit.Wait(r.ctx, r.kit.Agent, func(raw string) bool { return strings.Contains(raw, unknown) }); err != nil {
			t.Errorf("the agent is not told: %v", err)
		}
	})
	got := r.received(t, company, "Courrier de rejet")
	t.Run("the mail has the block and the link, and nothing of the content", func(t *testing.T) {
		text := decodeText(t, got)
		for _, want := range []string{"TESTESR2020", "Agence Départementale du Numérique", "/l/"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		for _, never := range []string{"deuxième rang", unknown, "testesr2020+", "agent@acheteur.test"} {
			if strings.Contains(got, never) {
				t.Errorf("%q shows", never)
			}
		}
	})
	t.Run("a plain letter has its text and the block, and no link", func(t *testing.T) {
		text := decodeText(t, r.received(t, other, "précision"))
		if !strings.Contains(text, "Le site ouvre à 8 heures.") || !strings.Contains(text, "Consultation concernée") || strings.Contains(text, "/l/") {
			t.Error(text)
		}
	})
	t.Run("the link is read", func(t *testing.T) { r.press(t, pageLink.FindString(decodeText(t, got))) })
	r.event(s, courier, company.Address, gateway.Read)
	t.Run("the company answers by mail", func(t *testing.T) { r.answer(t, company, got) })
	r.event(s, courier, company.Address, gateway.Replied)
	t.Run("the agent has the answer", func(t *testing.T) {
		raw, err := r.kit.Wait(r.ctx, r.kit.Agent, func(raw string) bool { return strings.Contains(raw, "Merci de nous dire pourquoi") })
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(raw, "<rejet@acheteur.test>") {
			t.Error("the answer is not threaded under the agent's own letter")
		}
	})
	t.Run("the proof has every step", func(t *testing.T) { r.proof(t, courier) })
	t.Run("metrics pass promtool", func(t *testing.T) { r.promtool(t) })
	quarantined, err := s.Inbounds(r.ctx, store.InboundFilter{State: gateway.InboundQuarantined})
	if err != nil || len(quarantined) > 0 {
		t.Errorf("in quarantine: %+v, %v", quarantined, err)
	}
	r.stop()
	if out := r.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		t.Error(out)
	}
}

// received waits for the mail with that subject word.
func (r *real) received(t *testing.T, box sandbox.Account, word string) string {
	t.Helper()
	raw, err := r.kit.Wait(r.ctx, box, func(raw string) bool {
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			return false
		}
		subject, err := wordDecoder.DecodeHeader(m.Header.Get("Subject"))
		return err == nil && strings.Contains(subject, word)
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// decodeText is the raw mail with its quoted-printable undone, enough to look for words.
func decodeText(t *testing.T, raw string) string {
	t.Helper()
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(raw)))
	if err != nil && len(text) == 0 {
		t.Fatal(err)
	}
	if len(text) < len(raw)/2 { // it is not all quoted-printable: look at it as it is
		return raw
	}
	return string(text)
}

// press opens the page of the rejection and sends its form, as a browser does.
func (r *real) press(t *testing.T, link string) {
	t.Helper()
	r.reveal(t, link, "deuxième rang")
}

// reveal does so for a letter that has these words.
func (r *real) reveal(t *testing.T, link, words string) {
	t.Helper()
	browse := func(method string, form url.Values) string {
		q, err := http.NewRequestWithContext(r.ctx, method, link, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("User-Agent", "Mozilla/5.0 Firefox/140.0")
		q.Header.Set("Accept-Language", "fr")
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	field := hidden.FindStringSubmatch(browse(http.MethodGet, nil))
	if field == nil {
		t.Fatal("no form at " + link)
	}
	if page := browse(http.MethodPost, url.Values{"form": {html.UnescapeString(field[1])}}); !strings.Contains(page, words) {
		t.Errorf("the content does not show:\n%s", page)
	}
}

// answer replies to the mail's Reply-To with swaks, through the companies' own server.
func (r *real) answer(t *testing.T, from sandbox.Account, got string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	to, err := mail.ParseAddress(m.Header.Get("Reply-To"))
	if err != nil {
		t.Fatal(err)
	}
	text := "From: " + from.Address + "\nTo: " + to.Address + "\nSubject: Re: Courrier de rejet\nMessage-ID: <reponse@entreprise.test>\nIn-Reply-To: " +
		m.Header.Get("Message-Id") + "\nDate: Mon, 23 Nov 2026 11:00:00 +0100\n\nMerci de nous dire pourquoi.\n"
	if _, err := sandbox.Swaks(r.ctx, sandbox.Submission{Server: r.kit.MailServer.SMTP, From: from.Address, To: []string{to.Address}, Message: text}); err != nil {
		t.Fatal(err)
	}
}

func (r *real) proof(t *testing.T, courier gateway.ID) {
	t.Helper()
	path := filepath.Join(r.dir, "preuve.pdf")
	r.must("", "proof", courier.String(), "-o", path)
	text := pdfText(r.installation, path)
	for _, want := range []string{
		"Preuve des échanges du", "Consultation concernée par cet échange", "TESTESR2020", "Résumé des échanges", "Étape", "Auteur",
		"Envoi", "Reçu techniquement (Délivré)", "Accusé de réception (Lu)", "Détail des échanges", "deuxième rang",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the proof", want)
		}
	}
	if out := r.must("", "verify", path); !strings.Contains(out, "Tout ce qui pouvait être vérifié l'est") {
		t.Error(out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if out, err := r.program("", "verify", r.write("altered.pdf", string(raw))); err == nil {
		t.Errorf("a proof with a flipped byte passes:\n%s", out)
	}
}

func pdfText(i *installation, path string) string {
	i.Helper()
	out, err := exec.CommandContext(i.ctx, "pdftotext", "-layout", path, "-").Output()
	if err != nil {
		i.Fatal(err)
	}
	return string(out)
}

func (r *real) promtool(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(r.ctx, "promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(r.installation.metrics())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("promtool: %v\n%s", err, &out)
	}
}
