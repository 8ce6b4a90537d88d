package intake

import (
	"encoding/base64"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/message"
)

// refusal is what an agent wrote and the sentence that they must get.
type refusal struct {
	name string
	text string
	to   []string
	key  string // without "refuse."
	says string // a part of the French sentence: what to change
}

func to(list ...string) []string { return list }

const firm = "victoria@entreprise.example"

var refusals = []refusal{
	{"no consultation", plainMail, to(firm), "no-consultation", "par exemple [TESTESR2020]"},
	{"unknown consultation", plainMail, to("testesr2021@passerelle.example", firm), "unknown-consultation", "« TESTESR2021 » n'est pas une consultation à laquelle vous avez accès : vouliez-vous « TESTESR2020 » ?"},
	{"unknown in a header field", "Vaguemestre-Consultation: XYZ\n" + plainMail, to(firm), "unknown-consultation", "vérifiez la référence"},
	{"unknown in the subject", "Subject: [TESTESR2O20 rejet] Offre\n\nBonjour", to(firm), "unknown-consultation", "vouliez-vous « TESTESR2020 » ?"},
	{"a slip in the subject beside an address", "Subject: [TESTESR2O20 sansreponse] Offre\n\nBonjour", to("testesr2020@passerelle.example", firm), "unknown-consultation", "« TESTESR2O20 sansreponse »"},
	{"unknown register", plainMail, to("retrait.testesr2020@passerelle.example"), "unknown-register", "« retrait » n'est pas un registre : vouliez-vous « retraits » ?"},
	{"a word after a hyphen", plainMail, to("testesr2020-rejet-simple@passerelle.example", firm), "unknown-consultation", "vouliez-vous « testesr2020+rejet+simple@passerelle.example » ?"},
	{"a word before the reference", plainMail, to("rejet.testesr2020@passerelle.example", firm), "unknown-consultation", "vouliez-vous « testesr2020+rejet@passerelle.example » ?"},
	{"a register after the reference", plainMail, to("testesr2020.retraits@passerelle.example"), "unknown-consultation", "vouliez-vous « retraits.testesr2020@passerelle.example » ?"},
	{"a register after a hyphen", plainMail, to("retraits-testesr2020@passerelle.example"), "unknown-consultation", "vouliez-vous « retraits.testesr2020@passerelle.example » ?"},
	{"a register as a word", plainMail, to("testesr2020+retraits@passerelle.example"), "register-word", "retraits.reference@passerelle.example"},
	{"two registers in one address", plainMail, to("retraits.depots.testesr2020@passerelle.example"), "two-registers", "une adresse pour chacun"},
	{"half a reference", plainMail, to("testesr@passerelle.example", firm), "unknown-consultation", "vouliez-vous « TESTESR2020 » ?"},
	{"another's consultation is not told", plainMail, to("mapa-2021-03-rejet@passerelle.example", firm), "unknown-consultation", "vérifiez la référence"},
	{"a field without end", "Vaguemestre-Type: " + strings.Repeat("x", 1001) + "\n" + plainMail, to("testesr2020@passerelle.example", firm), "long-field", "raccourcissez-le"},
	{"empty register", plainMail, to("phase-precedente.testesr2020@passerelle.example"), "empty-register", "Destinataires issus d'une phase précédente"},
	{"unknown company", plainMail, to("testesr2020+e-durant@passerelle.example"), "unknown-company", "vouliez-vous « e-durand » ?"},
	{"unknown word", plainMail, to("testesr2020+rejett@passerelle.example", firm), "unknown-word", "« rejett » n'est pas un mot connu : vouliez-vous « rejet » ?"},
	{"two words", plainMail, to("testesr2020+ar+simple@passerelle.example", firm), "conflict", "gardez l'un des deux"},
	{"bad field", "Vaguemestre-Reply: jamais\n" + plainMail, to("testesr2020@passerelle.example", firm), "bad-field", "écrivez « oui » ou « non »"},
	{"no recipient", plainMail, to("testesr2020@passerelle.example"), "no-recipient", "retraits.testesr2020@passerelle.example"},
	{"bad address", plainMail, to("testesr2020@passerelle.example", "x> NOTIFY=NEVER <y@entreprise.example"), "bad-address-character", "chevron"},
	{"address without a domain", plainMail, to("testesr2020@passerelle.example", "victoria@entreprise"), "short-domain", "incomplet"},
	{"our own mailbox", plainMail, to("testesr2020@passerelle.example", "nepasrepondre@passerelle.example"), "no-reply-address", "retirez-la"},
	{"foreign From", "From: bob@ville.example\n" + plainMail, to("testesr2020@passerelle.example", firm), "foreign-from", "choisissez « alice@ville.example » ou « marches@ville.example »"},
	{"foreign Sender", "Sender: bob@ville.example\n" + plainMail, to("testesr2020@passerelle.example", firm), "foreign-from", "« bob@ville.example »"},
	{"two authors", "From: alice@ville.example, marches@ville.example\n" + plainMail, to("testesr2020@passerelle.example", firm), "several-from", "n'en gardez qu'un"},
	{"two From", "From: alice@ville.example\nFrom: alice@ville.example\n" + plainMail, to("testesr2020@passerelle.example", firm), "several-from", "n'en gardez qu'un"},
	{"no From", "From: \n" + plainMail, to("testesr2020@passerelle.example", firm), "no-from", "choisissez votre adresse"},
	{"an invitation that names the others", invitation("Durand@durand.example"), to("testesr2020@passerelle.example", firm, "durand@durand.example"), "compose.invitation", "« durand@durand.example »"},
	{"an invitation of others, in several submissions", "To: durand@durand.example\n" + invitation("durand@durand.example"), to("testesr2020@passerelle.example", firm), "compose.invitation", "« durand@durand.example »"},
	{"an invitation that names an address of ours", invitation("testesr2020+libre@passer\n elle.example"), to("testesr2020@passerelle.example", firm), "compose.invitation", "« testesr2020+libre@passerelle.example »"},
	{"a piece of a message, with its recipients", "Content-Type: message/partial; id=x; number=1; total=2\n\nTo: bob@ville.example\nSubject: Offre\n\nBonjour", to("testesr2020@passerelle.example", firm), "compose.partial", "coupé"},
	{"simple on a locked type", plainMail, to("testesr2020+rejet+simple@passerelle.example", firm), "locked-acknowledged", "« Courrier de rejet » part toujours avec accusé de réception : retirez le mot « simple »"},
	{"no deadline", plainMail, to("testesr2020+complement@passerelle.example", firm), "deadline-required", "+limite-20210316-1200"},
	{"no reply where one is due", plainMail, to("testesr2020+complement+sansreponse@passerelle.example", firm), "reply-required", "retirez le mot « sansreponse »"},
	{"deadline past", plainMail, to("testesr2020+limite-20210228@passerelle.example", firm), "deadline-past", "(28/02/2021 à 23:59) est déjà passée"},
	{"deadline of another century", plainMail, to("testesr2020+limite-21210320@passerelle.example", firm), "deadline-far", "vérifiez l'année"},
	{"deadline in the hour that does not exist", plainMail, to("testesr2020+limite-20210328-0230@passerelle.example", firm), "no-such-hour", "choisissez une autre heure"},
	{"deadline without reply", plainMail, to("testesr2020+rejet+limite-20210320@passerelle.example", firm), "deadline-without-reply", "ajoutez le mot « reponse »"},
	{"sealed without reply", plainMail, to("testesr2020+rejet+scelle@passerelle.example", firm), "sealed-without-reply", "retirez « scelle »"},
	{"sealed without deadline", plainMail, to("testesr2020+scelle@passerelle.example", firm), "sealed-without-deadline", "+limite-20210316-1200"},
	{"placeholder left", "Subject: Rejet\n\nMotifs : [Motifs du rejet de la candidature ou de l'offre : critères,\nnotes obtenues, classement]", to("testesr2020+rejet@passerelle.example", firm), "placeholder", "[Motifs du rejet"},
	{"placeholder left in HTML", "Content-Type: text/html; charset=utf-8\n\n<p>Motifs&nbsp;: <b>[Motifs du rejet</b> de la candidature ou de l&#39;offre : critères, notes obtenues, classement]</p>", to("testesr2020+rejet@passerelle.example", firm), "placeholder", "[Motifs du rejet"},
	{"placeholder left in a quotation", "Subject: Rejet\n\n> Motifs : [Motifs du rejet de la candidature ou de\n> l'offre : critères, notes obtenues,\n> classement]", to("testesr2020+rejet@passerelle.example", firm), "placeholder", "[Motifs du rejet"},
	{"the model's instructions left", "Subject: Rejet\n\n> [Mode d'emploi, à\n> supprimer : ouvrez\n\nBonjour, le prix est trop haut.", to("testesr2020+rejet@passerelle.example", firm), "placeholder", "[Mode d'emploi, à supprimer…]"},
	{"empty, and a model to fill in", "Subject: Rejet\n\n-- \nAlice Martin\nVille", to("testesr2020+rejet@passerelle.example", firm), "placeholder-model", "testesr2020+rejet+modele@passerelle.example"},
	{"long subject", "Subject: " + strings.Repeat("mot ", 100) + "\n\nBonjour", to("testesr2020@passerelle.example", firm), "long-subject", "raccourcissez"},
	{"proof among others", plainMail, to("testesr2020@passerelle.example", "preuve+aguo4hq5vn3tkabcdefghijkl4@passerelle.example"), "mixed-request", "un message à part"},
	{"proof of nothing", plainMail, to("preuve+aguo4hq5vn3tkabcdefghijkl4@passerelle.example"), "unknown-courier", "ne porte ce numéro"},
	{"forged thread", plainMail, to("courrier+f-" + strings.Repeat("a", 52) + "@passerelle.example"), "unknown-thread", "écrivez un nouveau message"},
	{"two consultations", "Subject: [XYZ] Offre\n" + plainMail, to("testesr2020@passerelle.example", "xyz@passerelle.example"), "unknown-consultation", "XYZ"},
	{"files too heavy without acknowledgement", withFile(5_000_001), to("testesr2020+simple@passerelle.example", firm), "files-plain", "pèsent 5,1 Mo, le maximum est de 5 Mo sans accusé de réception : retirez le mot « simple »"},
}

