package classify

import "regexp"

// What betrays a report that is not, or not rightly, a multipart/report. One sign alone never decides: a person
// may quote a report, and a machine may send anything (see isProseReport).

// reportSenders are the names under which mail systems write.
var reportSenders = words(
	`mailer[-_ ]?daemon`, `mail[-_]?daemon`, `\bpost_?master\b`, `mail delivery (sub)?system`, `mail deliver(y)? system`,
	`mail\.delivery`, `delivery (sub)?system`, `system administrator`, `mail administrator`, `mail system`, `e-?mail delivery`,
	`ndr admin`, `interscan`, `\bmdaemon\b`, `returned mail`, `bounce[-_ ]?(notification|handler|daemon)`, `content[-_ ]?filter`,
	`undeliverable`, `no-?reply@sns\.amazonaws`, `mimail|mxlogic`, `microsoft exchange`, `barracuda`, `amavis`, `symantec`,
	`^mailer@`, `sysadmin@`, `(?:^|[<"\s])<?>?$`,
)

// brandSenders are those of them that are also names of companies and of people's functions: they prove less.
var brandSenders = words(
	`interscan`, `mimail|mxlogic`, `microsoft exchange`, `barracuda`, `amavis`, `symantec`, `\bmdaemon\b`, `content[-_ ]?filter`, `undeliverable`,
	`system administrator`, `mail administrator`, `sysadmin@`,
)

// mailSystems are the names under which nobody but a mail system writes.
var mailSystems = words(`mailer[-_ ]?daemon`, `mail delivery (sub)?system`)

// reportSubjects are what reports call themselves, at the beginning of the subject.
var reportSubjects = starts(
	`undeliver`, `returned (e-?)?mail`, `return(ed|ing)? (message )?to sender`,
	`(e-?mail |message |mail )?deliver(y|ing)( of .{1,60})?( status)?[ :-]*(notification|report|fail|problem|error|status|has|delay|unsuccessful|incomplete)`,
	`fail(ure|ed)( to)? (notice|deliver|:)`, `failed mail`, `failure delivery`, `failure notice`,
	`(mail|message|e-?mail) (delivery )?(system )?(error|failure|failed|failing|bounce|status|rejected|not delivered|could not|undeliver|delay)`,
	`non[- ]?(delivery|deliverable|remis)`, `not delivered`, `could not (send|deliver)`, `unable to deliver`, `cannot deliver`,
	`can't deliver`, `unzustellbar`, `nicht zustellbar`, `zustell`, `mail system error`, `nondelivery`, `ndn:`, `ndr:`, `dsn:`,
	`(sorry, )?your (message|e-?mail|mail) (.{0,30}(could not|was not|cannot|has not|undeliver|reject|delay|block|stopped)|to .{1,80}(reject|fail|undeliver|could not))`,
	`there was an error sending`, `(message|mail) you sent blocked`, `bounce(d)? ?(message|mail|notification|e-?mail|:)`,
	`(email|mail) bounce`, `postmaster notify`, `message \S{4,60} delayed`, `(message|mail) .{0,40}(delayed|undelivered)`,
	`could not send`, `delay(ed)?( mail| message| delivery|:)`, `message delayed`, `considered unsolicited`,
	`banned (file|contents?|name)`, `bad[- ]header`, `virus .{0,30}from you`, `undelivered`, `mail not delivered`,
	`you .{1,80} (are|is) not (a )?member`, `[ée]chec (de|d') ?(la )?(remise|distribution|livraison|envoi|l'envoi|transmission)`,
	`non[- ]?remis`, `message non (remis|distribu|d[ée]livr)`,
	`(avis|notification|rapport) (de |d'|d')?(non[- ]|[ée]chec|remise|distribution|retard|[ée]tat)`, `courrier (non|retourn)`,
	`retour (de|à) `, `erreur (de|d') ?(livraison|envoi|distribution|remise)`,
	`votre (message|courriel|mail) .{0,30}(n'a|ne peut|retard|rejet|refus|bloqu)`, `le message .{0,40}retard`, `remise (retard|diff[ée]r|impossible)`,
	`impossible de (remettre|distribuer|d[ée]livrer)`, `mail refus`, `rückgabe`, `fehler bei`, `übermittlung`,
	`no se (pudo|puede|ha)`, `no entregad`, `imposible entregar`, `notificaci[oó]n .{0,30}(entrega|estado)`, `devuelto`,
	`mancata consegna`, `impossibile (recapitare|consegnare)`, `onbestelbaar`, `niet bezorgd`, `недоставл`, `ваше сообщение не`,
)

