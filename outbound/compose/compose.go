package compose

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// Addresses are the recipient's own, minted from the tokens.
type Addresses struct {
	Link    string // the whole address of the companies' page; of acknowledged letters
	ReplyTo string // courrier+r-<token>@domain, or nepasrepondre@domain
	Code    string // the short code, when the courier asks for it
	// References are Message-IDs of earlier letters to the same recipient in the thread, oldest first, with their angle
	// brackets. Those of another domain than the gateway's are left out.
	References []string
}

// Letter writes the exact message of one recipient, CRLF line ends, before any signature. content is
// the message as the agent submitted it, of c.Size bytes; it is not read for an acknowledged letter.
//
// Errors: a *gateway.Fault (permanent) when the courier cannot be sent as it is: refuse.compose.recipient,
// .signed-field, .partial, and those of message.Read and message.Splice; any other error is of w, of
// content, or of values that acceptance never stores.
func Letter(w io.Writer, c gateway.Courier, r gateway.Recipient, content io.ReaderAt, a Addresses) error {
	return shipped().letter(w, c, r, content, a)
}

func (all composer) letter(w io.Writer, c gateway.Courier, r gateway.Recipient, content io.ReaderAt, a Addresses) error {
	edition, err := all.of(c, a)
	if err != nil {
		return err
	}
	zone := c.Context.Location()
	header, err := headerOf(c, r, a, zone)
	if err != nil {
		return err
	}
	v := edition.view(c, r, a, zone)
	if c.Options.Acknowledged {
		words, err := v.notification()
		if err != nil {
			return err
		}
		return message.WriteWords(w, header, c.Composition.Boundary, words)
	}
	return plain(w, c, r, content, header, v, zone)
}

// of is the edition of a courier. It refuses values that acceptance never stores: they would be faults of ours.
func (all composer) of(c gateway.Courier, a Addresses) (edition, error) {
	e := all[c.Composition.Version]
	switch {
	case e == nil:
		return nil, fmt.Errorf("compose: version %d is not known here (%d)", c.Composition.Version, Version)
	case !isBoundary(c.Composition.Boundary):
		return nil, errors.New("compose: unusable boundary")
	case c.Options.Acknowledged && !isLink(a.Link):
		return nil, errors.New("compose: unusable link")
	case c.Options.Acknowledged && c.Options.Code && a.Code == "":
		return nil, errors.New("compose: no code for a courier that asks for it")
	}
	return e, nil
}

func isBoundary(b string) bool {
	for i := range len(b) {
		c := b[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '.' || c == '_') {
			return false
		}
	}
	return len(b) >= 16 && len(b) <= 60
}

func isLink(link string) bool {
	if !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") || len(link) > 900 {
		return false
	}
	for i := range len(link) {
		if c := link[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

// plain writes the agent's message with the block.
func plain(w io.Writer, c gateway.Courier, r gateway.Recipient, content io.ReaderAt, header string, v view, zone *time.Location) error {
	m, err := message.Read(content, c.Size, message.Limits{HeaderBytes: 1 << 20, Edition: c.Composition.Version})
	if err != nil {
		return err
	}
	if err := sendable(m, r); err != nil {
		return err
	}
	s := message.Splicing{Header: header, Boundary: c.Composition.Boundary}
	if s.After, err = v.block(); err != nil {
		return err
	}
	if c.Composition.Model != "" {
		if s.Before, err = v.model(c.Composition.Model); err != nil {
			return err
		}
	}
	s.Wrapped = wrappedHeader(c, zone)
	s.Caption = message.CleanName(strings.Map(unslash, c.Subject)) + ".eml"
	return m.Splice(w, s)
}

func unslash(r rune) rune {
	if r == '/' || r == '\\' {
		return '-'
	}
	return r
}

// sendable refuses what would not arrive whole, or would show what must not show.
func sendable(m *message.Message, r gateway.Recipient) error {
	for _, h := range m.KeptHeaders() {
		if name := h.Telling(r.Address); name != "" {
			return refuse("signed-field", map[string]any{"Field": name})
		}
	}
	if m.FragmentHeader().Telling(r.Address) != "" {
		return refuse("partial", nil)
	}
	return nil
}

func refuse(key string, args map[string]any) error {
	f := gateway.Refuse(554, [3]int{5, 6, 0}, "refuse.compose."+key, args)
	f.Op = "compose"
	return f
}