// invitation is what an agent's calendar sends, to whom it invites.
func invitation(address string) string {
	return "Message-ID: <invitation@ville.example>\nSubject: Visite\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nVisite\n--b\nContent-Type: text/calendar; method=REQUEST\n\n" +
		"BEGIN:VCALENDAR\nMETHOD:REQUEST\nATTENDEE;CN=Firme;RSVP=TRUE:mailto:" + address + "\nEND:VCALENDAR\n--b--\n"
}

// withFile is a message with a file of that many bytes.
func withFile(n int) string {
	file := base64.StdEncoding.EncodeToString(make([]byte, n))
	var lines strings.Builder
	for len(file) > 0 {
		cut := min(76, len(file))
		lines.WriteString(file[:cut] + "\n")
		file = file[cut:]
	}
	return "Message-ID: <file@ville.example>\nSubject: Plans\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nBonjour\n--b\n" +
		"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=plan.pdf\n\n" + lines.String() + "--b--\n"
}

func TestPromise2RefusedIsClear(t *testing.T) {
	w := newWorld(t)
	for _, c := range refusals {
		_, err := w.send(t, c.text, c.to...)
		var f *gateway.Fault
		if !errors.As(err, &f) {
			t.Errorf("%s: not refused (%v)", c.name, err)
			continue
		}
		sentence := catalog.Text(catalog.French, f.Key, f.Args)
		if f.Class != gateway.Permanent || f.Code < 550 || f.Code > 554 || f.Enhanced[0] != 5 {
			t.Errorf("%s: %v is no permanent refusal", c.name, f)
		}
		if f.Key != "refuse."+c.key || !strings.Contains(sentence, c.says) {
			t.Errorf("%s: %s: %s\nwant %s: … %s …", c.name, f.Key, sentence, c.key, c.says)
		}
	}
	w.nothingStored(t)
	if n := testutil.ToFloat64(w.Intake.metrics.submissions.WithLabelValues("smtp", "refused")); int(n) != len(refusals) {
		t.Errorf("%v refusals counted of %d", n, len(refusals))
	}
}

