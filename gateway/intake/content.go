package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/message"
)

// weighed: the files, read once for their sizes and hashes, are within the limit of the sending mode.
func (x *exam) weighed(context.Context) ([]*gateway.Fault, error) {
	total := int64(0)
	for _, p := range x.msg.Files() {
		sum := sha256.New()
		n, err := io.Copy(sum, p.Decoded())
		if err != nil {
			return nil, fmt.Errorf("read a file: %w", err)
		}
		total += n
		x.files = append(x.files, gateway.File{Name: p.Filename(), MediaType: p.MediaType, Size: n, SHA256: gateway.Hash(sum.Sum(nil)), Part: p.Path})
	}
	o := x.in.o
	switch {
	case x.options.Acknowledged && total > o.MaxAcknowledged:
		return one(refuse("refuse.files-acknowledged", "Size", total, "Max", o.MaxAcknowledged)), nil
	case !x.options.Acknowledged && total > o.MaxPlain:
		return one(refuse("refuse.files-plain", "Size", total, "Max", o.MaxPlain, "Other", o.MaxAcknowledged)), nil
	}
	return nil, nil
}

// titled: a subject, the model's when there is none.
func (x *exam) titled(context.Context) ([]*gateway.Fault, error) {
	if x.subject == "" {
		x.subject = x.in.d.Kinds.Subject(x.kind.Code, x.consultation.Language, x.fields())
	}
	if left := x.in.d.Kinds.Unfilled(x.kind.Code, x.consultation.Language, x.subject); len(left) > 0 {
		return one(refuse("refuse.placeholder", "Placeholders", named(left))), nil
	}
	if n := utf8.RuneCountInString(x.subject); n > maxSubject {
		return one(refuse("refuse.long-subject", "Length", n, "Max", maxSubject)), nil
	}
	return nil, nil
}

func (x *exam) fields() kinds.Fields {
	return kinds.FieldsOf(x.consultation.Block(), x.options.Reply.By)
}

// written: a text, nothing left to fill in; the model's when there is none.
func (x *exam) written(context.Context) ([]*gateway.Fault, error) {
	plain, source, err := x.texts()
	if errors.Is(err, message.ErrCut) {
		return one(message.TooLong()), nil
	}
	if err != nil {
		return nil, err
	}
	rich := ""
	x.text = unsigned(plain)
	if x.text == "" || mayHoldPlaceholder(source) {
		rich = message.HTMLToText(source)
	}
	if x.text == "" {
		x.text = unsigned(rich)
	}
	if x.text == "" && !x.msg.Kind().Protected() {
		return x.fromModel(message.HTMLShowsImages(source, !x.options.Acknowledged)), nil
	}
	left := x.in.d.Kinds.Unfilled(x.kind.Code, x.consultation.Language, plain)
	for _, p := range x.in.d.Kinds.Unfilled(x.kind.Code, x.consultation.Language, rich) {
		if !slices.Contains(left, p) {
			left = append(left, p)
		}
	}
	if howTo := catalog.Text(x.in.o.Language, "model.mark", nil); kinds.Holds(plain, howTo) || kinds.Holds(rich, howTo) {
		left = append([]string{howTo + "…]"}, left...)
	}
	if len(left) > 0 {
		return one(refuse("refuse.placeholder", "Placeholders", named(left))), nil
	}
	return nil, nil
}

// fromModel takes the model's text for an empty one. Where that text waits to be filled in, files and pictures speak for
// themselves: a letter signed on paper and scanned needs no other words.
func (x *exam) fromModel(pictured bool) []*gateway.Fault {
	model := x.in.d.Kinds.Body(x.kind.Code, x.consultation.Language, x.fields())
	left := x.in.d.Kinds.Unfilled(x.kind.Code, x.consultation.Language, model)
	if len(left) > 0 && (pictured || len(x.msg.Files()) > 0) {
		return nil
	}
	x.text, x.model = model, model
	if len(left) == 0 {
		return nil
	}
	control, _ := x.in.grammar.Format(address.Wish{Name: x.consultation.Address, Type: x.kind.Code, Action: address.Model})
	return one(refuse("refuse.placeholder-model", "Type", x.kind.Name(x.in.o.Language), "Placeholders", named(left), "Address", control))
}

// named shows passages to fill in by their beginnings, which is enough to find them.
func named(passages []string) []string {
	const most, begin = 5, 50
	shown := make([]string, 0, len(passages))
	for _, p := range passages {
		if runes := []rune(p); len(runes) > begin {
			p = strings.TrimRight(string(runes[:begin]), " ,;:") + "…]"
		}
		shown = append(shown, p)
	}
	if len(shown) > most {
		shown = append(shown[:most-1], "…")
	}
	return shown
}

