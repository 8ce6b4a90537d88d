package compose

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

// nasty is a mail such as clients and the servers on the way really make them, with what must be found in the letter.
type nasty struct {
	text       string            // the mail
	said       []string          // words that a person reads first: of the text, of the HTML
	files      map[string][]byte // content by a word that its name holds
	verbatim   []string          // encoded bodies that nothing forces to change
	splits     bool              // the block goes into the text (else it may stand beside)
	unjudged   bool              // the independent reader is known to read it otherwise
	boundaries int
	made       int
}

// secret stands in every field of the agent's header, and nowhere else.
const secret = "qzsecretzq"

func (n *nasty) boundary(t *rapid.T) string {
	n.boundaries++
	return fmt.Sprintf(rapid.SampledFrom([]string{
		"----=_NextPart_000_%04d_01D6F8A1.2B3C4D5E", "=_alternative %04d", "Apple-Mail=_%04d-AB", "000000000000%04d'()+_,-./:=?", "b%d", "_%04d_PAXPR07MB",
		"--%d--", strings.Repeat("x", 60) + "%d",
	}).Draw(t, "boundary"), n.boundaries)
}

func draw[T any](t *rapid.T, name string, of ...T) T { return rapid.SampledFrom(of).Draw(t, name) }

// drawNasty makes one mail: a header, a body in one of the shapes of clients, files, and what servers do to it.
func drawNasty(t *rapid.T) nasty {
	n := nasty{files: map[string][]byte{}, splits: true}
	body := n.body(t)
	if count := rapid.IntRange(0, 3).Draw(t, "files"); count > 0 {
		parts := []string{body}
		for range count {
			parts = append(parts, n.file(t))
		}
		if rapid.Bool().Draw(t, "footer") { // of a mailing list, or Apple's text after a file
			parts = append(parts, "Content-Type: text/plain; charset=us-ascii\r\n\r\nSent through a list\r\n")
		}
		body = n.multipart(t, draw(t, "outer", "mixed", "mixed", "mixed", "related"), parts...)
	}
	n.text = n.header(t) + body
	switch draw(t, "end", "whole", "whole", "no line end", "cut") {
	case "no line end":
		n.text = strings.TrimRight(n.text, "\r\n")
	case "cut": // the last delimiter is often lost on the way
		if at := strings.LastIndex(n.text, "\r\n--"); at > 0 && strings.HasSuffix(n.text, "--") {
			n.text = n.text[:at+2]
		}
	}
	return n
}

func (n *nasty) multipart(t *rapid.T, subtype string, parts ...string) string {
	b := n.boundary(t)
	params := draw(t, "param", "; boundary=\"%s\"", ";\r\n\tboundary=\"%s\"", "; charset=utf-8; boundary=\"%s\"", ";\r\n boundary=\"%s\"; format=flowed", " ;  boundary = \"%s\"")
	var out strings.Builder
	out.WriteString("Content-Type: multipart/" + subtype + fmt.Sprintf(params, b) + "\r\n" + draw(t, "cte", "", "", "Content-Transfer-Encoding: 7bit\r\n", "Content-Transfer-Encoding: 8bit\r\n") + "\r\n")
	out.WriteString(draw(t, "preamble", "", "This is a multi-part message in MIME format.\r\n", "\r\n"))
	for _, p := range parts {
		out.WriteString("--" + b + draw(t, "padding", "", "", " ", "\t") + "\r\n" + p + "\r\n")
	}
	out.WriteString("--" + b + "--" + draw(t, "epilogue", "", "\r\n", "\r\n\r\nepilogue\r\n"))
	return out.String()
}

