package classify

import (
	"io"
	"strings"

	"vaguemestre/gateway/message"
)

// view is what of a mail the rules look at: bounded, decoded, the report's own words kept apart
// from the message that it returns.
type view struct {
	header    message.Header
	from      string // address alone, lower case
	fromText  string // From whole, lower case
	subject   string // decoded
	mediaType string
	kind      string   // report-type of multipart/report, lower case
	text      string   // what a person reads first, line ends as LF
	status    []string // bodies of message/delivery-status parts
	receipts  []string // bodies of message/disposition-notification parts
	feedback  []string // bodies of message/feedback-report parts
	original  message.Header
	returned  bool             // original is of a part of its own
	inner     *message.Message // the returned message, when it can be read whole
}

// look gathers the view of a message.
func look(m *message.Message) *view {
	v := &view{header: m.Header()}
	if from := v.header.Addresses("From"); len(from) > 0 {
		v.from = strings.ToLower(from[0].Address)
	}
	v.fromText = strings.ToLower(v.header.Text("From"))
	v.subject = oneLine(v.header.Text("Subject"))
	v.mediaType = m.Root.MediaType
	v.kind = strings.ToLower(m.Root.Params["report-type"])
	v.walk(m.Root, 0)
	if strings.TrimSpace(v.text) == "" {
		v.text = htmlWords(m)
	}
	return v
}

// walk takes what each part is for by its media type, and not by its place, which reporters get wrong.
func (v *view) walk(p *message.Part, depth int) {
	switch p.MediaType {
	case "message/delivery-status", "message/global-delivery-status":
		v.status = append(v.status, bodyOf(p))
	case "message/disposition-notification", "message/global-disposition-notification":
		v.receipts = append(v.receipts, bodyOf(p))
	case "message/feedback-report":
		v.feedback = append(v.feedback, bodyOf(p))
	case "text/rfc822-headers", "message/global-headers":
		v.take([]byte(bodyOf(p)))
	case "message/rfc822", "message/global", "message/partial", "message/rfc822-headers":
		v.embedded(p)
		return // what the returned message contains is not the report's
	case "text/plain", "":
		v.plain(p)
	}
	if depth > 20 {
		return
	}
	for _, child := range p.Children {
		v.walk(child, depth+1)
	}
}

func (v *view) embedded(p *message.Part) {
	if p.Embedded != nil {
		if !v.returned {
			v.original, v.returned, v.inner = p.Embedded.Header(), true, p.Embedded
		}
		return
	}
	v.take([]byte(bodyOf(p)))
}

func (v *view) take(block []byte) {
	if v.returned {
		return
	}
	block = []byte(strings.TrimLeft(string(block), "\r\n"))
	if h, _ := message.ParseHeader(block); len(h.Fields()) > 0 {
		v.original, v.returned = h, true
	}
}

// plain adds a text part to what a person reads. Attached files are no words of the reporter, but
// reporters attach their words.
func (v *view) plain(p *message.Part) {
	if len(v.text) >= maxText {
		return
	}
	text, err := p.Text(maxText)
	if err != nil && text == "" {
		return
	}
	if v.text != "" {
		v.text += "\n\n"
	}
	v.text = Clip(v.text+strings.ReplaceAll(text, "\r\n", "\n"), maxText)
}

// bodyOf reads a machine-readable body. What cannot be read counts as absent.
func bodyOf(p *message.Part) string {
	b, _ := io.ReadAll(io.LimitReader(p.Decoded(), maxFields))
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n", "\n")
}

func htmlWords(m *message.Message) string {
	p := m.HTML()
	if p == nil {
		return ""
	}
	text, _ := p.Text(4 * maxText)
	return Clip(message.HTMLToText(text), maxText)
}

// prose is the reporter's own words: the text up to where it begins to quote our message; rest is the quotation.
func (v *view) prose() (own, rest string) {
	at := originalStarts.FindStringIndex(v.text)
	for at != nil && strings.TrimSpace(v.text[:at[0]]) == "" { // a report that begins with its own trace fields
		next := originalStarts.FindStringIndex(v.text[at[1]:])
		if next == nil {
			return v.text, ""
		}
		at = []int{at[1] + next[0], at[1] + next[1]}
	}
	if at == nil {
		return v.text, ""
	}
	return v.text[:at[0]], v.text[at[0]:]
}
