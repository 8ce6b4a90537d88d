package submission

import (
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
)

// AuthMechanisms is what EHLO announces; it is said inside TLS only.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// Auth begins a login.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
		return exchange{s, sasl.NewPlainServer(s.plain)}, nil
	case sasl.Login:
		return exchange{s, &loginServer{check: s.login}}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// exchange makes each error of a mechanism a bare *smtp.SMTPError.
type exchange struct {
	s *session
	sasl.Server
}

func (e exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = e.Server.Next(response)
	if err == nil {
		return challenge, done, nil
	}
	var fault *gateway.Fault
	if !errors.As(err, &fault) { // the mechanism could not read what the client sent (RFC 4954 §4)
		fault = gateway.Refuse(501, [3]int{5, 5, 2}, "submission.auth-malformed", nil)
	}
	return nil, false, e.s.words().reply(fault, false)
}

func (s *session) plain(identity, login, password string) error {
	if identity != "" && !strings.EqualFold(identity, login) {
		return s.loginFailed(gateway.Refuse(535, [3]int{5, 7, 8}, "submission.auth-identity", nil))
	}
	return s.login(login, password)
}

func (s *session) login(login, password string) error {
	agent, err := s.w.s.accounts.Login(s.w.ctx, account.Attempt{Login: login, Password: password, Address: s.w.peer})
	if err != nil {
		return s.loginFailed(err)
	}
	s.agent, s.w.loggedIn = agent, true
	s.w.log = s.w.log.With("agent", agent.ID)
	s.w.s.metrics.logins.WithLabelValues("ok").Inc()
	return nil
}

// loginFailed counts the failures of the session; the last one allowed ends it.
func (s *session) loginFailed(err error) error {
	fault := gateway.FaultOf(err)
	outcome := "denied"
	if fault.Class != gateway.Permanent {
		outcome = "unavailable"
	}
	s.w.s.metrics.logins.WithLabelValues(outcome).Inc()
	s.w.log.Info("login refused", "outcome", outcome, "error", err)
	if s.failures++; s.failures < s.w.s.o.MaxFailedLogins {
		return fault
	}
	s.w.say(fault)
	_ = s.w.end("failed-logins", refusal(421, [3]int{4, 7, 0}, "submission.too-many-failures")) // says it; the library has nothing to add
	return fault
}

// loginServer is the LOGIN mechanism (draft-murchison-sasl-login): the library has its client only.
type loginServer struct {
	user  string
	asked int
	check func(login, password string) error
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.asked == 0 && response != nil { // an initial response is the user name
		l.asked = 1
	}
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	case 3:
		return nil, true, l.check(l.user, string(response))
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}
