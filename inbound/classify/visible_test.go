package classify

import (
	"strings"
	"testing"
)

func TestVisibleTextKeepsWhatTheAuthorWrote(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"Thunderbird, French":  {"Bonjour,\n\nVoici.\n\nCordialement,\nPaul Durand\n\nLe 20/11/2026 à 10:00, Ministère a écrit :\n> Bonjour\n> suite\n", "Bonjour,\n\nVoici.\n\nCordialement,\nPaul Durand"},
		"Outlook, French":      {"Bonjour,\n\nNous maintenons.\n\nDe : Ministère <courrier@x.example>\nEnvoyé : vendredi 20 novembre 2026 10:00\nÀ : contact@y.example\nObjet : Rejet\n\nMadame\n", "Bonjour,\n\nNous maintenons."},
		"Outlook, English":     {"Hello\n\n________________________________\nFrom: A <a@b.example>\nSent: Friday\nTo: c\nSubject: d\n\ntext\n", "Hello"},
		"Gmail, two lines":     {"Oui.\n\nLe ven. 20 nov. 2026 à 10:00, Ministère <courrier+r-x@x.example>\na écrit :\n\n> Bonjour\n", "Oui."},
		"Gmail, English":       {"Yes.\n\nOn Fri, Nov 20, 2026 at 10:00 AM Someone <a@b.example> wrote:\n\n> text\n", "Yes."},
		"German":               {"Ja.\n\nAm 20.11.2026 um 10:00 schrieb Hans <h@b.example>:\n> Text\n", "Ja."},
		"Spanish":              {"Sí.\n\nEl vie, 20 nov 2026 a las 10:00, Ana (<a@b.example>) escribió:\n> texto\n", "Sí."},
		"original message":     {"D'accord.\n-----Message d'origine-----\nDe : x\n", "D'accord."},
		"Zimbra":               {"D'accord.\n\n----- Mail original -----\nDe: \"x\" <x@y.example>\nÀ: z\n", "D'accord."},
		"answer underneath":    {"Le 20/11/2026 à 10:00, Ministère a écrit :\n> Question ?\n\nRéponse.\n", "Réponse."},
		"between the lines":    {"> Question 1 ?\nOui.\n\n> Question 2 ?\nNon.\n", "Oui.\n\nNon."},
		"signature":            {"Voici.\n-- \nPaul\nSociété\n", "Voici."},
		"telephone":            {"Voici.\n\nEnvoyé de mon iPhone\n", "Voici."},
		"dashes in the text":   {"Lot 1\n----\n10 €\n\nLot 2\n----\n20 €\n", "Lot 1\n----\n10 €\n\nLot 2\n----\n20 €"},
		"a colon and a date":   {"Réunion du 20/11/2026 :\n- ordre du jour\n", "Réunion du 20/11/2026 :\n- ordre du jour"},
		"De and À in the text": {"De : notre usine\npour livraison\n", "De : notre usine\npour livraison"},
		"only a quotation":     {"> Bonjour\n", "> Bonjour"},
		"forwarded":            {"Pour information.\n\n---------- Forwarded message ---------\nFrom: x\nDate: y\n\ntexte\n", "Pour information.\n\n---------- Forwarded message ---------\nFrom: x\nDate: y\n\ntexte"},
		"empty":                {"", ""},
	} {
		if got := VisibleText(strings.ReplaceAll(c.text, "\n", "\r\n")); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func FuzzVisibleText(f *testing.F) {
	f.Add("Bonjour\n\nLe 20/11/2026 à 10:00, A <a@b.example> a écrit :\n> x\n> y\n\nsuite\n-- \nz")
	f.Add("On\n\n\n\n\n\nwrote:\n>\n")
	f.Add(">>> >>>\n<http\n> (http")
	f.Fuzz(func(t *testing.T, text string) {
		got := VisibleText(text)
		if strings.TrimSpace(text) != "" && strings.TrimSpace(got) == "" && strings.TrimSpace(Clip(text, maxFields)) != "" {
			t.Fatalf("nothing is left of %q", text)
		}
		if len(got) > len(text) {
			t.Fatalf("%d octets of %d", len(got), len(text))
		}
	})
}

// hostileTexts are long in the ways that cost most: near misses of announcements, of fields and of telephones' lines.
var hostileTexts = map[string]string{
	"blank and answers":  strings.Repeat("\n", 100_000) + strings.Repeat("On 1/1/2026 1:00 a wrote:\n> x\n\n", 5000),
	"telephones":         strings.Repeat("\n", 100_000) + strings.Repeat("Sent from a\n", 13_000),
	"fields":             strings.Repeat("De:"+strings.Repeat("a", 396)+"\nA: "+strings.Repeat("é.", 2000)+"\n", 60),
	"short fields":       strings.Repeat("De:\nA:\n", 32_000),
	"opened":             strings.Repeat("Le 1/1/2026 a:\n", 16_000),
	"written":            strings.Repeat("Le 1/1/2026 "+strings.Repeat("a écrit ", 40)+"x :\n", 700),
	"shared":             strings.Repeat("x Le lundi 2"+strings.Repeat(" Le lundi 2", 30)+" a écrit :\n", 700),
	"at signs":           strings.Repeat("De: a\n"+strings.Repeat("@", 300)+"\n", 800),
	"names and brackets": strings.Repeat("Jean "+strings.Repeat("a", 40)+" <\n", 5000),
}

func BenchmarkVisibleTextOfHostileMail(b *testing.B) {
	for name, text := range hostileTexts {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				VisibleText(text)
			}
		})
	}
}
