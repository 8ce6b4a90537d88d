package compose

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vaguemestre/gateway/message"
)

const block = "Consultation concernée par cet échange"

// TestNastyMailsArriveWhole: whatever clients make, the files arrive byte for byte, the words with one block in each
// form that a person may read first, and nothing of the agent's header.
func TestNastyMailsArriveWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawNasty(t)
		out, err := tryLetter(plainSample(), n.text)
		if err != nil {
			t.Fatalf("%v\n%s", err, n.text)
		}
		if strings.Contains(out, secret) || strings.Contains(out, "192.0.2.7") {
			t.Fatalf("the agent's header shows in\n%s", out)
		}
		m, err := message.Read(strings.NewReader(out), int64(len(out)), message.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		n.checkFiles(t, m)
		n.checkWords(t, m, out)
		for _, v := range n.verbatim {
			if !strings.Contains(out, strings.TrimRight(v, "\r\n")) {
				t.Fatalf("bytes that nothing forced to change changed: %q in\n%s", v, out)
			}
		}
	})
}

func (n *nasty) checkFiles(t *rapid.T, m *message.Message) {
	for key, want := range n.files {
		found := false
		m.Root.Walk(func(p *message.Part) bool {
			if b, err := io.ReadAll(p.Decoded()); err == nil && (strings.Contains(p.Filename(), key) || key == "ics") {
				found = found || bytes.Equal(bytes.TrimRight(b, "\r\n"), bytes.TrimRight(want, "\r\n"))
			}
			return !found
		})
		if !found {
			t.Fatalf("file %s (%q) is lost of\n%s", key, want, n.text)
		}
	}
}

func (n *nasty) checkWords(t *rapid.T, m *message.Message, out string) {
	text, rich := textOf2(m.Text()), message.HTMLToText(textOf2(m.HTML()))
	if n.splits && (m.Text() != nil && strings.Count(text, block) != 1 || m.HTML() != nil && strings.Count(rich, block) != 1) {
		t.Fatalf("not one block in %q and %q", text, rich)
	}
	for _, s := range n.said {
		if s = strings.TrimRight(s, "\r\n"); !strings.Contains(text, s) && !strings.Contains(flat(rich), flat(s)) {
			t.Fatalf("%q is lost in\n%s", s, out)
		}
	}
}

func flat(s string) string { return strings.Join(strings.Fields(s), "") }

// TestNastyMailsByAnotherReader: Python's reader agrees.
func TestNastyMailsByAnotherReader(t *testing.T) {
	j := newJudge(t)
	mails := rapid.Custom(drawNasty)
	for i := range 90 {
		if n := mails.Example(i); !n.unjudged {
			j.add(fmt.Sprintf("nasty %d", i), n.text)
		}
	}
	j.ask()
	if len(j.names) < 40 {
		t.Errorf("%d mails are few to judge by", len(j.names))
	}
}
