package proof

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
)

// Trust is what whoever verifies knows by another way than the proof itself.
type Trust struct {
	Ledgers    []string       // public keys of ledgers (Ledger.Key); none: the proof's own is used, and said so
	SealRoots  *x509.CertPool // authorities of seals; nil: none is known
	StampRoots *x509.CertPool // authorities of time stamps; nil: none is known
}

// Verify checks a proof, PDF or bundle, without a network and without trusting who issued it. What is
// wrong with the file stands in the report; an error means that the file could not be read. Memory does
// not grow with the size of what is attached.
func Verify(r io.ReaderAt, size int64, trust Trust) (*Report, error) {
	report := &Report{}
	var magic [4]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("verify a proof: %w", err)
	}
	v := &verification{Report: report, trust: trust}
	var err error
	if string(magic[:2]) == "PK" {
		err = v.bundle(r, size)
	} else {
		err = v.pdf(r, size)
	}
	if err != nil {
		return nil, fmt.Errorf("verify a proof: %w", err)
	}
	if report.Evidence != nil {
		report.add(NotProved, "not-qualified")
	}
	return report, nil
}

// verification is one proof being verified.
type verification struct {
	*Report
	trust Trust
	file  *pdfFile
	files map[string]object // attached, by name
}

func (v *verification) pdf(r io.ReaderAt, size int64) error {
	file, err := openPDF(r, size)
	if err != nil {
		v.add(Wrong, "not-a-proof", "why", err.Error())
		return nil
	}
	v.file = file
	sealed, err := readSealed(file)
	if err != nil {
		v.add(Wrong, "not-a-proof", "why", err.Error())
		return nil
	}
	v.seal(sealed)
	evidence, err := v.evidence()
	if err != nil {
		v.add(Wrong, "evidence-broken", "why", err.Error())
		return nil
	}
	contents := v.attachments()
	if v.OK() { // else what is wrong is said already
		v.form(sealed, contents)
		v.drawn(evidence)
	}
	v.sealFacts(sealed)
	v.ledger()
	v.facts()
	return nil
}

func (v *verification) seal(s *sealed) {
	sig, err := parseSignature(s.der, s.digest)
	if err != nil {
		v.add(Wrong, "seal-broken", "why", err.Error())
		return
	}
	s.sig = sig
	v.add(Proved, "seal", "subject", sig.chain[0].Subject.String())
}

