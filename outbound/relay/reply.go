package relay

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Bounds on what a smarthost may say (RFC 5321 §4.5.3.1.5 asks for 512 octets a line).
const (
	maxReplyLine  = 2048
	maxReplyLines = 128
	maxWords      = 2000 // octets of a reply that are kept
)

// reply is one answer of the peer (RFC 5321 §4.2).
type reply struct {
	code  int
	lines []string // without the codes; printable
}

var (
	errReply     = errors.New("the peer's answer is no SMTP reply")
	errReplySize = fmt.Errorf("the peer's answer is over %d lines or %d octets a line", maxReplyLines, maxReplyLine)
)

// readReply reads one reply, of bounded size. The reader's buffer is maxReplyLine.
func readReply(r *bufio.Reader) (reply, error) {
	var rep reply
	for len(rep.lines) < maxReplyLines {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return reply{}, errReplySize
		}
		if err != nil {
			return reply{}, err
		}
		code, text, more, ok := parseReplyLine(line)
		if !ok || rep.code != 0 && code != rep.code {
			return reply{}, errReply
		}
		rep.code = code
		rep.lines = append(rep.lines, text)
		if !more {
			return rep, nil
		}
	}
	return reply{}, errReplySize
}

// parseReplyLine reads "250-text", "250 text" or "250".
func parseReplyLine(line []byte) (code int, text string, more, ok bool) {
	s := strings.TrimRight(string(line), "\r\n")
	if len(s) < 3 || s[0] < '2' || s[0] > '5' {
		return 0, "", false, false
	}
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, "", false, false
		}
		code = code*10 + int(s[i]-'0')
	}
	if len(s) == 3 {
		return code, "", false, true
	}
	if s[3] != ' ' && s[3] != '-' {
		return 0, "", false, false
	}
	return code, printable(s[4:]), s[3] == '-', true
}

// printable makes foreign text fit for logs, pages and proofs.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp): // bidirectional marks too
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// words is what the peer said, lines joined, bounded.
func (r reply) words() string {
	text := strings.Join(r.lines, " / ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// positive tells 2xx.
func (r reply) positive() bool { return r.code/100 == 2 }

// enhanced is the status code of RFC 3463 that the reply begins with, when it has one that
// agrees with its code (RFC 2034 §4).
func (r reply) enhanced() ([3]int, bool) {
	if len(r.lines) == 0 {
		return [3]int{}, false
	}
	first, _, _ := strings.Cut(r.lines[0], " ")
	status, ok := parseStatus(first)
	return status, ok && status[0] == r.code/100
}

func parseStatus(s string) (status [3]int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return status, false
	}
	for i, p := range parts {
		if p == "" || len(p) > 3 {
			return [3]int{}, false
		}
		for _, c := range []byte(p) {
			if c < '0' || c > '9' {
				return [3]int{}, false
			}
			status[i] = status[i]*10 + int(c-'0')
		}
	}
	return status, true
}

// status is the enhanced code, or the general one of its class.
func (r reply) status() [3]int {
	if s, ok := r.enhanced(); ok {
		return s
	}
	return [3]int{r.code / 100, 0, 0}
}

func formatStatus(s [3]int) string { return fmt.Sprintf("%d.%d.%d", s[0], s[1], s[2]) }

// extensions reads the answer to EHLO: keyword in upper case → parameters.
func (r reply) extensions() map[string]string {
	ext := make(map[string]string, len(r.lines))
	for _, line := range r.lines[min(1, len(r.lines)):] {
		keyword, params, _ := strings.Cut(line, " ")
		keyword = strings.ToUpper(keyword)
		// Some old servers write AUTH=LOGIN.
		if mechs, old := strings.CutPrefix(keyword, "AUTH="); old {
			keyword, params = "AUTH", mechs+" "+params
		}
		if before, twice := ext[keyword]; twice {
			params = before + " " + params
		}
		ext[keyword] = params
	}
	return ext
}
