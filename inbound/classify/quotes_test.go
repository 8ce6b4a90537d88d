package classify

import (
	"strings"
	"testing"
)

// attributions are the lines with which mail clients announce a quotation, by client and language.
var attributions = []string{
	// Gmail
	"On Fri, Nov 20, 2026 at 10:00 AM Jean Dupont <j@d.example> wrote:",
	"Le ven. 20 nov. 2026 à 10:00, Jean Dupont <j@d.example> a écrit :",
	"Am Fr., 20. Nov. 2026 um 10:00 Uhr schrieb Jean Dupont <j@d.example>:",
	"El vie, 20 nov 2026 a las 10:00, Jean Dupont (<j@d.example>) escribió:",
	"Il giorno ven 20 nov 2026 alle ore 10:00 Jean Dupont <j@d.example> ha scritto:",
	"Em sex., 20 de nov. de 2026 às 10:00, Jean Dupont <j@d.example> escreveu:",
	"Jean Dupont <j@d.example> escreveu no dia sexta, 20/11/2026 à(s) 10:00:",
	"Op vr 20 nov 2026 om 10:00 schreef Jean Dupont <j@d.example>:",
	"Den fre 20 nov. 2026 kl 10:00 skrev Jean Dupont <j@d.example>:",
	"fre. 20. nov. 2026 kl. 10:00 skrev Jean Dupont <j@d.example>:",
	"pe 20. marrask. 2026 klo 10.00 Jean Dupont (j@d.example) kirjoitti:",
	"pt., 20 lis 2026 o 10:00 Jean Dupont <j@d.example> napisał(a):",
	"pá 20. 11. 2026 v 10:00 odesílatel Jean Dupont <j@d.example> napsal:",
	"pi 20. 11. 2026 o 10:00 Jean Dupont <j@d.example> napísal(a):",
	"Jean Dupont <j@d.example> ezt írta (időpont: 2026. nov. 20., P, 10:00):",
	"În vin., 20 nov. 2026 la 10:00, Jean Dupont <j@d.example> a scris:",
	"Jean Dupont <j@d.example>, 20 Kas 2026 Cum, 10:00 tarihinde şunu yazdı:",
	"пт, 20 нояб. 2026 г. в 10:00, Jean Dupont <j@d.example>:",
	"пт, 20 лист. 2026 р. о 10:00 Jean Dupont <j@d.example> пише:",
	"На пт, 20.11.2026 г. в 10:00 Jean Dupont <j@d.example> написа:",
	"Στις Παρ, 20 Νοε 2026 στις 10:00 π.μ., ο χρήστης Jean Dupont <j@d.example> έγραψε:",
	"2026年11月20日(金) 10:00 Jean Dupont <j@d.example>:",
	"Jean Dupont <j@d.example> 于2026年11月20日周五 10:00写道：",
	"Jean Dupont <j@d.example> 於 2026年11月20日 週五 上午10:00寫道：",
	"2026년 11월 20일 (금) 오전 10:00, Jean Dupont <j@d.example>님이 작성:",
	"Vào Th 6, 20 thg 11, 2026 vào lúc 10:00 Jean Dupont <j@d.example> đã viết:",
	"Pada tanggal Jum, 20 Nov 2026 pukul 10.00 Jean Dupont <j@d.example> menulis:",
	"Missatge de Jean Dupont <j@d.example> del dia dv., 20 de nov. 2026 a les 10:00:",
	"pet, 20. stu 2026. u 10:00 Jean Dupont <j@d.example> napisao je:",
	"‫בתאריך יום ו׳, 20 בנוב׳ 2026 ב-10:00 מאת ‪Jean Dupont‬‏ <‪j@d.example‬‏>:‬",
	"في الجمعة، 20 نوفمبر 2026 في 10:00 ص تمت كتابة ما يلي بواسطة Jean Dupont <j@d.example>:",
	"2026-11-20 10:00 GMT+01:00 Jean Dupont <j@d.example>:",
	"2026-11-20 10:00 GMT+01:00 Jean Dupont",
	// Apple Mail
	"On 20 Nov 2026, at 10:00, Jean Dupont <j@d.example> wrote:",
	"Le 20 nov. 2026 à 10:00, Jean Dupont <j@d.example> a écrit :",
	"Am 20.11.2026 um 10:00 schrieb Jean Dupont <j@d.example>:",
	"Op 20 nov. 2026, om 10:00 heeft Jean Dupont <j@d.example> het volgende geschreven:",
	"20 nov. 2026 kl. 10:00 skrev Jean Dupont <j@d.example>:",
	"20 нояб. 2026 г., в 10:00, Jean Dupont <j@d.example> написал(а):",
	"2026/11/20 10:00、Jean Dupont <j@d.example>のメール:",
	"在 2026年11月20日，上午10:00，Jean Dupont <j@d.example> 写道：",
	"Wiadomość napisana przez Jean Dupont <j@d.example> w dniu 20 lis 2026, o godz. 10:00:",
	// Thunderbird
	"On 20/11/2026 10:00, Jean Dupont wrote:",
	"Le 20/11/2026 à 10:00, Jean Dupont a écrit :",
	"Am 20.11.26 um 10:00 schrieb Jean Dupont:",
	"El 20/11/2026 a las 10:00, Jean Dupont escribió:",
	"Il 20/11/2026 10:00, Jean Dupont ha scritto:",
	"Op 20-11-2026 om 10:00 schreef Jean Dupont:",
	"W dniu 20.11.2026 o 10:00, Jean Dupont pisze:",
	"Dne 20. 11. 26 v 10:00 Jean Dupont napsal(a):",
	"20.11.2026 10:00, Jean Dupont пишет:",
	// Roundcube, SOGo, OX, Yahoo, Proton, Notes and others
	"Le 2026-11-20 10:00, Jean Dupont a écrit :",
	"On 2026-11-20 10:00, Jean Dupont wrote:",
	"Le Vendredi, Novembre 20, 2026 10:00 CET, Jean Dupont <j@d.example> a écrit:",
	"Le vendredi 20 novembre 2026 à 10:00:00 UTC+1, Jean Dupont <j@d.example> a écrit :",
	"On Friday, November 20th, 2026 at 10:00, Jean Dupont <j@d.example> wrote:",
	"--- En date de : Ven 20.11.26, Jean Dupont <j@d.example> a écrit :",
	"Jean Dupont <j@d.example> hat am 20.11.2026 10:00 CET geschrieben:",
	"Jean Dupont/VILLE@VILLE wrote on 20/11/2026 10:00:00:",
	"Jean Dupont <j@d.example> wrote on 20/11/2026 10:00:",
	"-----Jean Dupont <j@d.example> a écrit : -----",
	"-----Jean Dupont <j@d.example> wrote: -----",
	"On Fri, Nov 20, 2026 at 10:00 AM, Jean Dupont < j@d.example > wrote:",
	"Quoting Jean Dupont <j@d.example>:",
	"Citando Jean Dupont <j@d.example>:",
	"Jean Dupont <j@d.example> a écrit :",
	"\"Jean Dupont\" <j@d.example> writes:",
	// separators
	"-----Original Message-----", "-----Message d'origine-----", "-------- Message original --------", "----- Mail original -----",
	"-----Ursprüngliche Nachricht-----", "------- Original Message -------", "-----Mensaje original-----", "-----Messaggio originale-----",
	"-----Oorspronkelijk bericht-----", "-----Mensagem original-----", "-----原始邮件-----",
	"-------- Courriel original --------", "---- Message d'origine ----", "--------Message initial--------",
}

