package classify

// Reason says in one word why a message was not delivered, for people and for statistics.
type Reason string

// The reasons.
const (
	UserUnknown    Reason = "user-unknown"   // no such mailbox
	Filtered       Reason = "filtered"       // refused for this recipient after the address was accepted
	Moved          Reason = "moved"          // the mailbox is elsewhere now
	Suspended      Reason = "suspended"      // the mailbox is closed or disabled
	MailboxFull    Reason = "mailbox-full"   //
	HostUnknown    Reason = "host-unknown"   // the domain does not exist
	NotAccepting   Reason = "not-accepting"  // the domain takes no mail (RFC 7505)
	Rejected       Reason = "rejected"       // the sender's address is refused
	Blocked        Reason = "blocked"        // our server's address is refused
	Reputation     Reason = "reputation"     // our server's or domain's reputation is
	ReverseDNS     Reason = "reverse-dns"    // our server's name is not in order
	Authentication Reason = "authentication" // SPF, DKIM or DMARC failed
	Spam           Reason = "spam"           // taken for spam
	Virus          Reason = "virus"
	Content        Reason = "content"  // headers or MIME refused
	TooBig         Reason = "too-big"  // the message exceeds a limit
	Policy         Reason = "policy"   // refused by a rule of the recipient's organisation, such as one about attachments
	Security       Reason = "security" // authentication or encryption is asked, or access denied without more
	NonCompliant   Reason = "non-compliant"
	Relaying       Reason = "relaying" // the server does not serve that domain
	RateLimited    Reason = "rate-limited"
	Expired        Reason = "expired" // tried until time ran out
	Network        Reason = "network" // DNS, routes, loops
	TLS            Reason = "tls"     // the encrypted session failed
	System         Reason = "system"  // the server is ill
	Mailer         Reason = "mailer"  // the program that delivers failed
	Syntax         Reason = "syntax"  // a command was not understood
	Away           Reason = "absent"  // an automatic answer
	Complained     Reason = "feedback"
	Arrived        Reason = "delivered"
	Undefined      Reason = "undefined" // the report does not say
)

// Reasons lists the vocabulary, for metrics and documentation.
func Reasons() []Reason {
	return []Reason{
		UserUnknown, Filtered, Moved, Suspended, MailboxFull, HostUnknown, NotAccepting, Rejected, Blocked, Reputation, ReverseDNS,
		Authentication, Spam, Virus, Content, TooBig, Policy, Security, NonCompliant, Relaying, RateLimited, Expired, Network, TLS,
		System, Mailer, Syntax, Away, Complained, Arrived, Undefined,
	}
}

type reasonRule struct {
	reason  Reason
	pattern phrases
}

// Fragments of the longest rules: who is unknown or closed, and how that is said.
var (
	whoever = oneOf(
		`user`, `recipient`, `mailbox`, `account`, `address`, `destinataire`, `utilisateur`, `customer`, `subscriber`, `alias`,
		`addressee`, `local.?part`, `person`, `member`, `name`,
	)
	linking   = oneOf(`is `, `was `, `are `, `has `, `have `, `est `, `in `) + `*`
	isUnknown = oneOf(
		`unknown`, `not known`, `inconnue?`, `not found`, `nonexistent`, `non.?existent`, `does ?n[o']t exist`, `not exist`,
		`not listed`, `invalid`, `introuvable`, `not recognized`, `not recognised`, `unrecognized`, `unbekannt`,
		`does ?n[o']t have an?`, `n'existe pas`, `not valid`, `not on this`, `not present`, `not here`, `not our`, `not registered`,
		`not a (valid|registered|known)`, `existiert nicht`, `desconocid`, `no existe`, `non esiste`, `sconosciut`, `не найден`,
		`not local`, `(could not|cannot|can't|couldn't) be (found|located)`, `no longer exists?`, `not in (our|this|the)`, `not available at`, `undeliverable`, `not match`,
	)
	noSuch = oneOf(
		`unknown`, `no such`, `no`, `bad`, `invalid`, `unrecognized`, `nonexistent`, `non-existing`, `not a known`, `not a valid`,
		`illegal`, `not.?a.?valid`, `undefined`, `ambiguous`, `incorrect`, `wrong`,
	)
	adjectives = oneOf(
		`e-?mail `, `mail `, `smtp `, `recipient `, `local `, `forward `, `valid `, `virtual `, `registered `, `one `, `such `,
	) + `*`
	whom = oneOf(
		`user`, `recipient`, `mailbox`, `account`, `address`, `person`, `customer`, `subscriber`, `alias`, `local.?part`, `name`,
		`addressee`, `destination`, `mail ?box`, `resident`,
	)
	boxes    = oneOf(`mailbox`, `mail box`, `account`, `user`, `recipient`, `address`, `email account`, `inbox`, `box`)
	isClosed = oneOf(
		`disabled`, `suspended`, `frozen`, `inactive`, `blocked`, `deactivated`, `locked`, `discontinued`, `closed`, `expired`,
		`dormant`, `terminated`, `unavailable due to inactivity`,
	)
)

