package relay

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is what the peer asks (RFC 2195)
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The login mechanisms. An empty Auth.Mechanism takes the first that the peer offers, in this
// order: OAUTHBEARER and XOAUTH2 when there is a token source, else PLAIN, LOGIN, CRAM-MD5.
const (
	Plain       = "PLAIN"
	Login       = "LOGIN"
	CRAMMD5     = "CRAM-MD5"
	XOAuth2     = "XOAUTH2"
	OAuthBearer = "OAUTHBEARER"
)

// Auth is our login at a smarthost.
type Auth struct {
	Mechanism string
	Username  string
	Password  string
	Token     TokenSource // for XOAUTH2 and OAUTHBEARER
	// Clear allows passwords and tokens to travel without TLS: for a smarthost on the same machine.
	Clear bool
}

// TokenSource gives an access token that is good for some time yet (gateway/oauth).
type TokenSource interface {
	Token(ctx context.Context) (string, error)
	Refused(token string) // by the smarthost: another one is to be given the next time
}

func (a *Auth) check(address string) error {
	if a == nil {
		return nil
	}
	a.Mechanism = strings.ToUpper(a.Mechanism)
	switch a.Mechanism {
	case "":
	case Plain, Login, CRAMMD5:
		if a.Token != nil {
			return fmt.Errorf("smarthost %s: %s takes a password, not a token", address, a.Mechanism)
		}
	case XOAuth2, OAuthBearer:
		if a.Token == nil {
			return fmt.Errorf("smarthost %s: %s needs a token source", address, a.Mechanism)
		}
	default:
		return fmt.Errorf("smarthost %s: unknown login mechanism %q", address, a.Mechanism)
	}
	return nil
}

var (
	errNoMechanism = errors.New("the smarthost offers no login mechanism that we can use")
	errClearAuth   = errors.New("the connection is not encrypted: the password or token stays here")
)

// choose picks the mechanism among those offered.
func (a *Auth) choose(offered []string, encrypted bool) (string, error) {
	wanted := []string{Plain, Login, CRAMMD5}
	if a.Token != nil {
		wanted = []string{OAuthBearer, XOAuth2}
	}
	if a.Mechanism != "" {
		wanted = []string{a.Mechanism}
	}
	clear := false
	for _, m := range wanted {
		if !slices.Contains(offered, m) {
			continue
		}
		if encrypted || a.Clear || m == CRAMMD5 {
			return m, nil
		}
		clear = true
	}
	if clear {
		return "", errClearAuth
	}
	return "", errNoMechanism
}

// exchange is our side of a login: what goes with the AUTH command (nil: nothing), then the
// answer to each challenge in turn.
type exchange struct {
	initial []byte
	answers []func(challenge []byte) []byte
	refused func() // what to do when the peer does not let us in; may be nil
}

func always(text string) func([]byte) []byte {
	return func([]byte) []byte { return []byte(text) }
}

func (a *Auth) exchange(ctx context.Context, mechanism, host, port string) (exchange, error) {
	switch mechanism {
	case Plain: // RFC 4616
		return exchange{initial: []byte("\x00" + a.Username + "\x00" + a.Password)}, nil
	case Login: // no initial response: not every server takes one
		return exchange{answers: []func([]byte) []byte{always(a.Username), always(a.Password)}}, nil
	case CRAMMD5:
		return exchange{answers: []func([]byte) []byte{a.digest}}, nil
	}
	token, err := a.Token.Token(ctx)
	if err != nil {
		return exchange{}, fmt.Errorf("get an access token: %w", err)
	}
	// A refusal comes as a challenge with its reason, then needs a dummy answer to become a
	// reply (RFC 7628 §3.2.3); XOAUTH2 wants that answer empty.
	if mechanism == XOAuth2 {
		return exchange{
			initial: []byte("user=" + a.Username + "\x01auth=Bearer " + token + "\x01\x01"),
			answers: []func([]byte) []byte{always("")},
			refused: func() { a.Token.Refused(token) },
		}, nil
	}
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(a.Username) // RFC 5801 §4, saslname
	return exchange{
		initial: []byte("n,a=" + name + ",\x01host=" + host + "\x01port=" + port + "\x01auth=Bearer " + token + "\x01\x01"),
		answers: []func([]byte) []byte{always("\x01")},
		refused: func() { a.Token.Refused(token) },
	}, nil
}

// digest answers a challenge of CRAM-MD5 (RFC 2195 §2).
func (a *Auth) digest(challenge []byte) []byte {
	mac := hmac.New(md5.New, []byte(a.Password))
	mac.Write(challenge)
	return []byte(a.Username + " " + hex.EncodeToString(mac.Sum(nil)))
}
