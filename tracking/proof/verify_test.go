package proof

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
)

// memory is how many octets fn allocates in all.
func memory(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestEveryChangedOctetShows(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	rapid.Check(t, func(t *rapid.T) {
		changed := bytes.Clone(b)
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		changed[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		r, err := Verify(bytes.NewReader(changed), int64(len(changed)), Trust{})
		if err == nil && r.OK() {
			t.Fatalf("octet %d was changed unseen", at)
		}
	})
}

// The signature's own octets are under no signature: each of them is tried.
func TestEveryOctetOfTheSignatureCounts(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	file, err := openPDF(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSealed(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := range s.der {
		changed := bytes.Clone(s.der)
		changed[at] ^= 1 << (at % 8)
		if _, err := parseSignature(changed, s.digest); err == nil {
			t.Errorf("octet %d of the signature was changed unseen", at)
		}
	}
	begin := bytes.LastIndex(b, []byte("/ByteRange"))
	end := begin + bytes.IndexByte(b[begin:], '>')
	for at := begin; at <= end; at += 1 + (at-begin)/8 { // its form, and the zeros after it
		changed := bytes.Clone(b)
		if changed[at] ^= 0x20; b[at] == '0' {
			changed[at] = '1'
		}
		if r := w.verify(changed, Trust{}); r.OK() {
			t.Errorf("octet %d of the signature's object was changed unseen (%q)", at-begin, b[at])
		}
	}
}

func TestAFlippedOctetShowsInPdfsigToo(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	evidence := bytes.Index(b, []byte(`"address":"victoria`))
	for name, at := range map[string]int{"the evidence": evidence + 12, "a page": bytes.Index(b, []byte("stream\n")) + 20, "the end": bytes.LastIndex(b, []byte("/ID [<")) + 8} {
		changed := bytes.Clone(b)
		changed[at] ^= 1
		if out := run(t, changed, "pdfsig", "FILE"); strings.Contains(out, "Signature is Valid") {
			t.Errorf("%s: %s", name, out)
		}
		if r := w.verify(changed, Trust{}); r.OK() {
			t.Errorf("%s: %s", name, r.Text("en"))
		}
	}
}

func TestWhatIsNotProvedIsSaid(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	r := w.verify(b, Trust{})
	want := "seal-unstamped seal-self checkpoint-own unstamped not-qualified"
	if got := strings.Join(keys(r, NotProved), " "); got != want {
		t.Errorf("%s\n%s", got, r.Text("fr"))
	}
	other, _, err := ledger.NewKey("courrier.example")
	if err != nil {
		t.Fatal(err)
	}
	if r := w.verify(b, Trust{Ledgers: []string{other.Public()}}); r.OK() {
		t.Error("the proof of another ledger is taken for one of ours")
	}
	for _, language := range []string{"fr", "en"} {
		if text := r.Text(language); strings.Contains(text, "verify.") || strings.ContainsAny(text, "{}") {
			t.Error(text)
		}
	}
}

func TestBundleHoldsTheSameFiles(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	w.issuer.o.Attach = 500 // the message is too large to be attached
	var b bytes.Buffer
	if err := w.issuer.Bundle(t.Context(), &b, c.ID, gateway.ID{}, ""); err != nil {
		t.Fatal(err)
	}
	r := w.verify(b.Bytes(), Trust{Ledgers: []string{w.key.Public()}})
	if !r.OK() || !strings.Contains(strings.Join(keys(r, Proved), " "), "file") {
		t.Fatal(r.Text("fr"))
	}
	for name, change := range map[string]func(string, []byte) (string, []byte){
		"changed": func(n string, b []byte) (string, []byte) {
			if n == messageName {
				b[10] ^= 1
			}
			return n, b
		},
		"cut": func(n string, b []byte) (string, []byte) {
			if n == evidenceName {
				b = b[1:]
			}
			return n, b
		},
		"renamed": func(n string, b []byte) (string, []byte) { return strings.Replace(n, "message", "other", 1), b },
		"twice":   func(n string, b []byte) (string, []byte) { return strings.Replace(n, "report-2", "report-1", 1), b },
		"no PDF":  func(n string, b []byte) (string, []byte) { return strings.Replace(n, ".pdf", ".txt", 1), b },
	} {
		if r := w.verify(rezip(t, b.Bytes(), change), Trust{}); r.OK() {
			t.Errorf("%s: %s", name, r.Text("en"))
		}
	}
}

func rezip(t *testing.T, b []byte, change func(string, []byte) (string, []byte)) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	again := zip.NewWriter(&out)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name, content := change(f.Name, content)
		entry, err := again.CreateHeader(&zip.FileHeader{Name: name, Method: f.Method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A courier to many is drawn over many pages, each with its head and foot.
func TestManyRecipientsManyPages(t *testing.T) {
	for _, many := range []int{30, manyRecipients + 1} {
		w := newWorld(t)
		var addresses []string
		for i := range many {
			addresses = append(addresses, fmt.Sprintf("contact-%d@%s.example", i, strings.Repeat("tres-long-", 12)))
		}
		c, rs := w.courier(gateway.Options{Acknowledged: true}, addresses...)
		for _, r := range rs[:30] {
			w.sent("09/03/2021 11:51:00", c, r)
		}
		b := w.pdf(c.ID, gateway.ID{}, "")
		if r := w.verify(b, Trust{}); !r.OK() {
			t.Fatal(r.Text("en"))
		}
		text := run(t, b, "pdftotext", "-layout", "FILE", "-")
		sheets := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
		for i, sheet := range sheets {
			if !strings.Contains(sheet, "Page "+strconv.Itoa(i+1)+" / "+strconv.Itoa(len(sheets))) {
				t.Errorf("page %d has no foot", i+1)
			}
		}
		if len(sheets) < 10 || len(sheets) > 100 || strings.Count(text, "Transmis au") < 30 {
			t.Errorf("%d recipients, %d pages", many, len(sheets))
		}
	}
}

// Whatever people write is drawn, in bounded time.
func TestAnyTextIsDrawn(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, "")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		ev := *m.evidence
		ev.Events = ev.Events[:2]
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zé ]{0,400}`), rapid.StringMatching(`[A-Za-z0-9/.]{0,900}`), rapid.Just("\u202e\u0000\u200b\u0301\uffff")).Draw(t, "text")
		ev.Courier.Text, ev.Courier.Subject, ev.Courier.AuthorName = text, text, text
		ev.Consultation.Title, ev.Consultation.PublicBody = text, text
		ev.Recipients = []RecipientFacts{{ID: ev.Recipients[0].ID, Address: text, State: text, MessageID: text}}
		ev.Courier.Files = []gateway.File{{Name: text}}
		if _, err := pages(&ev, gateway.Hash{}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	f.Add(b)
	var z bytes.Buffer
	if err := w.issuer.Bundle(context.Background(), &z, c.ID, gateway.ID{}, "en"); err != nil {
		f.Fatal(err)
	}
	f.Add(z.Bytes())
	f.Add([]byte("%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := Verify(bytes.NewReader(b), int64(len(b)), Trust{}); err == nil {
			_ = r.Text("fr")
		}
	})
}

func FuzzEvidence(f *testing.F) {
	w := newWorld(f)
	c, _ := w.story()
	m, err := w.issuer.collect(context.Background(), c.ID, gateway.ID{}, "")
	if err != nil {
		f.Fatal(err)
	}
	text, err := canonical(m.evidence)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ev Evidence
		if decodeCanonical(b, &ev) != nil {
			return
		}
		again, err := canonical(&ev)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("two forms of one evidence: %v", err)
		}
	})
}

func FuzzSignature(f *testing.F) {
	seal, err := OwnSeal(f.TempDir(), "x", time.Now)
	if err != nil {
		f.Fatal(err)
	}
	digest := sha256.Sum256([]byte("x"))
	der, _, err := seal.seal(context.Background(), digest, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSignature(b, digest); err == nil {
			again, err := s.marshal()
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("two forms of one signature: %v", err)
			}
		}
	})
}

func BenchmarkProof(b *testing.B) {
	w := newWorld(b)
	c, _ := w.story()
	m, err := w.issuer.collect(context.Background(), c.ID, gateway.ID{}, "")
	if err != nil {
		b.Fatal(err)
	}
	var buf bytes.Buffer
	b.Run("pdf", func(b *testing.B) {
		for b.Loop() {
			buf.Reset()
			if err := w.issuer.pdf(context.Background(), &buf, m); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(buf.Len()), "octets")
	})
	b.Run("collect", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.issuer.collect(context.Background(), c.ID, gateway.ID{}, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if r, err := Verify(bytes.NewReader(buf.Bytes()), int64(buf.Len()), Trust{}); err != nil || !r.OK() {
				b.Fatal(err)
			}
		}
	})
}
