package intake

import (
	"slices"
	"testing"

	"vaguemestre/gateway"
)

// TestTheHeaderAsClientsWriteIt: what is said in a header is understood in every way in which mail programs write it.
func TestTheHeaderAsClientsWriteIt(t *testing.T) {
	type understood struct {
		kind    gateway.TypeCode
		subject string
	}
	w := newWorld(t)
	rejected := understood{gateway.Rejet, "Votre réponse"}
	for _, c := range []struct {
		name, header string
		want         understood
	}{
		{"in UTF-8 as it is", "Subject: [TESTESR2020 rejet] Votre réponse", rejected},
		{"quoted", "Subject: =?utf-8?q?[TESTESR2020_rejet]_Votre_r=C3=A9ponse?=", rejected},
		{"quoted to the brackets", "Subject: =?UTF-8?Q?=5BTESTESR2020_rejet=5D_Votre_r=C3=A9ponse?=", rejected},
		{"base64", "Subject: =?utf-8?b?W1RFU1RFU1IyMDIwIHJlamV0XSBWb3RyZSByw6lwb25zZQ==?=", rejected},
		{"ISO 8859-15", "Subject: [TESTESR2020 rejet] =?iso-8859-15?q?Votre_r=E9ponse?=", rejected},
		{"windows-1252", "Subject: =?windows-1252?q?[TESTESR2020_rejet]_Votre_r=E9ponse?=", rejected},
		{"two words that split a character's word", "Subject: =?utf-8?q?[TESTESR2020_re?=\n =?utf-8?q?jet]_Votre_r=C3=A9ponse?=", rejected},
		{"folded in the bracket", "Subject: [TESTESR2020\n rejet] Votre réponse", rejected},
		{"a tab as fold", "Subject: [TESTESR2020 rejet]\n\tVotre réponse", rejected},
		{"a field of accents", "Vaguemestre-Type: =?utf-8?q?compl=C3=A9ment?=\nVaguemestre-Reply-By: 2021-03-20\nSubject: [TESTESR2020] Pièces", understood{gateway.Complement, "Pièces"}},
		{"fields folded and in capitals", "VAGUEMESTRE-CONSULTATION:\n TESTESR2020\nVAGUEMESTRE-TYPE:REJET\nSubject: Votre réponse", rejected},
		{"a name in accents", "Vaguemestre-Consultation: =?iso-8859-1?q?TEST=C9SR2020?=\nVaguemestre-Type: rejet\nSubject: Votre réponse", rejected},
		{"an answer's marks", "Subject: =?utf-8?q?R=C3=A9f_:_[TESTESR2020_rejet]_Votre_r=C3=A9ponse?=", understood{gateway.Rejet, "Réf : Votre réponse"}},
		{"two subjects: the first", "Subject: [TESTESR2020 rejet] Votre réponse\nSubject: [TESTESR2020 question] Autre", rejected},
	} {
		r, err := w.send(t, c.header+"\n\nBonjour, voici.", firm)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := (understood{r.Courier.Type, r.Courier.Subject}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestWhereAddressesStandChangesNothing: To, Cc and Bcc alike, since only the envelope counts.
func TestWhereAddressesStandChangesNothing(t *testing.T) {
	w := newWorld(t)
	for _, field := range []string{"To", "Cc", "Bcc", "X-Other"} {
		r := w.accepted(t, field+": testesr2020+rejet@passerelle.example\nSubject: Votre offre\n\nVoici.\n", "TestESR2020+Rejet@Passerelle.Example", firm)
		recipients, err := w.store.Recipients(t.Context(), r.Courier.ID)
		must(t, err)
		if r.Courier.Type != gateway.Rejet || !slices.Equal(addresses(recipients), []string{firm}) {
			t.Errorf("%s: a %s to %q", field, r.Courier.Type, addresses(recipients))
		}
	}
}