// header is what an agent's client and the first server write. Everything in it stays at home.
func (n *nasty) header(t *rapid.T) string {
	fields := []string{
		"From: =?utf-8?q?Marie_" + secret + "?= <marie@" + secret + ".example>", "To: undisclosed-recipients:;, testesr2020+rejet@" + secret + ".example", "Cc: autre@" + secret + ".example",
		"Bcc: autre@" + secret + ".example", "Received: from [192.0.2.7] (" + secret + ")\r\n\tby mx." + secret + ".example; Tue, 9 Mar 2021 10:00:00 +0100", "X-Originating-IP: [192.0.2.7]",
		"User-Agent: Mozilla Thunderbird " + secret, "X-Mailer: Microsoft Outlook 16.0 " + secret, "Thread-Index: Adb4" + secret, "Thread-Topic: " + secret,
		"Disposition-Notification-To: <marie@" + secret + ".example>", "Return-Receipt-To: marie@" + secret + ".example", "Message-ID: <" + secret + "@laptop.local>",
		"References: <" + secret + "@a>\r\n <" + secret + "@b>", "In-Reply-To: <" + secret + "@b>", "Subject: [TESTESR2020] " + secret, "Subject: =?iso-8859-1?Q?R=E9ponse_" + secret + "?=", "Subject: R\xe9ponse " + secret,
		"X-MS-Has-Attach: yes " + secret, "x-ms-exchange-organization-authas: Internal " + secret, "Autocrypt: addr=marie@" + secret + ".example;\r\n keydata=\r\n mQ" + secret, "Sender: " + secret + "@x.example",
		"Reply-To: " + secret + "@x.example", "Keywords: " + secret, "Comments: " + secret, "List-Id: <" + secret + ">", "DKIM-Signature: v=1; d=" + secret, "X-Face: " + secret, "Organization: " + secret, "Date: Tue, 9 Mar 2021 10:00:00 +0100 (" + secret + ")",
		"MIME-Version: 1.0 (Apple Message framework " + secret + ")", "mime-version: 1.0", "Content-Language: fr", "X-Empty:", "X-Folded:\r\n \r\n\t" + secret,
	}
	var out strings.Builder
	for _, f := range rapid.SliceOfN(rapid.SampledFrom(fields), 3, 14).Draw(t, "header") {
		out.WriteString(f + "\r\n")
	}
	return out.String()
}

// body is what a person reads first, in the orders in which clients put its forms.
func (n *nasty) body(t *rapid.T) string {
	switch draw(t, "shape", "text", "html", "alternative", "alternative-related", "related-alternative", "apple", "apple-text", "invitation", "notes") {
	case "text":
		return n.words(t)
	case "html":
		return n.html(t, "")
	case "alternative":
		return n.multipart(t, "alternative", n.words(t), n.html(t, ""))
	case "alternative-related": // Outlook, Gmail
		text, image, id := n.words(t), "", ""
		image, id = n.image(t)
		return n.multipart(t, "alternative", text, n.multipart(t, "related", n.html(t, id), image))
	case "related-alternative": // Zimbra, Thunderbird of old
		image, id := n.image(t)
		return n.multipart(t, "related", n.multipart(t, "alternative", n.words(t), n.html(t, id)), image)
	case "apple": // a file in the midst of the HTML
		return n.multipart(t, "alternative", n.words(t), n.multipart(t, "mixed", n.html(t, ""), n.file(t), "Content-Type: text/html; charset=us-ascii\r\n\r\n<html><body>-- <br>Marie</body></html>\r\n"))
	case "apple-text":
		return n.multipart(t, "mixed", n.words(t), n.file(t), "Content-Type: text/plain; charset=us-ascii\r\n\r\nMarie\r\n")
	case "invitation":
		ics := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
		n.files["ics"] = []byte(ics)
		return n.multipart(t, "alternative", n.words(t), n.html(t, ""), "Content-Type: text/calendar; charset=utf-8; method=REQUEST; name=\"invite.ics\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"+wrapped64(t, []byte(ics), 76))
	}
	// Lotus Notes: everything under related, the text last named
	image, id := n.image(t)
	return n.multipart(t, "related", n.multipart(t, "alternative", n.words(t), n.html(t, id)), image)
}

