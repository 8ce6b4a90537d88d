package message

import (
	"strings"
	"unicode/utf16"
)

// properties reads a block of MAPI properties ([MS-OXTNEF] §2.1.3.4) that ends at end.
func (r *tnefReader) properties(end int64, depth int) error {
	count, err := r.u32()
	if err != nil || count > tnefMaxAttrs {
		return errTNEF
	}
	for range count {
		if r.attrs++; r.attrs > tnefMaxAttrs || r.at > end {
			return errTNEF
		}
		tag, err := r.u32()
		if err != nil {
			return err
		}
		id, kind := tag>>16, tag&0xffff
		if id >= 0x8000 {
			if err := r.propertyName(); err != nil {
				return err
			}
		}
		if err := r.property(id, kind, end, depth); err != nil {
			return err
		}
	}
	return nil
}

// propertyName passes over the name of a named property.
func (r *tnefReader) propertyName() error {
	if err := r.discard(16); err != nil {
		return err
	}
	kind, err := r.u32()
	if err != nil {
		return err
	}
	n, err := r.u32()
	if err != nil || kind == 0 {
		return err
	}
	return r.discard(padded(int64(n)))
}

func padded(n int64) int64 { return (n + 3) &^ 3 }

func (r *tnefReader) property(id, kind uint32, end int64, depth int) error {
	const multiple = 0x1000
	values := uint32(1)
	fixed := fixedSize(kind &^ multiple)
	if kind&multiple != 0 || fixed == 0 {
		var err error
		if values, err = r.u32(); err != nil || values > tnefMaxAttrs {
			return errTNEF
		}
	}
	for range values {
		if fixed > 0 {
			if id == propCodepage && kind == 3 {
				if err := r.readCodepage(depth); err != nil {
					return err
				}
				continue
			}
			if err := r.discard(fixed); err != nil {
				return err
			}
			continue
		}
		n, err := r.u32()
		if err != nil {
			return err
		}
		after := r.at + padded(int64(n))
		if after > end {
			return errTNEF
		}
		if err := r.propertyValue(id, kind, int64(n), depth); err != nil {
			return err
		}
		if r.at > after {
			return errTNEF
		}
		if err := r.discard(after - r.at); err != nil {
			return err
		}
	}
	return nil
}

// fixedSize is the room that a type takes; 0 when its length comes before the value.
func fixedSize(kind uint32) int64 {
	switch kind {
	case 0x02, 0x03, 0x04, 0x0a, 0x0b:
		return 4
	case 0x05, 0x06, 0x07, 0x14, 0x40:
		return 8
	case 0x48:
		return 16
	case 0x01:
		return 4
	}
	return 0
}

func (r *tnefReader) readCodepage(depth int) error {
	v, err := r.u32()
	switch {
	case err != nil:
	case !r.first && depth > 0: // of a message within, whose text is a file's business
	case !r.first:
		r.internet = codePage(v)
	case v == 65001:
		r.codepage = "utf-8"
	}
	return err
}

func (r *tnefReader) propertyValue(id, kind uint32, n int64, depth int) error {
	if id == propAttachData && r.file != nil {
		return r.attachData(kind, n, depth)
	}
	switch id {
	case propBody, propHTML, propRTF, propAttachLong, propAttachName, propAttachMIME, propAttachID:
	default:
		return nil
	}
	b, err := r.bytes(n)
	if err != nil {
		return err
	}
	const binary = 0x102
	text := r.propertyText(kind, b)
	switch {
	case id == propHTML && kind == binary && !r.first:
		if r.file == nil && depth == 0 && r.html == nil {
			r.html = b
		}
	case id == propRTF && r.file == nil && depth == 0:
		r.rtf = b
	case id == propBody && r.file == nil && depth == 0 && r.found.text == nil && strings.TrimSpace(text) != "":
		r.found.text = &tnefBit{mediaType: "text/plain", data: []byte(text)}
	case id == propHTML && r.file == nil && depth == 0 && r.found.html == nil && strings.TrimSpace(text) != "":
		r.found.html = &tnefBit{mediaType: "text/html", data: []byte(text)}
	case r.file == nil:
	case id == propAttachLong && text != "", id == propAttachName && r.file.name == "":
		r.file.name = text
	case id == propAttachMIME:
		r.file.mediaType = strings.ToLower(text)
	case id == propAttachID:
		r.file.contentID = strings.Trim(text, "<> ")
	}
	return nil
}

func (r *tnefReader) propertyText(kind uint32, b []byte) string {
	if kind != 0x1f {
		return r.string8(b)
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// attachData is a file's content, or a message embedded in the message: its files stand among the
// others.
func (r *tnefReader) attachData(kind uint32, n int64, depth int) error {
	const object, guid = 0x0d, 16
	if kind != object || n < guid+4 {
		if r.file.off == 0 {
			r.file.off, r.file.size = r.at, n
		}
		return nil
	}
	end := r.at + n
	if err := r.discard(guid); err != nil {
		return err
	}
	head, err := r.in.Peek(4)
	if err != nil || head[0] != 0x78 || head[1] != 0x9f || head[2] != 0x3e || head[3] != 0x22 {
		r.file.off, r.file.size = r.at, end-r.at // an OLE object
		return nil
	}
	outer, page := r.file, r.codepage
	r.file = nil
	err = r.stream(depth+1, end)
	if r.file = outer; !r.first {
		r.codepage = page
	}
	return err
}
