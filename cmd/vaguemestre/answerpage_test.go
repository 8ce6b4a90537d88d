package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// company is a person of a company at the page of a letter, who tries again what got no answer.
type company struct {
	client
	ctx  context.Context
	link string
}

// ask sends one request; code 0: nobody answered.
func (c company) ask(method, path string, body io.Reader, headers ...string) (code int, h http.Header, page string) {
	q, err := http.NewRequestWithContext(c.ctx, method, c.link+path, body)
	if err != nil {
		return 0, nil, err.Error()
	}
	q.Header.Set("User-Agent", "Mozilla/5.0 Firefox/140.0")
	q.Header.Set("Accept-Language", "fr")
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return got.StatusCode, got.Header, string(b)
}

// insist asks until somebody answers otherwise than that they cannot.
func (c company) insist(method, path string, body []byte, headers ...string) (int, http.Header, string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		code, h, page := c.ask(method, path, bytes.NewReader(body), headers...)
		if code != 0 && code != http.StatusServiceUnavailable && code != http.StatusTooManyRequests {
			return code, h, page
		}
		select {
		case <-c.ctx.Done():
			return 0, nil, page
		case <-tick.C:
		}
	}
}

func fieldOf(page, name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// upload sends a file in pieces, going on from where the server says that it is after a cut. What the server said it has, it must
// have for ever.
func (c company) upload(form, name string, content []byte) error {
	piece := max(256<<10, len(content)/20)
	begun := fmt.Sprintf(`{"name":%q,"type":"application/pdf","size":%d}`, name, len(content))
	code, h, said := c.insist("POST", "/reponse/fichiers", []byte(begun), "Form-Token", form)
	if code != http.StatusCreated {
		return fmt.Errorf("begin a file: %d %s", code, said)
	}
	path := "/reponse/fichiers/" + h.Get("Location")[strings.LastIndexByte(h.Get("Location"), '/')+1:]
	at, told := 0, 0
	for told < len(content) {
		code, h, said = c.ask("PATCH", path, bytes.NewReader(content[at:min(at+piece, len(content))]), "Form-Token", form, "Upload-Offset", strconv.Itoa(at))
		if code != http.StatusNoContent {
			code, h, said = c.insist("HEAD", path, nil, "Form-Token", form)
		}
		n, err := strconv.Atoi(h.Get("Upload-Offset"))
		if err != nil || code >= 300 {
			return fmt.Errorf("%d %s", code, said)
		}
		if n < told {
			return fmt.Errorf("the server had %d octets and has %d", told, n)
		}
		at, told = n, n
	}
	code, _, said = c.insist("PATCH", path, nil, "Form-Token", form, "Upload-Offset", strconv.Itoa(at)) // finishes what a kill left unfinished
	if code != http.StatusNoContent && code != http.StatusConflict {
		return fmt.Errorf("finish: %d %s", code, said)
	}
	return nil
}

// reply writes and sends one answer with one file; the page of its receipt.
func (c company) reply(text, name string, content []byte) (string, error) {
	_, _, page := c.insist("GET", "/reponse", nil)
	form := fieldOf(page, "form")
	if code, _, said := c.insist("PUT", "/reponse/texte", []byte(text), "Form-Token", form, "Saves", fieldOf(page, "saves")); code != http.StatusNoContent && code != http.StatusConflict {
		return "", fmt.Errorf("save: %d %s", code, said)
	}
	if err := c.upload(form, name, content); err != nil {
		return "", err
	}
	_, _, review := c.insist("GET", "/reponse/verifier", nil)
	send := url.Values{"form": {fieldOf(review, "form")}, "answer": {fieldOf(review, "answer")}, "version": {fieldOf(review, "version")}}
	code, _, receipt := c.insist("POST", "/reponse/envoyer", []byte(send.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if code != http.StatusOK || !strings.Contains(receipt, "Accusé de réception") {
		return "", fmt.Errorf("send: %d %s\nreview: %s", code, receipt, review)
	}
	return receipt, nil
}

// atTheDoor is a company whose letter is open, in the world of the demo.
func atTheDoor(t *testing.T, key, way, extra string) (company, *sandbox.World, gateway.ID) {
	t.Helper()
	i, w, clientTLS := installDemoWorld(t, extra)
	text, err := os.ReadFile(i.file) // one person who asks as much as hundreds
	if err != nil {
		t.Fatal(err)
	}
	i.write("vaguemestre.toml", strings.Replace(string(text), "minimum_delay", "requests_per_minute = 1000000\nminimum_delay", 1))
	i.feed()
	i.serve()
	c := client{installation: i, tls: clientTLS}
	courier := c.number(c.send([]string{boxOf(key), "testesr2020+" + way + "@courrier.acheteur.test"}, c.letter(key, 0)))
	link := c.link(w, key)
	c.press(link)
	return company{client: c, ctx: i.ctx, link: link}, w, courier
}

// TestPromiseAcceptedIsOursAnAnswerThroughKills: the daemon is killed in the midst of uploads and of sendings. What the page said it has stays,
// what was sent is there whole, and once.
func TestPromiseAcceptedIsOursAnAnswerThroughKills(t *testing.T) {
	t.Parallel()
	n, seed := kills(t)
	n = max(n/4, 1)
	c, _, courier := atTheDoor(t, "reponses", "libre+reponse", "")
	c.ctx = c.outlast(n)
	sending, stop := context.WithCancel(c.ctx)
	type sent struct {
		text string
		hash gateway.Hash
	}
	answers, failed := make(chan sent, 10_000), make(chan error, 1)
	go func() {
		defer close(answers)
		for k := 0; sending.Err() == nil; k++ {
			content := bytes.Repeat([]byte(fmt.Sprintf("réponse %06d\n", k)), 60_000) // 900 KB
			text := fmt.Sprintf("Réponse numéro %d.", k)
			if _, err := c.reply(text, fmt.Sprintf("pièce-%d.pdf", k), content); err != nil {
				failed <- err
				return
			}
			answers <- sent{text, gateway.HashOf(content)}
		}
	}()
	random := rand.New(rand.NewPCG(seed, 0))
	for range n {
		instant := time.NewTimer(time.Duration(random.Int64N(int64(900 * time.Millisecond)))) // the random instant itself
		<-instant.C
		c.kill()
		c.serve()
	}
	stop()
	s := c.look()
	want := map[string]gateway.Hash{}
	for a := range answers {
		want[a.text] = a.hash
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	replies, err := s.Replies(c.ctx, courier)
	if err != nil || len(replies) != len(want) || len(want) == 0 {
		t.Fatalf("%d answers for %d that were sent, %v", len(replies), len(want), err)
	}
	for _, r := range replies {
		if len(r.Files) != 1 || want[r.Text] != r.Files[0].SHA256 {
			t.Errorf("the answer %q is not what was sent", r.Text)
		}
		delete(want, r.Text)
	}
	c.stop()
	if out := c.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		t.Error(out)
	}
	t.Logf("%d answers through %d kills", len(replies), n)
}

// TestAnAnswerOnThePageReachesTheAgentAndIsAcknowledged: it comes threaded, with its file; a sealed one comes at its date, and nothing
// of it before.
func TestAnAnswerOnThePageReachesTheAgentAndIsAcknowledged(t *testing.T) {
	t.Parallel()
	c, w, courier := atTheDoor(t, "plain", "libre+reponse", "")
	content := bytes.Repeat([]byte("plan "), 1000)
	receipt, err := c.reply("Voici notre plan.", "plan.pdf", content)
	if err != nil || !strings.Contains(receipt, gateway.HashOf(content).String()) {
		t.Fatalf("%v\n%s", err, receipt)
	}
	raw := c.wait(w, "agent@acheteur.test", "plan.pdf")
	for _, want := range []string{"Vaguemestre-Courier: " + courier.String(), "In-Reply-To: <plain@acheteur.test>", "Voici notre plan."} {
		if !strings.Contains(raw, want) {
			t.Errorf("the agent's mail has no %q:\n%s", want, tail(raw, 3000))
		}
	}
	if raw := c.wait(w, boxOf("plain"), gateway.HashOf(content).String()); !strings.Contains(raw, "plan.pdf") {
		t.Errorf("the company's acknowledgement:\n%s", raw)
	}
	c.sealedReply(t, w)
	c.stop()
}

// wait gives the first mail of a box that says a word.
func (c company) wait(w *sandbox.World, box, word string) string {
	c.Helper()
	var raw string
	_, err := w.Wait(c.ctx, box, func(m *sandbox.Mail) bool {
		b, err := m.Raw()
		raw = unsoft(string(b))
		return err == nil && strings.Contains(raw, word)
	})
	if err != nil {
		c.Fatalf("no mail with %q for %s: %v\n%s", word, box, err, tail(c.log.String(), 4000))
	}
	return raw
}

// sealedReply answers a letter whose seal opens soon: dates are in whole minutes. On a machine that is too slow to answer before, the
// next letter has more time.
func (c company) sealedReply(t *testing.T, w *sandbox.World) {
	t.Helper()
	content := bytes.Repeat([]byte("offre "), 500)
	var courier gateway.ID
	var replies []gateway.Reply
	var receipt string
	s := c.look()
	for wait := 80 * time.Second; len(replies) == 0 || !replies[0].Sealed; wait *= 2 {
		key := "scelle" + strconv.Itoa(int(wait.Seconds()))
		message := "Vaguemestre-Consultation: TESTESR2020\nVaguemestre-Type: libre\nVaguemestre-Reply: oui\nVaguemestre-Reply-By: " +
			time.Now().Add(wait).Truncate(time.Minute).UTC().Format(time.RFC3339) + "\nVaguemestre-Sealed: oui\n" + c.letter(key, 0)
		courier = c.number(c.send([]string{boxOf(key)}, message))
		c.link = c.client.link(w, key)
		c.press(c.link)
		var err error
		if receipt, err = c.reply("Prix : douze mille euros.", "bordereau.pdf", content); err != nil {
			t.Fatal(err)
		}
		if replies, err = s.Replies(c.ctx, courier); err != nil || len(replies) != 1 {
			t.Fatalf("%+v, %v", replies, err)
		}
	}
	opens := replies[0].Opens
	if replies[0].Closed() { // this machine was fast enough to look under the seal
		told := c.wait(w, "agent@acheteur.test", "sous scell") + c.wait(w, recipientOf(t, s, courier), "sous scell")
		for _, secret := range []string{"douze mille", "bordereau", gateway.HashOf(content).String()} {
			if strings.Contains(told, secret) {
				t.Errorf("%q is in a mail before the date", secret)
			}
		}
		if !strings.Contains(receipt, "sous scell") {
			t.Errorf("the receipt does not say the seal:\n%s", receipt)
		}
	}
	if raw := c.wait(w, "agent@acheteur.test", "bordereau.pdf"); !strings.Contains(raw, "douze mille") || time.Now().Before(opens) {
		t.Errorf("what the agent gets at the date:\n%s", tail(raw, 3000))
	}
	c.event(s, courier, recipientOf(t, s, courier), gateway.Unsealed)
}

func recipientOf(t *testing.T, s *store.Store, courier gateway.ID) string {
	t.Helper()
	all, err := s.Recipients(t.Context(), courier)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d recipients, %v", len(all), err)
	}
	return all[0].Address
}

// TestSoakSixtyMegabytesUpInBoundedMemory: by the form without a script in one stream, then by pieces; plain, then under seal; to a daemon
// that has taken one small answer since it started. The program is built as it is shipped: the race detector's memory is not the daemon's.
func TestSoakSixtyMegabytesUpInBoundedMemory(t *testing.T) {
	if os.Getenv("VAGUEMESTRE_SOAK") == "" {
		t.Skip("takes minutes: make soak")
	}
	program := filepath.Join(t.TempDir(), "vaguemestre")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for way, sealed := range map[string]string{"plain": "", "sealed": "+scelle"} {
		c, _, courier := atTheDoor(t, way, "libre+reponse+limite-"+time.Now().AddDate(1, 0, 0).Format("20060102")+sealed, "")
		c.kill()
		c.begin(exec.CommandContext(c.installation.ctx, program, "--config", c.file, "serve"))
		if _, err := c.reply("Premier essai.", "petit.pdf", make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		idle := c.memory(t, "VmRSS")
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", c.process.Process.Pid), []byte("5"), 0); err != nil { // VmHWM begins anew (proc(5))
			t.Fatal(err)
		}
		hash := c.stream(t, 59_000_000)
		code, _, review := c.insist("GET", "/reponse/verifier", nil)
		send := url.Values{"form": {fieldOf(review, "form")}, "answer": {fieldOf(review, "answer")}, "version": {fieldOf(review, "version")}}
		_, _, receipt := c.insist("POST", "/reponse/envoyer", []byte(send.Encode()), "Content-Type", "application/x-www-form-urlencoded")
		if !strings.Contains(receipt, hash.String()) {
			t.Fatalf("%d %s", code, tail(receipt, 4000))
		}
		if _, err := c.reply("Par morceaux.", "gros.pdf", bytes.Repeat([]byte("0123456789abcdef"), 59_000_000/16)); err != nil {
			t.Fatal(err)
		}
		grown := float64(c.memory(t, "VmHWM")-idle) / 1e6
		t.Logf("%s: 2 × 59 MB up and sent, memory grew by %.1f MB", way, grown)
		if grown >= 24 {
			t.Errorf("%s: memory grew by %.1f MB", way, grown)
		}
		replies, err := c.look().Replies(c.installation.ctx, courier)
		if err != nil || len(replies) != 3 {
			t.Errorf("%d answers, %v", len(replies), err)
		}
		c.stop()
	}
}

// memory is a figure of the daemon's status, in bytes.
func (c company) memory(t *testing.T, figure string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(figure + `:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no %s", figure)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n * 1024
}

// stream sends a file of n octets as a browser without a script does, in one request that is never in memory.
func (c company) stream(t *testing.T, n int64) gateway.Hash {
	t.Helper()
	_, _, page := c.insist("GET", "/reponse", nil)
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	sum := sha256.New()
	go func() {
		err := form.WriteField("form", fieldOf(page, "form"))
		if err == nil {
			err = form.WriteField("saves", fieldOf(page, "saves"))
		}
		var part io.Writer
		if err == nil {
			part, err = form.CreateFormFile("files", "énorme.pdf")
		}
		if err == nil {
			_, err = io.CopyN(io.MultiWriter(part, sum), rand.NewChaCha8([32]byte{1}), n)
		}
		if err == nil {
			err = form.Close()
		}
		w.CloseWithError(err)
	}()
	code, _, said := c.ask("POST", "/reponse", r, "Content-Type", form.FormDataContentType())
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, tail(said, 4000))
	}
	return gateway.Hash(sum.Sum(nil))
}
