package classify

import (
	"strings"
)

// reasonFrom says why: from the answer itself, then from all that is said of the recipient, then
// from the status code, then from what the report's whole text says.
func (r *Report) reasonFrom(words, about string, whole Reason) Reason {
	if reason := r.reasonInWords(words); reason != Undefined {
		return reason
	}
	if reason := r.reasonInWords(Clip(about, 4<<10)); reason != Undefined {
		return reason
	}
	if reason := reasonOfStatus(r.Status); reason != Undefined {
		return reason
	}
	return r.weigh(whole)
}

// reasonInWords looks the words up in the rules.
func (r *Report) reasonInWords(text string) Reason {
	return r.weigh(reasonIn(text))
}

// reasonIn looks up what words mean by themselves.
func reasonIn(text string) Reason {
	text = strings.ToLower(oneLine(text))
	if text == "" {
		return Undefined
	}
	for _, rules := range [...][]reasonRule{providerCodes, exactRules, reasonRules} {
		for _, rule := range rules {
			if rule.pattern.MatchString(text) {
				return rule.reason
			}
		}
	}
	return Undefined
}

// weigh reads the reason with the command: what is unknown at MAIL FROM is the sender, and before it our server.
func (r *Report) weigh(reason Reason) Reason {
	if reason != UserUnknown && reason != HostUnknown {
		return reason
	}
	switch {
	case r.Command == "MAIL":
		return Rejected
	case r.Command == "EHLO", r.Command == "CONN" && r.ReplyCode != 0:
		return Blocked
	}
	return reason
}

// reasonOfStatus reads an enhanced code.
func reasonOfStatus(status string) Reason {
	if len(status) < 5 {
		return Undefined
	}
	best, reason := 0, Undefined
	for _, s := range statusReasons {
		if strings.HasPrefix(status[1:], s.code) && len(s.code) > best {
			best, reason = len(s.code), s.reason
		}
	}
	return reason
}
