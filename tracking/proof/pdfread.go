package proof

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// This file reads the PDF files that this package writes, and no others: cross-reference tables
// (ISO 32000-1 §7.5.4), plain objects, no encryption. Whatever else a reader would have to bear is refused,
// because a file in another form is not a proof as it was sealed. Everything is bounded.

const (
	maxObjects  = 200_000
	maxObject   = 4 << 20 // octets of an object without its stream
	maxTable    = 20 * maxObjects
	maxRevision = 2
	maxInflated = 64 << 20
)

// pdfFile is an opened PDF.
type pdfFile struct {
	r       io.ReaderAt
	size    int64
	offsets map[int]int64 // of each object, the newest revision's
	base    map[int]int64 // the same of the first revision
	root    int
	last    int64 // place of the newest table
	first   int64 // place of the oldest
	tables  int
}

var (
	errPDF = errors.New("its structure is another one")

	startRE   = regexp.MustCompile(`startxref\n(\d{1,12})\n%%EOF\n$`)
	tableRE   = regexp.MustCompile(`^xref\n`)
	sectionRE = regexp.MustCompile(`^(\d{1,6}) (\d{1,6})\n`)
	entryRE   = regexp.MustCompile(`^(\d{10}) (\d{5}) ([fn]) \n$`)
	rootRE    = regexp.MustCompile(`/Root (\d{1,6}) 0 R`)
	prevRE    = regexp.MustCompile(`/Prev (\d{1,12})\b`)
	lengthRE  = regexp.MustCompile(`/Length (\d{1,12})\b`)
)