// sealFacts judges who sealed and when.
func (v *verification) sealFacts(s *sealed) {
	if s.sig == nil {
		return
	}
	said := v.Evidence.Seal
	if said.Certificate != gateway.HashOf(s.sig.chain[0].Raw) || said.Subject != s.sig.chain[0].Subject.String() {
		v.add(Wrong, "seal-other")
	}
	at := v.Evidence.Issued.At
	if s.sig.token == nil {
		v.add(NotProved, "seal-unstamped")
	} else if stamp, err := ledger.ReadStamp(s.sig.token, gateway.HashOf(s.sig.value)); err != nil {
		v.add(Wrong, "seal-stamp-broken", "why", err.Error())
	} else {
		at = stamp.Time
		v.add(Proved, "seal-stamp", "at", atArg(stamp.Time), "authority", stamp.Authority())
		v.authority(stamp)
	}
	switch {
	case v.trust.SealRoots != nil:
		between := x509.NewCertPool()
		for _, c := range s.sig.chain[1:] {
			between.AddCert(c)
		}
		_, err := s.sig.chain[0].Verify(x509.VerifyOptions{
			Roots: v.trust.SealRoots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			v.add(NotProved, "seal-untrusted", "why", err.Error())
		} else {
			v.add(Proved, "seal-trusted")
		}
	case said.SelfMade:
		v.add(NotProved, "seal-self")
	default:
		v.add(NotProved, "seal-unchecked")
	}
}

func (v *verification) authority(stamp ledger.Stamp) {
	if v.trust.StampRoots == nil {
		v.add(NotProved, "stamp-unchecked", "authority", stamp.Authority())
	} else if err := stamp.Trusted(v.trust.StampRoots); err != nil {
		v.add(NotProved, "stamp-untrusted", "authority", stamp.Authority(), "why", err.Error())
	} else {
		v.add(Proved, "stamp-trusted", "authority", stamp.Authority())
	}
}

// evidence reads evidence.json, the first file that the second revision holds.
func (v *verification) evidence() (content, error) {
	o, err := v.file.object(v.file.nextID())
	if err != nil {
		return content{}, err
	}
	text, err := o.read(maxEvidence)
	if err != nil {
		return content{}, err
	}
	ev := new(Evidence)
	if err := decodeCanonical(text, ev); err != nil {
		return content{}, err
	}
	if ev.Format != format || ev.Version != formatVersion {
		return content{}, fmt.Errorf("format %q, version %d", ev.Format, ev.Version)
	}
	for _, f := range ev.Files {
		if !nameRE.MatchString(f.Name) || f.Name == evidenceName || !typeRE.MatchString(f.MediaType) {
			return content{}, fmt.Errorf("attachment %q", f.Name)
		}
	}
	v.Evidence = ev
	return bytesContent(evidenceName, roleEvidence, "application/json", text), nil
}

var (
	nameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*\.[a-z]{3,4}$`)
	typeRE = regexp.MustCompile(`^[a-z]+/[a-z0-9-]+$`)
)

// read gives the object's stream as it is, which may have at most max octets.
func (o object) read(most int64) ([]byte, error) {
	if o.stream == nil {
		return nil, errors.New("it is missing")
	}
	if o.stream.Size() > most {
		return nil, fmt.Errorf("it has %d octets", o.stream.Size())
	}
	b := make([]byte, o.stream.Size())
	if _, err := io.ReadFull(io.NewSectionReader(o.stream, 0, o.stream.Size()), b); err != nil {
		return nil, err
	}
	return b, nil
}

// attachments compares each attached file with its hash, and gives them as contents.
func (v *verification) attachments() []content {
	v.files = map[string]object{}
	id := v.file.nextID()
	first, _ := v.file.object(id) // evidence has read it
	contents := []content{{Attached: Attached{Name: evidenceName, Role: roleEvidence, MediaType: "application/json", Size: first.stream.Size()}, open: first.open}}
	right := 0
	for _, f := range v.Evidence.Files {
		if f.Left != "" {
			v.add(NotProved, "file-left", "name", f.Name)
			continue
		}
		id += 2
		o, err := v.file.object(id)
		if err != nil || o.stream == nil {
			v.add(Wrong, "file-missing", "name", f.Name)
			continue
		}
		if _, twice := v.files[f.Name]; twice || !matches(f, o.stream) {
			v.add(Wrong, "file-changed", "name", f.Name)
			continue
		}
		right++
		v.files[f.Name] = o
		contents = append(contents, content{Attached: f, open: o.open})
	}
	v.add(Proved, "files", "count", strconv.Itoa(right))
	return contents
}

func (o object) open() (io.Reader, io.Closer, error) {
	return io.NewSectionReader(o.stream, 0, o.stream.Size()), io.NopCloser(nil), nil
}

// matches tells whether a content is the one announced.
func matches(f Attached, r io.Reader) bool {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return err == nil && n == f.Size && gateway.Hash(h.Sum(nil)) == f.SHA256
}

// form writes the file again from its parts and compares: there is nothing in it but the pages, what
// the evidence lists, and the signature.
func (v *verification) form(s *sealed, contents []content) {
	base, err := v.file.at(0, v.file.baseEnd())
	if err != nil {
		v.add(Wrong, "not-a-proof", "why", err.Error())
		return
	}
	evidence, err := v.Evidence.encode()
	if err != nil {
		v.add(Wrong, "evidence-broken", "why", err.Error())
		return
	}
	contents[0] = evidence
	compare := &comparer{r: v.file.r}
	err = v.Evidence.document(base, contents).write(compare, s.room, func([sha256.Size]byte) ([]byte, error) { return s.der, nil })
	if err == nil && compare.at != v.file.size {
		err = errDiffers
	}
	if err != nil {
		v.add(Wrong, "seal-broken", "why", err.Error())
	}
}

var errDiffers = errors.New("the file holds something else beside the proof")

// comparer is a writer that fails where what is written differs from what it reads.
type comparer struct {
	r  io.ReaderAt
	at int64
}

func (c *comparer) Write(b []byte) (int, error) {
	there := make([]byte, len(b))
	if n, err := c.r.ReadAt(there, c.at); n < len(b) && err != nil || !bytes.Equal(there, b) {
		return 0, errDiffers
	}
	c.at += int64(len(b))
	return len(b), nil
}

// maxDrawn is the largest evidence, in octets, whose pages are drawn again: memory stays bounded whatever a
// stranger's file holds. A courier to ten thousand recipients, sent once, is under it.
const maxDrawn = 24 << 20

// drawn draws the pages again and compares.
func (v *verification) drawn(evidence content) {
	w, err := wordsOf(v.Evidence.Issued.Language)
	if err != nil || w.language != v.Evidence.Issued.Language || w.layoutName() != v.Evidence.Issued.Layout {
		v.add(NotProved, "pages-other")
		return
	}
	if evidence.Size > maxDrawn {
		v.add(NotProved, "pages-large")
		return
	}
	again, err := pages(v.Evidence, evidence.SHA256)
	if err != nil {
		v.add(Wrong, "pages-differ")
		return
	}
	if v.file.sameAs(again) {
		v.add(Proved, "pages")
	} else {
		v.add(Wrong, "pages-differ")
	}
}