// words is a text/plain part.
func (n *nasty) words(t *rapid.T) string {
	text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
		"Madame, Monsieur,", "", "Votre réponse à l'appel d'offres n'a pas été retenue.", "From the beginning", ".", "..", "> cité", "-- ", "Marie", "  indenté ", "\tTab", "--trait", "=20 n'est pas un code",
		"un texte très long " + strings.Repeat("mot ", 300), strings.Repeat("x", 1200), "œuvre coûtant 12 €", "fin d'alinéa coulé ", "日本",
	}), 1, 8).Draw(t, "lines"), "\r\n") + "\r\n"
	n.said = append(n.said, text)
	charset := draw(t, "charset", "utf-8", "iso-8859-1", "windows-1252", "iso-8859-15", "us-ascii", "iso-2022-jp", "UTF-8", "\"utf-8\"", "utf-16", "cp932")
	raw, ok := inCharset(charset, text)
	if !ok { // a charset that lies: what most clients did for years
		n.said = n.said[:len(n.said)-1]
		raw, n.splits, n.unjudged = []byte(text), false, true
	}
	typ := "Content-Type: text/plain; charset=" + charset + draw(t, "flowed", "", "", "; format=flowed", "; format=flowed; delsp=yes", "; reply-type=original") + "\r\n"
	switch strings.Trim(charset, "\"") + ok2(ok) {
	case "us-ascii", "UTF-8lies", "us-asciilies":
		typ = draw(t, "untyped", typ, "")
		if typ == "" && !isASCII(text) {
			n.splits = n.splits && ok
		}
	}
	return typ + draw(t, "disposition", "", "", "Content-Disposition: inline\r\n") + n.encoded(t, raw)
}

func ok2(ok bool) string { return map[bool]string{false: "lies"}[ok] }

func inCharset(charset, text string) ([]byte, bool) {
	switch strings.ToLower(strings.Trim(charset, "\"")) {
	case "utf-8":
		return []byte(text), true
	case "us-ascii":
		return []byte(text), isASCII(text)
	case "utf-16": // as Java and others write it
		b, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(text))
		return b, err == nil
	case "cp932":
		b, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte(text))
		return b, err == nil
	case "iso-2022-jp":
		b, err := japanese.ISO2022JP.NewEncoder().Bytes([]byte(text))
		return b, err == nil
	}
	table := map[string]*charmap.Charmap{"iso-8859-1": charmap.ISO8859_1, "windows-1252": charmap.Windows1252, "iso-8859-15": charmap.ISO8859_15}[charset]
	b, err := table.NewEncoder().Bytes([]byte(text))
	return b, err == nil
}

// encoded is the transfer encoding's field and the body.
func (n *nasty) encoded(t *rapid.T, raw []byte) string {
	way := draw(t, "encoding", "8bit", "quoted-printable", "base64", "Quoted-Printable", "BASE64")
	if bytes.IndexByte(raw, 0) >= 0 { // of a charset of two octets, whose octets are no lines
		way = "base64"
	}
	switch way {
	case "8bit":
		return "Content-Transfer-Encoding: 8bit\r\n\r\n" + string(raw)
	case "base64", "BASE64":
		return "Content-Transfer-Encoding: BASE64\r\n\r\n" + wrapped64(t, raw, 76)
	}
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write(raw) // to memory
	_ = w.Close()
	return "Content-Transfer-Encoding: Quoted-Printable\r\n\r\n" + b.String()
}