func TestPromise2TheLimitsOfTheManualToTheByte(t *testing.T) {
	w := newWorld(t)
	if o := w.o; o.MaxPlain != 5_000_000 || o.MaxAcknowledged != 60_000_000 {
		t.Errorf("limits of %d and %d bytes", o.MaxPlain, o.MaxAcknowledged)
	}
	w.o.MaxPlain, w.o.MaxAcknowledged = 500_000, 600_000 // the same rules, in less time
	for word, limit := range map[string]int{"+simple": 500_000, "+ar": 600_000} {
		if _, err := w.send(t, withFile(limit+1), "testesr2020"+word+"@passerelle.example", firm); gateway.FaultOf(err).Code != 552 {
			t.Errorf("%s, a byte too many: %v", word, err)
		}
		w.accepted(t, withFile(limit), "testesr2020"+word+"@passerelle.example", firm)
	}
}

func TestPromise2TooManyPartsAreRefused(t *testing.T) {
	w := newWorld(t)
	text := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nBonjour\n", 1001) + "--b--\n"
	if _, err := w.send(t, text, "testesr2020@passerelle.example", firm); gateway.FaultOf(err).Key != "refuse.message.parts" {
		t.Errorf("1,001 parts: %v", err)
	}
}

func TestPromise2AnOutageIsTemporary(t *testing.T) {
	w := newWorld(t)
	s := w.submission(t, w.alice, plainMail, "testesr2020@passerelle.example", firm)
	must(t, w.store.Close())
	_, err := w.Submit(t.Context(), s)
	if f := gateway.FaultOf(err); f.Class != gateway.Temporary || f.Code != 451 {
		t.Errorf("store closed: %v", err)
	}
	w2 := newWorld(t)
	w2.composer.err = errors.New("out of file descriptors")
	_, err = w2.send(t, plainMail, "testesr2020@passerelle.example", firm)
	if f := gateway.FaultOf(err); f.Class != gateway.Temporary {
		t.Errorf("composer failing: %v", err)
	}
	w2.composer.err = gateway.Refuse(554, [3]int{5, 6, 1}, "refuse.compose.partial", nil)
	_, err = w2.send(t, plainMail, "testesr2020@passerelle.example", firm)
	if f := gateway.FaultOf(err); f.Class != gateway.Permanent || f.Code != 554 {
		t.Errorf("composer refusing: %v", err)
	}
	w2.nothingStored(t)
}

