package classify

// keywordRules read an answer in a wording that no rule knows, by single words: tried last, on the server's own answer
// alone, and after a status that says something. The more telling words come first.
var keywordRules = []reasonRule{
	{Moved, words(`please try <?`+addressPattern, `(now at|moved|new address)`)},
	{Virus, words(`virus`, `malware`, `worm\b`, `phishing`)},
	{Authentication, words(`\bspf\b`, `\bdkim\b`, `\bdmarc\b`)},
	{ReverseDNS, words(`\brdns\b`, `\bptr\b`, `reverse`)},
	{Reputation, words(`reputation`, `\bscore\b`)},
	{Relaying, words(`relay`)},
	{Spam, words(`spam`, `junk`, `unsolicited`, `pourriel`, `ind[ée]sirable`, `\bbulk\b`)},
	{RateLimited, words(`gr[ae]y.?list`, `too (fast|many|often|much)`, `simultaneous`, `\brate\b`, `throttl`, `trop de`, `later.{0,20}(minutes|seconds)`)},
	{Blocked, words(`black`, `block.?list`, `deny.?list`, `\bbann`, `\bbl\b`, `\bip\b`, `\bproxy|proxies`, `smart ?host`, `dial.?up`, `dynamic`, `\bhe?lo\b`)},
	{TooBig, words(`too (big|large|long)`, `\bsize\b`, `volumineu`, `\btaille\b`)},
	{MailboxFull, words(`quota`, `\bfull\b`, `\bspace\b`, `storage`, `satur`, `pleine?\b`)},
	{TLS, words(`\btls\b`, `\bssl\b`, `certificat`, `encrypt`)},
	{Security, words(`authenticat`, `authentifi`, `credential`, `\blog ?in\b`)},
	{Suspended, words(`frozen`, `disabl`, `suspend`, `inactive`, `deactivat`, `closed`, `locked`, `retired`, `d[ée]sactiv`, `ferm[ée]e?`)},
	{Rejected, words(`sender`, `exp[ée]diteur`, `\bmail from\b`, `originator`, `absender`, `remitente`, `mittente`, `^(5\d\d )?(5\.\d\.\d{1,3} )?<\S+> locally`)},
	{UserUnknown, words(
		`(nobody|no one|no such|no user|not|n't|unknown|pas|plus|aucun).{0,30}\b(here|name|live|on (our|this)|server|mailbox|user|recipient|addressee|ici|destinataire|bo[iî]te|adresse)\b`,
		`\b(mailbox|user|recipient|addressee|account|destinataire|utilisateur|adresse)\b.{0,40}(not|n't|unknown|invalid|incorrect|inconnu|pas|plus)`,
	)},
	{HostUnknown, words(`\bdomain\b.{0,40}(not|n't|unknown|invalid)`, `\bnxdomain\b`, `domaine`)},
	{Network, words(`\bdns\b`, `\bmx\b`, `\bloop`, `routing`, `network`)},
	{Policy, words(`polic`, `\brules?\b`, `prohibit`, `forbidden`, `politique`, `r[èe]gle`, `attachment`)},
	{Content, words(`header`, `mime`, `malformed`, `charset`, `encoding`)},
	{Expired, words(`time.?out`, `timed`, `d[ée]lai`, `r[ée]pon(du|d pas)`, `unreachable`, `injoignable`, `connect`)},
	{System, words(`overload`, `\bbusy\b`, `internal`, `resource`, `unavailable`, `temporar`, `try again`, `indisponible`, `\berror\b`)},
	{Syntax, words(`syntax`, `command`, `sequence`)},
}
