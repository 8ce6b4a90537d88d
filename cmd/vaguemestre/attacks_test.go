package main

import (
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// attacked is an installation under attack: one daemon, in the world of the demo.
func attacked(t *testing.T, extra string) (client, func(box string) []string) {
	t.Helper()
	i, w, clientTLS := installDemoWorld(t, extra)
	i.feed()
	i.serve()
	boxes := func(box string) (raws []string) {
		for _, m := range w.Mails(box) {
			raw, err := m.Raw()
			if err != nil {
				t.Fatal(err)
			}
			raws = append(raws, string(raw))
		}
		return raws
	}
	return client{installation: i, tls: clientTLS}, boxes
}

// TestAttackInjectionIntoHeaders: line ends and parameters hidden in names, subjects and file names come out as text, or
// the letter is refused; the company never gets a field that we did not write.
func TestAttackInjectionIntoHeaders(t *testing.T) {
	t.Parallel()
	c, boxes := attacked(t, "")
	s := c.look()
	const evil = "X-Injecte: oui"
	for n, tc := range []struct{ name, from, subject, file string }{
		{"subject, quoted-printable", "Victoria", "=?utf-8?q?Bonjour=0D=0AX-Injecte:_oui?=", `filename="plan.txt"`},
		{"subject, base64", "Victoria", "=?utf-8?b?Qm9uam91cg0KWC1JbmplY3RlOiBvdWkNCg0KY29ycHM=?=", `filename="plan.txt"`},
		{"bare line feed and carriage return", "Victoria", "=?utf-8?q?a=0AX-Injecte:_oui=0DX-Injecte:_oui?=", `filename="plan.txt"`},
		{"name", "=?utf-8?q?Victoria=0D=0AX-Injecte:_oui?=", "Bonjour", `filename="plan.txt"`},
		{"name with an address", `"Victoria <maire@acheteur.test>, x"`, "Bonjour", `filename="plan.txt"`},
		{"file name, RFC 2231", "Victoria", "Bonjour", `filename*=utf-8''plan%0D%0AX-Injecte%3A%20oui.txt`},
		{"file name, RFC 2047", "Victoria", "Bonjour", `filename="=?utf-8?q?plan=0D=0AX-Injecte:_oui.txt?="`},
		{"file name, quotes and parameters", "Victoria", "Bonjour", `filename="a\"; name=\"b.exe"`},
		{"file name, path", "Victoria", "Bonjour", `filename="../../etc/passwd"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, way := range []string{"libre+ar", "libre+simple"} {
				key := fmt.Sprintf("injection-%d-%s", n, strings.TrimPrefix(way, "libre+"))
				message := "From: " + tc.from + " <agent@acheteur.test>\nTo: " + boxOf(key) + "\nSubject: " + tc.subject + "\nMessage-ID: <" + key + "@acheteur.test>\n" +
					"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=limite\n\n--limite\nContent-Type: text/plain\n\nBonjour.\n--limite\n" +
					"Content-Type: text/plain\nContent-Disposition: attachment; " + tc.file + "\n\nplan\n--limite--\n"
				got := c.send([]string{boxOf(key), "testesr2020+" + way + "@courrier.acheteur.test"}, message)
				if got.code/100 == 5 {
					continue
				}
				c.event(s, c.number(got), boxOf(key), gateway.Delivered)
				for _, raw := range boxes(boxOf(key)) {
					checkFields(t, raw, evil)
				}
			}
		})
	}
	c.stop()
}

// checkFields reads a mail as a strict reader does: each field of ours once, none of the attacker's, and no line end but CRLF.
func checkFields(t *testing.T, raw, evil string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	// The agent's parts are copied as they are (promise 5): only the fields of the whole are ours.
	for _, field := range []string{"From", "To", "Subject", "Message-Id", "Date", "Reply-To", "Content-Type", "Mime-Version"} {
		if n := len(m.Header[field]); n > 1 || (n == 0 && field != "Reply-To") {
			t.Errorf("%d fields %s", n, field)
		}
	}
	from, err := m.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != "courrier@courrier.acheteur.test" {
		t.Errorf("From: %v, %v", from, err)
	}
	for _, line := range strings.Split(raw, "\n") {
		if strings.HasPrefix(line, evil) {
			t.Errorf("a line of its own:\n%s", raw)
		}
	}
	bare := strings.ReplaceAll(raw, "\r\n", "")
	if strings.ContainsAny(bare, "\r\n\x00") {
		t.Error("a bare line end or NUL")
	}
}

// TestAttackSmuggling: no end of data but CRLF.CRLF; what stands behind another one never becomes a second letter.
func TestAttackSmuggling(t *testing.T) {
	t.Parallel()
	c, boxes := attacked(t, "")
	const second = "MAIL FROM:<agent@acheteur.test>\r\nRCPT TO:<contrebande@entreprise.test>\r\nRCPT TO:<testesr2020+libre@courrier.acheteur.test>\r\nDATA\r\n" +
		"From: agent@acheteur.test\r\nSubject: contrebande\r\nMessage-ID: <contrebande@acheteur.test>\r\n\r\nEntre en fraude.\r\n.\r\n"
	for n, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\x00.\r\n", "\r\r\n.\r\r\n"} {
		s, err := c.login()
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("passeur-%d", n)
		if err := s.Mail("agent@acheteur.test"); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{boxOf(key), "testesr2020+libre@courrier.acheteur.test"} {
			if err := s.Rcpt(to); err != nil {
				t.Fatal(err)
			}
		}
		message := strings.ReplaceAll(letter(key, boxOf(key), "Ordinaire", "Bonjour."), "\n", "\r\n")
		asked, err := s.Text.Cmd("DATA")
		if err != nil {
			t.Fatal(err)
		}
		s.Text.StartResponse(asked)
		if _, _, err := s.Text.ReadResponse(354); err != nil {
			t.Fatal(err)
		}
		s.Text.EndResponse(asked)
		_, err = s.Text.W.WriteString(message + end + second + "QUIT\r\n")
		if err == nil {
			err = s.Text.W.Flush()
		}
		if err != nil {
			t.Logf("%q: the server left: %v", end, err)
		}
		_, _ = io.Copy(io.Discard, s.Text.R) // until the server has said everything, or hung up
		_ = s.Close()
	}
	st := c.look()
	for _, courier := range allCouriers(c.installation, st) {
		recipients, err := st.Recipients(c.ctx, courier.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recipients {
			if r.Address == "contrebande@entreprise.test" {
				t.Errorf("a letter was smuggled: %s", courier.Subject)
			}
		}
	}
	if got := boxes("contrebande@entreprise.test"); len(got) > 0 {
		t.Errorf("it arrived:\n%s", got[0])
	}
	c.stop()
}

// TestAttackTokens: a token that was altered by one character, made up, or meant for another use opens nothing, records
// nothing, and looks like any other that does not exist.
func TestAttackTokens(t *testing.T) {
	t.Parallel()
	i, w, clientTLS := installDemoWorld(t, "")
	i.feed()
	i.serve()
	c := client{installation: i, tls: clientTLS}
	s := i.look()
	id := c.accepted("jeton", c.letter("jeton", 0))
	i.event(s, id, boxOf("jeton"), gateway.Delivered)
	link := c.link(w, "jeton")
	base, token := link[:strings.LastIndexByte(link, '/')+1], link[strings.LastIndexByte(link, '/')+1:]
	raw, err := c.mail(w, "jeton").Raw()
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := mail.ParseAddress(m.Header.Get("Reply-To"))
	if err != nil {
		t.Fatal(err)
	}
	before := storedEvents(c, s)
	t.Run("links", func(t *testing.T) {
		local, _, _ := strings.Cut(reply.Address, "@")
		forged := []string{strings.Repeat("a", len(token)), token[:len(token)-1], token + "a", strings.TrimPrefix(local, "courrier+r-"), strings.TrimPrefix(local, "courrier+")}
		for n := 0; n < len(token); n += 4 {
			forged = append(forged, altered(token, n))
		}
		for _, f := range forged {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if code, page := c.browse(method, base+f, nil); code != http.StatusNotFound || strings.Contains(page, "TESTESR2020") {
					t.Errorf("%s of %s says %d", method, f, code)
				}
			}
		}
		if c.metric("vaguemestre_link_unknown_total") < float64(2*len(forged)) {
			t.Error("the metrics do not count them all")
		}
	})
	t.Run("addresses", func(t *testing.T) {
		at := strings.IndexByte(reply.Address, '@')
		for n, local := range []string{altered(reply.Address[:at], at-1), altered(reply.Address[:at], at-20), strings.Replace(reply.Address[:at], "+r-", "+b-", 1), "courrier+f-" + strings.Repeat("a", 52)} {
			text := fmt.Sprintf("From: escroc@ailleurs.test\r\nTo: %s%s\r\nSubject: Re: Courrier\r\nMessage-ID: <escroc-%d@ailleurs.test>\r\n\r\nJe retire mon offre.\r\n", local, reply.Address[at:], n)
			if err := w.Send(i.ctx, "escroc@ailleurs.test", []string{local + reply.Address[at:]}, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		i.until("all of them are in quarantine", func() bool {
			kept, err := s.Inbounds(i.ctx, store.InboundFilter{State: gateway.InboundQuarantined})
			return err == nil && len(kept) == 4
		})
	})
	if now := storedEvents(c, s); now != before {
		t.Errorf("%d events of the courier became %d", before, now)
	}
	if log := i.log.String(); strings.Contains(log, token) {
		t.Error("a token stands in the log")
	}
	c.stop()
}

func storedEvents(c client, s *store.Store) (n int) {
	c.Helper()
	for _, courier := range allCouriers(c.installation, s) {
		events, err := s.Events(c.ctx, courier.ID, gateway.ID{})
		if err != nil {
			c.Fatal(err)
		}
		n += len(events)
	}
	return n
}

// altered changes the character at n into another one of the alphabet.
func altered(token string, n int) string {
	other := "b"
	if token[n] == 'b' {
		other = "c"
	}
	return token[:n] + other + token[n+1:]
}

// TestAttackPasswordGuessing: guesses lock the account for a while, over all connections; nobody is told whether an account
// exists; the owner is then put off, not refused.
func TestAttackPasswordGuessing(t *testing.T) {
	t.Parallel()
	c, _ := attacked(t, "[accounts]\nlock_after = 3\n")
	c.password = "pas le bon"
	wrong := c.submit("deviner", c.letter("deviner", 0))
	c.user = "personne"
	unknown := c.submit("deviner", c.letter("deviner", 0))
	if wrong != unknown || wrong.code != 535 {
		t.Errorf("wrong password: %s; unknown account: %s", wrong, unknown)
	}
	c.user = ""
	c.until("the account is locked", func() bool {
		c.password += "!" // the same guess again tells nothing, and counts for nothing
		return c.submit("deviner", c.letter("deviner", 0)).code == 454
	})
	c.password = ""
	if got := c.submit("deviner", c.letter("deviner", 0)); got.code != 454 {
		t.Errorf("the right password on a locked account: %s", got)
	}
	if c.metric("vaguemestre_account_locks_total") == 0 || c.metric("vaguemestre_submission_logins_total", `outcome="denied"`) == 0 {
		t.Error("the metrics show nothing")
	}
	c.stop()
}
