package address

import (
	"regexp"
	"strings"

	"vaguemestre/gateway"
)

// Subject is a subject line, its tags understood.
type Subject struct {
	Text   string   // without the tags that were understood, spaces trimmed
	Wishes []Wish   // one per tag understood
	Strays []string // what stands in leading brackets and names no consultation
}

// answerMarks are what mail clients put before the subject of an answer or a forward.
var answerMarks = regexp.MustCompile(`^(?i:\s*(?:re|ré|réf|fw|fwd|tr|wg|aw)(?:\[\d+\])?[\s\x{a0}]*:)*\s*`)

// maxTags bounds how many brackets at the head of a subject are looked at.
const maxTags = 5

// Subject reads the tags at the head of a decoded subject, after marks such as "Re :". A tag is
// understood when its first words are, together, a consultation that known admits; the other words
// must then all be known. A bracket that names none stays in the text and is a stray.
func (g *Grammar) Subject(subject string, known func(name string) bool) (Subject, *gateway.Fault) {
	marks := answerMarks.FindString(subject)
	rest := subject[len(marks):]
	var s Subject
	kept := ""
	for range maxTags {
		inside, after, ok := bracket(rest)
		if !ok {
			break
		}
		wish, named, fault := g.tag(inside, known)
		if fault != nil {
			return Subject{}, fault
		}
		if named {
			s.Wishes = append(s.Wishes, wish)
		} else {
			s.Strays = append(s.Strays, inside)
			kept += "[" + inside + "] "
		}
		rest = strings.TrimLeft(after, blanks)
	}
	s.Text = strings.Trim(strings.TrimLeft(marks, blanks)+kept+rest, blanks)
	return s, nil
}

const blanks = " \t\u00a0\u202f"

// maxTag bounds the inside of a bracket, in octets: what is longer is no tag.
const maxTag = 256

// bracket cuts a leading [...] without another [ inside off a text.
func bracket(text string) (inside, after string, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return "", "", false
	}
	inside, after, ok = strings.Cut(text[1:], "]")
	return inside, after, ok && len(inside) <= maxTag && !strings.Contains(inside, "[")
}

// tag reads the inside of a bracket: the longest run of its first words that names a consultation, then words.
func (g *Grammar) tag(inside string, known func(string) bool) (Wish, bool, *gateway.Fault) {
	tokens := tokensOf(inside)
	for n := len(tokens); n > 0; n-- {
		name := Fold(strings.Join(tokens[:n], " "))
		if name == "" || !known(name) {
			continue
		}
		wish, fault := g.Words(FromTag, tokens[n:]...)
		wish.Name = name
		return wish, true, fault
	}
	return Wish{}, false, nil
}

func tokensOf(inside string) []string {
	tokens := strings.FieldsFunc(inside, func(r rune) bool { return r == '+' || strings.ContainsRune(blanks, r) }) // + as in addresses
	for i, t := range tokens {
		tokens[i] = strings.TrimRight(t, ",;:")
	}
	return tokens
}

// StrayName is the consultation that a stray bracket seems to mean: its words without the known
// ones at its end. worded tells that such words were there, which no ordinary bracket has.
func (g *Grammar) StrayName(stray string) (name string, worded bool) {
	tokens := tokensOf(stray)
	n := len(tokens)
	for n > 1 {
		if _, fault := g.Words(FromTag, tokens[n-1]); fault != nil {
			break
		}
		n--
	}
	return Fold(strings.Join(tokens[:n], " ")), n < len(tokens)
}

// FormatTag writes a wish as a subject tag. It is not ok when the wish names no consultation,
// or says what only addresses say (a register), or bears an instant.
func (g *Grammar) FormatTag(w Wish) (string, bool) {
	if w.Name == "" || len(w.Registers) > 0 || !w.By.Instant.IsZero() {
		return "", false
	}
	return "[" + strings.Join(append([]string{w.Name}, w.words()...), " ") + "]", true
}
