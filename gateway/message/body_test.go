package message

import (
	"errors"
	"strings"
	"testing"
)

func TestWordsAreThoseOfTheHTMLWhereTheTextIsBlank(t *testing.T) {
	alternative := func(text, html string) string {
		return "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text +
			"\r\n--b\r\nContent-Type: text/html\r\n\r\n" + html + "\r\n--b--\r\n"
	}
	for raw, want := range map[string]string{
		alternative("Oui.", "<p>Oui, en HTML.</p>"):                   "Oui.",
		alternative(" \r\n\r\n", "<p>Oui, en HTML.</p>"):              "Oui, en HTML.",
		"Content-Type: text/html\r\n\r\n<p>Seul</p>":                  "Seul",
		"Content-Type: text/plain\r\n\r\n \r\n":                       "",
		"Content-Type: image/png\r\n\r\nx":                            "",
		"Content-Type: text/html\r\n\r\n<p>" + strings.Repeat("é", 9): strings.Repeat("é", 5),
	} {
		m, err := Read(strings.NewReader(raw), int64(len(raw)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Words(11)
		if strings.TrimSpace(got) != want && !strings.HasPrefix(want, strings.TrimSpace(got)) || strings.TrimSpace(got) == "" && want != "" {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
		if err != nil && !errors.Is(err, ErrCut) {
			t.Error(err)
		}
	}
}
