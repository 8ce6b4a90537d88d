package message

import "strings"

// describe reads the Content-* fields of a part (RFC 2045 §5 to §7, RFC 2183).
func (p *parser) describe(pt *Part, defaultType string) {
	types := pt.Header.Values("Content-Type")
	if len(types) > 1 {
		p.defect(TwiceField, pt.Path, pt.start)
	}
	pt.cleanType = len(types) <= 1
	pt.MediaType = defaultType
	if len(types) > 0 {
		word, params, clean := parseValue(types[0])
		pt.Params = params
		if !clean || !isMediaType(word) {
			p.defect(BadContentType, pt.Path, pt.start)
			pt.cleanType = false
		}
		switch {
		case isMediaType(word):
			pt.MediaType = word
		case word == "text" || word == "":
			pt.MediaType = defaultType
		case word == "multipart":
			pt.MediaType = "multipart/mixed"
		default:
			pt.MediaType = "application/octet-stream"
		}
	}
	if pt.Params == nil {
		pt.Params = map[string]string{}
	}
	p.disposition(pt)
	p.encoding(pt)
	p.charset(pt)
}

func isMediaType(word string) bool {
	main, sub, ok := strings.Cut(word, "/")
	if !ok || main == "" || sub == "" {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if c <= ' ' || c >= 0x7f || c != '/' && strings.IndexByte("()<>@,;:\\\"[]?=", c) >= 0 {
			return false
		}
	}
	return !strings.Contains(sub, "/")
}

func (p *parser) disposition(pt *Part) {
	all := pt.Header.Values("Content-Disposition")
	if len(all) == 0 {
		return
	}
	if len(all) > 1 {
		p.defect(TwiceField, pt.Path, pt.start)
	}
	pt.Disposition, pt.DispositionParams, pt.cleanDisposition = parseValue(all[0])
	pt.cleanDisposition = pt.cleanDisposition && len(all) == 1
	if pt.Disposition != "inline" && pt.Disposition != "" && pt.Disposition != "attachment" {
		pt.Disposition = "attachment" // RFC 2183 §2.8
	}
}

func (p *parser) encoding(pt *Part) {
	all := pt.Header.Values("Content-Transfer-Encoding")
	pt.Encoding = "7bit"
	if len(all) == 0 {
		return
	}
	if len(all) > 1 {
		p.defect(TwiceField, pt.Path, pt.start)
	}
	word, _, _ := parseValue(all[0])
	word = strings.Trim(word, "\"' .")
	switch word {
	case "7bit", "8bit", "binary", "base64", "quoted-printable":
		pt.Encoding = word
	case "x-uuencode", "x-uue", "uuencode", "uue":
		pt.Encoding = "uuencode"
	case "", "7-bit", "8-bit", "none", "7 bit", "8 bit":
		pt.Encoding = "8bit"
	default:
		pt.Encoding = "binary"
		p.defect(BadEncoding, pt.Path, pt.start)
	}
	if pt.isMultipart() && !pt.identity() {
		p.defect(EncodedMultipart, pt.Path, pt.start)
		pt.Encoding = "8bit"
	}
}

func (p *parser) charset(pt *Part) {
	label := pt.Params["charset"]
	if label == "" || !strings.HasPrefix(pt.MediaType, "text/") {
		return
	}
	if _, ok := encodingOf(label); !ok {
		p.defect(UnknownCharset, pt.Path, pt.start)
	}
}