// headerBlocks are the fields that Outlook and others put above the quoted message.
var headerBlocks = []string{
	"From: Jean Dupont <j@d.example>\nSent: Friday, November 20, 2026 10:00\nTo: contact\nSubject: Rejet",
	"De : Jean Dupont <j@d.example>\nEnvoyé : vendredi 20 novembre 2026 10:00\nÀ : contact\nObjet : Rejet",
	"De: Jean Dupont <j@d.example>\nÀ: contact\nEnvoyé: Vendredi 20 Novembre 2026 10:00:00\nObjet: Rejet",
	"De : Jean Dupont [mailto:j@d.example] \nEnvoyé : vendredi 20 novembre 2026 10:00\nÀ : contact\nCc : autre\nObjet : Rejet",
	"*De :* Jean Dupont <j@d.example>\n*Envoyé :* vendredi 20 novembre 2026 10:00\n*À :* contact\n*Objet :* Rejet",
	"Von: Jean Dupont <j@d.example>\nGesendet: Freitag, 20. November 2026 10:00\nAn: contact\nBetreff: Rejet",
	"De: Jean Dupont <j@d.example>\nEnviado el: viernes, 20 de noviembre de 2026 10:00\nPara: contact\nAsunto: Rejet",
	"Da: Jean Dupont <j@d.example>\nInviato: venerdì 20 novembre 2026 10:00\nA: contact\nOggetto: Rejet",
	"Van: Jean Dupont <j@d.example>\nVerzonden: vrijdag 20 november 2026 10:00\nAan: contact\nOnderwerp: Rejet",
	"De: Jean Dupont <j@d.example>\nEnviada em: sexta-feira, 20 de novembro de 2026 10:00\nPara: contact\nAssunto: Rejet",
	"Från: Jean Dupont <j@d.example>\nSkickat: den 20 november 2026 10:00\nTill: contact\nÄmne: Rejet",
	"Fra: Jean Dupont <j@d.example>\nSendt: 20. november 2026 10:00\nTil: contact\nEmne: Rejet",
	"Lähettäjä: Jean Dupont <j@d.example>\nLähetetty: perjantai 20. marraskuuta 2026 10.00\nVastaanottaja: contact\nAihe: Rejet",
	"Od: Jean Dupont <j@d.example>\nWysłano: piątek, 20 listopada 2026 10:00\nDo: contact\nTemat: Rejet",
	"Od: Jean Dupont <j@d.example>\nOdesláno: pátek 20. listopadu 2026 10:00\nKomu: contact\nPředmět: Rejet",
	"От: Jean Dupont <j@d.example>\nОтправлено: 20 ноября 2026 г. 10:00\nКому: contact\nТема: Rejet",
	"Feladó: Jean Dupont <j@d.example>\nElküldve: 2026. november 20. 10:00\nCímzett: contact\nTárgy: Rejet",
	"De la: Jean Dupont <j@d.example>\nTrimis: vineri, 20 noiembrie 2026 10:00\nCătre: contact\nSubiect: Rejet",
	"Kimden: Jean Dupont <j@d.example>\nGönderilme: 20 Kasım 2026 10:00\nKime: contact\nKonu: Rejet",
	"差出人: Jean Dupont <j@d.example>\n送信日時: 2026年11月20日 10:00\n宛先: contact\n件名: Rejet",
	"发件人: Jean Dupont <j@d.example>\n发送时间: 2026年11月20日 10:00\n收件人: contact\n主题: Rejet",
	"寄件者: Jean Dupont <j@d.example>\n寄件日期: 2026年11月20日 10:00\n收件者: contact\n主旨: Rejet",
	"보낸 사람: Jean Dupont <j@d.example>\n보낸 날짜: 2026년 11월 20일 10:00\n받는 사람: contact\n제목: Rejet",
	"Từ: Jean Dupont <j@d.example>\nĐã gửi: 20 Tháng 11 2026 10:00\nĐến: contact\nChủ đề: Rejet",
	"Message du : 20/11/2026 10:00\nDe : \"Jean Dupont\" <j@d.example>\nA : contact\nCopie à : \nSujet : Rejet",
	"> Message du 20/11/26 10:00\n> De : \"Jean Dupont\" <j@d.example>\n> A : contact\n> Copie à : \n> Objet : Rejet",
	"De :\tJean Dupont <j@d.example>\nA :\tcontact\nDate :\t20/11/2026 10:00\nObjet :\tRejet",
	"Date: Fri, 20 Nov 2026 10:00:00 +0100\nFrom: j@d.example\nTo: contact\nSubject: Rejet",
	"To: contact@y.example\nFrom: j@d.example\nDate: Fri, 20 Nov 2026 10:00:00 +0100\nSubject: Rejet",
	"Subject: Rejet\nFrom: j@d.example\nTo: contact\nDate: 20/11/2026",
	"Expéditeur: Jean Dupont <j@d.example>\nDate: 20 novembre 2026 à 10:00\nDestinataire: contact\nObjet: Rejet",
	"From: \"Jean Dupont\" <j@d.example>\n\nTo: contact\n\nSent: 20/11/2026 10:00\n\nSubject: Rejet",
}

