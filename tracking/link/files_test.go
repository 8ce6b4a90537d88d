package link

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"vaguemestre/gateway"
)

// withFiles makes a letter of some files, in base64 as mails carry them.
func withFiles(files map[string][]byte, order ...string) (mail string, change func(*gateway.Courier)) {
	var b strings.Builder
	b.WriteString("From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nbonjour\r\n")
	var list []gateway.File
	for i, name := range order {
		content := files[name]
		fmt.Fprintf(&b, "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=%q\r\n\r\n", name)
		for line := range chunks(base64.StdEncoding.EncodeToString(content), 76) {
			b.WriteString(line + "\r\n")
		}
		list = append(list, gateway.File{Name: name, MediaType: "application/pdf", Size: int64(len(content)), SHA256: gateway.HashOf(content), Part: fmt.Sprint(i + 2)})
	}
	b.WriteString("--b--\r\n")
	return b.String(), func(c *gateway.Courier) { c.Files, c.Content = list, gateway.HashOf([]byte(b.String())) }
}

func chunks(s string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			k := min(n, len(s))
			if !yield(s[:k]) {
				return
			}
			s = s[k:]
		}
	}
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// archiveDesk has two files, one of which is large enough to be cut.
func archiveDesk(t *testing.T) (d *desk, large []byte) {
	t.Helper()
	large = random(300_000, 7)
	mail, change := withFiles(map[string][]byte{"plan.pdf": large, "note.txt": []byte("prix")}, "plan.pdf", "note.txt")
	d = newDesk(t, change)
	d.mail = mail
	d.press()
	return d, large
}

func TestADownloadThatWasCutGoesOn(t *testing.T) {
	d, large := archiveDesk(t)
	at := d.link + "/fichier/1/plan.pdf"
	whole := d.do("GET", at, nil)
	etag := whole.Header().Get("ETag")
	if !bytes.Equal(whole.Body.Bytes(), large) || etag == "" || whole.Header().Get("Accept-Ranges") != "bytes" {
		t.Fatalf("%d bytes, %v", whole.Body.Len(), whole.Header())
	}
	var got []byte
	for _, cut := range []int{0, 100_000, 250_000} { // three connections
		w := d.do("GET", at, nil, "Range", fmt.Sprintf("bytes=%d-", cut), "If-Range", etag)
		if w.Code != http.StatusPartialContent {
			t.Fatalf("from %d: %d", cut, w.Code)
		}
		got = append(got[:cut], w.Body.Bytes()[:min(150_000, w.Body.Len())]...)
	}
	if !bytes.Equal(got, large) {
		t.Error("the parts are not the file")
	}
	for _, tc := range []struct {
		ranges, ifRange string
		code, length    int
	}{
		{"bytes=10-19", "", 206, 10}, {"bytes=-5", "", 206, 5}, {"bytes=299999-", etag, 206, 1},
		{"bytes=10-19", `"another"`, 200, len(large)}, {"bytes=300000-", "", 416, 0}, {"bytes=0-1,5-6", "", 200, len(large)}, {"octets=1-2", "", 200, len(large)},
	} {
		w := d.do("GET", at, nil, "Range", tc.ranges, "If-Range", tc.ifRange)
		if w.Code != tc.code || w.Code != 416 && w.Body.Len() != tc.length {
			t.Errorf("%+v: %d, %d bytes", tc, w.Code, w.Body.Len())
		}
	}
}

func TestADownloadIsOneEventHoweverManyRangesItComesIn(t *testing.T) {
	d, _ := archiveDesk(t)
	at := d.link + "/fichier/1/plan.pdf"
	count := func() int { return d.store.count(gateway.Downloaded) }
	etag := d.do("HEAD", at, nil).Header().Get("ETag")
	if count() != 0 {
		t.Fatal("a HEAD is a download")
	}
	d.do("GET", at, nil)
	for _, r := range []string{"bytes=1000-", "bytes=2000-2999", "bytes=-100"} {
		d.do("GET", at, nil, "Range", r, "If-Range", etag)
	}
	if count() != 1 {
		t.Errorf("%d events for one download in four requests", count())
	}
	d.do("GET", at, nil, "If-None-Match", etag)
	if count() != 1 {
		t.Error("an unchanged copy is a download")
	}
	d.do("GET", at, nil)
	d.do("GET", at, nil, "Range", "bytes=0-")
	d.do("GET", at, nil, "Range", "bytes=5-", "If-Range", `"another"`)
	if count() != 4 {
		t.Errorf("%d events for four downloads from the beginning", count())
	}
	d.do("GET", d.link+"/fichier/2/note.txt", nil, "Range", "bytes=1-")
	if count() != 5 {
		t.Error("the middle of a file leaves no trace")
	}
}

