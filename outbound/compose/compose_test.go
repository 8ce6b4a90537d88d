package compose

import (
	"bytes"
	"errors"
	"html"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// agentMail is what the samples submit: text, HTML with an image, and a file.
func agentMail(t testing.TB) string { return file(t, "testdata/agent.eml") }

// TestReminder: the same link under a message of its own, that names the letter it reminds of.
func TestReminder(t *testing.T) {
	var b bytes.Buffer
	r := company()
	if err := Remind(&b, sample(), r, addresses(), Reminder{Number: 2, Date: morning.AddDate(0, 0, 7)}); err != nil {
		t.Fatal(err)
	}
	checkHeaders(t, "reminder", b.String())
	checkLines(t, "reminder", b.String())
	m := read(t, b.String())
	h := m.Header()
	if h.Get("Message-ID") != "<relance-2.aaaq@passerelle.example>" || h.Get("References") != r.MessageID || h.Text("Subject") != "Rappel : Suite donnée à votre réponse" ||
		h.Get("Date") != "Tue, 16 Mar 2021 10:00:00 +0100" {
		t.Errorf("header\n%s", h.Raw())
	}
	if got := textOf(t, m.Text()); !strings.HasPrefix(got, "Rappel : ce courrier vous a été adressé le mardi 9 mars 2021 à 11:50") || !strings.Contains(got, "https://courrier.example/l/abcdefgh") {
		t.Errorf("text %q", got)
	}
	if err := Remind(io.Discard, plainSample(), r, addresses(), Reminder{Number: 1, Date: morning}); err == nil {
		t.Error("a plain letter is reminded of")
	}
}

func codeLetter(t testing.TB, c gateway.Courier) string {
	a := addresses()
	a.Code, a.ReplyTo = "314159", "courrier+r-aeqt@passerelle.example"
	a.References = []string{"<aaap@passerelle.example>", "<client@agence.example>"}
	var b bytes.Buffer
	if err := Letter(&b, c, company(), nil, a); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNotification(t *testing.T) {
	c := sample()
	c.Options.Code = true
	c.Options.Reply = gateway.ReplyPolicy{Allowed: true, By: morning.AddDate(0, 0, 23), Sealed: true}
	out := codeLetter(t, c)
	m := read(t, out)
	for form, got := range map[string]string{"text": textOf(t, m.Text()), "HTML": message.HTMLToText(textOf(t, m.HTML()))} {
		for _, want := range []string{
			"Consultation concernée par cet échange", "Référence | Intitulé", "TESTESR2020 | Toitures de l'école Émile-Zola", "mardi 9 mars 2021 à 10:00",
			"Agence Départementale du Numérique | Service des achats", "Marie Dupont, pour Agence Départementale du Numérique", "Courrier de rejet",
			"Suite donnée à votre réponse", "jeudi 1er avril 2021 à 11:00", "scellée", "Accéder au courrier", "https://courrier.example/l/abcdefgh", "314159",
			"vous accusez réception", "Entreprise Ünal & fils (contact@entreprise.example)",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing in\n%s", form, want, got)
			}
		}
	}
	h := textOf(t, m.HTML())
	for _, never := range []string{"<img", "src=", "@import", "url(", "<script", "<form"} {
		if strings.Contains(h, never) {
			t.Errorf("the HTML has %s", never)
		}
	}
	if len(m.Files()) != 0 {
		t.Errorf("files %v", m.Files())
	}
	if got := m.Header().Get("References"); got != "<aaap@passerelle.example>" {
		t.Errorf("References %q: our own only", got)
	}
}

func TestPlain(t *testing.T) {
	c := plainSample()
	out := letter(t, c, agentMail(t))
	m, before := read(t, out), read(t, agentMail(t))
	if got, want := textOf(t, m.Text()), textOf(t, before.Text()); !strings.HasPrefix(got, want) || !strings.Contains(got, "Consultation concernée par cet échange") {
		t.Errorf("text %q", got)
	}
	h := textOf(t, m.HTML())
	if at := strings.Index(h, "Consultation concernée par cet échange"); at < strings.Index(h, "Cordialement") || at > strings.Index(h, "</body>") {
		t.Errorf("HTML %q", h)
	}
	if strings.Contains(out, "courrier.example/l/") {
		t.Error("a plain letter has a link")
	}
	if got := m.Files(); len(got) != 2 || got[1].Filename() != "Règlement.pdf" {
		t.Errorf("files %v", got)
	}
}

func TestModelStandsForAnEmptyBody(t *testing.T) {
	m := read(t, goldenLetters(1)["plain-model"].write(t, shipped()))
	got := textOf(t, m.Text())
	if !strings.HasPrefix(got, "Madame, Monsieur,\r\n\r\nNous vous remercions.\r\nBien à vous,\r\n\r\nMarie Dupont\r\n") || !strings.Contains(got, "Référence | Intitulé : TESTESR2020") {
		t.Errorf("text %q", got)
	}
	if len(m.Files()) != 1 {
		t.Errorf("files %v", m.Files())
	}
}

// TestPromiseAlone: whatever stands in the agent's header, nothing of it leaves.
func TestPromiseAlone(t *testing.T) {
	const secret = "secret@autre.example"
	fields := "From: Marie <marie@agence.example>\r\nTo: " + secret + ", testesr2020+rejet@passerelle.example\r\nCc: " + secret + "\r\nBcc: " + secret +
		"\r\nReceived: from [192.0.2.7] by " + secret + "\r\nX-Originating-IP: 192.0.2.7\r\nUser-Agent: Thunderbird\r\nX-Mailer: Outlook\r\n" +
		"Disposition-Notification-To: " + secret + "\r\nReturn-Receipt-To: " + secret + "\r\nMessage-ID: <x@" + secret + ">\r\nIn-Reply-To: <y@" + secret +
		">\r\nReferences: <y@" + secret + ">\r\nReply-To: " + secret + "\r\nSender: " + secret + "\r\nAutocrypt: addr=" + secret + "\r\nSubject: [TESTESR2020] " + secret + "\r\n"
	for name, rest := range map[string]string{
		"text":      "\r\nBonjour\r\n",
		"parts":     "Content-Type: multipart/mixed; boundary=b\r\n\r\npréambule " + secret + "\r\n--b\r\nTo: " + secret + "\r\nX-Mailer: Outlook\r\n\r\nBonjour\r\n--b\r\nReceived: " + secret + "\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n--b--\r\népilogue " + secret + "\r\n",
		"signed":    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n" + secret + "\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--b--\r\n" + secret,
		"encrypted": "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIB\r\n",
		"outlook":   strings.SplitN(file(t, "testdata/tnef.eml"), "\r\n", 3)[2],
	} {
		for mode, c := range map[string]gateway.Courier{"plain": plainSample(), "acknowledged": sample()} {
			out := letter(t, c, fields+rest)
			for _, never := range []string{"secret", "192.0.2.7", "Thunderbird", "Outlook 2016", "rejet@", "Received", "Disposition-Notification", "Return-Receipt", "Bcc"} {
				if strings.Contains(out, never) {
					t.Errorf("%s, %s: %q shows in\n%s", name, mode, never, out)
				}
			}
			checkHeaders(t, name, out)
		}
	}
}

// TestSignedFieldsThatTell: what a signature covers cannot be taken out: refused, with what to do.
func TestSignedFieldsThatTell(t *testing.T) {
	signed := func(field string) string {
		return "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; protected-headers=v1\r\n" + field + "\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
	}
	for field, refused := range map[string]bool{
		"To: autre@firme.example": true, "Cc: testesr2020@passerelle.example": true, "Received: x": true, "User-Agent: x": true, "Bcc: a@b.example": true,
		"To: Contact@entreprise.example": false, "Subject: x": false, "Content-Language: fr": false,
	} {
		_, err := tryLetter(plainSample(), signed(field))
		if refused != (err != nil && gateway.FaultOf(err).Key == "refuse.compose.signed-field") || !refused && err != nil {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := tryLetter(sample(), signed(field)); err != nil {
			t.Errorf("%s, acknowledged: %v", field, err)
		}
	}
}

// TestHostileFields: no value can end its field, begin another, or reach the HTML as marks.
func TestHostileFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"a\r\nBcc: x@y.example", "a\nX: y", "a\x00b", "=?utf-8?q?=0D=0ABcc:_x?=", "<script>alert(1)</script>", strings.Repeat("x", 3000), strings.Repeat(" ", 3000) + "x",
			"\u202eabc", "\xff\xfe", "\"", "\\", "a\r\n\r\n<b>", ".\r\nMAIL FROM:<x>", "--K7QWXNMRTZ5LDHVAYJ3CPBFGSE.1--",
		}))
		c, r := plainSample(), company()
		c.Options.Acknowledged = rapid.Bool().Draw(t, "acknowledged")
		c.Subject, c.AuthorName, c.TypeLabel = evil.Draw(t, "subject"), evil.Draw(t, "author"), evil.Draw(t, "type")
		c.Context.PublicBody, c.Context.Title, c.Context.Object = evil.Draw(t, "body"), evil.Draw(t, "title"), evil.Draw(t, "object")
		c.Context.Reference, c.Context.PurchasingEntity, r.CompanyName = evil.Draw(t, "reference"), evil.Draw(t, "entity"), evil.Draw(t, "company")
		content := "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Bonjour</p>\r\n--b--\r\n"
		c.Size = int64(len(content))
		var b bytes.Buffer
		if err := Letter(&b, c, r, strings.NewReader(content), addresses()); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		m, err := message.Read(strings.NewReader(out), int64(len(out)), message.Limits{HeaderBytes: 1 << 20})
		if err != nil || len(m.Defects) > 0 {
			t.Fatalf("%v %v in\n%s", err, m.Defects, out)
		}
		if n := len(m.Header().Fields()); n != 9 {
			t.Fatalf("%d fields:\n%s", n, m.Header().Raw())
		}
		if len(m.Root.Children) != 2 || strings.Contains(textOf2(m.HTML()), "<script>") {
			t.Fatalf("broken out:\n%s", out)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(out, "\r\n"), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("line %.80q", line)
			}
		}
	})
}

