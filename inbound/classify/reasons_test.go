package classify

import "testing"

// What servers say, in our own words after theirs: each line a way of refusing.
func TestReasonsAreReadFromTheWords(t *testing.T) {
	for _, c := range []struct {
		words string
		want  Reason
	}{
		{"550 5.1.1 <x@y.example>: Recipient address rejected: User unknown in virtual alias table", UserUnknown},
		{"550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. LPN416", UserUnknown},
		{"550 5.5.0 Requested action not taken: mailbox unavailable", UserUnknown},
		{"550 No such person at this address", UserUnknown},
		{"Sorry, no mailbox here by that name. (#5.1.1)", UserUnknown},
		{"L'adresse de messagerie que vous avez entrée est introuvable", UserUnknown},
		{"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient x@y.example not found by SMTP address lookup", UserUnknown},
		{"550 #5.1.0 Address rejected x@y.example: utilisateur inconnu", UserUnknown},
		{"550 5.4.1 Recipient address rejected: Access denied", UserUnknown},
		{"553 sorry, this recipient is not in my validrcptto list (#5.7.1)", UserUnknown},
		{"550 unknown local-part \"x\" in domain", UserUnknown},
		{"Diese Adresse existiert nicht: Empfänger unbekannt", UserUnknown},
		{"550 5.2.1 The email account that you tried to reach is disabled", Suspended},
		{"550 Ce compte est désactivé", Suspended},
		{"554 delivery error: This mailbox is disabled", Suspended},
		{"550 5.1.6 recipient no longer on server", Moved},
		{"552 5.2.2 Over quota", MailboxFull},
		{"La boîte aux lettres du destinataire est pleine", MailboxFull},
		{"452 4.2.2 The email account that you tried to reach is over quota", MailboxFull},
		{"550 5.2.2 STOREDRV.Deliver; mailbox full", MailboxFull},
		{"Quota exceeded. The recipients mailbox is full.", MailboxFull},
		{"Le quota de la boîte est dépassé", MailboxFull},
		{"Host or domain name not found. Name service error for name=nulle.example type=A: Host not found", HostUnknown},
		{"Sorry, I couldn't find any host named nulle.example. (#5.1.2)", HostUnknown},
		{"DNS Error: Domain name not found", HostUnknown},
		{"Unrouteable address", HostUnknown},
		{"556 5.1.10 Domain does not accept mail (nullMX)", NotAccepting},
		{"553 5.1.8 Domain of sender address a@b.example does not exist", Rejected},
		{"550 Sender verify failed", Rejected},
		{"Vous n'avez pas le droit: expéditeur refusé", Rejected},
		{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", Blocked},
		{"550 5.7.606 Access denied, banned sending IP [192.0.2.1]", Blocked},
		{"550 mwinf5c04 ME Adresse IP source bloquee pour incident de spam. OFR006_102", Blocked},
		{"421 4.2.1 Service refuse. Veuillez essayer plus tard. LPN006_107", Blocked},
		{"550 5.7.1 very low reputation of the sending domain", Reputation},
		{"450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", ReverseDNS},
		{"550 5.7.26 This mail is unauthenticated: SPF and DKIM checks failed", Authentication},
		{"550 5.7.1 Email rejected per DMARC policy for b.example", Authentication},
		{"550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", Spam},
		{"554 5.7.1 Message rejected: looks like SPAM", Spam},
		{"554 Votre message a été classé comme indésirable", Spam},
		{"554 5.7.1 virus found in message", Virus},
		{"552 5.3.4 Message size exceeds fixed limit", TooBig},
		{"Message trop volumineux pour ce destinataire", TooBig},
		{"550 5.7.0 Local Policy Violation", Policy},
		{"554 5.7.1 <x@y.example>: Relay access denied", Relaying},
		{"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", Relaying},
		{"530 5.7.0 Must issue a STARTTLS command first", Security},
		{"550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", Security},
		{"421 4.7.0 Too many connections from your IP", RateLimited},
		{"connect to mx.y.example[192.0.2.9]:25: Connection timed out", Expired},
		{"retry timeout exceeded", Expired},
		{"conversation with mx.y.example[192.0.2.9] timed out while receiving the initial server greeting", Expired},
		{"mail for y.example loops back to myself", Network},
		{"This message is looping: it already has my Delivered-To line. (#5.4.6)", Network},
		{"554 5.4.6 Too many hops", Network},
		{"lost connection with mx.y.example[192.0.2.9] while sending RCPT TO", Expired},
		{"451 4.3.0 Temporary server error", System},
		{"x-unix; procmail: out of memory", Mailer},
		{"500 5.5.2 Error: bad syntax, unrecognized command", Syntax},
		{"552 5.6.0 Headers too large (32768 max)", Content},
		{"554 5.7.1 [P4] Message blocked due to spam content", Spam},
		{"550 5.7.511 Access denied, banned sender[192.0.2.1]", Blocked},
		{"450 4.2.0 Greylisted, please try again in 60 seconds", RateLimited},
		{"Le domaine du destinataire n'existe pas", HostUnknown},
		{"Accès refusé : adresse IP en liste noire", Blocked},
		{"Votre message dépasse la taille maximale autorisée", TooBig},
		{"454 4.7.0 TLS not available due to local problem", TLS},
		{"Bonne journée à tous", Undefined},
		{"", Undefined},
	} {
		r := Report{Action: Failed, Status: enhancedCode(c.words)}
		if got := r.reasonFrom(c.words, "", Undefined); got != c.want {
			t.Errorf("%q: %s, want %s", c.words, got, c.want)
		}
	}
}

func TestReasonsOfStatusWhereWordsSayNothing(t *testing.T) {
	for status, want := range map[string]Reason{
		"5.1.1": UserUnknown, "5.1.10": NotAccepting, "5.2.2": MailboxFull, "4.4.7": Expired, "5.7.26": Authentication, "5.0.0": Undefined, "": Undefined, "5.9.9": Undefined,
	} {
		if got := reasonOfStatus(status); got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
}

func TestVocabularyIsBounded(t *testing.T) {
	known := map[Reason]bool{}
	for _, r := range Reasons() {
		known[r] = true
	}
	for _, rule := range reasonRules {
		if !known[rule.reason] {
			t.Errorf("%s is no word of Reasons", rule.reason)
		}
	}
	for _, s := range statusReasons {
		if !known[s.reason] {
			t.Errorf("%s is no word of Reasons", s.reason)
		}
	}
}

func TestCodes(t *testing.T) {
	for text, want := range map[string]string{
		"550 5.1.1 unknown": "5.1.1", "192.0.2.5.1.1": "", "5.1.1": "5.1.1", "(#5.7.1)": "5.7.1", "4.3.2.1 does not like": "", "see 5.7.1.": "5.7.1",
		"version 5.65.1 of 4.4.7": "5.65.1", "2.0.0 then 4.4.1": "4.4.1", "2.1.5 Ok": "2.1.5", "5.1": "", "5.01.1": "", "15.1.1": "", "5.1.1a": "", "5.1.1000": "",
	} {
		if got := enhancedCode(text); got != want {
			t.Errorf("enhancedCode(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int{
		"550 no": 550, "said: 452-4.2.2 full": 452, "port 25000": 0, "250 ok": 0, "smtp;550 5.1.1": 550, "#550 x": 550, "[550]": 550, "1550 a": 0, "": 0,
	} {
		if got := replyCode(text); got != want {
			t.Errorf("replyCode(%q) = %d, want %d", text, got, want)
		}
	}
}
