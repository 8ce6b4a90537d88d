package gateway

import (
	"errors"
	"strconv"
	"strings"
)

// EnvelopeID is the ENVID (RFC 3461 §4.4) under which a recipient's message goes out, and
// by which a report says which one it is about: `<recipient id>.<generation>.<l|r>`.
// It has only characters that xtext leaves as they are, and at most 49 octets (of 100 allowed).
// It is a name, not a proof: whoever received the message may have seen it.
func EnvelopeID(recipient ID, generation int, purpose Purpose) string {
	letter := "l"
	if purpose == ForReminder {
		letter = "r"
	}
	return recipient.String() + "." + strconv.Itoa(max(generation, 0)) + "." + letter
}

var errEnvelopeID = errors.New("not an envelope identifier of this gateway")

// ParseEnvelopeID reads an ENVID of ours. Case is folded, since relays that do not know
// better fold it; any other deviation is an error.
func ParseEnvelopeID(text string) (recipient ID, generation int, purpose Purpose, err error) {
	parts := strings.Split(strings.ToLower(text), ".")
	if len(parts) != 3 {
		return ID{}, 0, "", errEnvelopeID
	}
	recipient, err = ParseID(parts[0])
	if err != nil {
		return ID{}, 0, "", errEnvelopeID
	}
	generation, err = strconv.Atoi(parts[1])
	if err != nil || generation < 0 || strconv.Itoa(generation) != parts[1] {
		return ID{}, 0, "", errEnvelopeID
	}
	switch parts[2] {
	case "l":
		return recipient, generation, ForLetter, nil
	case "r":
		return recipient, generation, ForReminder, nil
	}
	return ID{}, 0, "", errEnvelopeID
}
