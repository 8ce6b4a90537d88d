package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// sealed is where a file's signature is, and what it is.
type sealed struct {
	digest [sha256.Size]byte
	room   int
	der    []byte
	sig    *signature
}

var (
	fieldsRE    = regexp.MustCompile(`/Fields \[(\d{1,6}) 0 R\]`)
	byteRangeRE = regexp.MustCompile(`/ByteRange \[0 (\d{10}) (\d{10}) (\d{10})\]\n/Contents <([0-9a-f]+)> >>\n$`)
)

// maxRoom bounds the octets kept for a signature.
const maxRoom = 1 << 20

// readSealed finds the signature, and the digest of all octets that it is over: those of the whole file but
// its own.
func readSealed(p *pdfFile) (*sealed, error) {
	catalog, err := p.object(p.root)
	if err != nil {
		return nil, err
	}
	m := fieldsRE.FindSubmatch(catalog.dict)
	if m == nil {
		return nil, errSignatureMissing
	}
	field, err := p.object(number(m[1]))
	if err != nil {
		return nil, err
	}
	id, ok := field.ref("/V")
	if !ok {
		return nil, errSignatureMissing
	}
	o, err := p.object(id)
	if err != nil {
		return nil, err
	}
	m = byteRangeRE.FindSubmatch(o.dict)
	if m == nil || len(m[4]) > 2*maxRoom || len(m[4])%2 != 0 {
		return nil, errSignatureMissing
	}
	s := &sealed{room: len(m[4]) / 2, der: make([]byte, len(m[4])/2)}
	if _, err := hex.Decode(s.der, m[4]); err != nil {
		return nil, errSignatureMissing
	}
	begin, end, rest := int64(number(m[1])), int64(number(m[2])), int64(number(m[3]))
	if end != begin+int64(len(m[4]))+2 || end+rest != p.size || begin > p.size {
		return nil, errors.New("the seal does not cover the whole file")
	}
	s.der = trimDER(s.der)
	h := sha256.New()
	for _, part := range []io.Reader{io.NewSectionReader(p.r, 0, begin), io.NewSectionReader(p.r, end, rest)} {
		if _, err := io.Copy(h, part); err != nil {
			return nil, fmt.Errorf("read the file: %w", err)
		}
	}
	s.digest = [sha256.Size]byte(h.Sum(nil))
	return s, nil
}

// trimDER cuts the zeros after one DER value; form finds what else may stand there.
func trimDER(b []byte) []byte {
	if len(b) < 2 || b[1] < 0x80 {
		return b[:min(len(b), 2+int(append(b, 0, 0)[1]&0x7f))]
	}
	n, length := int(b[1]&0x7f), 0
	if n > 3 || len(b) < 2+n {
		return b
	}
	for _, c := range b[2 : 2+n] {
		length = length<<8 | int(c)
	}
	return b[:min(len(b), 2+n+length)]
}
