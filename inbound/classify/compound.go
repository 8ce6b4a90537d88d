package classify

// Who and what: servers name our server, the sender or the mailbox in many ways, and refuse each in many ways. The
// patterns take any who with any what; a test tries them all.
var (
	ipv4 = `\[?\d{1,3}(\.\d{1,3}){3}\]?`

	ourServer = oneOf(
		`(your|client|sending|connecting|source|remote) (\S+ )?(ip|ip address|host|server|mta|network|system|site)( name| address)?( [(\[]?[\w.:-]+[)\]]?)?`,
		`\bip( address)?( [(\[]?[\d.a-f:]+[)\]]?)?`, `(^|[\s(:;])`+ipv4,
		`(connections?|mail|messages?|e-?mails?|traffic) from (your|this) (\S+ )?(ip|host|server|network|site|system)`, `adresse ip( \S+)?`,
	)
	isBarred = oneOf(
		`(is|was|are|were|has been|have been|est|a été) (currently |temporarily |permanently |now )*(block|black|bann|denied|listed|refused|rejected|not (allowed|permitted|accepted|welcome)|(on|in) .{0,20}(list|rbl)|bloqu|refus|interdit)`,
		`(blocked|blacklisted|banned|denied|rejected|refused|not (allowed|permitted|accepted|welcome)|bloqu[ée]e?|refus[ée]e?)([.,;:(]|\s*$| (by|due|because|for|from|as|using|pour|par|en)\b)`,
	)

	theSender = oneOf(
		`\b(sender|from|return.?path|reverse.?path|originator|mail from)('s)?( e-?mail| mail)?( address| domain| host)?( <?\S+@\S+>?)?`,
		`domain of (the )?sender( address)?( <?\S+@\S+>?)?`, `adresse (de l'|d')?exp[ée]diteur( \S+)?`, `\bexp[ée]diteur( \S+)?`,
	)
	isRefused = oneOf(
		`(is |was |has been |est |a été )?(syntactically )?(rejected|refused|invalid|blocked|blacklisted|denied|unknown|forged|unverified|unresolvable|unroutable|not (valid|allowed|accepted|permitted|verified|known|found|exist)|refus|inconnu|rejet|invalide|bloqu|interdit)`,
		`(does not|doesn't|do not) (exist|resolve)`, `has no (valid )?(mx|a|dns)\b`, `(is |are )?on (\S+ ){0,3}(deny|block|black) ?-?list`, `(could not|cannot|can't|couldn't) be (verified|resolved|validated|found)`, `n'existe pas`,
	)

	theirBox = oneOf(`utilisateur`, `destinataire`, `compte`, `adresse`, `bo[iî]te`, `messagerie`) + `( \S+){0,4} `
)
