package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"vaguemestre/gateway"
)

// content is a file to attach, streamed when its turn comes.
type content struct {
	Attached
	open func() (io.Reader, io.Closer, error)
}

// bytesContent is a content in memory.
func bytesContent(name, role, mediaType string, b []byte) content {
	return content{
		Attached: Attached{Name: name, Role: role, MediaType: mediaType, Size: int64(len(b)), SHA256: gateway.HashOf(b)},
		open:     func() (io.Reader, io.Closer, error) { return bytes.NewReader(b), io.NopCloser(nil), nil },
	}
}

// document is all that goes into the file beside the pages: the same document gives the same octets.
type document struct {
	pages   []byte
	title   string
	subject string // who seals
	at      time.Time
	id      gateway.Hash // of evidence.json
	lang    string
	files   []content // evidence.json first
}

// sealer signs the digest of all octets but the signature's own.
type sealer func(digest [sha256.Size]byte) ([]byte, error)

// write adds to the pages one revision (ISO 32000-1 §7.5.6) with the attachments and the signature,
// for which room octets are kept. Contents stream through; nothing is read twice.
func (d *document) write(w io.Writer, room int, seal sealer) error {
	base, err := openPDF(bytes.NewReader(d.pages), int64(len(d.pages)))
	if err != nil {
		return fmt.Errorf("read the pages again: %w", err)
	}
	u := &update{w: w, hash: sha256.New(), next: base.nextID(), offsets: map[int]int64{}, prev: base.last}
	u.raw(d.pages)
	refs, err := u.attach(d.files)
	if err != nil {
		return err
	}
	pageID, page, err := base.firstPage()
	if err != nil {
		return err
	}
	catalog, err := base.object(base.root)
	if err != nil {
		return err
	}
	info, field, sig := u.next, u.next+1, u.next+2
	u.object(info, "<< /Title %s /Creator (Vaguemestre) /Producer (Vaguemestre) /CreationDate (%s) >>", textString(d.title), pdfDate(d.at))
	u.object(field, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Cachet) /F 132 /Rect [0 0 0 0] /P %d 0 R /V %d 0 R >>", pageID, sig)
	u.object(pageID, "%s", extend(page.dict, fmt.Sprintf("/Annots [%d 0 R]", field)))
	u.object(base.root, "%s", extend(catalog.dict, fmt.Sprintf(
		"/Lang (%s) /ViewerPreferences << /DisplayDocTitle true >> /Names << /EmbeddedFiles << /Names [%s] >> >> /AF [%s] /AcroForm << /Fields [%d 0 R] /SigFlags 3 >>",
		d.lang, refs.named(), refs.all(), field)))
	return u.seal(sig, base.root, info, d, room, seal)
}

// extend adds entries to a dictionary.
func extend(dict []byte, entries string) string {
	s := strings.TrimSpace(string(dict))
	return strings.TrimSpace(strings.TrimSuffix(s, ">>")) + "\n" + entries + " >>"
}

// update writes one revision and remembers where its objects are.
type update struct {
	w       io.Writer
	hash    hash.Hash
	at      int64
	next    int
	prev    int64
	offsets map[int]int64
	err     error
}

func (u *update) raw(b []byte) {
	if u.err != nil {
		return
	}
	u.hash.Write(b)
	n, err := u.w.Write(b)
	u.at += int64(n)
	if err != nil {
		u.err = fmt.Errorf("write the proof: %w", err)
	}
}

func (u *update) printf(format string, args ...any) { u.raw(fmt.Appendf(nil, format, args...)) }

func (u *update) object(id int, format string, args ...any) {
	u.offsets[id] = u.at
	u.printf("%d 0 obj\n", id)
	u.printf(format, args...)
	u.printf("\nendobj\n")
	u.next = max(u.next, id+1)
}

// fileRef is an attachment's place in the name tree.
type fileRef struct {
	name string
	id   int
}

type fileRefs []fileRef

// named lists names and file specifications, in the order of names (ISO 32000-1 §7.9.6).
func (r fileRefs) named() string {
	sorted := slices.SortedFunc(slices.Values(r), func(a, b fileRef) int { return strings.Compare(a.name, b.name) })
	var parts []string
	for _, f := range sorted {
		parts = append(parts, fmt.Sprintf("(%s) %d 0 R", f.name, f.id))
	}
	return strings.Join(parts, " ")
}

func (r fileRefs) all() string {
	var parts []string
	for _, f := range r {
		parts = append(parts, fmt.Sprintf("%d 0 R", f.id))
	}
	return strings.Join(parts, " ")
}

