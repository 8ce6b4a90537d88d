package classify

import (
	"regexp"
	"strings"
)

// exchange is one command of an SMTP session that a report quotes, with its answer.
type exchange struct {
	command string // MAIL, RCPT, DATA, EHLO
	address string // of RCPT
	answer  string
	code    int // of the answer; 0: no failure
}

var (
	clientLine = regexp.MustCompile(`(?i)^\s*(?:>>>|sent <<<)\s*(ehlo|helo|mail from|rcpt to|data|bdat|starttls)\b:?\s*(.*)$`)
	serverLine = regexp.MustCompile(`(?i)^\s*(?:<<<|received >>>)\s*(\d{3}.*)$`)
)

// transcript reads the SMTP session that sendmail and its kin quote: ">>> RCPT To:<…>" for
// what the client said, "<<< 550 …" for the answers.
func transcript(text string) []exchange {
	var session []exchange
	for line := range strings.Lines(text) {
		if !strings.Contains(line, ">>>") && !strings.Contains(line, "<<<") {
			continue
		}
		line = Clip(strings.TrimRight(line, "\r\n \t"), maxDiagnostic)
		if m := clientLine.FindStringSubmatch(line); m != nil {
			command, _, _ := strings.Cut(strings.ToUpper(m[1]), " ")
			if command == "HELO" {
				command = "EHLO"
			}
			session = append(session, exchange{command: command, address: firstAddress(m[2])})
			continue
		}
		if m := serverLine.FindStringSubmatch(line); m != nil {
			if len(session) == 0 {
				session = append(session, exchange{command: "CONN"})
			}
			last := &session[len(session)-1]
			last.answer = Clip(strings.TrimSpace(last.answer+"\n"+m[1]), maxDiagnostic)
		}
		if len(session) >= maxRecipients {
			break
		}
	}
	for i := range session {
		session[i].code = replyCode(session[i].answer)
	}
	return session
}

// answerFor is the failure that the session shows for a recipient: that of its own RCPT, or that of
// the last command which failed for all.
func answerFor(session []exchange, address string) (exchange, bool) {
	var found exchange
	ok := false
	for _, e := range session {
		if e.code == 0 {
			continue
		}
		if e.command == "RCPT" && e.address != "" && strings.EqualFold(e.address, address) {
			return e, true
		}
		if e.command != "RCPT" || e.address == "" {
			found, ok = e, true
		}
	}
	return found, ok
}
