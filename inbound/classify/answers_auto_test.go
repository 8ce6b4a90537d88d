package classify

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// automaticMails are what machines answer, after each product's manner.
var automaticMails = map[string]string{
	"Exchange, English":      "From: x@y.example\nSubject: Automatic reply: Courrier de rejet\nAuto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\nIn-Reply-To: <1@c.example>\n\nI am away until Monday.\n",
	"Exchange, French":       "From: x@y.example\nSubject: Réponse automatique : Courrier de rejet\nAuto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n\nBonjour, je suis absente jusqu'au 3.\n",
	"Exchange, German":       "From: x@y.example\nSubject: Automatische Antwort: Courrier de rejet\nAuto-Submitted: auto-generated\n\nIch bin bis Montag nicht im Büro.\n",
	"Exchange 2003":          "From: x@y.example\nSubject: Absent(e) du bureau : Courrier de rejet\n\nJe suis absent.\n",
	"Exchange 2003, English": "From: x@y.example\nSubject: Out of Office AutoReply: Courrier de rejet\n\nAway.\n",
	"Exchange 2003, German":  "From: x@y.example\nSubject: Abwesenheitsnotiz: Courrier de rejet\n\nWeg.\n",
	"Gmail":                  "From: x@y.example\nSubject: Absente Re: Courrier\nAuto-Submitted: auto-replied\nPrecedence: bulk\nX-Autoreply: yes\n\nEn vacances.\n",
	"sieve":                  "From: x@y.example\nSubject: Auto: Courrier\nAuto-Submitted: auto-replied (vacation)\n\nAbsent.\n",
	"Notes":                  "From: x@y.example\nSubject: AUTO: Jean Dupont is out of the office (returning 30/11/2026)\n\nI am out of the office until 30/11/2026.\n",
	"cPanel":                 "From: x@y.example\nSubject: Nous avons bien reçu votre message\nX-Autorespond: Courrier\nPrecedence: auto_reply\n\nMerci.\n",
	"null sender":            "Return-Path: <>\nFrom: x@y.example\nSubject: Re: Courrier\nIn-Reply-To: <1@c.example>\n\nMerci, nous reviendrons vers vous.\n",
	"congés, by hand":        "From: x@y.example\nPrecedence: bulk\nSubject: Congés : fermeture\n\nBonjour, notre société est fermée du 1er au 15 août.\n",
	"GLPI":                   "From: support@y.example\nSubject: [GLPI #0001234] Nouveau ticket Courrier\nAuto-Submitted: auto-generated\nX-Auto-Response-Suppress: OOF, DR, NDR, RN, NRN\n\nBonjour,\n\nVotre demande n°1234 a bien été enregistrée.\n",
	"Zendesk":                "From: support@y.example\nSubject: [Request received] Courrier\nAuto-Submitted: auto-generated\nIn-Reply-To: <1@c.example>\n\nYour request (1234) has been received and is being reviewed by our support staff.\n",
	"RT":                     "From: support@y.example\nSubject: [y.example #1234] AutoReply: Courrier\nPrecedence: bulk\nAuto-Submitted: auto-replied\n\nThis message has been automatically generated.\n",
	"OTRS":                   "From: support@y.example\nSubject: [Ticket#20261120] Votre demande\nAuto-Submitted: auto-replied\nX-OTRS-Loop: yes\n\nVotre message a été reçu.\n",
	"generated, receipt":     "From: x@y.example\nSubject: Accusé de réception : votre demande\nAuto-Submitted: auto-generated\n\nNous avons bien reçu votre demande et la traitons dans les meilleurs délais. Merci de ne pas répondre à ce message.\n",
	"generated, closed":      "From: x@y.example\nSubject: Re: Absence\nAuto-Submitted: auto-generated\n\nNos bureaux sont fermés jusqu'au 3 janvier.\n",
	"Spanish":                "From: x@y.example\nSubject: Respuesta automática: Courrier\n\nEstoy fuera.\n",
	"Italian":                "From: x@y.example\nSubject: Risposta automatica: Courrier\n\nSono fuori sede.\n",
	"Dutch":                  "From: x@y.example\nSubject: Automatisch antwoord: Courrier\n\nIk ben afwezig.\n",
	"Japanese":               "From: x@y.example\nSubject: 自動返信: Courrier\n\n不在です。\n",
}

func TestAutomaticAnswersOfManyProducts(t *testing.T) {
	for product, mail := range automaticMails {
		if r := classifyText(t, mail); r.Class != ClassAbsence {
			t.Errorf("%s: %s (%s)", product, r.Class, r.Why)
		}
	}
}

func TestReceiptsAreReceipts(t *testing.T) {
	for _, mail := range []string{
		"From: x@y.example\nSubject: Lu : Courrier de rejet\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nVotre message a été lu.\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;x@y.example\nOriginal-Message-ID: <1@c.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
		"From: x@y.example\nSubject: Read: Courrier\nContent-Type: multipart/report; boundary=b\n\n--b\n\nRead.\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;x@y.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n\n--b--\n",
	} {
		if r := classifyText(t, mail); r.Class != ClassReceipt || r.Disposition == "" {
			t.Errorf("%s: %s (%s)", r.Subject, r.Class, r.Why)
		}
	}
}

