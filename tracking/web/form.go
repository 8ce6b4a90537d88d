package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// Why a form is not taken.
var (
	// ErrForm: the token was not minted for this, or its page was shown too long ago.
	ErrForm = errors.New("form without the page's own token")
	// ErrTooFast: the form came back faster than a person could send it.
	ErrTooFast = errors.New("form sent faster than a person could")
)

// Forms mints and checks the hidden field of forms: it proves that a page was shown, when, in which visit, and
// for what (a recipient, a session, an act: whatever it is bound to). It needs no cookie: some people have none.
type Forms struct {
	Key  []byte        // token.Ring.Derive gives one for each purpose
	Wait time.Duration // shortest time between the page and its form
	Life time.Duration // how long a page that was shown can still be sent
}

// Shown is the showing of a page that a form came from.
type Shown struct {
	Visit [8]byte // random: which showing it was
	At    time.Time
}

const fieldHead = 16 // the visit and the time

// NewShown is a showing that happens now.
func NewShown(now time.Time) Shown {
	s := Shown{At: time.UnixMicro(now.UnixMicro()).UTC()}
	_, _ = rand.Read(s.Visit[:]) // documented never to fail (Go 1.24)
	return s
}

// Mint is the field of a page that is shown now.
func (f Forms) Mint(now time.Time, bound ...string) string { return f.Field(NewShown(now), bound...) }

// Field is the field of a showing, bound to what its form is for.
func (f Forms) Field(s Shown, bound ...string) string {
	head := binary.BigEndian.AppendUint64(s.Visit[:], uint64(s.At.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(head, f.mac(head, bound)...))
}

// Check gives the showing that the field was minted in, or ErrForm, or ErrTooFast with the showing.
func (f Forms) Check(field string, now time.Time, bound ...string) (Shown, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(field)
	if err != nil || len(raw) != fieldHead+sha256.Size || !hmac.Equal(f.mac(raw[:fieldHead], bound), raw[fieldHead:]) {
		return Shown{}, ErrForm
	}
	s := Shown{Visit: [8]byte(raw), At: time.UnixMicro(int64(binary.BigEndian.Uint64(raw[8:]))).UTC()}
	age := now.Sub(s.At)
	switch {
	case age > f.Life || age < -time.Minute:
		return Shown{}, ErrForm
	case age < f.Wait:
		return s, ErrTooFast
	}
	return s, nil
}

func (f Forms) mac(head []byte, bound []string) []byte {
	h := hmac.New(sha256.New, f.Key)
	h.Write(head)
	for _, b := range bound {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		h.Write([]byte(b))
	}
	return h.Sum(nil)
}
