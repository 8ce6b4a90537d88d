package classify

import "testing"

// The texts of RFC 3463 §3 and of the IANA registry, which servers copy: text and code mean the same, each alone.
func TestStandardTextsMeanWhatTheirCodesMean(t *testing.T) {
	for _, c := range []struct {
		code, text string
		want       Reason
	}{
		{"5.1.1", "Bad destination mailbox address", UserUnknown},
		{"5.1.2", "Bad destination system address", HostUnknown},
		{"5.1.3", "Bad destination mailbox address syntax", UserUnknown},
		{"5.1.4", "Destination mailbox address ambiguous", UserUnknown},
		{"5.1.6", "Destination mailbox has moved, No forwarding address", Moved},
		{"5.1.7", "Bad sender's mailbox address syntax", Rejected},
		{"5.1.8", "Bad sender's system address", Rejected},
		{"5.1.10", "Recipient address has null MX", NotAccepting},
		{"5.2.1", "Mailbox disabled, not accepting messages", Suspended},
		{"5.2.2", "Mailbox full", MailboxFull},
		{"5.2.3", "Message length exceeds administrative limit", TooBig},
		{"5.2.4", "Mailing list expansion problem", Filtered},
		{"5.3.1", "Mail system full", System},
		{"5.3.2", "System not accepting network messages", NotAccepting},
		{"5.3.3", "System not capable of selected features", System},
		{"5.3.4", "Message too big for system", TooBig},
		{"5.3.5", "System incorrectly configured", System},
		{"4.4.1", "No answer from host", Expired},
		{"4.4.2", "Bad connection", Expired},
		{"4.4.3", "Directory server failure", System},
		{"5.4.4", "Unable to route", HostUnknown},
		{"4.4.5", "Mail system congestion", System},
		{"5.4.6", "Routing loop detected", Network},
		{"4.4.7", "Delivery time expired", Expired},
		{"5.5.1", "Invalid command", Syntax},
		{"5.5.2", "Syntax error", Syntax},
		{"5.5.3", "Too many recipients", RateLimited},
		{"5.5.4", "Invalid command arguments", Syntax},
		{"5.5.5", "Wrong protocol version", Syntax},
		{"5.6.1", "Media not supported", Content},
		{"5.6.2", "Conversion required and prohibited", Content},
		{"5.6.3", "Conversion required but not supported", Content},
		{"5.6.5", "Conversion failed", Content},
		{"5.6.7", "Non-ASCII addresses not permitted for that sender/recipient", Content},
		{"5.6.9", "UTF-8 header message cannot be transferred to one or more recipients", Content},
		{"5.7.1", "Delivery not authorized, message refused", Security},
		{"5.7.2", "Mailing list expansion prohibited", Rejected},
		{"5.7.3", "Security conversion required but not possible", Security},
		{"5.7.5", "Cryptographic failure", TLS},
		{"5.7.7", "Message integrity failure", Policy},
		{"5.7.8", "Authentication credentials invalid", Security},
		{"5.7.9", "Authentication mechanism is too weak", Security},
		{"5.7.10", "Encryption needed", Security},
		{"5.7.11", "Encryption required for requested authentication mechanism", Security},
		{"5.7.13", "User Account Disabled", Suspended},
		{"5.7.14", "Trust relationship required", Security},
		{"5.7.17", "Mailbox owner has changed", Moved},
		{"5.7.18", "Domain owner has changed", Moved},
		{"5.7.20", "No passing DKIM signature found", Authentication},
		{"5.7.21", "No acceptable DKIM signature found", Authentication},
		{"5.7.22", "No valid author-matched DKIM signature found", Authentication},
		{"5.7.23", "SPF validation failed", Authentication},
		{"5.7.24", "SPF validation error", Authentication},
		{"5.7.25", "Reverse DNS validation failed", ReverseDNS},
		{"5.7.26", "Multiple authentication checks failed", Authentication},
		{"5.7.27", "Sender address has null MX", Rejected},
		{"5.7.28", "Mail flood detected", RateLimited},
		{"5.7.29", "ARC validation failure", Authentication},
		{"5.7.30", "REQUIRETLS support required", TLS},
	} {
		if got := reasonOfStatus(c.code); got != c.want {
			t.Errorf("%s: %s, want %s", c.code, got, c.want)
		}
		for _, words := range []string{c.text, "550 <x@y.example>: Recipient address rejected: " + c.text} {
			if got := reasonIn(words); got != c.want {
				t.Errorf("%q: %s, want %s", words, got, c.want)
			}
		}
	}
}