const answer = "Bonjour,\n\nNous maintenons notre offre.\n\nCordialement,\nPaul Martin"

func TestPromiseQuotationsOfEveryClientAreFound(t *testing.T) {
	check := func(what, text string) {
		t.Helper()
		if got := VisibleText(text); got != answer {
			t.Errorf("%s:\n%q", what, got)
		}
	}
	for _, a := range append(attributions, headerBlocks...) {
		if strings.HasPrefix(a, ">") {
			check("marked itself: "+a, answer+"\n\n"+a+"\n> \n> Madame, Monsieur,\n> Votre offre n'est pas retenue.\n")
			continue
		}
		check("bare: "+a, answer+"\n\n"+a+"\n\nMadame, Monsieur,\n\nVotre offre n'est pas retenue.\n")
		check("no blank line: "+a, answer+"\n"+a+"\nMadame, Monsieur,\nVotre offre n'est pas retenue.\n")
		check("marked: "+a, answer+"\n\n"+a+"\n\n> Madame, Monsieur,\n>\n> Votre offre n'est pas retenue.\n")
		check("all marked: "+a, answer+"\n\n> "+strings.ReplaceAll(a, "\n", "\n> ")+"\n> \n> Madame, Monsieur,\n> Votre offre n'est pas retenue.\n")
	}
	for _, a := range attributions {
		if words := strings.Split(a, " "); len(words) > 4 && !strings.Contains(a, "\n") {
			middle := len(words) / 2
			wrapped := strings.Join(words[:middle], " ") + "\n" + strings.Join(words[middle:], " ")
			check("wrapped: "+wrapped, answer+"\n\n"+wrapped+"\n\n> Madame, Monsieur,\n> Votre offre n'est pas retenue.\n")
		}
	}
}