// texts reads what the agent wrote, as text and as HTML; either may be empty. message.ErrCut for what a page could not show whole: a
// plain letter that is wrapped as it is may be longer.
func (x *exam) texts() (plain, source string, err error) {
	wrapped := !x.options.Acknowledged && x.msg.Kind().Protected()
	if plain, err = textOf(x.msg.Text(), wrapped); err != nil {
		return "", "", err
	}
	source, err = textOf(x.msg.HTML(), wrapped)
	return plain, source, err
}

// mayHoldPlaceholder tells cheaply that no placeholder, which begins with a bracket, is in an HTML text: taking its
// words out is dear.
func mayHoldPlaceholder(html string) bool {
	return slices.ContainsFunc([]string{"[", "&#", "&lbrack", "&lsqb"}, func(bracket string) bool { return strings.Contains(html, bracket) })
}

func textOf(p *message.Part, cut bool) (string, error) {
	if p == nil {
		return "", nil
	}
	text, err := p.Text(message.MaxText)
	if cut {
		err = message.Uncut(err)
	}
	if err != nil {
		return "", fmt.Errorf("read the text: %w", err)
	}
	return text, nil
}

var (
	// signature begins a signature: RFC 3676 §4.3, with or without its final space.
	signature = regexp.MustCompile(`(?m)^--[ \x{a0}]?\r?$`)
	// mobile is a line that telephones add by themselves.
	mobile = regexp.MustCompile(`(?im)^\s*(?:envoyé (?:de|depuis|à partir d)|sent (?:from|with|via)|obtenez outlook|get outlook|télécharger outlook|provenance :)[^\r\n]{0,120}\r?$`)
)

// unsigned is a text without its signature, nor white space around it. What is left empty is an empty text.
func unsigned(text string) string {
	if strings.Contains(text, "--") {
		if at := signature.FindStringIndex(text); at != nil {
			text = text[:at[0]]
		}
	}
	if mayBeMobile(text) {
		text = mobile.ReplaceAllString(text, "")
	}
	return strings.Trim(text, " \t\r\n\u00a0\u200b\ufeff")
}

// mayBeMobile tells cheaply that the expression mobile cannot match: it is dear, and most texts have none of its words.
func mayBeMobile(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{"envoyé ", "sent from", "sent with", "sent via", "outlook", "provenance :"}, func(word string) bool { return strings.Contains(text, word) })
}

// excerpt is the beginning of the text on one line, for lists. The rest of a long text is not looked at.
func excerpt(text string) string {
	var b strings.Builder
	left := excerptLength
	for word := range strings.FieldsSeq(text) {
		if b.Len() > 0 {
			word = " " + word
		}
		for _, r := range word {
			if left--; left < 0 {
				return b.String()
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// composed: the message of the first recipient can be made.
func (x *exam) composed(context.Context) ([]*gateway.Fault, error) {
	x.courier = x.prospect()
	if len(x.targets) == 0 {
		return nil, nil
	}
	shown, err := x.invited()
	if err != nil {
		return nil, err
	}
	if len(shown) > 0 {
		return one(refuse("refuse.compose.invitation", "Addresses", shown)), nil
	}
	x.addressed = x.recipients(x.courier.ID)
	err = x.in.d.Composer.Try(x.courier, x.addressed[0], x.s.Message.ReaderAt())
	if err == nil {
		return nil, nil
	}
	if f := gateway.FaultOf(err); f.Class == gateway.Permanent {
		return one(f), nil
	}
	return nil, fmt.Errorf("compose the first message: %w", err)
}

// invited gives the addresses that an invitation of the agent's mail client would show to those whom they do not concern:
// of other recipients, whether of this submission or of another of the same message, and of the gateway's domain (promise 4).
func (x *exam) invited() (shown []string, err error) {
	named, err := x.msg.Invited()
	if err != nil {
		return nil, fmt.Errorf("read an invitation: %w", err)
	}
	for _, address := range named {
		_, domain, _ := strings.Cut(address, "@")
		if strings.EqualFold(domain, x.in.o.Domain) || x.writtenTo(address) {
			shown = append(shown, address)
		}
	}
	return shown, nil
}

// writtenTo tells whether somebody beside the reader of a letter, and its author, is written to at the address.
func (x *exam) writtenTo(address string) bool {
	is := func(other string) bool { return strings.EqualFold(other, address) }
	if slices.ContainsFunc(x.s.Agent.Addresses, is) {
		return false
	}
	if slices.ContainsFunc(x.targets, func(t target) bool { return is(t.address) }) {
		return len(x.targets) > 1
	}
	h := x.msg.Header()
	return slices.ContainsFunc(slices.Concat(h.Addresses("To"), h.Addresses("Cc")), func(a *mail.Address) bool { return is(a.Address) })
}
