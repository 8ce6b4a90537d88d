package compose

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

var morning = time.Date(2021, 3, 9, 9, 0, 0, 0, time.UTC)

// sample is the manual's consultation and a rejection, acknowledged.
func sample() gateway.Courier {
	return gateway.Courier{
		ID: gateway.ID{1, 2, 3}, AuthorName: "Marie Dupont", AuthorAddr: "marie.dupont@agence.example",
		Type: gateway.Rejet, TypeLabel: "Courrier de rejet", Subject: "Suite donnée à votre réponse",
		Options: gateway.Options{Acknowledged: true},
		Context: gateway.ContextBlock{
			Reference: "TESTESR2020", Title: "Toitures de l'école Émile-Zola", Object: "test",
			Deadline: morning, PublicBody: "Agence Départementale du Numérique", PurchasingEntity: "Service des achats",
		},
		Composition: gateway.Composition{
			Version: Version, BaseURL: "https://courrier.example", Domain: "passerelle.example", Date: morning.Add(110 * time.Minute),
			Boundary: "K7QWXNMRTZ5LDHVAYJ3CPBFGSE",
		},
	}
}

func plainSample() gateway.Courier {
	c := sample()
	c.Options.Acknowledged = false
	return c
}

func company() gateway.Recipient {
	return gateway.Recipient{
		ID: gateway.ID{4, 5, 6}, Courier: gateway.ID{1, 2, 3}, Address: "contact@entreprise.example", CompanyName: "Entreprise Ünal & fils",
		MessageID: "<aaaq@passerelle.example>",
	}
}

func addresses() Addresses {
	return Addresses{Link: "https://courrier.example/l/abcdefgh", ReplyTo: "nepasrepondre@passerelle.example"}
}

// letter composes, and fails the test when that fails.
func letter(t testing.TB, c gateway.Courier, content string) string {
	t.Helper()
	text, err := tryLetter(c, content)
	if err != nil {
		t.Fatalf("Letter: %v", err)
	}
	return text
}

func tryLetter(c gateway.Courier, content string) (string, error) {
	c.Size = int64(len(content))
	var b bytes.Buffer
	err := Letter(&b, c, company(), strings.NewReader(content), addresses())
	return b.String(), err
}

func read(t testing.TB, text string) *message.Message {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.Limits{})
	if err != nil {
		t.Fatalf("read what was composed: %v", err)
	}
	return m
}

func textOf(t testing.TB, p *message.Part) string {
	t.Helper()
	if p == nil {
		return ""
	}
	s, err := p.Text(8 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// crlf is the form in which submission hands messages over.
func crlf(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(crlf(b))
}