func textOf2(p *message.Part) string {
	if p == nil {
		return ""
	}
	s, _ := p.Text(1 << 20)
	return s
}

func TestAddressesOfRecipients(t *testing.T) {
	for address, want := range map[string]string{
		"a@b.example": "<a@b.example>", "é@b.example": "<é@b.example>", "a@bücher.example": "<a@xn--bcher-kva.example>", `x> NOTIFY=NEVER <y@d.example`: `<"x> NOTIFY=NEVER <y"@d.example>`,
		"a\r\nBcc: c@d.example": "", "a@b\x00.example": "", "@b.example": "", "a@": "", "a": "", "a@b c.example": "", "a@b>.example": "", "a\u2028@b.example": "",
	} {
		c, r := sample(), company()
		r.Address = address
		var b bytes.Buffer
		err := Letter(&b, c, r, nil, addresses())
		if want == "" {
			if f := gateway.FaultOf(err); f.Key != "refuse.compose.recipient" || f.Class != gateway.Permanent {
				t.Errorf("%q: %v", address, err)
			}
			continue
		}
		if err != nil || read(t, b.String()).Header().Get("To") != want {
			t.Errorf("%q: %v %q, want %q", address, err, read(t, b.String()).Header().Get("To"), want)
		}
	}
}

// TestPeopleReadDomainsInTheirLanguage: what is sent to an A-label shows its U-label.
func TestPeopleReadDomainsInTheirLanguage(t *testing.T) {
	r := company()
	r.Address = "contact@xn--bcher-kva.example"
	var b bytes.Buffer
	if err := Letter(&b, sample(), r, nil, addresses()); err != nil {
		t.Fatal(err)
	}
	m := read(t, b.String())
	if got := textOf(t, m.Text()); m.Header().Get("To") != "<contact@xn--bcher-kva.example>" || !strings.Contains(got, "(contact@bücher.example)") || strings.Contains(got, "xn--") {
		t.Errorf("To %q\n%s", m.Header().Get("To"), got)
	}
}