// html is a text/html part that shows an image when it has its Content-ID.
func (n *nasty) html(t *rapid.T, image string) string {
	said := draw(t, "html words", "Votre réponse n'a pas été retenue.", "Coût : 12 €", "Réponse", "plain words")
	n.said = append(n.said, said)
	img := ""
	if image != "" {
		img = "<img src=\"cid:" + image + "\">"
	}
	source := fmt.Sprintf(draw(t, "document", "<html><body><p>%s</p>%s</body></html>", "<p>%s%s", "<div>%s<table><tr><td>%s", "<html><head><style>p{color:red}</style></head><body lang=FR><!--[if mso]><b>x</b><![endif]--><p class=MsoNormal>%s<o:p></o:p></p>%s</body></html>\r\n",
		"<!DOCTYPE html><HTML><BODY>%s%s</BODY></HTML>", "<body><blockquote type=cite><pre>%s</pre>%s</blockquote><!-- unclosed", "<div dir=\"ltr\">%s</div>%s<script>x</script>", "<html><body>"+strings.Repeat("<span></span>", 200)+"%s%s</body></html>"), said, img)
	charset := draw(t, "html charset", "utf-8", "iso-8859-1", "windows-1252")
	raw, ok := inCharset(charset, source)
	if !ok {
		charset, raw = "utf-8", []byte(source)
	}
	return "Content-Type: text/html; charset=" + charset + "\r\n" + n.encoded(t, raw)
}

// name is a part's two fields, its name written in one of the ways that clients have.
func (n *nasty) name(t *rapid.T, mediaType string) (fields, key string) {
	n.made++
	key = fmt.Sprintf("piece%d", n.made)
	name := draw(t, "name", key+".pdf", "Règlement "+key+".pdf", key+" (2) – été.docx", "日本 "+key+".zip", strings.Repeat("très long nom ", 8)+key+".odt", key+"; x=\"y\".pdf")
	quoted := strings.ReplaceAll(name, "\"", "\\\"")
	pct := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	typ, disp := "Content-Type: "+mediaType, "\r\nContent-Disposition: attachment"
	switch draw(t, "naming", "encoded-word", "rfc2231", "split", "both", "name only") {
	case "encoded-word": // Outlook, Gmail, against RFC 2047
		typ += ";\r\n name=\"" + mime.QEncoding.Encode("utf-8", quotable(name)) + "\""
		disp += ";\r\n filename=\"" + mime.BEncoding.Encode("utf-8", quotable(name)) + "\""
	case "rfc2231":
		disp += ";\r\n filename*=UTF-8''" + pct
	case "split":
		for i := 0; pct != ""; i++ {
			k := min(33, len(pct)) // pieces may cut a character, not an escape
			for k < len(pct) && (pct[k-1] == '%' || pct[k-2] == '%') {
				k++
			}
			disp += fmt.Sprintf(";\r\n filename*%d*=%s%s", i, map[bool]string{true: "utf-8''"}[i == 0], pct[:k])
			pct = pct[k:]
		}
	case "both":
		typ += "; name=\"" + key + ".bin\""
		disp += "; filename=\"" + strings.Map(toASCII, quoted) + "\"; filename*=utf-8'fr'" + pct
	default:
		return typ + ";\r\n\tname=\"" + mime.BEncoding.Encode("utf-8", quotable(name)) + "\"\r\n", key
	}
	return typ + disp + "\r\n", key
}

// quotable leaves out what an encoded word within quotes could not say alike to all readers.
func quotable(s string) string { return strings.NewReplacer("\"", "", ";", "").Replace(s) }

func toASCII(r rune) rune {
	if r >= 0x80 {
		return '_'
	}
	return r
}

func wrapped64(t *rapid.T, raw []byte, width int) string {
	text := base64.StdEncoding.EncodeToString(raw)
	if draw(t, "padding", true, true, false) {
		text = strings.TrimRight(text, "=")
	}
	var out strings.Builder
	for len(text) > 0 {
		k := min(width, len(text))
		out.WriteString(text[:k] + "\r\n")
		text = text[k:]
	}
	return out.String()
}

func (n *nasty) image(t *rapid.T) (part, id string) {
	fields, key := n.name(t, "image/png")
	n.files[key] = append([]byte("\x89PNG"), key...)
	id = key + "@01D6F8A1"
	return strings.Replace(fields, "attachment", "inline", 1) + "Content-ID: <" + id + ">\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrapped64(t, n.files[key], 76), id
}