// attach writes each file that is to be attached: a stream, then its specification.
func (u *update) attach(files []content) (fileRefs, error) {
	var refs fileRefs
	for _, f := range files {
		if f.Left != "" {
			continue
		}
		if err := u.stream(f); err != nil {
			return nil, err
		}
		id := u.next
		u.object(id, "<< /Type /Filespec /F (%s) /UF %s /Desc (%s) /AFRelationship /%s /EF << /F %d 0 R /UF %d 0 R >> >>",
			f.Name, textString(f.Name), f.Role, relationship(f), id-1, id-1)
		refs = append(refs, fileRef{f.Name, id})
	}
	return refs, u.err
}

func relationship(f content) string {
	switch f.Role {
	case roleMessage:
		return "Source"
	case roleEvidence:
		return "Data"
	}
	return "Supplement"
}

func (u *update) stream(f content) error {
	r, closer, err := f.open()
	if err != nil {
		return fmt.Errorf("attach %s: %w", f.Name, err)
	}
	defer closer.Close()
	id := u.next
	u.next++
	u.offsets[id] = u.at
	u.printf("%d 0 obj\n<< /Type /EmbeddedFile /Subtype /%s /Length %d /Params << /Size %d >> >>\nstream\n",
		id, strings.ReplaceAll(f.MediaType, "/", "#2F"), f.Size, f.Size)
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(u, h), r)
	if err == nil && (n != f.Size || gateway.Hash(h.Sum(nil)) != f.SHA256) {
		err = errors.New("its content is not the one whose hash is known")
	}
	if err != nil {
		return fmt.Errorf("attach %s: %w", f.Name, err)
	}
	u.printf("\nendstream\nendobj\n")
	return u.err
}

// Write implements io.Writer for io.Copy.
func (u *update) Write(b []byte) (int, error) {
	u.raw(b)
	return len(b), u.err
}

// seal writes the signature (ISO 32000-1 §12.8, ETSI EN 319 142-1 §5.3) and the revision's end. What comes
// after the signature is known before it is made, since everything has a fixed width.
func (u *update) seal(id, root, info int, d *document, room int, seal sealer) error {
	u.offsets[id] = u.at
	head := fmt.Sprintf("%d 0 obj\n<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Name %s /M (%s)\n", id, textString(d.subject), pdfDate(d.at))
	const byteRange = "/ByteRange [0 %010d %010d %010d]\n/Contents "
	begin := u.at + int64(len(head)+len(fmt.Sprintf(byteRange, 0, 0, 0)))
	end := begin + int64(2*room+2)
	tail := u.tail(id, root, info, end, d)
	u.raw([]byte(head))
	u.printf(byteRange, begin, end, len(tail))
	if u.err != nil {
		return u.err
	}
	u.hash.Write(tail)
	der, err := seal([sha256.Size]byte(u.hash.Sum(nil)))
	if err != nil {
		return err
	}
	if len(der) > room {
		return fmt.Errorf("a signature of %d octets where %d are kept", len(der), room)
	}
	padded := make([]byte, room)
	copy(padded, der)
	u.printf("<%s>", hex.EncodeToString(padded))
	u.raw(tail)
	return u.err
}

// tail is what follows the signature, which ends at the given place.
func (u *update) tail(sig, root, info int, at int64, d *document) []byte {
	var b bytes.Buffer
	b.WriteString(" >>\nendobj\n")
	table := at + int64(b.Len())
	b.WriteString("xref\n0 1\n0000000000 65535 f \n")
	ids := make([]int, 0, len(u.offsets))
	for id := range u.offsets {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i := 0; i < len(ids); {
		n := 1
		for i+n < len(ids) && ids[i+n] == ids[i]+n {
			n++
		}
		fmt.Fprintf(&b, "%d %d\n", ids[i], n)
		for _, id := range ids[i : i+n] {
			fmt.Fprintf(&b, "%010d 00000 n \n", u.offsets[id])
		}
		i += n
	}
	key := hex.EncodeToString(d.id[:16])
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /Prev %d /ID [<%s> <%s>] >>\nstartxref\n%d\n%%%%EOF\n",
		sig+1, root, info, u.prev, key, key, table)
	return b.Bytes()
}

// textString is a text in UTF-16 (ISO 32000-1 §7.9.2.2).
func textString(s string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", unit)
	}
	b.WriteString(">")
	return b.String()
}

func pdfDate(t time.Time) string { return t.UTC().Format("D:20060102150405Z") }
