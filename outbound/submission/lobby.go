package submission

import (
	"fmt"
	"strings"
)

// lobby speaks with a client that has no TLS yet, until it asks for it (true) or leaves. Six
// commands exist here; whatever else is said gets 530 (RFC 3207 §4), a login 538 (RFC 4954 §6).
func (w *wire) lobby() bool {
	w.line("220 " + w.s.o.Hostname + " ESMTP")
	for {
		line, err := w.command()
		if err != nil {
			return false
		}
		verb, arg, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		switch strings.ToUpper(verb) {
		case "EHLO", "HELO":
			w.hello(strings.ToUpper(verb), strings.TrimSpace(arg))
		case "NOOP", "RSET":
			w.line("250 2.0.0 OK")
		case "QUIT":
			w.line("221 2.0.0 Bye")
			return false
		case "STARTTLS":
			if arg != "" {
				w.line("501 5.5.4 STARTTLS takes no argument")
				continue
			}
			w.line("220 2.0.0 Ready to start TLS")
			return true
		case "AUTH":
			w.s.metrics.limit("no-tls")
			w.say(refusal(538, [3]int{5, 7, 11}, "submission.auth-needs-tls"))
		default:
			w.s.metrics.limit("no-tls")
			w.say(refusal(530, [3]int{5, 7, 0}, "submission.must-start-tls"))
		}
	}
}

func (w *wire) hello(verb, domain string) {
	if domain == "" {
		w.line("501 5.5.2 Domain/address argument required for " + verb)
		return
	}
	if verb == "HELO" {
		w.line("250 " + w.s.o.Hostname)
		return
	}
	for _, capability := range []string{w.s.o.Hostname, "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS", "SMTPUTF8", "DSN"} {
		w.line("250-" + capability)
	}
	w.line(fmt.Sprintf("250 SIZE %d", w.s.o.MaxBytes))
}
