package classify

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// VisibleText is what its author wrote in a reply: without the quoted message, whoever announces it and
// however, and without the signature block that a "-- " line or a telephone adds. Formulas of politeness and names stay: in a
// letter they are the author's words. The complete text is always kept beside it; where
// nothing would be left, it is shown whole.
//
// At most the first 256 KiB are looked at.
func VisibleText(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(Clip(text, maxFields), "\n")
	kept := visibleLines(lines)
	visible := strings.TrimSpace(strings.Join(kept, "\n"))
	if visible == "" {
		return strings.TrimSpace(text)
	}
	return visible
}

// visibleLines walks down the lines. What follows an announcement of quoted text is dropped: to
// the end, or, when the quotation is marked with ">", to the end of the marks.
func visibleLines(lines []string) []string {
	var kept []string
	written, tries := false, maxTries
	for i := 0; i < len(lines); {
		if isForward(lines[i]) {
			return append(kept, lines[i:]...) // passed on deliberately: it is what they send
		}
		if before, n := announcement(lines[i:], &tries); n > 0 {
			if before != "" {
				kept, written = append(kept, before), true
			}
			next := i + n
			i = marked(lines, next)
			if i == next && written {
				return dropSignature(kept)
			}
			continue // the answer stands under the quotation
		}
		if quoted(lines[i]) && !loneMark(lines, i) {
			i = markedEnd(lines, i)
			continue
		}
		if strings.TrimSpace(lines[i]) == "" && len(kept) > 0 && kept[len(kept)-1] == "" && i > 0 && strings.TrimSpace(lines[i-1]) != "" {
			i++ // one blank line where a quotation was taken out
			continue
		}
		kept = append(kept, lines[i])
		written = written || strings.TrimSpace(lines[i]) != ""
		i++
	}
	return dropSignature(kept)
}

func quoted(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, ">") && !strings.Contains(line, "<<<") || strings.HasPrefix(line, "&gt;")
}

// loneMark tells a ">" that quotes nothing: somebody's arrow in the middle of their own lines.
func loneMark(lines []string, i int) bool {
	above := i > 0 && strings.TrimSpace(lines[i-1]) != "" && !quoted(lines[i-1])
	below := i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" && !quoted(lines[i+1])
	return above && below && strings.HasPrefix(strings.TrimSpace(lines[i]), ">>")
}

// marked is the end of the ">" lines that follow an announcement at once, or from itself when there are none.
func marked(lines []string, from int) int {
	at := from
	for at < len(lines) && strings.TrimSpace(lines[at]) == "" {
		at++
	}
	if at == len(lines) || !quoted(lines[at]) {
		return from
	}
	return markedEnd(lines, at)
}

// markedEnd is the end of a run of ">" lines; lines that mailers broke out of their quotation
// belong to it.
func markedEnd(lines []string, at int) int {
	end := at
	for i := at; i < len(lines); i++ {
		switch {
		case quoted(lines[i]):
			end = i + 1
		case strings.TrimSpace(lines[i]) == "" || i == end && i+1 < len(lines) && quoted(lines[i+1]) && looksBroken(lines[i-1], lines[i]):
		default:
			return end
		}
	}
	return end
}

// looksBroken tells a line that mailers cut off from the quoted line above: it begins with a link, or goes on with a
// sentence that had no end. An answer of one word is none.
func looksBroken(above, line string) bool {
	line, above = strings.TrimSpace(line), strings.TrimSpace(above)
	if strings.HasPrefix(line, "(http") || strings.HasPrefix(line, "<http") || strings.HasPrefix(line, "http") {
		return true
	}
	first, _ := utf8.DecodeRuneInString(line)
	last, _ := utf8.DecodeLastRuneInString(above)
	return len(above) >= 60 && len(line) <= 60 && unicode.IsLower(first) && (unicode.IsLetter(last) || last == ',') && !shortAnswer.MatchString(line)
}

