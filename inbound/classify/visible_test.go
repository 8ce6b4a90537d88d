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
