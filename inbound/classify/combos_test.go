package classify

import "testing"

// Servers put the same few things together in their own order: every who with every what.
func TestRefusalsHoweverTheyArePutTogether(t *testing.T) {
	for _, c := range []struct {
		want       Reason
		who, verbs []string
	}{
		{Blocked, []string{
			"your ip", "your ip address", "ip 192.0.2.1", "the ip address 192.0.2.1", "your host", "your server", "your mail server", "client host [192.0.2.1]",
			"sending host 192.0.2.1", "192.0.2.1", "connections from 192.0.2.1", "your network", "mail from 192.0.2.1", "messages from 192.0.2.1",
		}, []string{
			"is blocked", "has been blocked", "is blacklisted", "is on our blocklist", "is listed by a dnsbl", "is banned", "has been denied", "is not allowed",
			"rejected", "refused", "not accepted", "is in a black list", "has been temporarily blocked",
		}},
		{Rejected, []string{
			"sender address", "sender", "your sender address", "sender domain", "the sender's address", "from address", "envelope sender", "return path", "domain of sender address a@b.example",
		}, []string{
			"rejected", "is rejected", "was refused", "is invalid", "does not exist", "is blocked", "not allowed", "is not valid", "denied", "could not be verified", "cannot be verified",
		}},
		{UserUnknown, []string{
			"user", "recipient", "mailbox", "account", "the user you wrote to", "recipient <x@y.example>", "address", "recipient address", "the email address x@y.example", "local user",
		}, []string{
			"unknown", "is unknown", "not found", "could not be found", "does not exist", "doesn't exist", "is not known here", "was not found", "not exist", "is invalid", "no longer exists", "cannot be found",
		}},
		{UserUnknown, []string{"l'utilisateur", "le destinataire", "l'adresse", "le compte", "la boîte", "cette adresse", "l'adresse électronique x@y.example"}, []string{
			"est inconnu", "est inconnue", "n'existe pas", "n'existe plus", "est introuvable", "n'a pas été trouvée", "est invalide", "n'est pas valide",
		}},
		{Suspended, []string{"user", "mailbox", "account", "the account x@y.example", "the email account that you tried to reach", "recipient's mailbox", "address"}, []string{
			"is disabled", "has been disabled", "is suspended", "was suspended", "is inactive", "has been deactivated", "is closed", "is locked", "has been terminated",
		}},
		{Suspended, []string{"le compte", "la boîte", "cette boîte aux lettres", "l'adresse", "ce compte"}, []string{
			"est désactivé", "est désactivée", "a été désactivée", "est suspendu", "est fermée", "a été fermé", "est bloqué", "est inactive", "a été supprimé", "a été clôturée",
		}},
		{MailboxFull, []string{"mailbox", "the mailbox", "recipient's mailbox", "user mailbox", "the recipient's inbox", "x@y.example's mailbox", "user", "account"}, []string{
			"is full", "over quota", "is over quota", "has exceeded its quota", "quota exceeded", "exceeds the quota", "has exceeded its storage limit", "has reached its quota", "is over the allowed quota", "is almost full",
		}},
		{MailboxFull, []string{"la boîte", "la boîte aux lettres", "la messagerie du destinataire", "la boîte de réception du destinataire"}, []string{"est pleine", "est saturée", "a dépassé son quota", "dépasse son quota", "a atteint son quota"}},
		{TooBig, []string{"message", "the message", "your message", "mail", "message size"}, []string{
			"is too large", "too big", "exceeds the maximum size", "exceeds the size limit", "size exceeds the limit", "exceeds maximum message size", "is larger than the limit", "exceeds fixed limit",
		}},
		{Spam, []string{"message", "your message", "this mail", "the e-mail", "content"}, []string{
			"looks like spam", "was considered spam", "has been identified as spam", "rejected as spam", "was classified as unsolicited", "is spam", "has a high spam score", "blocked as spam", "contains spam",
		}},
		{Virus, []string{"message", "your message", "the attachment"}, []string{"contains a virus", "is infected", "contains malware", "was found to contain a virus"}},
		{Relaying, []string{"relaying", "relay", "relay access", "mail relay"}, []string{"denied", "not allowed", "is not permitted", "prohibited", "refused", "forbidden"}},
		{HostUnknown, []string{"domain", "the domain y.example", "host", "host y.example", "recipient domain", "mail domain", "destination domain"}, []string{"not found", "does not exist", "is unknown", "unknown", "is invalid", "doesn't exist", "could not be found"}},
		{RateLimited, []string{"too many", "sending too many", "you have sent too many"}, []string{"messages", "connections", "emails", "recipients", "mails", "messages from your ip", "concurrent connections", "messages in this session"}},
		{Expired, []string{"connection", "the connection to mx.y.example", "connection with mx.y.example"}, []string{"timed out", "refused", "was refused", "reset by peer", "was lost", "was closed by the remote host", "was dropped"}},
	} {
		for _, who := range c.who {
			for _, verb := range c.verbs {
				for _, words := range []string{who + " " + verb, "554 Error: " + who + " " + verb + "."} {
					r := Report{Action: Failed}
					if got := r.reasonFrom(words, "", Undefined); got != c.want {
						t.Errorf("%q: %s, want %s", words, got, c.want)
					}
				}
			}
		}
	}
}