// What a person wrote between the quoted lines is their answer.
func TestPromiseAnswersBetweenTheLinesStay(t *testing.T) {
	for _, a := range attributions {
		text := a + "\n> Première question ?\n\nMa première réponse.\n\n> Seconde question ?\n> suite de la question\n\nMa seconde réponse,\nsur deux lignes.\n\n> Fin.\n"
		for _, line := range []string{"Ma première réponse.", "Ma seconde réponse,", "sur deux lignes."} {
			if got := VisibleText(text); !strings.Contains(got, line) {
				t.Errorf("%q: %q is hidden: %q", a, line, got)
			}
		}
	}
}

// Nothing that a person wrote is hidden: what resembles the lines of a program stays.
func TestPromiseWordsOfAPersonAreNeverHidden(t *testing.T) {
	for _, text := range []string{
		"Bonjour,\n\nLe 20 novembre 2026, vous nous avez écrit :\nle dossier est incomplet.\n\nNous joignons la pièce.",
		"Bonjour,\n\nDans votre lettre du 20/11/2026 vous écriviez :\n- lot 1 refusé ;\n- lot 2 accepté.\n\nNous contestons.",
		"Bonjour,\n\nDe : Société X\nÀ : Ville\nObjet : réponse à votre courrier\n\nMadame,\n\nNous maintenons notre offre.",
		"Société X\nObjet : marché 2026-12\nDate : 20 novembre 2026\n\nMadame,\n\nNous maintenons notre offre.",
		"Lot 1 : 100 €\n________________________________\nLot 2 : 200 €\n________________________________\nTotal : 300 €",
		"Première partie.\n--\nSeconde partie :\n" + strings.Repeat("une ligne de la lettre\n", 15) + "Fin.",
		"Réunion du 20/11/2026 à 10:00 :\n- ordre du jour\n- lieu",
		"Merci d'écrire à Jean <j@d.example> avant le 20/11/2026 à 12:00 :\nil vous répondra.\nCordialement",
		"Contacts :\nJean Dupont <j@d.example>\nMarie <m@d.example>\nLes deux répondent.",
		"Nos horaires : 8:30-12:00\nDe: 8:30\nÀ: 12:00\nMerci",
		"Envoyé depuis notre usine de Lyon le 3 mars, le lot est arrivé.\nMerci de confirmer.",
		"Le prix est > 100 €\nle délai < 3 jours\nMerci",
		"Prix unitaires\n=====\n100\n=====\nCordialement",
		"Bonjour,\n\nVoir notre réponse ci-dessous.\n\n1. Oui.\n2. Non.\n\nCordialement,\nX",
		"On 20 November we wrote:\nplease confirm.\nWe still wait.",
		"Monsieur le maire écrit :\nle lot est attribué.\nEst-ce exact ?",
		"Bonjour,\n\nLe 12/11/2026 à 9h00, nous avons écrit à votre service :\naucune réponse ne nous est parvenue.",
		"Le 18/11/2026 à 14h30, vous nous avez écrit :\nNous répondons ceci : oui.",
		"Le 18/11/2026 à 14h30, votre service nous a écrit :\nLe lot 2 est attribué.\nNous en demandons les motifs.",
		"Merci. Le 18 novembre 2026 votre service nous a écrit :\nLe lot 2 est attribué.\nNous en demandons les motifs.",
		"On 18/11/2026 at 14:30 we wrote to your office:\nno answer came.",
		"Le mémoire écrit vous sera remis le 12/11/2026 à 14h30, avec les pièces suivantes :\n- a",
		"Le dossier décrit dans votre courriel du 20/11/2026 à 10h30 appelle les réponses suivantes :\n1. Oui.",
		"Le planning décrit par contact@durand.fr comprend :\n- a",
		"Voici notre devis.\nNo : 2026-118\nDate : 20/11/2026\nMontant : 1000 euros\nContact : a@b.fr\nMerci de votre retour.",
		"Bonjour,\n\nDate : 20/11/2026 à 14h30\nObjet : réunion de chantier\n\nNous serons présents.",
		"Bonjour,\n\nSent by registered post on 20 November, the full set of plans.",
		"Bonjour,\n\nSent with thanks our best offer: 12 000 euros.",
		"Bonjour,\n\nSent with the usual documents.",
		"Bonjour,\n\nEnvoyé via la plateforme PLACE le 20 novembre : notre dossier complet.",
		"Bonjour,\n\nEnvoyé via la plateforme.",
		"--- Réponse 1 ---\nTrois semaines.\n--- Réponse 2 ---\nOui.",
		"Oui.\n__\nNous souhaitons nous désabonner de vos alertes.",
		"Original message\nis lost.\nPlease send it again.",
	} {
		if got := VisibleText(text); got != strings.TrimSpace(text) {
			t.Errorf("%q\n got %q", text, got)
		}
	}
}

