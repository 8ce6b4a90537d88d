package proof

import (
	"os"
	"testing"
	"time"

	"vaguemestre/gateway"
)

func TestDraft(t *testing.T) {
	ev := sample()
	b, err := pages(ev, gateway.HashOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("/tmp/draft.pdf", b, 0o600)
}

func sample() *Evidence {
	at := func(s string) time.Time { x, _ := time.Parse(time.RFC3339, s); return x }
	id := func(n byte) gateway.ID { return gateway.ID{1, 2, 3, n} }
	return &Evidence{
		Format: format, Version: formatVersion,
		Issued:       Issued{At: at("2021-03-19T08:55:00Z"), Language: "fr", Layout: "x", Notice: "Document produit par une passerelle de messagerie. Ce n'est pas un envoi recommandé électronique qualifié au sens du règlement eIDAS (article 44)."},
		Consultation: gateway.ContextBlock{Reference: "TESTESR2020", Title: "TESTESR2020", Object: "test", Deadline: at("2021-03-09T09:00:00Z"), PublicBody: "Région Nouvelle-Aquitaine"},
		Courier: CourierFacts{ID: id(1), Type: gateway.Rejet, TypeLabel: "Courrier de rejet", Subject: "Courrier de rejet — Ελληνικά, Кириллица, 漢字 😀", AuthorName: "Agent", AuthorAddr: "agent@region.example", Door: "smtp", Accepted: at("2021-03-09T10:50:19Z"),
			Options: gateway.Options{Acknowledged: true}, Text: "Bonjour,\n\nNous vous remercions d'avoir répondu à la consultation citée en référence.\nNous sommes toutefois au regret de vous annoncer que votre réponse n'a pas été retenue.\n\nhttps://plateforme.example/un/lien/tres/long/qui/ne/finit/pas/et/qui/doit/etre/coupe/quelque/part/entre/deux/barres/obliques?parametre=valeur&autre=valeur\n\nMerci de votre intérêt.", Files: []gateway.File{{Name: "rapport_d'analyse.pdf", Size: 1234567, SHA256: gateway.HashOf([]byte("x"))}}},
		Recipients: []RecipientFacts{{ID: id(2), Address: "victoria.brun@lafibre64.example", Company: "La Fibre 64", State: "read", MessageID: "<x@y>"}},
		Events: []EventFacts{
			{ID: id(3), Kind: gateway.Submitted, Occurred: at("2021-03-09T10:50:19Z"), Recorded: at("2021-03-09T10:50:19Z"), Strength: gateway.ByAgent, Actor: "agent:agent", Purpose: gateway.ForLetter, ETSI: "SubmissionAcceptance"},
			{ID: id(4), Recipient: id(2), Kind: gateway.Sent, Occurred: at("2021-03-09T10:50:22Z"), Recorded: at("2021-03-09T10:50:22Z"), Attempt: 1, Strength: gateway.ByRelay, Actor: "relay:smtp.example", Purpose: gateway.ForLetter, Details: `{"host":"smtp.example:25","reply":"250 2.0.0 Ok: queued as 4F3A2B1C","tls":"TLS 1.3","cipher":"TLS_AES_128_GCM_SHA256","verified":true,"code":250,"sha256":"` + gateway.HashOf([]byte("y")).String() + `"}`},
			{ID: id(5), Recipient: id(2), Kind: gateway.Delivered, Occurred: at("2021-03-09T10:50:51Z"), Recorded: at("2021-03-09T10:50:55Z"), Strength: gateway.ByReport, Actor: "reporter:mx.lafibre64.example", Purpose: gateway.ForLetter, Details: `{"action":"delivered","status":"2.0.0","diagnostic":"smtp; 250 2.0.0 delivered to mailbox","reporting_mta":"mx.lafibre64.example","standard":true}`},
			{ID: id(6), Recipient: id(2), Kind: gateway.Read, Occurred: at("2021-03-09T10:51:09Z"), Recorded: at("2021-03-09T10:51:09Z"), Strength: gateway.ByButton, Actor: "company", Purpose: gateway.ForLetter, Details: `{"by":"button","looks":"person"}`},
		},
		Files:  []Attached{{Name: "message.eml", Role: roleMessage, Size: 12345, SHA256: gateway.HashOf(nil)}},
		Ledger: LedgerFacts{Name: "courrier.example", Key: "courrier.example+12345678+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh", Size: 4, Root: "AbCd=", Until: at("2021-03-09T10:51:09Z")},
		Seal:   SealFacts{Subject: "CN=Vaguemestre courrier.example", SelfMade: true, Certificate: gateway.HashOf(nil)},
	}
}
