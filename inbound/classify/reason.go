package classify

import (
	"strings"
)

// reasonFrom says why: from the answer itself, then from all that is said of the recipient, then
// from a status code that is precise, from single words of the answer, from any status code, and last from what the
// report's whole text says; the words of no server are read singly when all else is silent.
func (r *Report) reasonFrom(words, about string, whole Reason) Reason {
	if reason := r.reasonInWords(words); reason != Undefined {
		return reason
	}
	if reason := r.reasonInWords(Clip(about, 4<<10)); reason != Undefined {
		return reason
	}
	if !catchAll[strings.TrimLeft(r.Status, "45")] {
		if reason := reasonOfStatus(r.Status); reason != Undefined {
			return reason
		}
	}
	keyword := r.keyword(words)
	if answered := replyCode(words) != 0 || enhancedCode(words) != ""; answered && keyword != Undefined {
		return keyword
	}
	if reason := reasonOfStatus(r.Status); reason != Undefined {
		return reason
	}
	if whole = r.weigh(whole); whole != Undefined {
		return whole
	}
	return keyword
}

// keyword reads single words. That an address does not exist is believed of a server's answer that is about a mailbox
// (RFC 5321 §4.2.3: 550, 551, 553) and of nothing else: an agent would look for another address.
func (r *Report) keyword(words string) Reason {
	reason := r.weigh(lookUp(keywordRules, fold(words)))
	switch reason {
	case UserUnknown, HostUnknown, Suspended, Moved:
		if code := replyCode(words); code != 550 && code != 551 && code != 553 {
			return Undefined
		}
	}
	return reason
}

// reasonInWords looks the words up in the rules.
func (r *Report) reasonInWords(text string) Reason {
	return r.weigh(reasonIn(text))
}

// reasonIn looks up what words mean by themselves.
func reasonIn(text string) Reason {
	text = fold(text)
	if text == "" {
		return Undefined
	}
	for _, rules := range [...][]reasonRule{providerCodes, exactRules, reasonRules} {
		if reason := lookUp(rules, text); reason != Undefined {
			return reason
		}
	}
	return Undefined
}

func fold(text string) string { return strings.ToLower(oneLine(text)) }

// lookUp is the reason of the first rule that a folded text meets.
func lookUp(rules []reasonRule, text string) Reason {
	for _, rule := range rules {
		if rule.pattern.MatchString(text) {
			return rule.reason
		}
	}
	return Undefined
}

// catchAll are the codes that servers give when they would rather not say.
var catchAll = map[string]bool{".0.0": true, ".3.0": true, ".5.0": true, ".7.0": true, ".7.1": true}

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