// exactRules are words of which the meaning is certain, though other rules would read a part of them otherwise.
var exactRules = []reasonRule{
	{HostUnknown, words(`account or domain may not exist`, `bad destination system address`, `unable to route`)},
	{MailboxFull, words(`disk quota exceeded`, `(box|mailbox|account) .{0,40}(run )?out of (space|room)`, `no room (left )?in`, `(postfach|mailbox) .{0,30}(voll|überfüllt)`, `mailbox has no space`, `too much mail data`, `storage quota`)},
	{Spam, words(`(detected|flagged|classified|identified|marked|scored) as .{0,15}spam`, `spam content`, `due to spam\b`, `contains spam`)},
	{Mailer, words(`^x-unix;`, `procmail: `, `maildrop: `, `\bpipe to \|`, `child process of`, `transport returned \d+`)},
	{TLS, words(`(not|n't) sent over (a )?tls`, `requiretls`, `cryptographic failure`)},
	{Security, words(`security conversion required`, `credentials invalid`, `mechanism is too weak`, `trust relationship required`, `delivery not authori[sz]ed`)},
	{Content, words(`media not supported`, `8-?bit data`, `conversion required`, `utf-8 header message`)},
	{Syntax, words(`invalid command`, `wrong protocol version`)},
	{System, words(`mail system full`, `system not capable`, `system incorrectly configured`, `mail system congestion`)},
	{Expired, words(`bad connection`, `delivery time expired`)},
	{Moved, words(`(mailbox|domain) owner has changed`)},
	{Filtered, words(`list expansion problem`)},
	{NotAccepting, words(`system not accepting (network )?messages`)},
	{RateLimited, words(`(e-?mails|messages|recipients) (allowed )?per (hour|day|minute)`, `max(imum)? (e-?mails|messages) per`, `mail flood`, `too much mail from`, `(sending|daily|hourly) quota`)},
	{Rejected, words(
		`sender (address )?(has|domain).{0,20}null ?mx`, `(blank|empty|not allowed as (a|the)) from\b`, `not allowed as sender`, `sender .{0,20}not in .{0,30}(address book|contacts)`, `backscatter`,
		`sender'?s? domain has no`, `domain of (the )?(sender|mail from)`,
		`from: domain is`, `list expansion prohibited`, `envelope from .{0,30}(not|invalid|reject)`,
	)},
	{Policy, words(`potential security issue`, `message integrity failure`, `(forbidden|dangerous|banned|illegal) (file )?attachment`, `attachments? of type`)},
	{Blocked, words(`\bip address( \S+)? (is|has been|was) (temporarily )?(blocked|banned|denied)`, `not (currently )?authori[sz]ed to (send|deliver) ((e-?)?mail )?(directly|from)`,
		`my name was rejected`, `not accepting (messages|mail|connections) from (your|this)`, `open relay`, `mail ?server is listed`, `dynamic(ally)? (assigned|address)`, `(connection|mail) from a known`,
		`\b(helo|ehlo)\b.{0,30}(does not match|mismatch)`, `ip address is (in|on) the \S+ (database|list)`)},
	{Network, words(`host (name )?lookup fail`, `host not found, try again`, `try again.{0,20}name server`)},
	{UserUnknown, words(`deactivated mailbox`, `match any (account|user|recipient|mailbox)`, `no entry in the directory`, `não encontrad`, `personne de ce nom`, `need fully-qualified address`, `recipient (address )?(cannot|could not) be verified`, `not listed in the directory`, `mailbox address ambiguous`, `recipient address(es)? rejected ?: access denied`, `unknown local.part`)},
}

