package compose

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
)

// kept is a letter whose bytes stand hashed in events of `sent`, for ever.
type kept struct {
	courier   gateway.Courier
	addresses Addresses
	content   string
	reminder  Reminder // of a letter, when it has a number
}

func (k kept) write(t testing.TB, with composer) string {
	t.Helper()
	k.courier.Size = int64(len(k.content))
	var b bytes.Buffer
	err := with.letter(&b, k.courier, company(), strings.NewReader(k.content), k.addresses)
	if k.reminder.Number > 0 {
		b.Reset()
		err = with.remind(&b, k.courier, company(), k.addresses, k.reminder)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// goldenLetters are of every kind, as acceptance stored them under a version of the composer.
func goldenLetters(version int) map[string]kept {
	ar, code, plain, text, model, english := sample(), sample(), plainSample(), plainSample(), plainSample(), sample()
	code.Options = gateway.Options{Acknowledged: true, Code: true, Reply: gateway.ReplyPolicy{Allowed: true, By: morning.AddDate(0, 0, 23), Sealed: true}}
	code.Type, code.TypeLabel, code.Subject = gateway.Complement, "Demande de complément", "Pièces manquantes"
	plain.Options.Reply.Allowed = true
	model.Composition.Model = "Madame, Monsieur,\n\nNous vous remercions.\nBien à vous,\n\nMarie Dupont\n"
	english.Context.Language, english.Context.Zone, english.TypeLabel = "en", "Indian/Reunion", "Rejection letter"
	coded := addresses()
	coded.Code, coded.ReplyTo = "314159", "courrier+r-aeqt@passerelle.example"
	coded.References = []string{"<aaap@passerelle.example>", "<client@agence.example>"}
	const (
		latin  = "Subject: x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nR\xe9ponse\r\n"
		empty  = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n"
		signed = "Subject: x\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--b--\r\n"
	)
	all := map[string]kept{
		"acknowledged":         {courier: ar},
		"acknowledged-code":    {courier: code, addresses: coded},
		"acknowledged-english": {courier: english},
		"plain":                {courier: plain, content: string(mustRead("testdata/agent.eml"))},
		"plain-text":           {courier: text, content: latin},
		"plain-model":          {courier: model, content: empty},
		"plain-signed":         {courier: plain, content: signed},
		"reminder":             {courier: ar, reminder: Reminder{Number: 2, Date: morning.AddDate(0, 0, 7)}},
	}
	for name, k := range all {
		if k.addresses.Link == "" {
			k.addresses = addresses()
		}
		k.courier.Composition.Version = version
		all[name] = k
	}
	return all
}

func mustRead(name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return crlf(b)
}

// TestLettersOfEveryVersionKeepTheirBytes: composing is a pure function; an upgrade makes the same bytes again.
func TestLettersOfEveryVersionKeepTheirBytes(t *testing.T) {
	for version := 1; version <= Version; version++ {
		for name, k := range goldenLetters(version) {
			got := k.write(t, shipped())
			path := filepath.Join("testdata", "golden", strconv.Itoa(version), name+".eml")
			if *update {
				put(t, path, got)
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s of version %d: the bytes changed: couriers accepted before would be sent otherwise than their proof says\n%s", name, version, got)
			}
			checkLines(t, name, got)
			if version > 1 { // the first kept the root's fields beside the letter's
				checkHeaders(t, name, got)
			}
		}
	}
}

// TestSamplesKeepTheirBytes: so does the plain letter of every sample, whatever breach of the formats it holds.
func TestSamplesKeepTheirBytes(t *testing.T) {
	for version := 1; version <= Version; version++ {
		c := plainSample()
		c.Composition.Version = version
		var sums strings.Builder
		for _, name := range samples(t) {
			out, err := tryLetter(c, file(t, name))
			if err != nil {
				out = gateway.FaultOf(err).Key
			}
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256([]byte(out)), filepath.Base(name))
		}
		path := filepath.Join("testdata", "golden", strconv.Itoa(version), "samples.sha256")
		if *update {
			put(t, path, sums.String())
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), sums.String()); diff != "" {
			t.Errorf("version %d: the bytes of letters changed:\n%s", version, diff)
		}
	}
}

// TestAnUpgradeChangesOnlyNewLetters: a later program, whose words are others, still writes the letters accepted before it
// with the words that they had.
func TestAnUpgradeChangesOnlyNewLetters(t *testing.T) {
	later := fstest.MapFS{}
	for _, name := range []string{"fr.tmpl", "en.tmpl", "text.tmpl", "html.tmpl"} {
		was, err := fs.ReadFile(files, "templates/"+strconv.Itoa(Version)+"/"+name)
		if err != nil {
			t.Fatal(err)
		}
		now := strings.NewReplacer("Consultation concern", "La consultation concern", "#173f7a", "#000000", "----", "====", "</td></tr></table>", "</td></tr></table >").Replace(string(was))
		later["t/"+name] = &fstest.MapFile{Data: []byte(now)}
	}
	upgraded := composer{Version + 1: newEdition(later, "t/")}
	for v, e := range shipped() {
		upgraded[v] = e
	}
	for name, k := range goldenLetters(Version) {
		before := k.write(t, shipped())
		if got := k.write(t, upgraded); got != before {
			t.Errorf("%s: an old letter changed with the upgrade", name)
		}
		k.courier.Composition.Version++
		if got := k.write(t, upgraded); got == before {
			t.Errorf("%s: a new letter has the old words", name)
		}
	}
}
