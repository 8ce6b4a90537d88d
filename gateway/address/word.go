package address

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
)

// The words other than types.
const (
	wordAR      = "ar"
	wordSimple  = "simple"
	wordReply   = "reponse"
	wordNoReply = "sansreponse"
	wordSealed  = "scelle"
	wordOpen    = "nonscelle"
	byPrefix    = "limite-"
	firmPrefix  = "e-"
)

var optionWords = [...]string{wordAR, wordSimple, wordReply, wordNoReply, wordSealed, wordOpen, string(Draft), string(Trial), string(Model)}

// Grammar reads and writes what agents say for one domain and one set of courier types.
// It never changes and is safe for concurrent use.
type Grammar struct {
	domain string
	types  []string
	known  []string // what near misses are looked for among
}

// New makes the grammar of a domain. A type whose code is not folded or is already another word is an error.
func New(domain string, types []gateway.TypeCode) (*Grammar, error) {
	ascii, fault := asciiDomain(domain)
	if fault != nil && !hostname(domain) {
		return nil, fmt.Errorf("domain of the gateway %q is not a domain name", domain)
	}
	if fault != nil {
		ascii = strings.ToLower(domain)
	}
	g := &Grammar{domain: ascii}
	for _, t := range types {
		if err := CheckType(t); err != nil {
			return nil, err
		}
		g.types = append(g.types, string(t))
	}
	g.known = append(slices.Clone(g.types), optionWords[:]...)
	return g, nil
}

// hostname admits a domain of one label, such as the localhost of a trial installation.
func hostname(domain string) bool { return domain != "" && domain == Fold(domain) }

// Domain is the gateway's domain, in lower-case ASCII.
func (g *Grammar) Domain() string { return g.domain }

// CheckType tells whether a code can be the word of a courier type.
func CheckType(t gateway.TypeCode) error {
	code := string(t)
	switch {
	case code == "" || code != Fold(code) || strings.ContainsAny(code, "._"):
		return fmt.Errorf("courier type %q: a code has only the letters a-z, digits and hyphens", code)
	case slices.Contains(optionWords[:], code), strings.HasPrefix(code, byPrefix), strings.HasPrefix(code, firmPrefix):
		return fmt.Errorf("courier type %q: this word already means something else", code)
	case len(code) > MaxName:
		return fmt.Errorf("courier type %q: a code has at most %d letters", code, MaxName)
	}
	return nil
}

// Words reads words said in one place.
func (g *Grammar) Words(source Source, words ...string) (Wish, *gateway.Fault) {
	w := Wish{Source: source}
	for _, word := range words {
		if fault := g.word(&w, word); fault != nil {
			return Wish{}, fault
		}
	}
	return w, nil
}

func (g *Grammar) word(w *Wish, written string) *gateway.Fault {
	word := Fold(written)
	if word == "" && strings.TrimSpace(written) == "" {
		return nil // "reference+@": an empty word says nothing
	}
	if slices.Contains(g.types, word) {
		return set(&w.Type, gateway.TypeCode(word), func(t gateway.TypeCode) string { return string(t) })
	}
	if firm, ok := strings.CutPrefix(word, firmPrefix); ok && firm != "" {
		if !slices.Contains(w.Companies, firm) {
			w.Companies = append(w.Companies, firm)
		}
		return nil
	}
	if strings.HasPrefix(word, "limite") {
		return g.by(w, word, written)
	}
	return g.option(w, word, written)
}

func (g *Grammar) by(w *Wish, word, written string) *gateway.Fault {
	m, ok := byWord(word)
	if !ok {
		return badDate(written, wordExample)
	}
	return set(&w.By, m, formatBy)
}

func (g *Grammar) option(w *Wish, word, written string) *gateway.Fault {
	switch word {
	case wordAR:
		return set(&w.Acknowledged, Yes, sayAcknowledged)
	case wordSimple:
		return set(&w.Acknowledged, No, sayAcknowledged)
	case wordReply:
		return set(&w.Reply, Yes, sayReply)
	case wordNoReply:
		return set(&w.Reply, No, sayReply)
	case wordSealed:
		return set(&w.Sealed, Yes, saySealed)
	case wordOpen:
		return set(&w.Sealed, No, saySealed)
	case string(Draft), string(Trial), string(Model):
		return set(&w.Action, Action(word), func(a Action) string { return string(a) })
	}
	near := Near(word, g.known)
	if register := registerMeant(word, near); register != "" {
		return refuse("refuse.register-word", "Word", Shown(written), "Register", register, "Domain", g.domain, "Near", near)
	}
	return refuse("refuse.unknown-word", "Word", Shown(written), "Near", near, "Types", g.types)
}

// set says one option; saying two different things of it in one place is refused.
func set[T comparable](where *T, value T, say func(T) string) *gateway.Fault {
	var unsaid T
	if *where != unsaid && *where != value {
		return refuse("refuse.conflict", "First", say(*where), "Second", say(value))
	}
	*where = value
	return nil
}

func sayAcknowledged(c Choice) string { return pick(c, wordAR, wordSimple) }
func sayReply(c Choice) string        { return pick(c, wordReply, wordNoReply) }
func saySealed(c Choice) string       { return pick(c, wordSealed, wordOpen) }

func pick(c Choice, yes, no string) string {
	switch c {
	case Yes:
		return yes
	case No:
		return no
	}
	return ""
}

// byWord reads limite-20210320-1200 or limite-20210320.
func byWord(word string) (Moment, bool) {
	digits, ok := strings.CutPrefix(word, byPrefix)
	if !ok {
		return Moment{}, false
	}
	return compactDate(digits)
}

func compactDate(digits string) (Moment, bool) {
	form := "20060102-1504"
	if len(digits) == len("20210320") {
		digits += "-2359"
	}
	t, err := time.Parse(form, digits)
	if err != nil || t.Year() < 1000 {
		return Moment{}, false
	}
	return Moment{Local: t.Format(localForm)}, true
}

// formatBy writes a moment as a word. An instant is written in UTC by String, since no word carries a zone.
func formatBy(m Moment) string {
	t, err := time.Parse(localForm, m.Local)
	if err != nil {
		return m.String()
	}
	return byPrefix + t.Format("20060102-1504")
}

// words writes what a wish says, apart from consultation and registers, in the canonical order.
func (w Wish) words() []string {
	words := []string{string(w.Type), sayAcknowledged(w.Acknowledged), sayReply(w.Reply)}
	if w.By.Local != "" {
		words = append(words, formatBy(w.By))
	}
	words = append(words, saySealed(w.Sealed), string(w.Action))
	for _, c := range w.Companies {
		words = append(words, firmPrefix+c)
	}
	return slices.DeleteFunc(words, func(word string) bool { return word == "" })
}