// reasonRules say what the words of a refusal mean: the first that matches decides, so the
// precise ones come before the vague. They are looked for in lower-case text.
var reasonRules = []reasonRule{
	{Authentication, words(
		`\bdmarc\b`, `\bspf (record|check|fail|policy|validation|sender)`, `per it'?s spf`,
		`\bspf\b.{0,40}(hard ?fail|fails?\b|not pass|not (authori[sz]ed|allowed)|unauthori[sz]ed)`, `fails? .{0,30}\bspf\b`, `sender policy framework`,
		`dkim (signature|verification|check|fail)`, `unauthenticated (e-?mail|sender|message)`,
		`authentication (information|level|checks)`, `\b(spf|dkim|dmarc|arc) (authentication|sender|or|and|chain|validation)\b`, `(is|are|mail) unauthenticated`, `required authentication level`, `not permitted .{0,30}\bspf\b`,
		`email (is )?unauthenticated`,
	)},
	{ReverseDNS, words(
		`reverse dns`, `\bptr\b`, `\brdns\b`, `ip name lookup failed`, `reverse (host|lookup|mapping|name|address)`, `fcrdns`,
		`forward.confirmed`, `cannot find your (reverse )?hostname`, `cannot resolve your (address|host|ip)`,
		`unresolvable (relay )?host ?name`, `no (reverse|matching) (dns|name|hostname)`, `dns .{0,20}unresolv`,
		`without a valid sender domain`, `lookup of your ip`, `helo.{0,30}(does not resolve|not resolvable)`,
		`hostname .{0,30}(unresolvable|does not match)`,
	)},
	{MailboxFull, words(
		`(mailbox|inbox|maildir|mail ?box|account|mailfolder|mail folder) (is |was |has been |are |too |currently |temporarily )*full\b`,
		`over (\w+ )?quota`, `over.?quota`, `quota (is )?(exceeded|full|violation|depass|dépass|überschr)`,
		`exceed\w* .{0,50}quota`,
		`(out of|exceeded|no|insufficient|not enough|lacks?|exceeded its|limited) (\w+ )?(storage|disk|mailbox|mail ?box|maildir)[a-z ]{0,10}(space|limit|allocation|quota|size)`,
		`full mailbox`, `mailboxfull`, `mailbox_full`, `mailbox (size|space|storage) (limit|exceed|full)`, `disk full`,
		`file too large`, `bo[iî]te (aux lettres|de r[ée]ception|mail|de messagerie)?.{0,40}(pleine|satur[ée]e)`,
		`quota .{0,30}(d[ée]pass|atteint)`, `(d[ée]pass|atteint)\S* (son|le) quota`, `messagerie .{0,40}(pleine|satur)`, `over the (\w+ )?quota`,
		`reached (its|their|his|the) (\w+ )?quota`, `(user|recipient|account|mailbox|inbox) is (almost |nearly )?full`, `(space|storage) (is )?not enough`, `mailbox .{0,40}\bvol\b`, `caixa .{0,30}cheia`,
		`[邮郵]箱.{0,6}[满滿]`, `[邮郵]箱空[间間]不足`, `容量を超`, `espace .{0,30}insuffisant`, `mailbox.{0,20}exceed`, `postfach .{0,30}voll`,
		`casella .{0,20}piena`, `buz[oó]n .{0,20}lleno`, `メールボックス.{0,20}(いっぱい|満杯|容量)`, `превышен`, `переполнен`,
		`shutoffquotaexceeded`, `inbox is out of storage`, `storage (space|limit).{0,20}exceed`,
		`too many messages (on|in) (this|the) (drop|mail|folder)`, `not enough (storage|disk) space`, `storedrv.*quota`,
	)},
	{Virus, words(`\bvirus`, `\binfected\b`, `\bmalware\b`, `\btrojan\b`, `\bclamav\b`, `ransomware`)},
	{RateLimited, words(
		`(connection|message|sending|mail|recipient|ip|email) (rate|frequency)( has)? (limit|exceed)`, `rate limit`,
		`frequency limited`,
		`too many (connections?|concurrent|messages|recipients|sessions|emails|invalid recipients|errors|smtp)`,
		`trop de (connexions?|messages|destinataires)`, `(daily|hourly) .{0,20}(quota|limit)`,
		`receiving mail (at a rate|too quickly)`, `throttl`, `gr[ae]y ?list`, `connection limit`, `slow down`,
		`max(imum)? (number of )?(connections|hourly|messages per)`, `exceeded the (maximum|max) (number|rate)`,
		`over .{0,20}rate limit`, `mail ?sending .{0,20}exceed`, `concurrent .{0,20}(limit|exceed)`, `sending (frequency|rate|limit)`,
		`max(imum)? (e-?)?(mails?|messages?|recipients) per`, `(e-?mails|messages) per (hour|day|minute|connection)`,
		`(too many|trop d(e|'))\W+(envois|courriels|e-?mails|mails)`, `zu viele (verbindungen|nachrichten|empfänger)`,
	)},
	{TooBig, words(
		`(message|mail|e-?mail) (is |was )?too (big|large|long)`, `exceeds (the )?fixed limit`,
		`(message|mail|e-?mail|file|attachment) (size|length)s? .{0,20}(exceed|limit|larger|too)`,
		`exceeds? .{0,40}(message|mail|maximum|size|file).{0,12}(size|limit|length)`, `size limit`,
		`maximum (allowed )?(message |mail )?size`, `too (big|large) for`, `message length`, `sizelimit`, `size ?limit`,
		`(message|courriel|mail|taille).{0,20}trop (gros|grand|volumineux|lourd|important)`, `exceeds fixed maximum`,
		`d[ée]passe .{0,20}taille`, `demasiado grande`, `troppo grande`, `muito grande`, `larger than .{0,20}(limit|maximum|allowed|accept)`, `nachricht .{0,20}zu gro`,
	)},
	{NotAccepting, words(
		`null ?mx`, `does ?n[o']t (accept|receive) (e-?mail|mail)`, `does not accept (any )?mail`, `doesn't receive email`,
		`not accept mail for`, `no mail service`, `(host|domain|server) .{0,20}does not (receive|accept)`,
		`couldn't find a mail exchanger`, `smtp (service|protocol).{0,20}not (available|supported) here`,
		`not an? (mail|smtp) (server|host)`, `mail (receiving )?disabled`, `undeliverable address: mx`,
		`destination .{0,20}not accept`,
	)},
	{Moved, words(
		`recipient no longer on server`, `not our customer`, `(user|recipient|mailbox|address|he|she) (has|have) moved`,
		`address (has )?changed`, `has been replaced by`, `please (use|forward) .{0,40}@`, `new address`, `forward path`,
		`nouvelle adresse`, `user not local; please try`, `moved to`, `no longer on server`,
	)},
	{Blocked, words(ourServer + ` ` + isBarred)},
	{Rejected, words(theSender + ` ` + isRefused)},
	{Suspended, words(
		theirBox+`(est |a été )(temporairement )?(d[ée]sactiv|suspend|ferm|inacti|clos|cl[ôo]tur|bloqu|supprim|archiv)`,
		boxes+`( [^\s:]+| \S+@\S+){0,6} `+`(is |has been |was |are |temporarily |currently )*`+isClosed,
		`(disabled|suspended|inactive|deactivated|locked|discontinued|closed|frozen|dormant|expired) (recipient|user|account|mailbox|address|e-?mail)`,
		`account .{0,40}(disabled|discontinued|suspended|inactive)`, `email (account )?.{0,40} is disabled`,
		`compte (\S+ )?(est )?(d[ée]sactiv|suspendu|ferm|inactif|clos|bloqu)`,
		`(bo[iî]te|adresse).{0,20}(d[ée]sactiv|suspendu|ferm|inacti)`, `(konto|postfach) .{0,20}(gesperrt|deaktiviert|gelöscht)`, `(account|mailbox) (was |has been |is )?(cancell?ed|removed|deleted)`,
		`cuenta .{0,20}(desactivad|suspendid|deshabilitad|inactiva)`, `no longer in use`, `domain .{0,30}(disabled|suspended)`,
		`n'est plus utilis`, `not accepting messages`, `disabled or discontinued`, `user is inactive`, `unused mailbox`, `accountdisabled`,
		`vdelivermail: account is locked`, `(compte|bo[iî]te) .{0,20}archiv`,
	)},
	{Filtered, words(
		`recipient preferences`, `each of the following recipients was rejected by a remote`,
		`(blocked|refused) by (the )?(user|destinataire)`,
	)},
	{Reputation, words(
		`(low|poor|bad|very low) .{0,20}reputation`, `user complaints`, `unexpected volume`, `suspicious due to`,
		`reputation .{0,40}(low|poor|bad|score|block|reject|deni)`, `(ip|domain|sender|sending|senderbase) .{0,8}reputation`,
		`reputation-based`,
	)},
	{Blocked, words(
		`black ?-?list`, `block ?-?list`, `deny ?list`, `blocked (using|by|for|at|due|because)`, `spamhaus`, `banned sender`,
		`liste noire`, `spamcop`, `sorbs\b`, `\bdnsbl`, `\brbls?\b`, `barracudacentral`,
		`(banned|blocked) (sending |client )?(ip|host|network)`, `client host .{0,60}(rejected|blocked|denied)`,
		`host network not allowed`,
		`ip( address)?( \S+){0,3} (is |has been |was )?(blocked|blacklisted|listed|banned|denied|rejected|refused|not allowed|block)`,
		`adresse ip .{0,40}(bloqu|refus)`, `service refus\w*.{0,90}(lpn|ofr)\d*_10\d`, `my name was rejected`,
		`use (the|your) (smtp|mail) (server|relay|host) (of|at) your`, `contact your internet service provider`, `unwanted messages`,
		`part of their network`, `access denied.{0,40}\bip\b`,
		`your (ip|server|host|isp|network|mail server) .{0,60}(block|reject|denied|refus|list)`,
		`(connection|access|session) (refused|denied|rejected|dropped) (due|because|from|to your|for)`,
		`not accepting mail from (your|this|this) (ip|host|server)`, `mail from your (ip|server|host|network|machine|site)`,
		`traffic not accepted from this ip`, `(\(bl\)|#cdrbl|aup#|\bdynamic (ip|host|address)|dial-?up)`,
		`is in (a|an|our|my) (\S+ )?(black|block|rbl|deny)`, `(bad|hostile) (ip|host|reverse)`,
		`rejected (-|because) .{0,40}(listed|list)`, `domain filter`, `host .{0,40}is (banned|blocked)`, `refused to talk to me`,
		`see https?://\S*(rbl|dnsbl|blacklist|blocklist)`, `no longer accepting (mail|connections) from`,
		`we do not accept (mail|email) from`, `(esmtp|server|mail) not accepting (connections|mail) from`,
		`client (host )?(is )?not allowed`, `\bhe?lo\b.{0,40}(reject|invalid|denied|refused)`,
		`(invalid|bad|forged|rejected) (helo|ehlo)`, `not in (the )?(white|allow) ?-?list`,
		`^([245]\d\d )?([245]\.\d\.\d{1,3} )?(your mail was )?blocked\b`, `you('| a)re (not allowed to connect|blocked)`, `rejected by .{0,20}(ip|host) `,
	)},
	{Spam, words(
		`\bspam\b`, `uribl`, `content restrictions`, `\bspammer`, `unsolicited`, `\bube\b`, `\buce\b`, `junk mail`,
		`bulk e-?mail filter`, `content rejected`, `mail rej[eé]t[eé]`, `mail content denied`, `spam(content|score|assassin)`,
		`looks like (spam|bulk)`, `considered .{0,30}(unsolicited|bulk|spam)`, `pourriel`, `ind[ée]sirable`, `spamming`,
		`message (was |has been )?(identified|classified|detected|scored|tagged) as`, `high probability of`, `bounce.{0,30}spam`,
		`(statistical|bayes|content).{0,10}filter`, `surbl`, `url .{0,20}black`,
	)},
	{NonCompliant, words(
		`multiple addresses in from`, `not rfc ?-?(28|53|8)22`, `rfc ?-?(28|53|8)22.{0,30}(compliant|compliance|violat|format)`,
		`rfc .{0,10}(compliant|compliance|violat)`, `duplicate header`, `missing .{0,20}(header|date|from|message-id)`,
		`from: header .{0,30}(missing|invalid|not)`, `headers? .{0,20}(missing|not rfc)`, `bare (cr|lf|newline|linefeed)`,
	)},
	{Rejected, words(
		`sender (address|domain|email|is|verify|was|has)?.{0,30}(rejected|refused|denied|blocked|invalid|not allowed|not exist|failed|unknown|not (accepted|verified))`,
		`(rejected|refused|bad|invalid|unknown|unroutable|unauthorized|forged|fake|syntactically invalid) (sender|from|return.?path|mail from|envelope sender|purported)`,
		`domain of sender`, `sender domain`, `purported responsible`,
		`mail from .{0,40}(not accepted|rejected|denied|not allowed|refused)`, `not (a )?member`, `only members`,
		`you (are|were) not (allowed|authorized|permitted) to (send|post|mail)`,
		`(not|n't) (have )?(permissions?|allowed|authori[sz]ed|permitted) to (send|post|mail)`, `may not have permission`,
		`group .{0,60}(may not exist|doesn't exist|n'existe pas|permission)`,
		`(cannot|can't|could not|unable to) (verify|resolve|validate|determine) .{0,20}sender`, `null sender`,
		`empty (sender|envelope)`, `return.?path .{0,40}(not|invalid|rejected)`,
		`exp[ée]diteur .{0,40}(refus|inconnu|rejet|invalide|bloqu)`, `server rejected mail from`, `denied \[?(sender|from)`,
		`user unknown.{0,10}sender`, `send mail as`, `from address .{0,40}(rejected|not|invalid|denied)`, `no mail from`,
		`from: domain`, `groups\.google\.com/support`, `unverified sender`, `mail from must`, `we don't accept mail from`,
		`backscatter`, `bounces? .{0,20}not accepted`,
	)},
	{HostUnknown, words(
		`host (or domain )?(name )?(is |was )?(not found|unknown|not known|does not exist)`,
		`unknown (mail )?(host|domain|server)`, `no such (host|domain)`,
		`(domaine?|host)( name)?( \S+){0,4} (not found|does ?n[o']t exist|is (unknown|invalid|not reachable|not found|unrouteable)|n'existe pas|nonexistent|invalid|inconnue?)`,
		`(domain|host)( name)?( \S+)? (is )?(unknown|could not be found|cannot be found)`, `couldn't find any host`, `domain name not found`, `nxdomain`, `illegal host`, `unroute?able (mail )?(domain|address)`,
		`(^|[\s:])[\w-]+(\.[\w-]+)+ does not exist`, `(invalid|bad|nonexistent|non-existing|incorrect|illegal) (domain|host)`,
		`domain is not reachable`, `name or service not known`, `dns error: domain`,
		`all relevant mx records point to non-existent hosts`, `domaine .{0,60}(inexistant|inconnu|introuvable|n'existe)`, `(find|locate) the recipient'?s? domain`,
		`host name .{0,20}unknown`, `recipient'?s? domain .{0,20}(not|invalid)`, `all host address lookups failed`,
		`address lookup failure`, `mailbox domain .{0,20}not`, `domain does not exist`,
	)},
	{UserUnknown, words(
		theirBox+`(est |semble )?(inconnue?|introuvable|inexistante?|invalide|n'existe (pas|plus)|n'a pas été trouvée?|n'est pas (valide|connue?|reconnue?))`,
		whoever+`s?,?( [^\s:]{1,80}| \S+@\S+){0,5} `+linking+isUnknown, noSuch+` (local )?`+adjectives+whom+`s?\b`, `not a known user`,
		`validrcptto`, `unverified address`, `ambiguous; ambiguous`, `user.?unknown`, `unknownuser`, `(usuario|destinatario|cuenta|buz[oó]n) .{0,40}(no (existe|se encuentra|encontrad|v[áa]lid)|desconocid|inexistente)`, `(ning[úu]n|no existe (el|este|ese)) (usuario|destinatario)`,
		`utilisateur inconnu`,
		`adresse (\S+ ){0,9}(inconnue|invalide|inexistante|introuvable|n'existe|d.au moins un destinataire invalide)`,
		`destinataire .{0,30}(inconnu|invalide|n'existe)`, `doesn't have an? .{0,60}account`,
		`no (mailbox|account|user|longer) .{0,10}(here|by that name|with that name|valid|exist)`, `this user doesn't have`,
		`no longer (valid|exists?|available|works|active|with|employed|a valid|accept)`, `recip?notfound`, `recipientnotfound`,
		`not a registered`, `invalid (recipient|user|final)`, `there is no (one|user|such)`,
		`email account that you tried to reach does not exist`, `mailbox (unavailable|not available|name not allowed|not found)`,
		`access denied.{0,60}(eop|outlook)`, `no valid recipients`, `(recipient )?rejected .{0,20}(unknown|invalid)`,
		`(inexistent|inexistant|не существует|не зарегистрирован|user not (known|exist)|unbekannte[rn]? (benutzer|empfänger|adress))`, `empfänger\S* .{0,60}(unbekannt|existiert|nicht .{0,40}(gefunden|bekannt|vorhanden|aufgef))`,
		`(benutzer|adressat|teilnehmer|konto) .{0,30}(unbekannt|nicht|existiert)`, `utente .{0,30}(sconosciut|inesistente|non)`,
		`usu[áa]rio .{0,20}(desconhecid|n[ãa]o)`, `onbekende? (gebruiker|ontvanger)`, `(gebruiker|ontvanger) .{0,30}(onbekend|niet)`,
		`nieznany (u[żz]ytkownik|odbiorca|adresat)`, `пользователь .{0,20}(не|неизвест)`, `(用户|收件人|地址|邮箱).{0,6}不存在`, `查无此`,
		`(aucune? (bo[iî]te|destinataire|compte|utilisateur)|(destinataire|utilisateur|compte) .{0,80}(n'est pas|n'a pas|pas) .{0,20}(trouv|r[ée]pertori|connu|valide|reconnu))`,
		`unable to find (user|recipient|mailbox)`, `could not find .{0,40}(user|recipient|mailbox)`, `ellocal`,
		`delivery to .{0,20}this address is restricted`, `not have an account`, `(person|user) .{0,30}not .{0,20}(here|found)`,
		`is not a (known|registered|valid)`, `ユーザー?.{0,20}(存在しません|見つかりません)`, `宛先.{0,30}(存在しません|見つかりません|不明)`,
		`returned unknown recipient`, `5\.1\.1\b.{0,20}bad destination`, `"?x-[a-z]+: unknown user`,
		`undisclosed recipients? .{0,10}unknown`, `address rejected: unknown`, `relaying .{0,10}mailbox`,
		`does not (exist|like recipient)`,
	)},
	{Relaying, words(
		`relay(ing)? (access )?(is |was )?(denied|prohibited|not (permitted|allowed)|disallowed|refused|forbidden|rejected)`,
		`unable to relay`, `not (permitted|allowed|authorized|willing) to relay`, `relay(ing)? not`, `we do(n't| not) relay`,
		`insecure mail relay`, `is not (permitted|allowed) to relay`, `relais .{0,20}(refus|interdit)`, `no relay(ing)?\b`,
		`relaying`, `not (a )?(local|gateway)\b.{0,20}relay`, `cannot relay`, `credentials for relay`, `you are not allowed to (relay|send mail to this)`,
		`rcpthosts`, `that domain isn't in my list`, `mail (to|for) .{0,60}not (handled|accepted|served) here`,
		`non-accepted domain`, `use a smarthost`,
	)},
	{TLS, words(
		`tls (is )?(currently |temporarily )?(not available|unavailable|required)`, `does not support (start)?tls`,
		`starttls (failed|error|is required but|not available|handshake)`,
		`tls (handshake|negotiation|session|connection) (failed|error|failure)`, `cannot start tls`,
		`(certificate|tlsa|dane|mta-sts).{0,40}(fail|invalid|expired|not (valid|trusted|verified))`, `required (tls|encryption)`,
		`tls (is |was )?required, but`,
	)},
	{Security, words(
		`authentication (is )?(required|failed|failure|needed)`, `must (issue a starttls|authenticate|be authenticated|log ?in)`,
		`authrequired`, `not ?authorized;`, `sendernotauthenticated`, `auth(entication)? .{0,30}(required|credentials|failed)`,
		`(log in|login) .{0,40}(required|try again|web browser|failed)`, `encryption (is )?(required|needed)`,
		`(security|policy) (reasons?|violation) .{0,20}secur`, `smtp auth`, `please (authenticate|use smtp auth)`,
		`rejected for security`, `insecure`, `sender not authenticated`, `not authenticated`, `bad (username|credentials|password)`,
		`verification failure`, `connection not authori`,
	)},
	{Network, words(
		`too many hops`, `hop (count|limit) exceed`, `(mail|routing|message|forwarding|dns) loop`, `message is looping`, `in a loop`,
		`already has my delivered-to`, `points back to`, `lowest numbered mx record points`, `best-preference mx`,
		`loop (detected|back|count)`, `loops back to (me|myself)`, `name server (reply|error|failure)`,
		`malformed or unexpected name server`, `dns (error|failure|lookup|problem|server)`, `host name lookup failure`,
		`name service error`, `(network|host) (is )?unreachable`, `no route to host`, `hops? exceed`, `routing (error|problem)`,
		`network error`, `find a gateway`, `too many received`, `mx (loop|records?)\b`, `lookup .{0,30}failed`,
		`cname_lookup_failed`, `cname lookup failed`, `config(uration)? error: mx`, `domain .{0,30}mx`, `temporary lookup failure`,
		`lookup failed temporarily`,
	)},
	{Expired, words(
		`connect(ion)?( \S+){0,6} (timed out|timeout|refused)`, `(timed out|time-?out)\b`,
		`(message|delivery|mail|queue|retry time|delivery time|envelope).{0,12}( has| is| was|-)?\s?(expired|too old|exceeded)`,
		`queue\.expired`, `could not (be delivered|send( message)?) (for|in|within|after)( the| more than)?( past| last)? ?\d`,
		`cannot send message for`, `(has|have) (been|not been) .{0,30}(queue|delivered) .{0,30}(days|hours|heures|jours)`,
		`connection( (to|with|from) \S+)? (was |has been )?(lost|dropped|reset|closed|refused|interrupted|timed out)`, `retry (timeout|time|limit)`, `too old`, `unable to deliver .{0,40}(after|for|within) \d+ (day|hour|minute)`, `delayed`,
		`deferred: `, `delivery attempts?`, `not (yet )?been delivered`, `connection (refused|reset|dropped|closed|lost)`,
		`no (answer|response) from (host|server)`, `did not (respond|answer)`,
		`n'a pas (encore )?pu [êe]tre (remis|distribu|d[ée]livr|achemin).{0,40}(depuis|heures|jours)`,
		`d[ée]lai .{0,30}(d[ée]pass|expir)`, `while connected from`, `temporarily deferred`, `was unable to connect`,
		`unable to connect`, `could not connect`, `did not accept our requests to connect`, `will (keep|continue) trying`,
		`conversation with .{0,80}timed out`, `host .{0,60}not respond`, `have been failing`, `lost connection`, `envelope expired`,
		`aborted after`, `zeit(ü|ue)berschreitung`, `verbindung .{0,40}(nicht|abgebrochen|abgelehnt)`, `connexion .{0,40}(impossible|refus|expir|interrompue)`, `no connection could be`, `recipients? .{0,10}not reached`, `retried .{0,30}(hours|days)`,
	)},
	{Policy, words(
		`polic(y|ies)\b`, `politique (de|d'|locale|interne)`, `reject, id=\S+ - banned`, `potential security issue`, `protocol violation`, `header error`,
		`(message|mail|email|content|delivery) (was |is |has been )?(not allowed|denied|prohibited|forbidden|rejected for|refused (by|for))`,
		`administrative(ly)? (prohibit|den|refus)`, `prohibited by (admin|rule)`, `r[èe]gle(s)? de`, `banned (file|name|content)`,
		`(attachment|pi[èe]ce jointe|anhang) .{0,60}(not allowed|blocked|banned|prohibit|interdit|bloqu|nicht erlaubt)`,
		`(forbidden|illegal|dangerous|unauthorized) (file |attachment|extension)`, `recipient preferences`, `not allowed by`,
		`rejected by (rule|admin|header|filter|content)`, `violat`, `restricted`,
		`compliance`, `bloqu[ée]e? par`, `filter(ed|ing)? (rule|by)`, `blocked attachment`, `dangerous`, `unacceptable`,
	)},
	{System, words(
		`queue file write error`, `\bldap\b`,
		`(service|server|system) (is |was |currently |temporarily |not )*(unavailable|available|error|shutting|busy|down|failed|failure|problem|not available)`,
		`service refus[eé]e?\b`, `transaction failed`,
		`(local|internal|upstream|remote|configuration|system|mail server|temporary|unexpected) (server |system |configuration |local )?(error|problem|failure|configuration)`,
		`could not (load|lock|open)`, `cannot (open|allocate|append|create|exec|update)`, `can't (create|open|connect to)`,
		`insufficient system (storage|resources)`, `(input/output|i/o) error`,
		`(database|backend|ldap|map) .{0,30}(error|failure|unavailable|lookup)`, `temporar(y|ily) `, `out of (memory|space)`,
		`no space left`, `read-only`, `permission denied`, `resources? .{0,20}(unavailable|exhaust)`, `system config`,
		`timeout waiting for`, `unable to (contact|use|open)`, `server configuration`, `local delivery failed`, `deferral`,
		`exception`, `thread limit`, `maintenance`, `capabilit`, `erreur (temporaire|interne|locale|syst[èe]me)`, `vor(ü|ue)bergehend`, `errore temporaneo`,
		`error temporal`,
	)},
	{Mailer, words(
		`procmail`,
		`(command|program|process|pipe|mailer|delivery agent).{0,30}(died|failed|exit|returned|error|status|code|crashed|failure)`,
		`x-unix`, `(exit|return|status) (code|value|status) \d+`, `child process`, `maildrop`, `vdelivermail`, `x-pipe`,
		`local configuration error`, `\bpipe to\b`,
	)},
	{Syntax, words(
		`(command|parameter|argument|syntax) .{0,30}(not (implemented|recognized|recognised|understood)|error|unrecognized|unknown|invalid|rejected)`,
		`(unrecognized|unknown|unimplemented|invalid|bad) (command|parameter|argument)`, `syntax error`, `bad sequence`,
		`not yet given`, `malformed (recipient |)address`, `not implemented`, `protocol error`, `improper (use|command)`,
	)},
	{Expired, words(
		`giving up\s*(after|[.,;:!)]|$)`, `given up`, `not going to try again`, `queue too long`, `for too long`, `gave up`, `try again later`,
	)},
	{Content, words(
		`(headers?|mime|lines?|characters?).{0,30}(too (large|long|many)|malformed|not (allowed|acceptable|supported)|invalid|error|rejected|unacceptable)`,
		`(malformed|invalid|bad|improper|unacceptable|forbidden) (\S+ )?(header|mime|content|message|attachment|structure|format)`,
		`8bit`, `8-bit`, `eight-bit`, `conversion (failed|not)`, `non-ascii`, `nul character`, `smtputf8`, `message .{0,20}format`,
	)},
	{Security, words(`access denied`, `not authori[sz]ed`)},
	{UserUnknown, words(`recipient address rejected\.?$`, `adresse destinataire`, `^(5\d\d )?<?\S+@\S+>?:? (address )?(rejected|refused)\.?$`)},
}