// The costlier error is to show a person's answer as automatic. Whatever their letter is about, whatever their programs add.
func TestPromiseAPersonIsNeverTakenForAMachine(t *testing.T) {
	subjects := []string{
		"Re: Courrier de rejet", "RE: Courrier d'attribution", "Réponse à votre courrier", "Automatic doors: our offer", "Automatisme de portail : offre", "Auto-école Dupont",
		"Automates industriels", "Absence de pièces dans le dossier", "Absent de la liste des candidats", "Absence : pièces manquantes", "Congés payés : attestation", "Délais",
		"Re: Réponse automatique : Courrier", "Out of office hours support: offer", "Ausencia de documentos", "Assenza di documenti", "Abwesenheit von Unterlagen", "En congés, je réponds ce soir",
		"Votre demande de complément", "Votre message du 12", "Merci de votre courrier", "Accusé de réception signé", "Ticket restaurant : marché", "Mail delivery by bike: our offer",
		"Non livré : lot 2", "Livraison retardée", "Échec du dépôt sur la plateforme", "Boîte pleine", "Adresse changée", "Antispam : notre solution", "Veuillez vérifier le prix", "Confirmation de participation",
		"Not a member of the consortium", "Returned goods", "Undelivered lot", "Fwd: Courrier", "TR: Courrier", "Tr : Non remis", "Invitation acceptée", "Accepté : réunion", "Vacances scolaires : transport", "Holiday camp offer",
		"Postmaster training", "Failure of the pump", "Delivery of the equipment", "Delivery report for lot 3", "Rapport de livraison du lot 3", "", "Bonjour",
	}
	texts := []string{
		"Bonjour,\n\nNous maintenons notre offre.\n\nCordialement,\nPaul", "Je suis absent demain mais je vous réponds dès ce soir, voici la pièce.", "Nous avons bien reçu votre courrier et le contestons.",
		"Merci pour votre message. Voici notre réponse.", "Votre message a bien été reçu. Nous demandons les motifs du rejet.", "Our boxes are full, delivery could not be made before Friday.",
		"La livraison n'a pas pu être effectuée, contact@y.example vous rappelle.", "Cliquez sur le lien https://x.example pour confirmer la réunion.", "Oui.", "",
		"User unknown? Please check with contact@y.example.", "Le serveur a répondu 550 5.1.1 à notre collègue contact@y.example.", "Please find attached. > quoted\n> 550 5.1.1 User unknown",
		"Je vous transfère :\n\n> Final-Recipient: rfc822; x@y.example\n> Action: failed\n> Status: 5.1.1",
	}
	headers := []string{
		"", "Auto-Submitted: no\n", "X-Autoreply: no\n", "X-Auto-Reply: false\n", "X-Autorespond: 0\n", "Precedence: normal\n", "Importance: high\nX-Priority: 1\n", "Thread-Index: AdW\nX-MS-Has-Attach: yes\n", "X-Mailer: Zimbra 8.8.15\n",
		"X-Auto-Response-Suppress: DR, RN, NRN\n", "List-Unsubscribe: <mailto:u@y.example>\n", "Precedence: bulk\n", "Auto-Submitted: auto-generated\nX-Zendesk-From-Account-Id: 1\n", "X-OTRS-Loop: yes\n", "Disposition-Notification-To: paul@y.example\n",
		"Return-Path: <paul@y.example>\n", "X-Failed: no\n", "X-Spam-Status: No\n",
	}
	from := []string{"Paul Martin <paul@y.example>", "contact@y.example", "\"Service Mail\" <mail@y.example>", "Système d'information <si@y.example>", "Symantec France <ventes@symantec-revendeur.example>", "Barracuda Plongée <contact@barracuda.example>"}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string, list []string) string { return rapid.SampledFrom(list).Draw(t, name) }
		var thread string
		if rapid.Bool().Draw(t, "threaded") {
			thread = "In-Reply-To: <1@c.example>\nReferences: <1@c.example>\n"
		}
		marks, text := pick("headers", headers)+pick("more", headers), pick("text", texts)
		if speaksOfAbsence := strings.HasPrefix(text, "Je suis absent") || strings.HasPrefix(text, "Nous avons bien reçu") || strings.HasPrefix(text, "Votre message a bien") || strings.HasPrefix(text, "Merci pour votre message"); speaksOfAbsence && (strings.Contains(marks, "bulk") || strings.Contains(marks, "auto-generated") && !strings.HasPrefix(text, "Merci") && !strings.HasPrefix(text, "Nous avons")) {
			return // marked by a machine and in a machine's words
		}
		mail := marks + "From: " + pick("from", from) + "\nTo: courrier+r-jeton@c.example\nSubject: " + pick("subject", subjects) + "\n" + thread +
			"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + text + "\n"
		r := classifyOnly(mail)
		if r.Class != ClassReply && r.Class != ClassBulk {
			t.Fatalf("%s (%s):\n%s", r.Class, r.Why, mail)
		}
	})
}

func classifyOnly(text string) Result {
	m, err := readText(text)
	if err != nil {
		panic(err)
	}
	return Classify(m)
}

// A calendar's answer and a list's message are no automatic answers either: somebody pressed a button, or wrote.
func TestCalendarsAndListsAreNoAbsence(t *testing.T) {
	for _, mail := range []string{
		"From: paul@y.example\nSubject: Accepté : Visite du site\nContent-Type: text/calendar; method=REPLY; charset=utf-8\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n",
		"From: paul@y.example\nSubject: [equipe] Re: Courrier\nList-Id: <equipe.y.example>\nPrecedence: list\nIn-Reply-To: <1@c.example>\n\nNous maintenons.\n",
	} {
		if r := classifyOnly(mail); r.Class != ClassReply && r.Class != ClassBulk {
			t.Errorf("%s: %s (%s)", r.Subject, r.Class, r.Why)
		}
	}
}
