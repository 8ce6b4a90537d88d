package classify

import (
	"regexp"
	"strings"
)

// Fragments of the places.
var (
	// fieldNames are what reports write before a recipient and a colon.
	fieldNames = oneOf(
		`(?:failed|failing|intended|target|original|final|invalid|bad)?[ -]?(?:recipient|rcpt|destinataire|empf[äa]nger|destinatario)`+
			`(?:'?s)?(?: e-?mail| mail)?(?: address(?:es)?)?(?: in error| failed)?`,
		`(?:target|bad|failed|invalid|bounced) (?:e-?)?mail address`, `target mail address`, `rcpt to`, `undeliverable(?: to| address)?`,
		`could not be delivered to`, `unable to deliver (?:message )?to`, `delivery to`, `delivery failed(?: \d+ attempts)?`,
		`unknown user`, `user unknown`, `no such user`, `unknown recipient`, `invalid recipient`, `address failed`,
		`sent <<< rcpt to`, `adresse(?: \S+){0,3}`, `utilisateur inconnu`, `boîte pleine`,
	)
	// afterAddress is what follows an address that leads a line, when it is a recipient's.
	afterAddress = oneOf(
		`:`, ` *$`, `\.\.\.`, ` +\(`, ` +\[`, ` +<`, ` on `, ` invalid `, ` - `, `, `, `;`, ` +unknown`,
		` +(?:is|was|could|has|can|does|ne|n') `,
	)
	// sentenceWords announce a recipient within a sentence.
	sentenceWords = oneOf(
		`deliver`, `delivered`, `delivering`, `delivery`, `deliverable`, `sent`, `send`, `addressed`, `permanent errors?`, `reached?`,
		`message`, `mail`, `recipients?`, `list`, `liste`, `user`, `address(?:es)?`, `mailbox`, `account`, `rejected`, `unknown`, `attempt(?:ing|ed)?`,
		`reason`, `destinataires?`, `adresse`, `courrier`, `courriel`, `utilisateur`, `remis`, `distribu[ée]`, `zustell\w*`,
		`empfänger`, `destinatario`, `entregar`, `rcpt`,
	)
)

// places say where the prose of a report names its recipients. They are tried in order: the first
// place that names somebody is believed, and the others are not looked at, since less explicit places also
// name senders and helpers.
var places = []struct {
	name    string
	pattern *regexp.Regexp // group 1: the address; what follows it is the diagnostic
}{
	{"field", lineStart(fieldNames + ` *[:=] *(?:rfc822 *;)?[ "'<]*(ADDR)[>"']*`)},
	{"leading", lineStart(`(?:[*•·-]+ +|-+> +|>>> )?(?:"[^"\n]*" +)?["'<]*(ADDR)[>"']*` + afterAddress)},
	{"transcript", lineStart(`(?:[245]\d\d[ -](?:[245]\.\d\.\d{1,3} )?)["'<]*(ADDR)[>"']*(?:\.\.\.|:)`)},
	{"sentence", regexp.MustCompile(`(?i)(?:\b` + sentenceWords + `\b|收件人|地址|宛先|アドレス)[^@\n]{0,80}?[\s:"'<(\[（「［：](` + addressPattern + `)`)},
	{"line of its own", lineStart(`[ \t"'<*•-]*(ADDR)[>"',;]*`)},
}

