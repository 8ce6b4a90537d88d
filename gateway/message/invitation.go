package message

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// maxInvitation bounds what is read of a calendar part; an invitation of thousands is shorter.
const maxInvitation = 1 << 20

// Invited gives the addresses that the message's invitations name (ATTENDEE and ORGANIZER, RFC 5545 §3.8.4), each once,
// in lower case: those to whom a mail client writes stand in what it sends to each of them.
func (m *Message) Invited() ([]string, error) {
	var all []string
	var failed error
	m.Root.Walk(func(p *Part) bool {
		if failed == nil && (p.MediaType == "text/calendar" || p.MediaType == "application/ics") {
			var text []byte
			text, failed = io.ReadAll(io.LimitReader(p.Decoded(), maxInvitation))
			all = append(all, attendees(text)...)
		}
		return failed == nil
	})
	slices.Sort(all)
	return slices.Compact(all), failed
}

// attendees reads the properties of an iCalendar object, unfolded (RFC 5545 §3.1).
func attendees(text []byte) (all []string) {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n "), nil), []byte("\n\t"), nil)
	for line := range strings.SplitSeq(strings.ToLower(string(text)), "\n") {
		if !strings.HasPrefix(line, "attendee") && !strings.HasPrefix(line, "organizer") {
			continue
		}
		if at := strings.LastIndex(line, "mailto:"); at >= 0 {
			all = append(all, strings.Trim(line[at+len("mailto:"):], " \"\r\t"))
		}
	}
	return all
}