// TestOurOwnFaults: values that acceptance never stores are faults of ours, tried again, never a bounce.
func TestOurOwnFaults(t *testing.T) {
	for name, change := range map[string]func(*gateway.Courier, *gateway.Recipient, *Addresses){
		"version":    func(c *gateway.Courier, _ *gateway.Recipient, _ *Addresses) { c.Composition.Version = 99 },
		"boundary":   func(c *gateway.Courier, _ *gateway.Recipient, _ *Addresses) { c.Composition.Boundary = "a\r\nb" },
		"link":       func(_ *gateway.Courier, _ *gateway.Recipient, a *Addresses) { a.Link = "javascript:x" },
		"message-id": func(_ *gateway.Courier, r *gateway.Recipient, _ *Addresses) { r.MessageID = "<a\r\nb@c>" },
		"reply":      func(_ *gateway.Courier, _ *gateway.Recipient, a *Addresses) { a.ReplyTo = "" },
		"code":       func(c *gateway.Courier, _ *gateway.Recipient, _ *Addresses) { c.Options.Code = true },
	} {
		c, r, a := sample(), company(), addresses()
		change(&c, &r, &a)
		if err := Letter(io.Discard, c, r, nil, a); err == nil || gateway.FaultOf(err).Class != gateway.Temporary {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for key, content := range map[string]string{
		"refuse.compose.partial":   "Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nTo: autre@firme.example\r\n\r\nBonjour\r\n",
		"refuse.message.long-text": "\r\n" + strings.Repeat("un texte sans fin\r\n", 300_000),
		"refuse.message.parts":     "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 1100) + "--b--\r\n",
	} {
		if _, err := tryLetter(plainSample(), content); gateway.FaultOf(err).Key != key {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestAPieceOfAMessageIsAFile: what a mail client cut into pieces arrives as pieces, each beneath the block.
func TestAPieceOfAMessageIsAFile(t *testing.T) {
	const piece = "Content-Type: message/partial; id=x; number=2; total=3\r\n\r\nJVBERi0xLjQK\r\nMA==\r\n"
	out := letter(t, plainSample(), piece)
	checkBlock(t, out)
	checkHeaders(t, "piece", out)
	files := read(t, out).Files()
	if len(files) != 1 || files[0].MediaType != "message/partial" || files[0].Disposition != "attachment" || files[0].Params["number"] != "2" {
		t.Fatalf("files %+v", files)
	}
	if got := textOf(t, files[0]); got != "JVBERi0xLjQK\r\nMA==\r\n" {
		t.Errorf("%q", got)
	}
}

func TestOutlookIsOpened(t *testing.T) {
	m := read(t, letter(t, plainSample(), file(t, "testdata/tnef.eml")))
	var names []string
	for _, f := range m.Files() {
		names = append(names, f.Filename())
	}
	if got := strings.Join(names, ", "); got != "Règlement de la consultation.pdf, photo.png" {
		t.Errorf("files %s", got)
	}
}

// TestOutlookIsOpenedInItsCodePages: its strings, its HTML and the messages within it each have their own.
func TestOutlookIsOpenedInItsCodePages(t *testing.T) {
	for name, want := range map[string][2]string{
		"tnef-japanese": {"入札の回答をお送りします。", "仕様書 表.pdf"}, "tnef-html-russian": {"Ответ на письмо", "Ответ.pdf"}, "tnef-pages-within": {"Ответ на письмо", "表.pdf, Ответ.pdf"},
	} {
		m := read(t, letter(t, plainSample(), file(t, "testdata/"+name+".eml")))
		var names []string
		for _, f := range m.Files() {
			names = append(names, f.Filename())
		}
		if got := strings.Join(names, ", "); got != want[1] {
			t.Errorf("%s: files %s", name, got)
		}
		if got := textOf2(m.Text()) + textOf2(m.HTML()); !strings.Contains(got, want[0]) || !strings.Contains(got, block) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestBothModesAreWrittenToTheirOneRecipient(t *testing.T) {
	c := plainSample()
	mail := agentMail(t)
	c.Size = int64(len(mail))
	c.Options.Code = true
	for _, acknowledged := range []bool{true, false} {
		c.Options.Acknowledged = acknowledged
		var b bytes.Buffer
		r := gateway.Recipient{Courier: c.ID, Address: "exemple@entreprise.example", MessageID: "<exemple@passerelle.example>"}
		a := addresses()
		a.Code = "000000"
		if err := Letter(&b, c, r, strings.NewReader(mail), a); err != nil {
			t.Fatal(err)
		}
		if got := read(t, b.String()).Header().Get("To"); got != "<exemple@entreprise.example>" {
			t.Errorf("To %q", got)
		}
	}
}

func TestDatesInWords(t *testing.T) {
	for zone, want := range map[string]string{
		"": "lundi 1er mars 2021 à 00:30", "Indian/Reunion": "lundi 1er mars 2021 à 03:30 (UTC+04:00)", "America/Martinique": "dimanche 28 février 2021 à 19:30 (UTC-04:00)",
	} {
		if got := inWords("fr", time.Date(2021, 2, 28, 23, 30, 0, 0, time.UTC), gateway.ContextBlock{Zone: zone}.Location()); got != want {
			t.Errorf("%s: %q, want %q", zone, got, want)
		}
	}
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	c := plainSample()
	mail := agentMail(t)
	c.Size = int64(len(mail))
	if err := Letter(full{}, c, company(), strings.NewReader(mail), addresses()); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	c.Options.Acknowledged = true
	if err := Letter(full{}, c, company(), nil, addresses()); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

// FuzzLetter: whatever an agent submits, composing ends with a letter that mail can carry, that has the block and shows
// nothing else, the same each time, or with a fault.
func FuzzLetter(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, name := range files {
		f.Add(file(f, name))
	}
	for i := range 30 {
		f.Add(rapid.Custom(drawNasty).Example(i).text)
	}
	f.Fuzz(func(t *testing.T, content string) {
		out, err := tryLetter(plainSample(), content)
		if err != nil {
			if fault := gateway.FaultOf(err); fault.Class != gateway.Permanent || fault.Key == "" {
				t.Fatal(err)
			}
			return
		}
		m := read(t, content)
		if !m.Kind().Protected() { // what is signed keeps the lines it has
			checkLines(t, "fuzz", out)
		}
		checkHeaders(t, "fuzz", out)
		told := false
		read(t, out).Root.Walk(func(p *message.Part) bool {
			told = told || p.Embedded == nil && strings.Contains(html.UnescapeString(textOf2(p)), block)
			return p.Embedded == nil
		})
		if again, err := tryLetter(plainSample(), content); err != nil || again != out || !told {
			t.Fatalf("%v; the block is there: %v; made again:\n%s\nat first:\n%s", err, told, again, out)
		}
	})
}