// What telephones and mail programs add under a letter is not its author's.
func TestPromiseLinesOfTelephonesAreTakenOut(t *testing.T) {
	for _, line := range []string{
		"Envoyé de mon iPhone", "Envoyé depuis mon smartphone Samsung Galaxy A52 5G", "Envoyé à partir de Outlook pour Android <https://aka.ms/ghei36>",
		"Envoyé depuis l'application Mail Orange", "Envoyé avec la messagerie sécurisée Proton Mail.", "Envoyé depuis une tablette",
		"Envoyé de mon appareil Android avec Courriel K-9 Mail. Veuillez excuser ma brièveté.", "Envoyé via un mobile",
		"Sent from my iPhone 15 Pro", "Sent from my Galaxy S21", "Sent from Mail for Windows 10", "Sent from [Outlook](https://aka.ms/x1)", "Sent from Mailspring",
		"Sent from my Android device with K-9 Mail. Please excuse my brevity.", "Sent with Proton Mail secure email.", "Sent via BlackBerry", "Get Outlook for iOS<https://aka.ms/o0ukef>",
		"Von meinem iPhone gesendet", "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.", "Verstuurd vanaf mijn iPhone",
	} {
		if got := VisibleText("Oui.\n\n" + line + "\n"); got != "Oui." {
			t.Errorf("%q: %q", line, got)
		}
	}
	if got := VisibleText("Oui.\n____\nPour se désabonner : https://l.example/u\n"); got != "Oui." {
		t.Errorf("the foot of a list stays: %q", got)
	}
}

// A telephone's line takes nothing with it, nor does a quoted line its neighbours.
func TestPromiseAnswersUnderTheTelephonesLineStay(t *testing.T) {
	text := "Oui pour le lot 1.\n\nEnvoyé de mon iPhone\n\n> Et le lot 2 ?\nNon pour le lot 2.\n> Et pour le lot 3, pouvez-vous confirmer le prix que vous avez remis\nnon plus\n> Merci\n"
	for _, line := range []string{"Oui pour le lot 1.", "Non pour le lot 2.", "non plus"} {
		if got := VisibleText(text); !strings.Contains(got, line) {
			t.Errorf("%q is hidden: %q", line, got)
		}
	}
}
