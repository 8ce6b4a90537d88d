package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"vaguemestre/gateway"
)

// formLife is how long a page that was shown can still acknowledge.
const formLife = 24 * time.Hour

// Why a form is not taken as an acknowledgement; each shows the page again.
var (
	errForm    = errors.New("form without the page's own token")
	errTooFast = errors.New("form sent faster than a person could")
)

// forms mints and checks the hidden field of the landing page: it proves that the page was
// shown for this recipient, and when. It is bound to no cookie: some people have none.
type forms struct {
	key  []byte
	wait time.Duration // shortest time between the page and its form
}

func (f forms) mint(recipient gateway.ID, now time.Time) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(stamp, f.mac(recipient, stamp)...))
}

func (f forms) check(recipient gateway.ID, field string, now time.Time) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(field)
	if err != nil || len(raw) != 8+sha256.Size || !hmac.Equal(f.mac(recipient, raw[:8]), raw[8:]) {
		return errForm
	}
	age := now.Sub(time.UnixMicro(int64(binary.BigEndian.Uint64(raw))))
	switch {
	case age > formLife || age < -time.Minute:
		return errForm
	case age < f.wait:
		return errTooFast
	}
	return nil
}

func (f forms) mac(recipient gateway.ID, stamp []byte) []byte {
	h := hmac.New(sha256.New, f.key)
	h.Write(recipient[:])
	h.Write(stamp)
	return h.Sum(nil)
}
