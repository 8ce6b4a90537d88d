package form

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func written(t *testing.T, o Options, id string, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := New(&b, gateway.Agent{Name: "Zoé", Addresses: []string{"zoe@ville.example"}}, o, id)
	if err == nil {
		err = w.Text("Bonjour,\nà bientôt.\r\n")
	}
	for _, name := range files {
		if err == nil {
			err = w.File(name, "", strings.NewReader(strings.Repeat(name, 100)))
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPromise3TheSamePartsAreTheSameOctets(t *testing.T) {
	o := Options{Subject: "Réunion", To: []string{"a@b.example"}}
	first := written(t, o, "<k@g>", "plan.pdf")
	if !bytes.Equal(first, written(t, o, "<k@g>", "plan.pdf")) {
		t.Error("a repeated request is another message")
	}
	other := o
	other.To = []string{"c@b.example"}
	for name, message := range map[string][]byte{
		"recipients": written(t, other, "<k@g>", "plan.pdf"), "key": written(t, o, "<l@g>", "plan.pdf"), "files": written(t, o, "<k@g>"),
	} {
		if bytes.Equal(first, message) {
			t.Errorf("other %s make the same message", name)
		}
	}
}

func TestTextAndFilesComeBackAsTheyWere(t *testing.T) {
	raw := written(t, Options{Subject: "Réunion\r\nBcc: x@y.example"}, "", "pièce « 1 ».pdf", "b.txt")
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header().Text("Subject"); got != "Réunion Bcc: x@y.example" || m.Header().Get("Bcc") != "" {
		t.Errorf("subject %q", got)
	}
	text, err := m.Text().Text(1000)
	if err != nil || strings.ReplaceAll(text, "\r", "") != "Bonjour,\nà bientôt.\n" {
		t.Errorf("%q, %v", text, err)
	}
	for i, want := range []string{"pièce « 1 ».pdf", "b.txt"} {
		f := m.Files()[i]
		content, err := io.ReadAll(f.Decoded())
		if err != nil || f.Filename() != want || string(content) != strings.Repeat(want, 100) {
			t.Errorf("%q: %d octets, %v", f.Filename(), len(content), err)
		}
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d", len(line))
		}
	}
}

func TestANameThatCannotBeWrittenIsSaid(t *testing.T) {
	w, err := New(io.Discard, gateway.Agent{Addresses: []string{"a@b.example"}}, Options{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a\r\nb", strings.Repeat("é", 400)} {
		if err := w.File(name, "", strings.NewReader("")); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWhatTheOptionsSay(t *testing.T) {
	yes := true
	w, err := Options{Consultation: "MAPA 2021/03", Companies: []string{"Durand & Fils"}, Registers: []gateway.Register{gateway.Retraits}, Sealed: &yes, ReplyBy: "2021-03-09 10:00"}.Wish()
	if err != nil || w.Name != "mapa-2021-03" || w.Companies[0] != "durand-fils" || w.By.String() == "" {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []Options{{Registers: []gateway.Register{"retrait"}}, {ReplyBy: "demain"}} {
		if _, err := bad.Wish(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
