package compose

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// Reminder is a second call to a recipient who has not read: the same link, a message of its own.
type Reminder struct {
	Number int       // from 1
	Date   time.Time // of this reminder; stored, so that every attempt sends the same bytes
}

// MessageID is the reminder's own: a server that has seen the letter would drop a second message
// under the letter's.
func (m Reminder) MessageID(r gateway.Recipient) string {
	return strings.Replace(r.MessageID, "<", "<relance-"+strconv.Itoa(m.Number)+".", 1)
}

// Remind writes a reminder of an acknowledged letter. Errors as Letter's; a plain letter has nothing
// to be reminded of.
func Remind(w io.Writer, c gateway.Courier, r gateway.Recipient, a Addresses, m Reminder) error {
	return shipped().remind(w, c, r, a, m)
}

func (all composer) remind(w io.Writer, c gateway.Courier, r gateway.Recipient, a Addresses, m Reminder) error {
	if !c.Options.Acknowledged || m.Number < 1 || m.Date.IsZero() {
		return errors.New("compose: no reminder of a letter without acknowledgement, a number or a date")
	}
	edition, err := all.of(c, a)
	if err != nil {
		return err
	}
	zone := c.Context.Location()
	v := edition.view(c, r, a, zone)
	v.Sent = inWords(v.Language, c.Composition.Date, zone)
	subject, err := v.line("reminder-subject")
	if err != nil {
		return err
	}
	a.References = append(a.References[:len(a.References):len(a.References)], r.MessageID)
	r.MessageID = m.MessageID(r)
	c.Subject, c.Composition.Date = subject, m.Date
	header, err := headerOf(c, r, a, zone)
	if err != nil {
		return err
	}
	words, err := v.notification()
	if err != nil {
		return err
	}
	return message.WriteWords(w, header, c.Composition.Boundary, words)
}
