package address

import (
	"fmt"
	"strings"
	"time"

	"vaguemestre/gateway"
)

// Choice is a yes or no that may be left unsaid.
type Choice int8

// The choices.
const (
	Unsaid Choice = iota
	Yes
	No
)

// Or is the choice as a boolean, or what holds when nothing was said.
func (c Choice) Or(unsaid bool) bool {
	if c == Unsaid {
		return unsaid
	}
	return c == Yes
}

// Choose is the choice that says b.
func Choose(b bool) Choice {
	if b {
		return Yes
	}
	return No
}

// Action is what to do with the message in the place of sending it.
type Action string

// The actions.
const (
	Send  Action = ""
	Draft Action = "brouillon"
	Trial Action = "essai"
	Model Action = "modele"
)

// Source is where something was said. A lower source outranks a higher one.
type Source int

// The sources, by precedence.
const (
	FromField   Source = iota // Vaguemestre-… header fields, the console's form, the API
	FromAddress               // addresses of the gateway's domain
	FromTag                   // [REF …] in the subject
	FromClient                // a requested receipt, Reply-By, a thread
)

// Wish is what one place of a message says. Whatever is zero is unsaid.
type Wish struct {
	Source       Source
	Name         string // folded reference or address of the consultation
	Registers    []gateway.Register
	Companies    []string // folded names, each a word e-…
	Type         gateway.TypeCode
	Acknowledged Choice
	Reply        Choice
	By           Moment
	Sealed       Choice
	Action       Action
}

// Moment is a deadline as it was said: an instant when its zone was given, else a day and an hour
// in the consultation's zone. The zero Moment is unsaid.
type Moment struct {
	Instant time.Time // UTC
	Local   string    // "2021-03-20 12:00"
}

const localForm = "2006-01-02 15:04"

// At is an instant, to the minute.
func At(t time.Time) Moment { return Moment{Instant: t.UTC().Truncate(time.Minute)} }

// IsZero tells a moment that was not said.
func (m Moment) IsZero() bool { return m == Moment{} }

// String is the moment as programs write it.
func (m Moment) String() string {
	if m.Local != "" || m.IsZero() {
		return m.Local
	}
	return m.Instant.Format(time.RFC3339)
}

// In is the instant that the moment means in a zone. An hour that comes twice, when clocks
// go back, is the later one, which favours the company; one that does not exist is refused.
func (m Moment) In(zone *time.Location) (time.Time, *gateway.Fault) {
	if m.Local == "" {
		return m.Instant, nil
	}
	t, err := time.ParseInLocation(localForm, m.Local, zone)
	if err != nil {
		return time.Time{}, badDate(m.Local, localExample)
	}
	if t.Format(localForm) != m.Local {
		return time.Time{}, refuse("refuse.no-such-hour", "Word", m.Local)
	}
	if later := t.Add(time.Hour); later.Format(localForm) == m.Local {
		t = later
	}
	return t.UTC(), nil
}

// refuse is a permanent refusal of what the agent wrote; pairs are the arguments of the sentence.
func refuse(key string, pairs ...any) *gateway.Fault {
	args := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		args[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return gateway.Refuse(550, [3]int{5, 1, 3}, key, args)
}

const (
	wordExample  = "limite-20210320-1200"
	localExample = "2021-03-20 12:00"
)

func badDate(word, example string) *gateway.Fault {
	return refuse("refuse.bad-date", "Word", Shown(word), "Want", []string{example})
}

// Shown bounds what a refusal repeats of what the agent wrote, and keeps it on one line.
func Shown(text string) string {
	const most = 80
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
