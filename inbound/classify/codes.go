package classify

// providerCodes are the codes of which large providers publish the meaning. They are read before any words: the
// sentence around them is for people, and speaks of policies, spam and connections whatever the reason is.
// Sources: the postmaster pages of Orange (OFR, the same numbers as La Poste's LPN), GoDaddy (IB), Cox (CX), AOL and
// Yahoo, Facebook, Comcast (BL, RL), Outlook.com (SC, DY, OU).
var providerCodes = []reasonRule{
	{RateLimited, words(`\b(ofr|lpn)\d*_(104|305)\b`, `\bib60\d\b`, `\bcx(cnct|thrt|mj)\b`, `\(con:\w`, `\b(con|pol)-t\d`, `\brl0000\d\d\b`)},
	{Blocked, words(
		`\b(ofr|lpn)\d*_(102|103|106|107|108|109|999)\b`, `\bib(00\d|11\d)\b`, `\b(cxbl|cdrbl|csrbl|ipbl\d+)\b`, `\(rtr:bl\)`,
		`\bpol-p[124]\b`, `\bbl0000\d\d\b`, `\[bl\d+\]`, `\b(sc|dy|ou)-00\d`,
	)},
	{Reputation, words(`\[ts[sb]?\d+\]`, `\((rly|dyn):\w`)},
	{ReverseDNS, words(`\bcxdns\b`, `\(dns:(nr|p\d|b\d)`, `\bdns-(p3|t\d)\b`)},
	{Rejected, words(`\b(ofr|lpn)\d*_(402|403|405|415)\b`, `\bib50[1-7]\b`, `\bcxsndr\b`, `\bdns-p[12]\b`)},
	{Authentication, words(`\bib508\b`)},
	{UserUnknown, words(`\b(ofr|lpn)\d*_416\b`, `\brcp-p1\b`, `\bint-p[134]\b`)},
	{MailboxFull, words(`\b(ofr|lpn)\d*_417\b`)},
	{Suspended, words(`\b(ofr|lpn)\d*_4(18|20|26)\b`)},
	{Filtered, words(`\brcp-p2\b`)},
	{Spam, words(`\b(ofr|lpn)\d*_5(06|1\d)\b`, `\bib212\b`, `\(hvu:\w`, `\burlbl\d+\b`)},
	{Virus, words(`\bib705\b`, `\bpol-p5\b`)},
	{Policy, words(`\bib70[1-4]\b`, `\bpol-p[67]\b`, `\bmsg-p2\b`)},
	{NonCompliant, words(`\bmsg-p3\b`)},
	{TooBig, words(`\bmsg-p1\b`, `\bint-p2\b`)},
	{System, words(`\b(ofr|lpn)\d*_505\b`, `\b(int|rcp)-t\d`)},
}
