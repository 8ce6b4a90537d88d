package notice

import (
	"encoding/json"

	"vaguemestre/gateway"
)

// wrong tells the agent that somebody says on the page that the letter is not theirs.
func (c *Composer) wrong(s *subject) (Mail, error) {
	w := c.words(s)
	w.At = s.event.Occurred
	var said gateway.ReasonDetails
	if json.Unmarshal(s.event.Details, &said) == nil { // erased: the rest still says enough
		w.Said = clean(said.Reason)
	}
	return c.tell(s, "wrong", w)
}

// infected tells that a file of the letter is withheld.
func (c *Composer) infected(s *subject) (Mail, error) {
	w := c.words(s)
	w.At = s.event.Occurred
	var found gateway.InfectedDetails
	if json.Unmarshal(s.event.Details, &found) == nil { // erased: the rest still says enough
		w.Files, w.Reason = []gateway.File{found.File}, clean(found.Signature)
	}
	return c.tell(s, "infected", w)
}
