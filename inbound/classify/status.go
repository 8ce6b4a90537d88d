package classify

import (
	"regexp"
	"strconv"
	"strings"
)

// enhancedCode finds the first enhanced status code (RFC 3463 §2) of a text, or "". Codes of
// success are found only when no failure's is. Numbers of four parts are network addresses.
func enhancedCode(text string) string {
	success := ""
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '2' && c != '4' && c != '5' || i > 0 && (isDigit(text[i-1]) || text[i-1] == '.') {
			continue
		}
		end := enhancedEnd(text, i)
		if end == 0 {
			continue
		}
		if c != '2' {
			return text[i:end]
		}
		if success == "" {
			success = text[i:end]
		}
	}
	return success
}

// enhancedEnd is where the code that starts at i ends, or 0 when there is none.
func enhancedEnd(text string, i int) int {
	i++
	for range 2 {
		if i >= len(text) || text[i] != '.' {
			return 0
		}
		start := i + 1
		for i++; i < len(text) && isDigit(text[i]); i++ {
		}
		if n := i - start; n == 0 || n > 3 || n > 1 && text[start] == '0' {
			return 0
		}
	}
	if i < len(text) && (isLetter(text[i]) || text[i] == '.' && i+1 < len(text) && isDigit(text[i+1])) {
		return 0
	}
	return i
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// vague tells a code that says no more than "failed": absent, or x.0.0.
func vague(status string) bool {
	return len(status) < 5 || strings.HasSuffix(status, ".0.0")
}

var replyCodes = regexp.MustCompile(`(?:^|[\s:;>("'\[#,=])([245][0-5][0-9])(?:[\s\-#.,:;)'"\]]|$)`)

// replyCode finds the SMTP reply code of a text: the first failure. 0: none.
func replyCode(text string) int {
	for _, m := range replyCodes.FindAllStringSubmatch(text, 8) {
		if m[1][0] != '2' {
			n, _ := strconv.Atoi(m[1])
			return n
		}
	}
	return 0
}

// successCode is the SMTP reply code of a success. 0: unknown.
func successCode(text string) int {
	for _, m := range replyCodes.FindAllStringSubmatch(text, 4) {
		if m[1][0] == '2' {
			n, _ := strconv.Atoi(m[1])
			return n
		}
	}
	return 0
}

// bestStatus reads the status of a recipient from the Status field and the remote server's
// words. The reporter's field prevails unless the words are more precise: a reporter that
// does not understand its peer writes x.0.0 or the code of its own giving up.
func bestStatus(reported, words string, smtp bool) string {
	said := enhancedCode(words)
	switch {
	case said == "" || said[0] == '2' && reported != "":
		return reported
	case vague(reported) || smtp && !vague(said) && replyCode(words) != 0:
		return said
	}
	return reported
}

// commands are the ways in which reporters say which SMTP command was answered; the first
// that matches decides.
var commands = []struct {
	command string
	pattern phrases
}{
	{"DATA", words(
		`in reply to (the )?(end of )?data( command)?`, `after end of data`, `did not like our (final )?data`, `end of data`,
		`after i sent the message`, `\[data\]`, `\(data\)`, `for text command`, `sending data`,
		`(^|\n) *(-+)?smtp command\s+data\b`, `smtp:data`,
	)},
	{"RCPT", words(
		`in reply to rcpt to`, `after rcpt( to)?`, `did not like our rcpt`, `\[rcpt_to\]`, `does not like recipient`,
		`for rcpt to response`, `rcpt to response`, `\(rcpt to\)`, `smtp:rcpt`, `for rcpt command`, `recipient address rejected`,
		`(^|\n) *(-+)?smtp command\s+rcpt\b`,
	)},
	{"MAIL", words(
		`in reply to mail from`, `after mail from`, `did not like our mail`, `does not like sender`, `\[mail_from\]`,
		`\(mail from\)`, `server rejected mail from`, `sender address rejected`, `for mail from`,
	)},
	{"EHLO", words(`in reply to (ehlo|helo)`, `after (ehlo|helo)`, `did not like our (ehlo|helo)`, `\[ehlo\]`, `my name was rejected`)},
	{"CONN", words(
		`while performing the initial (protocol )?(greeting|handshake)`, `after initial connection`,
		`connection established but no greeting`, `connect to \S+\[\S*\](:\d+)?:`, `connected to \S+ but greeting failed`,
		`refused to talk to me`,
	)},
}

// commandOf says which SMTP command a failure answered, or "".
func commandOf(lower string) string {
	for _, c := range commands {
		if c.pattern.MatchString(lower) {
			return c.command
		}
	}
	return ""
}

// statusReasons read the enhanced code where the words say nothing (RFC 3463 §3, IANA
// registry "SMTP Enhanced Status Codes"). The longest prefix decides.
var statusReasons = []struct {
	code   string // without the class digit
	reason Reason
}{
	{".1.0", UserUnknown}, {".1.1", UserUnknown}, {".1.2", HostUnknown}, {".1.3", UserUnknown}, {".1.4", UserUnknown},
	{".1.6", Moved}, {".1.7", Rejected}, {".1.8", Rejected}, {".1.9", Relaying}, {".1.10", NotAccepting}, {".2.0", Undefined},
	{".2.1", Suspended}, {".2.2", MailboxFull}, {".2.3", TooBig}, {".2.4", Filtered}, {".3.0", System}, {".3.1", System},
	{".3.2", NotAccepting}, {".3.3", System}, {".3.4", TooBig}, {".3.5", System}, {".3.6", Network}, {".4.0", Network},
	{".4.1", Expired}, {".4.2", Expired}, {".4.3", System}, {".4.4", HostUnknown}, {".4.5", System}, {".4.6", Network},
	{".4.7", Expired}, {".4.8", Network}, {".5.0", Undefined}, {".5.1", Syntax}, {".5.2", Syntax}, {".5.3", RateLimited},
	{".5.4", Syntax}, {".5.5", Syntax}, {".5.6", TooBig}, {".6.0", Content}, {".6.1", Content}, {".6.2", Content},
	{".6.3", Content}, {".6.5", Content}, {".6.6", Content}, {".6.7", Content}, {".6.8", Content}, {".6.9", Content},
	{".7.0", Security}, {".7.1", Security}, {".7.2", Rejected}, {".7.3", Security}, {".7.4", TLS}, {".7.5", TLS}, {".7.6", Security},
	{".7.7", Policy}, {".7.8", Security}, {".7.9", Security}, {".7.10", Security}, {".7.11", Security}, {".7.12", Security},
	{".7.13", Suspended}, {".7.14", Security}, {".7.16", Policy}, {".7.17", Moved}, {".7.18", Moved}, {".7.20", Authentication},
	{".7.21", Authentication}, {".7.22", Authentication}, {".7.23", Authentication}, {".7.24", Authentication},
	{".7.25", ReverseDNS}, {".7.26", Authentication}, {".7.27", Rejected}, {".7.28", RateLimited}, {".7.29", Authentication},
	{".7.30", TLS}, {".7.509", Authentication}, {".7.515", Authentication}, {".7.606", Blocked}, {".7.54", Relaying},
	{".7.64", Relaying}, {".1.351", UserUnknown}, {".4.316", Expired}, {".4.300", Expired}, {".4.310", HostUnknown},
	{".4.312", Network},
}