// reportLeads stand before them.
var reportLeads = regexp.MustCompile(`^(?:\*+|\[[^\]]*\]\s*|e?mail |message |notice:? |warning:? |x+\.\S+ |attention ?:? |avertissement ?: )*`)

// reportWords say the same in languages in which it stands anywhere in the subject.
var reportWords = words(
	`не может быть доставлено`, `配信(不能|でき)`, `送信(でき|エラー|失敗)`, `メールエラー`, `エラー(通知|メール)`, `届きません`, `届けられません`, `退信`, `投递失败`, `无法投递`,
)

// reportHeaders are fields that only reports have.
var reportHeaders = []string{"x-failed-recipients", "x-ms-embedded-report", "x-dsn", "x-bounce", "x-mimecast-bounce", "x-ms-exchange-ndr"}

// originalStarts are the lines after which a report quotes our message, after marks of quotation. What follows is never read
// as the report's own words.
var originalStarts = words(
	`^-+ ?this is a copy of (the|your) message`, `^-+ ?below this line is a copy`,
	`^-+ ?the (original )?(message|header|headers|body).{0,60}(follow|attached|below)`, `^-+ ?original message`,
	`^-+ ?returned message`, `^-+ ?unsent message`, `^-+ ?start of returned`, `^-+ ?begin(ning)? of (the )?(original|returned)`,
	`^-+ ?message header`, `^-+ ?received headers`, `^-+ ?here is a copy`, `^-+ ?copy of`, `^-+ ?original mail`, `^-+ ?forwarded`,
	`^-+ ?the message (headers )?follow`, `^-+ ?header of the`,
	`^(original )?message (headers )?follows?\.?:?$`, `^original message:?$`, `^below is a copy of (the|your)`,
	`^included is a copy of`, `^(here is |this is )?a copy of (the|your) (original )?(message|mail)`, `^message headers follow`,
	`^the (header|headers|body|text|original message).{0,40}(follow|below|attached)`,
	`^(bounced|returned|undelivered|rejected) (e-?)?(mail|message):?$`, `^-{3,} ?(message (text|body)|headers?|body)`,
	`^content-type: *(message/rfc822|text/rfc822-headers)`,
	`^[-=_*]{4,} ?(original|forwarded|message original|mensaje original|ursprüngliche|исходное)`, `^message d'origine`,
	`^-+ ?(message d'origine|courriel d'origine|copie du message)`, `^your original message`, `^return-path: *<`,
	`^received: *(from|by|\()`, `^x-(received|google-smtp-source|originating-ip): `, `^dkim-signature: `,
)

// delayWords say that the message still waits; finalWords that it does not any more.
var (
	delayWords = words(
		`not yet been (delivered|sent)`, `(has been|is|was|been) delayed`, `delivery (is |has been |was |of .{0,60} )?delay`,
		`delay(ed)? (in )?(delivery|deliver)`, `message delayed`,
		`will (continue|keep)( on)? (to (try|retry|be)|try|retry|attempt)`, `will be (retried|attempted|tried)`,
		`(attempts|delivery) .{0,60}will (continue|be (retried|attempted))`, `still (being )?(try|queue|attempt)`,
		`warning( message)? only`, `do not need to (resend|retry)`, `don't need to resend`, `no action is required`,
		`temporarily delayed`, `(delivery status notification|delivery notification):? ?\(?(delay|warning)`,
		`warning: (could|message|mail)`, `warning--could not`, `could not send (message|mail) for past`,
		`(remise|distribution|envoi) (a été |est )?(retard|diff[ée]r)`, `n'a pas encore (été|pu)`, `continuer(a d|ont)`,
		`nouvelles? tentatives? .{0,40}(effectu|pendant)`, `noch nicht zugestellt`, `se seguirá intentando`,
		`aún no se ha entregado`, `status notification: (delayed|warning)`,
	)
	finalWords = words(
		`message could not be delivered for`, `will be deleted from queue`, `giving up`, `given up`,
		`permanent(ly)? (fatal )?(error|fail)`, `permanent fatal`, `no further (delivery )?attempts`,
		`will not be (retried|delivered)`, `returned to sender`, `failed permanently`, `delivery has failed`, `gave up`,
		`fatal error`, `unrecoverable`, `n'y aura pas`, `d[ée]finitive`,
	)
)

// deliveredWords say that it arrived.
var deliveredWords = words(
	`(was|has been|been) (successfully )?delivered (to|successfully)`, `successfully delivered`, `delivery successful`,
	`a été (remis|distribué|délivré) (à|avec)`,
)