var shortAnswer = regexp.MustCompile(`^(?:oui|non|ok|d'accord|yes|no|ja|nein|si|sí|nous|je|voir|cf)\b`)

// maxTries is how many lines of a mail may end as announcements do and be none. No letter has so many; in what is made to
// cost, the others stay.
const maxTries = 500

// announcement tells how many lines, from the first, announce quoted text, and what of the
// reply stands before it on the same line. Each near miss is taken from tries.
func announcement(lines []string, tries *int) (before string, n int) {
	first := strings.Trim(lines[0], " \t\u00a0"+bidi)
	if first == "" || len(first) > 400 {
		return "", 0
	}
	if separator.MatchString(first) || headerBlock(lines) {
		return "", 1
	}
	joined := first
	for n = 1; n <= 6; n++ {
		announces := attribution(joined, tries)
		if n == 1 && !announces && *tries > 0 && strings.HasSuffix(joined, ":") {
			if m := sharedLine.FindStringSubmatch(joined); m != nil && !ofPersons(m[2]) {
				return m[1], 1
			}
		}
		if follows := marked(lines, n) > n; announces && (follows || certain(joined)) || follows && namesAuthor(joined) {
			if n < len(lines) && lastWord.MatchString(lines[n]) {
				n++
			}
			return "", n
		}
		if n >= len(lines) {
			break
		}
		next := strings.TrimSpace(lines[n])
		if !opensAttribution.MatchString(first) && !(n == 1 && goesOn.MatchString(next)) {
			break
		}
		if n == 1 && next == "" && n+1 < len(lines) { // some leave a blank line in the middle
			continue
		}
		joined += " " + next
		if len(joined) > 600 {
			break
		}
	}
	return "", 0
}

// attribution tells a whole line such as "On … somebody wrote:", in any language: a verb of writing and a
// date or address, or a date and an address before a colon. It tries no more when tries are used up.
func attribution(line string, tries *int) bool {
	line = strings.Trim(line, "*_ \t"+bidi)
	if len(line) < 8 || len(line) > 600 {
		return false
	}
	if oldGmail.MatchString(line) {
		return true
	}
	if *tries == 0 || !endsAnnouncement(line) {
		return false
	}
	announces := saysWhoWrote(line)
	if !announces {
		*tries--
	}
	return announces
}

func saysWhoWrote(line string) bool {
	if !hasDate.MatchString(line) && !holdsAddress(line) {
		return false
	}
	if verbs.MatchString(line) {
		return opensAttribution.MatchString(line)
	}
	if !hasDate.MatchString(line) || !holdsAddress(line) || !startsDate.MatchString(line) {
		return false
	}
	return strings.HasSuffix(line, ":") || strings.HasSuffix(line, ">")
}

// endsAnnouncement spares the lines of a long text the patterns.
func endsAnnouncement(line string) bool {
	last, _ := utf8.DecodeLastRuneInString(line)
	return last == ':' || last == '：' || last == '>' || last == '-'
}

// certain tells the announcements of a program, which knows the hour or the address, from "Le 20 novembre, vous nous
// avez écrit :", after which a person may go on. A person knows the hour too, but says who wrote to whom, or what.
func certain(line string) bool {
	if ofPersons(line) || frenchVerb.MatchString(line) && !frenchVerbLast.MatchString(line) {
		return false
	}
	return holdsAddress(line) || hasTime.MatchString(line) || strings.HasPrefix(line, "--") || strings.Contains(line, "@")
}

// namesAuthor tells a line with a date, an address and a colon at its end: an announcement in a language that no list
// knows, when marked lines follow; else perhaps somebody's sentence.
func namesAuthor(line string) bool {
	line = strings.Trim(line, "*_ \t"+bidi)
	return len(line) <= 400 && (strings.HasSuffix(line, ":") || strings.HasSuffix(line, "：")) && strings.ContainsRune(line, '@') && hasDate.MatchString(line) && holdsAddress(line)
}

