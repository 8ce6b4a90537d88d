package gateway

import (
	"strings"
	"testing"
	"time"
)

func TestTheMessageIDOfALetterNamesItsRecipient(t *testing.T) {
	id := NewID(time.Unix(1, 0))
	if got, ok := NamedByMessageID(MessageID(id, "courrier.example")); !ok || got != id {
		t.Errorf("%v, %v", got, ok)
	}
	for _, text := range []string{"", "<>", id.String(), "<" + id.String() + ">", id.String() + "@x", id.String() + "@x>", "<" + id.String() + "@x",
		"<r" + id.String() + "@x>", "<" + strings.ToUpper(id.String()) + "@x>", "<@x>"} {
		if got, ok := NamedByMessageID(text); ok {
			t.Errorf("%q names %v", text, got)
		}
	}
}