func lineStart(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?im)^[ \t]*` + strings.ReplaceAll(pattern, "ADDR", addressPattern))
}

// mention is a recipient found in prose, with the text that is about it alone.
type mention struct {
	address  string
	original string // "(generated from …)", "(expanded from: …)"
	about    string
}

// mentions finds the recipients that a report's prose names. excluded are the addresses that
// are known to be somebody else's: ours, the reporter's, the sender of the returned message.
func mentions(prose string, excluded map[string]bool) []mention {
	for _, place := range places {
		var found []mention
		var starts [][2]int
		for _, m := range findInLines(place.pattern, prose, 4*maxRecipients) {
			address := strings.Trim(prose[m[2]:m[3]], ".")
			if excluded[strings.ToLower(address)] || roles.MatchString(address) || ofSender(prose, m[2]) {
				continue
			}
			found = append(found, mention{address: address})
			starts = append(starts, [2]int{m[0], m[3]})
		}
		if len(found) == 0 {
			continue
		}
		end := len(prose)
		for i := len(found) - 1; i >= 0; i-- {
			if i+1 < len(found) && !strings.EqualFold(found[i+1].address, found[i].address) { // else named again within what is said of it
				end = starts[i+1][0]
			}
			from := starts[i][1]
			if place.name == "transcript" {
				from = starts[i][0] // the code stands before the address
			}
			found[i].about = prose[from:end]
			found[i].original = forwardedFrom(found[i].about)
		}
		return mergeMentions(found)
	}
	return nil
}

// findInLines is FindAllStringSubmatchIndex over the lines that hold an address.
func findInLines(pattern *regexp.Regexp, text string, n int) [][]int {
	var found [][]int
	for at := 0; at < len(text) && len(found) < n; {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		if line := Clip(text[at:end], maxDiagnostic); strings.IndexByte(line, '@') >= 0 {
			for _, m := range pattern.FindAllStringSubmatchIndex(line, 50) {
				for i := range m {
					m[i] += at
				}
				found = append(found, m)
			}
		}
		at = end + 1
	}
	return found
}

// mergeMentions keeps each address once, with all that is said of it.
func mergeMentions(found []mention) []mention {
	var merged []mention
	at := map[string]int{}
	for _, m := range found {
		key := strings.ToLower(m.address)
		if i, seen := at[key]; seen {
			if strings.HasSuffix(merged[i].about, m.about) {
				continue
			}
			merged[i].about = Clip(merged[i].about+"\n"+m.about, maxText)
			continue
		}
		if len(merged) == maxRecipients {
			break
		}
		at[key] = len(merged)
		merged = append(merged, m)
	}
	return dropForwarders(merged)
}

// dropForwarders takes out the addresses that are only the way to another one.
func dropForwarders(found []mention) []mention {
	via := map[string]bool{}
	for _, m := range found {
		if m.original != "" && !strings.EqualFold(m.original, m.address) {
			via[strings.ToLower(m.original)] = true
		}
	}
	if len(via) == 0 {
		return found
	}
	var kept []mention
	for _, m := range found {
		if !via[strings.ToLower(m.address)] {
			kept = append(kept, m)
		}
	}
	return kept
}

var senderLead = words(
	`from:?\s*["'<]*$`, `(sent|message|mail) by\W*$`, `sender\)?:?\s*["'<]*$`,
	`(contact|write to|mail to|e-?mail|reply to|assistance)\W{0,4}$`, `mail from:?\s*<?$`, `reply-to:\s*<?$`, `return-path:\s*<?$`,
	`(generated|expanded|forwarded|originated) (from|by):?\s*<?$`, `envelope-from\s*<?$`, `by\s+<$`,
)

// ofSender tells an address that the words before it give to the sender or to a helper.
func ofSender(prose string, at int) bool {
	return senderLead.MatchString(strings.ToLower(prose[max(0, at-40):at]))
}

var forwarding = regexp.MustCompile(`(?i)\(?(?:ultimately )?(?:generated|expanded|forwarded|originated) (?:from|by):?\s*<?(` + addressPattern + `)`)

func forwardedFrom(text string) string {
	if m := forwarding.FindStringSubmatch(Clip(text, 400)); m != nil {
		return strings.Trim(m[1], ".")
	}
	return ""
}

// paragraphs are the runs of lines between blank lines, trimmed.
func paragraphs(text string) []string {
	var all []string
	var current []string
	flush := func() {
		if p := strings.TrimSpace(strings.Join(current, "\n")); p != "" {
			all = append(all, p)
		}
		current = nil
	}
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			flush()
			continue
		}
		current = append(current, strings.TrimRight(line, "\r\n"))
	}
	flush()
	return all
}

// diagnosticOf picks what was said of a recipient: the paragraph with the server's answer, or
// else the first one that says something.
func diagnosticOf(about string) string {
	all := paragraphs(strings.TrimLeft(about, `>"':.,; `))
	for _, p := range all {
		for _, quoted := range quotedAnswers {
			if m := quoted.FindStringSubmatch(p); m != nil && replyCode(m[1]) != 0 {
				return Clip(oneLine(m[1]), maxDiagnostic)
			}
		}
	}
	for _, p := range all {
		if replyCode(p) != 0 || enhancedCode(p) != "" {
			return Clip(oneLine(p), maxDiagnostic)
		}
	}
	for _, p := range all {
		if reasonIn(Clip(p, maxDiagnostic)) != Undefined {
			return Clip(oneLine(p), maxDiagnostic)
		}
	}
	for _, p := range all {
		if len(p) > 8 && !strings.HasPrefix(p, "----") && !strings.HasPrefix(p, "====") {
			return Clip(oneLine(p), maxDiagnostic)
		}
	}
	return ""
}

// quotedAnswers are where a report stops explaining and quotes the server.
var quotedAnswers = []*regexp.Regexp{
	regexp.MustCompile(`(?is)(?:returned was|response was|responded with(?: failure)?|server (?:said|replied|responded)|error message|answered|said) ?:\s*(.+)$`),
	regexp.MustCompile(`(?is)(?:error|problem) +([45]\d\d[- ]'.+)$`), // Cisco: its own words, then the server's between quotes
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