// ofPersons tells a sentence in which somebody wrote to somebody, as programs do not say it.
func ofPersons(line string) bool { return personsWrote.MatchString(line) }

// bidi are the marks of direction that mail clients put around names.
const bidi = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

var (
	// opensAttribution is how such lines begin: with a preposition of date or a date, or a name and address.
	opensAttribution = regexp.MustCompile(`(?i)^[\s*_>-]*(?:(?:on|le|am|el|il|em|op|den|på|w dniu|dnia|vào|в|на|pe|dne|ned|a|at|il giorno|στις|trên|în|pada|у|sent from|envoyé de|quoting|citando|zitat von|citation de|missatge|wiadomość|-+ ?on|-+ ?le|-+ ?en date)\s|在|في|בתאריך|-{3,}\s?\pL|\pL{2,12}\.?,? (?:\d|\pL{3,10}\.? \d)|\d{1,4}[^\d]|"|'?\pL[\pL.' -]{1,60}(?:<|\()|\pL[\pL.'/ -]{1,60}(?:@\S+)? wrote on )`)
	startsDate       = regexp.MustCompile(`(?i)^[\s*_>-]*(?:\d{1,4}[-/.:年h]|\d{1,2} \pL|\d{1,2}(?:er)? |\pL{2,12}\.?,? (?:\d{1,2}|\pL{3,10}\.? \d)|le |on |am |el |il |em |op |den |på |w dniu|dnia |в |missatge de |בתאריך )`)
	hasTime          = regexp.MustCompile(`(?i)\d{1,2}[:.h時时]\s?\d{2}`)
	hasDay           = regexp.MustCompile(`\b(?:19|20)\d\d|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}`)
	hasDate          = regexp.MustCompile(`(?i)(?:\d{1,2}[:.h]\d{2}|\b(?:19|20)\d\d\b|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})`)
	verbs            = regexp.MustCompile(`(?i)` + oneOf(
		`\bwrote`, `\bwrites`, `(?:^|[\s\x{a0}])[ée]crit`, `\bschrieb`, `\bgeschrieben`, `\bgeschreven`, `\bschreef`, `\bescribi[óo]`,
		`\bha scritto`, `\bscrisse`, `\bescreveu`, `\bskrev`, `\bnapisa[łlo]\S*( je)?`, `\bkirjoitti`, `\bnapsal`, `napísal`, `píše`,
		`\bpisze`, `\bnapisana przez`, `írta(?: \(időpont:.{5,40}\))?`, `пис(?:ал|ала|ав)\S*`, `напис\S*`, `пишет?`, `έγραψε`, `yazdı`, `viết`, `写道`, `写到`, `寫道`, `書きました`,
		`のメール`, `작성`, `\ba scris`, `schreib`, `\bje napisa`, `\bmenulis`, `تمت كتابة`, `كتب`, `כתב`,
	) + `[^:：]{0,200}(?:\d{1,2}[:：]\d{2}(?:[:：]\d{2})?[^:：]{0,12})?[:：]?[\s-]*$|(?i)^(?:quoting|citando|zitat von|citation de) [^:：]{3,200}[:：]$`)
	frenchVerb     = regexp.MustCompile(`(?i)(?:^|\PL)[ée]crit`)
	frenchVerbLast = regexp.MustCompile(`(?i)(?:^|\PL)a[\s\x{a0}]+[ée]crit(?:[\s\x{a0}]+sur [\d/.: ]{8,20})?[\s\x{a0}]*[:：]?[\s*_>-]*$`) // Notes adds "sur" and the hour
	personsWrote   = regexp.MustCompile(`(?i)\b(?:i|we|you|they)[\s\x{a0}]+(?:have[\s\x{a0}]+)?(?:wrote|written)\b|(?:\b(?:nous|vous|lui|leur|on|qui)[\s\x{a0}]+|\b[mt]['’])a[\s\x{a0}]+[ée]crit`)
	goesOn         = regexp.MustCompile(`(?i)^(?:<[^<>\s]+@|on \d{1,2}[/.-]|(?:wrote|a écrit|schrieb|escribió|ha scritto|schreef)\b)`) // a name was alone on its line
	lastWord       = regexp.MustCompile(`(?i)^[\s>]*(?:wrote|a écrit|schrieb|escribió|ha scritto|escreveu|schreef) ?[:：]\s*$`)         // alone on its line
	oldGmail       = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d{1,2}:\d\d GMT[+-]\d\d:\d\d \S.{1,100}$`)
	sharedLine     = regexp.MustCompile(`^(.{1,200}?\S) +((?:On|Le|Am|El) (?:\pL{3,9}\.?,? .{4,40}|\d{1,2}.{6,40})\d.{0,120}(?:wrote|a écrit|schrieb|escribió) ?:)$`)
	separator      = regexp.MustCompile(`(?i)^[\s>*]*(?:[-_=]{2,} ?` + oneOf(
		`original message`, `message d'origine`, `message original`, `mail original`, `courriel original`, `e-?mail d'origine`,
		`ursprüngliche nachricht`, `original-?nachricht`, `weitergeleitete?`, `mensaje original`, `messaggio originale`,
		`mensagem original`, `oorspronkelijk bericht`, `originalmeddelande`, `original meddelelse`,
		`oprindelig (?:meddelelse|besked)`, `opprinnelig melding`, `wiadomość oryginalna`, `oryginalna wiadomość`,
		`исходное сообщение`, `пересылаемое`, `alkuperäinen viesti`, `původní zpráva`, `reply message`, `原始邮件`, `原邮件`, `元のメッセージ`,
		`originele bericht`, `message initial`, `messaggio iniziale`, `e-?mail original`, `původní e-?mail`, `wiadomość pierwotna`, `quote`, `citation`, `msg original`, `reply above`,
	) + `.{0,20}|-+ ?reply (?:above|to).{0,40}|##-? ?.{0,40}(?:above this line|au-dessus de cette ligne).{0,40}|message d'origine ?:?)\s*[-_=]*\s*$`)
	forward = regexp.MustCompile(`(?i)^[\s>*]*(?:-{2,} ?` + oneOf(
		`forwarded (?:message|by)`, `message (?:transféré|transmis|réexpédié)`, `weitergeleitete nachricht`, `mensaje reenviado`,
		`messaggio inoltrato`, `mensagem encaminhada`, `doorgestuurd bericht`,
	) + `.{0,40}-*|begin forwarded message:?|début du message (?:réexpédié|transféré) ?:?)\s*$`)
)

func isForward(line string) bool { return forward.MatchString(line) }

// The fields of a quoted header, as mail clients translate them.
var (
	headerFrom = regexp.MustCompile(`(?i)^[\s>*_]*` + oneOf(
		`from`, `de`, `von`, `van`, `da`, `från`, `fra`, `od`, `от`, `от кого`, `lähettäjä`, `remetente`, `expéditeur`, `mittente`,
		`feladó`, `kimden`, `发件人`, `差出人`, `寄件者`, `від`, `από`, `de la`, `보낸 ?사람`, `từ`, `מאת`, `من`, `gönderen`, `remitent`, `saatja`, `siuntėjas`,
	) + `[\s*_]*[:：]`)
	headerOther = regexp.MustCompile(`(?i)^[\s>*_]*` + oneOf(
		`sent`, `date`, `to`, `cc`, `subject`, `reply-to`, `envoyé(?: le)?`, `à`, `objet`, `copie`, `cc ?à`, `gesendet`, `an`,
		`datum`, `betreff`, `verzonden`, `aan`, `onderwerp`, `inviato`, `data`, `a`, `oggetto`, `enviado(?: el| em| a)?`,
		`enviada(?: em)?`, `para`, `asunto`, `assunto`, `fecha`, `skickat`, `till`, `ämne`, `sendt`, `til`, `emne`, `dato`,
		`wysłano`, `wysłane`, `do`, `temat`, `отправлено`, `дата`, `кому`, `тема`, `lähetetty`, `aihe`, `vastaanottaja`,
		`päivämäärä`, `elküldve`, `címzett`, `tárgy`, `发送时间`, `收件人`, `主题`, `日期`, `送信日時`, `宛先`, `件名`, `kime`, `konu`, `sent on`,
		`envoyé par`, `répondre à`, `destinataires?`, `sujet`, `copie à`, `date d'envoi`, `odesláno`, `datum`, `komu`, `předmět`, `predmet`, `trimis`,
		`către`, `subiect`, `gönderilme(?: tarihi)?`, `寄件日期`, `收件者`, `主旨`, `보낸 ?날짜`, `받는 ?사람`, `제목`, `đã gửi`, `đến`, `chủ đề`, `נשלח`, `אל`, `נושא`,
		`تاريخ الإرسال`, `أرسل`, `إلى`, `الموضوع`, `enviat`, `per a`, `assumpte`, `στάλθηκε`, `προς`, `θέμα`,
	) + `[\s*_]*[:：]`)
)

// headerBlock tells the fields of a quoted message, on neighbouring lines: From and another. Without From, they are the
// head of somebody's letter, unless the date is as programs write it.
func headerBlock(lines []string) bool {
	from := headerFrom.MatchString(lines[0]) || programDate.MatchString(Clip(lines[0], maxHeaderLine))
	if !from && !dateFirst.MatchString(lines[0]) {
		return false
	}
	fields := 0
	for i := 1; i < len(lines) && i < maxHeader; i++ {
		switch {
		case headerFrom.MatchString(lines[i]):
			from = true
			fields++
		case headerOther.MatchString(lines[i]):
			fields++
		case strings.TrimSpace(lines[i]) == "" && fields > 0:
			i = len(lines)
		}
	}
	return from && fields >= 1 && ofProgram(lines)
}

// The longest header that is looked for, in lines, and what is read of each, in octets.
const (
	maxHeader     = 8
	maxHeaderLine = 400
)

// ofProgram tells the header that a program wrote, with an address or an hour, from the head of a letter: "De : …, à : …, objet : …".
func ofProgram(lines []string) bool {
	hour, day := false, false
	for _, line := range lines[:min(len(lines), maxHeader)] {
		line = Clip(line, maxHeaderLine)
		if holdsAddress(line) {
			return true
		}
		hour, day = hour || hasTime.MatchString(line), day || hasDay.MatchString(line)
	}
	return hour && day
}

// programDate is the date of RFC 5322 §3.3, with its zone.
var programDate = regexp.MustCompile(`^[\s>*_]*Date[\s*_]*:[\s*_]*(?:\pL{3}, )?\d{1,2} \pL{3} \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}`)

var dateFirst = regexp.MustCompile(`(?i)^[\s>*_]*(?:date|datum|data|fecha|дата|to|subject|objet|betreff|message du)[\s*_]*:`)

// dropSignature takes out what stands under "-- " (RFC 3676 §4.3), the foot of a mailing list and the lines that
// telephones add. What stands under such a line stays: people answer there too.
func dropSignature(lines []string) []string {
	lines = underSeparator(lines)
	var kept []string
	written := false
	for _, line := range lines {
		if written && ofTelephone(line) {
			continue
		}
		written = written || strings.TrimSpace(line) != ""
		kept = append(kept, line)
	}
	for len(kept) > 0 && rule.MatchString(kept[len(kept)-1]) {
		kept = kept[:len(kept)-1]
	}
	return kept
}

// The longest signatures that are believed, in lines: under "-- " as it is written, and under "--", which people also
// draw between two parts of a letter.
const (
	maxSignature      = 40
	maxShortSignature = 12
)

func underSeparator(lines []string) []string {
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-maxSignature; i-- {
		switch line := strings.ReplaceAll(lines[i], "\u00a0", " "); {
		case line == "-- ", strings.TrimRight(line, " \t") == "--" && len(lines)-i <= maxShortSignature:
			return lines[:i]
		case listFoot(lines[i:]):
			return lines[:i]
		}
	}
	return lines
}

// listFoot tells the line above what a mailing list adds at the end. Who writes that they want to leave a list gives no
// link to do it.
func listFoot(lines []string) bool {
	if len(lines) > 8 || !underscores.MatchString(lines[0]) {
		return false
	}
	foot := strings.ToLower(strings.Join(lines, "\n"))
	return listWords.MatchString(foot) || leaveWords.MatchString(foot) && (link.MatchString(foot) || holdsAddress(foot))
}

var (
	underscores = regexp.MustCompile(`^_{2,}\s*$`)
	listWords   = words(`mailing list`, `liste de diffusion`, `/listinfo/`)
	leaveWords  = words(`d[ée]sabonn`, `unsubscribe`)
	link        = regexp.MustCompile(`[<(\[]*(?:https?://|www\.)\S*`)
)

// rule is a line drawn above what was taken out, or blank.
var rule = regexp.MustCompile(`^[\s_=*#~+ᐧ-]*$`)

// ofTelephone tells the line that a telephone or a mail program adds: a short one, without figures or a colon, in which
// persons go on. Those who name their product may have its number, and excuse themselves.
func ofTelephone(line string) bool {
	line = strings.ToLower(strings.TrimLeft(Clip(line, maxHeaderLine), " \t\u00a0*_<>([-"))
	if strings.Contains(line, "://") {
		line = link.ReplaceAllString(line, "")
	}
	line = strings.TrimSpace(line)
	if !telephone.MatchString(line) {
		return false
	}
	if length := utf8.RuneCountInString(line); length > 100 || strings.Contains(line, ":") {
		return false
	} else if products.MatchString(line) {
		return true
	} else {
		return length <= 60 && !strings.ContainsAny(line, "0123456789")
	}
}

var products = words(
	`iphone`, `ipad`, `android`, `samsung`, `galaxy`, `huawei`, `xiaomi`, `redmi`, `blackberry`, `windows`, `outlook`, `k-9`, `gmail`, `yahoo`, `proton`,
	`mobile`, `smartphone`,
)

var telephone = starts(
	`sent (?:from|via|using) (?:my|the|a) `, `sent with my .{0,20}(?:phone|mobile|pad)`,
	`sent (?:from|via|with|by|using) (?:outlook|mailbird|yahoo|gmail|samsung|typeapp|bluemail|proton|mobile|iphone|android|mail for|blackberry|nine|spark|airmail|windows|aqua|unibox|acompli)`,
	`sent from \[?[a-z][^,;\d]{1,40}$`, `from my (?:iphone|ipad|phone|mobile|android)`, `從我的`, `get \[outlook for`, `get outlook for`,
	`envoyé (?:de|depuis|avec|à partir de|via) (?:mon|ma|outlook|yahoo|l['’]appli|mail|mobile|iphone|samsung|proton|courrier)`,
	`envoyé (?:de|depuis|avec|à partir de|via) (?:une?|le|la) (?:mobile|t[ée]l[ée]phone|smartphone|portable|tablette|appareil|messagerie|webmail|mail|iphone|ipad)`,
	`télécharger? outlook`, `obtenez outlook`, `obtenir outlook`, `von meine[mr] .{1,30} gesendet`, `gesendet (?:von|mit|aus)`,
	`diese nachricht wurde von`, `enviado (?:desde|con|do|de) (?:mi|meu|meu|minha|outlook|yahoo|el|o|samsung)`,
	`inviato da(?:l mio)? ?\S`, `verstuurd vanaf`, `verzonden (?:van|met|vanaf)`, `skickat från`, `sendt fra`, `wysłan[eo] z`,
	`lähetetty \S+sta`, `отправлено (?:с|из)`, `sent by my`, `downloaded? outlook`, `iphone'umdan`, `iphoneから送信`,
)