// openPDF reads the tables of a file of at most maxRevision revisions.
func openPDF(r io.ReaderAt, size int64) (*pdfFile, error) {
	p := &pdfFile{r: r, size: size, offsets: map[int]int64{}, base: map[int]int64{}}
	tail, err := p.at(max(0, size-64), 64)
	if err != nil {
		return nil, err
	}
	m := startRE.FindSubmatch(tail)
	if m == nil {
		return nil, errPDF
	}
	at, err := strconv.ParseInt(string(m[1]), 10, 64)
	p.last = at
	for err == nil && at >= 0 {
		at, err = p.table(at)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// at reads at most n octets.
func (p *pdfFile) at(offset, n int64) ([]byte, error) {
	if offset < 0 || offset > p.size {
		return nil, errPDF
	}
	b := make([]byte, min(n, p.size-offset))
	if _, err := p.r.ReadAt(b, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return b, nil
}

// table reads one cross-reference table and gives the place of the one before it, or -1.
func (p *pdfFile) table(at int64) (int64, error) {
	if p.tables++; p.tables > maxRevision {
		return 0, errPDF
	}
	b, err := p.at(at, maxTable)
	if err != nil {
		return 0, err
	}
	if !tableRE.Match(b) {
		return 0, errPDF
	}
	p.first = at
	b = b[len("xref\n"):]
	p.base = map[int]int64{}
	for {
		m := sectionRE.FindSubmatch(b[:min(len(b), 32)])
		if m == nil {
			break
		}
		if b, err = p.section(b[len(m[0]):], number(m[1]), number(m[2])); err != nil {
			return 0, err
		}
	}
	return p.trailer(b)
}

func (p *pdfFile) section(b []byte, first, count int) ([]byte, error) {
	if first+count > maxObjects || len(b) < 20*count {
		return nil, errPDF
	}
	for i := range count {
		m := entryRE.FindSubmatch(b[20*i : 20*i+20])
		if m == nil {
			return nil, errPDF
		}
		if m[3][0] != 'n' {
			continue
		}
		offset, _ := strconv.ParseInt(string(m[1]), 10, 64) // ten digits
		p.base[first+i] = offset
		if _, newer := p.offsets[first+i]; !newer {
			p.offsets[first+i] = offset
		}
	}
	return b[20*count:], nil
}

func (p *pdfFile) trailer(b []byte) (int64, error) {
	end := bytes.Index(b, []byte("startxref\n"))
	if !bytes.HasPrefix(b, []byte("trailer\n")) || end < 0 {
		return 0, errPDF
	}
	m := rootRE.FindSubmatch(b[:end])
	if m == nil || p.root != 0 && p.root != number(m[1]) {
		return 0, errPDF
	}
	p.root = number(m[1])
	m = prevRE.FindSubmatch(b[:end])
	if m == nil {
		return -1, nil
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}

func number(digits []byte) int {
	n, _ := strconv.Atoi(string(digits)) // the expressions bound the digits
	return n
}

// baseEnd is where the first revision ends: after the %%EOF that follows its table.
func (p *pdfFile) baseEnd() int64 {
	b, err := p.at(p.first, maxTable)
	if err != nil {
		return 0
	}
	i := bytes.Index(b, []byte(endMark))
	return p.first + int64(i+len(endMark))
}

const endMark = "\n%%EOF\n"

// sameAs tells whether the first revision draws what another file, of one revision, draws: the same octets, or
// the same objects, compressed otherwise.
func (p *pdfFile) sameAs(other []byte) bool {
	if b, err := p.at(0, p.baseEnd()); err == nil && bytes.Equal(b, other) {
		return true
	}
	q, err := openPDF(bytes.NewReader(other), int64(len(other)))
	if err != nil || len(q.base) != len(p.base) {
		return false
	}
	for id := range q.base {
		a, errA := p.objectAt(id, p.base)
		b, errB := q.objectAt(id, q.base)
		if errA != nil || errB != nil || !sameObject(a, b) {
			return false
		}
	}
	return true
}

func sameObject(a, b object) bool {
	if !bytes.Equal(lengthRE.ReplaceAll(a.dict, nil), lengthRE.ReplaceAll(b.dict, nil)) {
		return false
	}
	x, errX := a.content()
	y, errY := b.content()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// object is an object of the file: its dictionary's text, and where its stream is.
type object struct {
	dict   []byte
	stream *io.SectionReader // nil: none
}

// object reads one object by its number, from the newest revision.
func (p *pdfFile) object(id int) (object, error) { return p.objectAt(id, p.offsets) }

func (p *pdfFile) objectAt(id int, offsets map[int]int64) (object, error) {
	offset, ok := offsets[id]
	if !ok {
		return object{}, fmt.Errorf("object %d is missing", id)
	}
	head := fmt.Appendf(nil, "%d 0 obj\n", id)
	for n := int64(4 << 10); ; n = maxObject {
		b, err := p.at(offset, n)
		if err != nil {
			return object{}, err
		}
		if !bytes.HasPrefix(b, head) {
			return object{}, fmt.Errorf("object %d is not at its place", id)
		}
		o, ok := p.cut(b[len(head):], offset+int64(len(head)))
		if ok {
			return o, nil
		}
		if n == maxObject {
			return object{}, fmt.Errorf("object %d has no end", id)
		}
	}
}

// cut finds where the dictionary ends, and the stream after it.
func (p *pdfFile) cut(b []byte, offset int64) (object, bool) {
	end := bytes.Index(b, []byte("endobj"))
	start := bytes.Index(b, []byte("stream\n"))
	if start >= 0 && (end < 0 || start < end) {
		m := lengthRE.FindSubmatch(b[:start])
		if m == nil {
			return object{}, false
		}
		length, err := strconv.ParseInt(string(m[1]), 10, 64)
		begin := offset + int64(start) + int64(len("stream\n"))
		if err != nil || length > p.size-begin {
			return object{}, false
		}
		return object{b[:start], io.NewSectionReader(p.r, begin, length)}, true
	}
	if end < 0 {
		return object{}, false
	}
	return object{dict: b[:end]}, true
}

// content is the object's stream, inflated when it is deflated, at most maxInflated octets.
func (o object) content() ([]byte, error) {
	if o.stream == nil {
		return nil, nil
	}
	var r io.Reader = io.NewSectionReader(o.stream, 0, o.stream.Size())
	if bytes.Contains(o.dict, []byte("/FlateDecode")) {
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("inflate: %w", err)
		}
		defer z.Close()
		r = z
	}
	b, err := io.ReadAll(io.LimitReader(r, maxInflated+1))
	if err != nil || len(b) > maxInflated {
		return nil, errors.Join(errPDF, err)
	}
	return b, nil
}

// ref gives the object that a key of the dictionary refers to.
func (o object) ref(key string) (int, bool) {
	_, after, ok := bytes.Cut(o.dict, []byte(key+" "))
	if !ok {
		return 0, false
	}
	m := refRE.FindSubmatch(after)
	if m == nil {
		return 0, false
	}
	return number(m[1]), true
}

// nextID is the first number that the first revision does not use.
func (p *pdfFile) nextID() int {
	next := 1
	for id := range p.base {
		next = max(next, id+1)
	}
	return next
}

// firstPage gives the first page of the first revision.
func (p *pdfFile) firstPage() (int, object, error) {
	catalog, err := p.objectAt(p.root, p.base)
	if err != nil {
		return 0, object{}, err
	}
	id, ok := catalog.ref("/Pages")
	if !ok {
		return 0, object{}, errPDF
	}
	tree, err := p.objectAt(id, p.base)
	if err != nil {
		return 0, object{}, err
	}
	m := kidsRE.FindSubmatch(tree.dict)
	if m == nil {
		return 0, object{}, errPDF
	}
	page, err := p.objectAt(number(m[1]), p.base)
	return number(m[1]), page, err
}

var (
	refRE  = regexp.MustCompile(`^(\d{1,6}) 0 R\b`)
	kidsRE = regexp.MustCompile(`/Kids \[\s*(\d{1,6}) 0 R\b`)
)