// file is an attached part.
func (n *nasty) file(t *rapid.T) string {
	kind := draw(t, "file", "base64", "base64", "long line", "dirty", "text", "binary", "uuencode", "message", "digest", "report")
	switch kind {
	case "message", "digest", "report":
		return n.attachedMessage(t, kind)
	}
	fields, key := n.name(t, draw(t, "type", "application/pdf", "application/octet-stream", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "image/jpeg"))
	content := append([]byte(key+"\x00\xff"), rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")...)
	n.files[key] = content
	switch kind {
	case "long line": // what SMTP refuses has to be encoded anew
		return fields + "Content-Transfer-Encoding: base64\r\n\r\n" + wrapped64(t, bytes.Repeat(content, 1), 100_000)
	case "dirty": // as broken gateways leave it
		text := wrapped64(t, content, 60)
		return fields + "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Replace(text, "\r\n", draw(t, "dirt", "\r", " \r\n", "\x00\r\n", "\r\n\r\n", "!\r\n"), 1)
	case "text":
		n.files[key] = []byte(key + "\r\nligne é\r\n\r\nfin\r\n")
		return fields + "Content-Transfer-Encoding: 8bit\r\n\r\n" + string(n.files[key])
	case "binary":
		n.files[key] = []byte(key + "\r\nsans fin de ligne \xff\xfe\x80")
		return fields + "Content-Transfer-Encoding: binary\r\n\r\n" + string(n.files[key])
	case "uuencode":
		return fields + "Content-Transfer-Encoding: x-uuencode\r\n\r\n" + uuencoded(content)
	}
	body := wrapped64(t, content, draw(t, "width", 76, 72, 4))
	n.verbatim = append(n.verbatim, body)
	return fields + "Content-Transfer-Encoding: base64\r\n\r\n" + body
}

func uuencoded(content []byte) string {
	var out strings.Builder
	out.WriteString("begin 644 x\r\n")
	for len(content) > 0 {
		line := content[:min(45, len(content))]
		content = content[len(line):]
		out.WriteByte(byte(len(line)) + ' ')
		for i := 0; i < len(line); i += 3 {
			var b [3]byte
			copy(b[:], line[i:])
			for _, s := range [...]byte{b[0] >> 2, b[0]<<4&63 | b[1]>>4, b[1]<<2&63 | b[2]>>6, b[2] & 63} {
				out.WriteByte(map[bool]byte{true: '`', false: s + ' '}[s == 0])
			}
		}
		out.WriteString("\r\n")
	}
	return out.String() + "`\r\nend\r\n"
}

// attachedMessage is one that the agent attached: a file, whose bytes stay, its header too.
func (n *nasty) attachedMessage(t *rapid.T, kind string) string {
	n.made++
	inner := fmt.Sprintf("From: firme@x.example\r\nTo: marie@y.example\r\nSubject: joint%d\r\nContent-Type: multipart/mixed; boundary=in%d\r\n\r\n--in%d\r\n\r\nTexte joint\r\n--in%d\r\nContent-Type: application/pdf; name=dedans.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--in%d--",
		n.made, n.made, n.made, n.made, n.made)
	n.verbatim = append(n.verbatim, inner)
	switch kind {
	case "digest":
		return n.multipart(t, "digest", "\r\n"+inner, "Content-Type: message/rfc822\r\n\r\nSubject: second\r\n\r\nDeux\r\n")
	case "report":
		return n.multipart(t, "report; report-type=delivery-status", "Content-Type: text/plain\r\n\r\nUndelivered\r\n", "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n", "Content-Type: message/rfc822\r\n\r\n"+inner)
	}
	return "Content-Type: message/rfc822; name=\"joint.eml\"\r\nContent-Disposition: attachment; filename=\"joint.eml\"\r\n\r\n" + inner
}
