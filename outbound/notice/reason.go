package notice

import (
	"encoding/json"
	"regexp"
	"strings"

	"vaguemestre/gateway"
)

// cause is why a letter failed, from the details of its event: those of our own SMTP dialogue or
// those of a report. Erased details leave it empty.
type cause struct {
	Host       string `json:"host"`
	Code       int    `json:"code"`
	Enhanced   string `json:"enhanced"`
	Said       string `json:"reply"`
	Stage      string `json:"stage"`
	Cause      string `json:"cause"`
	Status     string `json:"status"`
	Diagnostic string `json:"diagnostic"`
	Reporting  string `json:"reporting_mta"`
	Remote     string `json:"remote_mta"`
	Word       string `json:"reason"`
}

func causeOf(e gateway.Event) cause {
	var c cause
	_ = json.Unmarshal(e.Details, &c) // erased: there is nothing to say
	if c.Status == "" {
		c.Status = c.Enhanced
	}
	if c.Said == "" {
		c.Said = c.Diagnostic
	}
	return c
}

// by is who said no, as far as it is known.
func (c cause) by() string {
	switch {
	case c.Remote != "":
		return c.Remote
	case c.Reporting != "":
		return c.Reporting
	}
	return c.Host
}

// The reasons that the templates explain.
const (
	unknownUser   = "user-unknown"
	unknownDomain = "domain-unknown"
	badAddress    = "bad-address"
	moved         = "moved"
	disabled      = "mailbox-disabled"
	full          = "mailbox-full"
	tooLarge      = "too-large"
	unreachable   = "unreachable"
	loop          = "loop"
	content       = "content"
	refused       = "refused"
	limited       = "rate-limited" // greylisting too: the letter may pass when it is sent again
	temporary     = "temporary"
	international = "international"
	ourRelay      = "relay" // it is our own smarthost that failed
	other         = "other"
)

// byStatus maps subject and detail of an enhanced status (RFC 3463 §3, RFC 7504, RFC 6531) to a
// reason; a subject alone stands for the details that are not named.
var byStatus = map[string]string{
	"1.0": badAddress, "1.1": unknownUser, "1.2": unknownDomain, "1.3": badAddress, "1.4": badAddress, "1.6": moved, "1.10": unknownDomain, "1": badAddress,
	"2.0": disabled, "2.1": disabled, "2.2": full, "2.3": tooLarge, "2": disabled,
	"3.4": tooLarge, "3": unreachable,
	"4.6": loop, "4.4": unknownDomain, "4": unreachable,
	"6.7": international, "6.9": international, "6": content,
	"7.28": limited, "7": refused,
}

// byWord maps the reasons that reports are given to the sentences: several come to the same for an agent. It is believed
// before the status, which servers misuse.
var byWord = map[string]string{
	"user-unknown": unknownUser, "moved": moved, "suspended": disabled, "mailbox-full": full, "host-unknown": unknownDomain, "not-accepting": unknownDomain,
	"too-big": tooLarge, "content": content, "non-compliant": content, "syntax": content,
	"filtered": refused, "rejected": refused, "blocked": refused, "reputation": refused, "reverse-dns": refused, "authentication": refused, "spam": refused,
	"virus": refused, "policy": refused, "security": refused, "relaying": refused, "rate-limited": limited,
	"expired": unreachable, "network": unreachable, "tls": unreachable, "system": unreachable, "mailer": unreachable,
}

// Explains tells whether the notices have a sentence for a reason that reports are given.
func Explains(word string) bool { return byWord[word] != "" }

// reason is the key of the sentence.
func (c cause) reason() string {
	r := c.named()
	if !c.passing() {
		return r
	}
	switch r {
	case unknownUser, badAddress:
		return temporary // an agent would look for another address in vain
	case unknownDomain:
		return unreachable
	}
	return r
}

var answerCode = regexp.MustCompile(`^(?:smtp; *)?([45])[0-5][0-9]\b`)

// passing tells an answer that may be another later (RFC 5321 §4.2.1, RFC 3463 §2): the server's reply code says so before the
// status, which those that it passed through write too.
func (c cause) passing() bool {
	if c.Code != 0 {
		return c.Code/100 == 4
	}
	if m := answerCode.FindStringSubmatch(strings.ToLower(c.Said)); m != nil {
		return m[1] == "4"
	}
	return strings.HasPrefix(c.Status, "4")
}

// named is the reason by what was understood of the report's words, else by status.
func (c cause) named() string {
	_, rest, _ := strings.Cut(c.Status, ".")
	if r, ok := byWord[c.Word]; ok && !(r == unreachable && byStatus[rest] == loop) && !(r == content && byStatus[rest] == international) {
		return r
	}
	switch c.Stage {
	case "connect", "hello", "tls", "auth", "compose":
		return ourRelay // whatever it said: the letter never came near the company
	}
	if r, ok := byStatus[rest]; ok {
		return r
	}
	first, _, _ := strings.Cut(rest, ".")
	if r, ok := byStatus[first]; ok {
		return r
	}
	return other
}