func TestAHEADSaysHowLargeAFileIs(t *testing.T) {
	d, large := archiveDesk(t)
	w := d.do("HEAD", d.link+"/fichier/1/plan.pdf", nil)
	if w.Code != 200 || w.Header().Get("Content-Length") != fmt.Sprint(len(large)) || w.Body.Len() != 0 {
		t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
}

func TestTheArchiveIsWholeItsSizeIsKnownAndItGoesOn(t *testing.T) {
	d, large := archiveDesk(t)
	w := d.do("GET", d.link+"/tout.zip", nil)
	whole := w.Body.Bytes()
	if w.Header().Get("Content-Length") != fmt.Sprint(len(whole)) {
		t.Fatalf("%d bytes, said %s", len(whole), w.Header().Get("Content-Length"))
	}
	if d.store.count(gateway.Downloaded) != 2 {
		t.Errorf("%d events for two files", d.store.count(gateway.Downloaded))
	}
	rest := d.do("GET", d.link+"/tout.zip", nil, "Range", "bytes=150000-", "If-Range", w.Header().Get("ETag"))
	if rest.Code != http.StatusPartialContent || !bytes.Equal(append(bytes.Clone(whole[:150_000]), rest.Body.Bytes()...), whole) {
		t.Errorf("the rest: %d, %d bytes", rest.Code, rest.Body.Len())
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{large, []byte("prix")} {
		f, err := z.File[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", z.File[i].Name, len(got), err)
		}
	}
}

func TestAReplayReadsFromAnywhereAndTellsAContentThatEndsTooSoon(t *testing.T) {
	text := "abcdefghij"
	r := newReplay(10, func() io.ReadCloser { return io.NopCloser(strings.NewReader(text)) })
	if err := iotest.TestReader(r, []byte(text)); err != nil {
		t.Error(err)
	}
	short := newReplay(10, func() io.ReadCloser { return io.NopCloser(strings.NewReader("abc")) })
	if _, err := io.ReadAll(short); !errors.Is(err, io.ErrUnexpectedEOF) || short.fault == nil {
		t.Errorf("%v %v", err, short.fault)
	}
	if _, err := short.Seek(-1, io.SeekStart); err == nil {
		t.Error("a place before the beginning")
	}
}

// verdicts is an antivirus of the tests.
type verdicts struct {
	infected map[gateway.Hash]string
	err      error
	read     int64
}

func (v *verdicts) Judge(_ context.Context, h gateway.Hash, open func() (io.Reader, error)) (string, error) {
	if v.err != nil {
		return "", v.err
	}
	content, err := open()
	if err != nil {
		return "", err
	}
	n, err := io.Copy(io.Discard, content)
	v.read += n
	return v.infected[h], err
}

func (v *verdicts) Known(h gateway.Hash) (string, bool) { s, ok := v.infected[h]; return s, ok }

func TestAnInfectedFileIsNotHandedOutAndBothAreTold(t *testing.T) {
	d, large := archiveDesk(t)
	v := &verdicts{infected: map[gateway.Hash]string{gateway.HashOf([]byte("prix")): "Eicar-Test-Signature"}}
	d.pages.opts.Antivirus, d.pages.opts.Postmaster = v, "admin@ville.example"
	if w := d.do("GET", d.link+"/fichier/1/plan.pdf", nil); w.Code != 200 || v.read != int64(len(large)) {
		t.Errorf("a sound file: %d, %d bytes were scanned", w.Code, v.read)
	}
	for _, path := range []string{"/fichier/2/note.txt", "/tout.zip", "/fichier/2/note.txt"} {
		if w := d.do("GET", d.link+path, nil); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "note.txt") || strings.Contains(w.Body.String(), "prix") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if n := d.store.count(gateway.Infected); n != 1 {
		t.Errorf("%d events", n)
	}
	var told []string
	for _, j := range d.store.jobs {
		if j.Notice.Kind == gateway.NoticeInfected {
			told = append(told, j.Notice.To)
		}
	}
	if strings.Join(told, " ") != "victoria@ville.example admin@ville.example" {
		t.Errorf("told: %q", told)
	}
	if page := d.do("GET", d.link, nil).Body.String(); !strings.Contains(page, "logiciel malveillant") || strings.Contains(page, `/fichier/2/`) {
		t.Error("the letter's page still offers the file")
	}
	if n := d.store.count(gateway.Downloaded); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

func TestAFileThatCannotBeScannedWaits(t *testing.T) {
	d, _ := archiveDesk(t)
	d.pages.opts.Antivirus = &verdicts{err: errors.New("connection refused")}
	w := d.do("GET", d.link+"/fichier/1/plan.pdf", nil)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || d.store.count(gateway.Downloaded) != 0 {
		t.Errorf("%d", w.Code)
	}
	if !strings.Contains(w.Body.String(), "antivirus") || strings.Contains(w.Body.String(), "refused") {
		t.Error("the page does not say why, or says too much")
	}
}

// drawer makes receipts of the tests.
type drawer struct {
	text    string
	err     error
	forWhom gateway.ID
}

func (m *drawer) Write(_ context.Context, w io.Writer, _, recipient gateway.ID, language string) error {
	m.forWhom = recipient
	if m.text != "" {
		if _, err := io.WriteString(w, m.text+language); err != nil {
			return err
		}
	}
	return m.err
}

func TestTheReceiptIsTheRecipientsOwnAndWholeOrNothing(t *testing.T) {
	d := newDesk(t)
	m := &drawer{text: "%PDF "}
	d.pages.opts.Receipts = m
	at := d.link + "/recepisse.pdf"
	if w := d.do("GET", at, nil); w.Code != http.StatusForbidden {
		t.Fatalf("before the acknowledgement: %d", w.Code)
	}
	d.press()
	w := d.do("GET", at+"?lang=en", nil)
	if w.Body.String() != "%PDF en" || m.forWhom != d.store.recipient.ID || w.Header().Get("Content-Type") != "application/pdf" || !strings.Contains(w.Header().Get("Content-Disposition"), "recepisse-testesr2020.pdf") {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	m.text, m.err = "", errors.New("the ledger is late")
	if w := d.do("GET", at, nil); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("an outage: %d %v", w.Code, w.Header())
	}
	m.text = "%PDF "
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("half a receipt passes for one")
			}
		}()
		d.do("GET", at, nil)
	}()
	for range 10 {
		m.err = nil
		if d.do("GET", at, nil).Code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("receipts are not bounded")
}

func TestPromiseNoOpenDoorAWrongRecipientIsSaidByAPersonAndOnce(t *testing.T) {
	d := newDesk(t)
	page := d.do("GET", d.link+"/erreur", nil)
	if page.Code != 200 || d.store.count(gateway.WrongPerson) != 0 {
		t.Fatal("asking reports")
	}
	form := formTag.FindStringSubmatch(page.Body.String())
	values := map[string][]string{"form": {form[2]}, "remark": {"Écrire à\r\nMme Roux " + strings.Repeat("x", 1000)}}
	if again := d.do("POST", form[1], values).Body.String(); !strings.Contains(again, `value="Écrire à Mme Roux xxx`) { // too fast
		t.Error("what was typed is lost when it is asked again")
	}
	if d.store.count(gateway.WrongPerson) != 0 {
		t.Fatal("a machine reports")
	}
	d.now = d.now.Add(5 * time.Second)
	for range 2 { // a double click
		if w := d.do("POST", form[1], values); w.Code != http.StatusSeeOther || w.Header().Get("Location") != d.link+"/erreur?lang=fr" {
			t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
		}
	}
	if d.store.count(gateway.WrongPerson) != 1 || d.store.count(gateway.Read) != 0 || len(d.store.jobs) != 1 || d.store.jobs[0].Notice.Kind != gateway.NoticeWrong {
		t.Fatalf("%d events, jobs %+v", d.store.count(gateway.WrongPerson), d.store.jobs)
	}
	e := d.store.events[len(d.store.events)-1]
	if text := string(e.Details); strings.ContainsAny(text, "\r\n") || !strings.Contains(text, "Mme Roux") || len([]rune(text)) > 400 {
		t.Errorf("%s", text)
	}
	if page := d.do("GET", d.link, nil).Body.String(); !strings.Contains(page, "signalé comme ne vous étant pas destiné") || !strings.Contains(page, "Accéder au courrier") {
		t.Error("the page forgets what was said, or shuts the letter")
	}
	if d.press(); d.store.count(gateway.Read) != 1 {
		t.Error("who was mistaken about the mistake cannot open the letter")
	}
}

func TestALettersTimeOnLineEnds(t *testing.T) {
	d := newDesk(t)
	d.pages.opts.OpenFor = 2 * time.Hour
	if w := d.do("GET", d.link, nil); w.Code != 200 {
		t.Fatal(w.Code)
	}
	d.now = d.now.Add(time.Hour)
	for _, path := range []string{"", "/texte", "/tout.zip", "/recepisse.pdf", "/erreur"} {
		if w := d.do("GET", d.link+path, nil); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "Agence &lt;Départementale&gt;") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestWhatIsRecordedIsNotWrittenAgain(t *testing.T) {
	d := newDesk(t)
	d.do("GET", d.link, nil)
	d.store.refused = errors.New("a write")
	if w := d.do("GET", d.link, nil); w.Code != 200 {
		t.Errorf("a second visit within the hour writes: %d", w.Code)
	}
	d.now = d.now.Add(time.Hour)
	if w := d.do("GET", d.link, nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("the next hour's first visit writes nothing: %d", w.Code)
	}
}

func TestRecentVisitsAreBounded(t *testing.T) {
	var v recent
	for i := range recentMost + 10 {
		v.add("1", fmt.Sprint(i))
	}
	if len(v.set) > recentMost || !v.known("1", fmt.Sprint(recentMost+9)) || v.known("2", fmt.Sprint(recentMost+9)) {
		t.Errorf("%d are held", len(v.set))
	}
}
