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
	whole     *wholeText       // what the report's text as a whole says; see (*view).asWhole
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

func (v *view) hasAny(names []string) bool {
	for _, name := range names {
		if v.header.Has(name) {
			return true
		}
	}
	return false
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

// wholeText is what the text of a report says without regard to recipients.
type wholeText struct {
	reason  Reason
	delayed bool // it still waits
	arrived bool
}

// asWhole reads the report's whole text, once for all of its recipients.
func (v *view) asWhole(own string) wholeText {
	if v.whole == nil {
		own = Clip(own, 8<<10)
		lower := strings.ToLower(oneLine(v.subject + " \n " + own))
		final := finalWords.MatchString(lower)
		v.whole = &wholeText{
			reason: reasonIn(own), delayed: !final && delayWords.MatchString(lower), arrived: !final && deliveredWords.MatchString(lower),
		}
	}
	return *v.whole
}

// prose is the reporter's own words: the text up to where it begins to quote our message; rest is the quotation.
// A report may begin with trace fields of its own.
func (v *view) prose() (own, rest string) {
	for at := 0; at < len(v.text); {
		end := len(v.text)
		if i := strings.IndexByte(v.text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := strings.ToLower(Clip(strings.Trim(v.text[at:end], "> \t\r\n"), 200))
		if originalStarts.MatchString(line) && strings.TrimSpace(v.text[:at]) != "" {
			return v.text[:at], v.text[at:]
		}
		at = end
	}
	return v.text, ""
}