func TestADisabledAgentIsToldSo(t *testing.T) {
	w := newWorld(t)
	session := w.alice
	w.alice.Disabled = true
	_, err := w.store.PutAgent(t.Context(), w.alice)
	must(t, err)
	_, err = w.Submit(t.Context(), w.submission(t, session, plainMail, "testesr2020@passerelle.example", firm))
	if f := gateway.FaultOf(err); f.Key != "refuse.disabled" {
		t.Errorf("a disabled account in an old session: %v", err)
	}
}

func TestAnArchivedConsultationTakesNoCourier(t *testing.T) {
	w := newWorld(t)
	first := w.accepted(t, plainMail, "testesr2020+limite-20210302@passerelle.example", firm)
	w.clock.forward(72 * time.Hour)
	w.testesr.Archived = w.clock.now()
	_, err := w.store.PutConsultation(t.Context(), w.testesr)
	must(t, err)
	if _, err := w.send(t, strings.Replace(plainMail, "m1", "m2", 1), "testesr2020@passerelle.example", firm); gateway.FaultOf(err).Key != "refuse.archived" {
		t.Errorf("archived: %v", err)
	}
	// Whoever did not see the answer and tries again is not told that it was refused.
	if again := w.accepted(t, plainMail, "testesr2020+limite-20210302@passerelle.example", firm); again.Outcome != Joined || again.Courier.ID != first.Courier.ID {
		t.Errorf("the retry after the deadline is %s", again.Outcome)
	}
}

// TestEverySentenceExists reads the keys out of the sources, so that no refusal shows its key to an agent.
func TestEverySentenceExists(t *testing.T) {
	found := 0
	for _, dir := range []string{".", "../address", "../message"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		must(t, err)
		for _, name := range files {
			source, err := os.ReadFile(name)
			must(t, err)
			parsed, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
			must(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				key, _ := strconv.Unquote(lit.Value)
				if strings.HasPrefix(key, "refuse.") && !strings.HasSuffix(key, ".") {
					found++
					if !catalog.Has(key) {
						t.Errorf("%s: %s is not in the catalogue", name, key)
					}
				}
				return true
			})
		}
	}
	for _, r := range rules {
		if !catalog.Has("check." + r.name) {
			t.Errorf("check.%s is not in the catalogue", r.name)
		}
	}
	if found < 40 {
		t.Errorf("only %d keys found", found)
	}
}

// TestPromise5ALongTextIsWholeOrRefused: a page shows the whole of what the intake lets in, however long what stands before the words
// (a style sheet, a picture within the HTML); a text that no page and no mail would show whole is refused in both modes.
func TestPromise5ALongTextIsWholeOrRefused(t *testing.T) {
	w := newWorld(t)
	for _, word := range []string{"+ar", "+simple"} {
		to := "testesr2020+libre" + word + "@passerelle.example"
		styled := "Subject: Visite\nContent-Type: text/html; charset=utf-8\n\n<html><head><style>\n" + strings.Repeat("p.MsoNormal{margin:0}\n", 60_000) + "</style></head><body><p>La visite a lieu " + word + "</p></body></html>\n"
		if got := w.accepted(t, styled, to, firm); !strings.Contains(got.Courier.Excerpt, "La visite a lieu") {
			t.Errorf("%s: excerpt %q", word, got.Courier.Excerpt)
		}
		for _, mediaType := range []string{"plain", "html"} {
			long := "Subject: Visite\nContent-Type: text/" + mediaType + "\n\n" + strings.Repeat("un texte sans fin\n", message.MaxText/18+1)
			if _, err := w.send(t, long, to, firm); gateway.FaultOf(err).Key != "refuse.message.long-text" {
				t.Errorf("%s, %s: %v", word, mediaType, err)
			}
		}
	}
	signed := "Subject: Visite\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n\n" + strings.Repeat("un texte sans fin\n", message.MaxText/18+1) +
		"--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n"
	w.accepted(t, signed, "testesr2020+libre+simple@passerelle.example", firm)
	if _, err := w.send(t, signed, "testesr2020+libre+ar@passerelle.example", firm); gateway.FaultOf(err).Key != "refuse.message.long-text" {
		t.Errorf("signed, on a page: %v", err)
	}
}
