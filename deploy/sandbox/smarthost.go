package sandbox

import (
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// manner is how a recipient's server behaves, by the first word of the address.
type manner struct {
	refuse *smtp.SMTPError // answered to RCPT
	fails  bool            // accepted, then a failed report
	slow   bool            // accepted, then a delayed report, then delivered
	mute   bool            // delivered without a report
}

// mannerOf reads the local part: inconnu@, inconnu-2@… behave alike, whatever the domain.
func mannerOf(address string) manner {
	local, _ := split(strings.ToLower(address))
	switch {
	case strings.HasPrefix(local, "inconnu"):
		return manner{fails: true}
	case strings.HasPrefix(local, "plein"):
		return manner{refuse: &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2},
			Message: "<" + address + ">: Recipient address rejected: Mailbox full"}}
	case strings.HasPrefix(local, "refus"):
		return manner{refuse: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1},
			Message: "<" + address + ">: Recipient address rejected: Access denied"}}
	case strings.HasPrefix(local, "lent"):
		return manner{slow: true}
	case strings.HasPrefix(local, "muet"):
		return manner{mute: true}
	}
	return manner{}
}

// Size limits of the smarthost: above what the gateway may send (60 Mo of files in base64).
const (
	smarthostMaxBytes      = 90_000_000
	smarthostMaxRecipients = 1000
	smarthostTimeout       = 5 * time.Minute
)

func (w *World) newSmarthost(pair Pair) (*smtp.Server, error) {
	config, err := pair.Server()
	if err != nil {
		return nil, err
	}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &smtpSession{world: w, conn: c}, nil
	}))
	s.Domain, s.TLSConfig, s.EnableDSN, s.EnableSMTPUTF8 = w.options.Hostname, config, true, true
	s.MaxMessageBytes, s.MaxRecipients = smarthostMaxBytes, smarthostMaxRecipients
	s.ReadTimeout, s.WriteTimeout = smarthostTimeout, smarthostTimeout
	s.ErrorLog = slog.NewLogLogger(w.log.Handler(), slog.LevelDebug)
	return s, nil
}

// smtpSession is one client of the smarthost.
type smtpSession struct {
	world *World
	conn  *smtp.Conn
	name  string // after AUTH
	from  string
	mail  *smtp.MailOptions
	rcpts []rcpt
}

type rcpt struct {
	address string
	options *smtp.RcptOptions
	manner  manner
}

func (s *smtpSession) Reset()        { s.from, s.mail, s.rcpts = "", nil, nil }
func (s *smtpSession) Logout() error { return nil }

// AuthMechanisms offers PLAIN over TLS when the world asks for a login.
func (s *smtpSession) AuthMechanisms() []string {
	if s.world.options.SMTPUser == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks the one account.
func (s *smtpSession) Auth(string) (sasl.Server, error) {
	o := s.world.options
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != o.SMTPUser || password != o.SMTPPassword {
			return smtp.ErrAuthFailed
		}
		s.name = user
		return nil
	}), nil
}

func (s *smtpSession) Mail(from string, options *smtp.MailOptions) error {
	if s.world.options.SMTPUser != "" && s.name == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from, s.mail = from, options
	return nil
}

func (s *smtpSession) Rcpt(to string, options *smtp.RcptOptions) error {
	if _, domain := split(to); domain == "" {
		return &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "Bad recipient address syntax"}
	}
	m := mannerOf(to)
	if s.world.owns(to) {
		m = manner{}
	}
	if m.refuse != nil {
		return m.refuse
	}
	s.rcpts = append(s.rcpts, rcpt{to, options, m})
	return nil
}

// Data takes the message whole before it answers; what happens then to each recipient is reported later.
func (s *smtpSession) Data(r io.Reader) error {
	body, size, err := spool(s.world.dir, r)
	if err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Queue file write error"}
	}
	v := s.world.accept(s, body, size)
	if err := s.world.post(v); err != nil {
		body.release()
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Insufficient system storage"}
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Ok: queued as " + v.queueID}
}

// voyage is one message on its way through the smarthost.
type voyage struct {
	queueID string
	from    string
	client  string
	mail    smtp.MailOptions
	rcpts   []rcpt
	body    *content
	size    int64
	subject string
	arrived time.Time
}

func (w *World) accept(s *smtpSession, body *content, size int64) voyage {
	v := voyage{
		queueID: fmt.Sprintf("%08X", w.queued.Add(1)), from: s.from, client: s.conn.Hostname(),
		rcpts: s.rcpts, body: body, size: size, subject: subjectOf(body), arrived: w.options.Now(),
	}
	if s.mail != nil {
		v.mail = *s.mail
	}
	return v
}

func subjectOf(body *content) string {
	r, err := body.open()
	if err != nil {
		return ""
	}
	defer r.Close()
	m, err := mail.ReadMessage(io.LimitReader(r, inMemory))
	if err != nil {
		return ""
	}
	return decodeWord(m.Header.Get("Subject"))
}

// trace is what the receiving server puts before the message (RFC 5321 §4.4).
func (w *World) trace(v voyage, to string) string {
	return fmt.Sprintf("Return-Path: <%s>\r\nDelivered-To: %s\r\nX-Original-To: %s\r\nReceived: from %s (localhost [127.0.0.1])\r\n\tby %s with ESMTP id %s\r\n\tfor <%s>; %s\r\n",
		v.from, to, to, clean(v.client), w.options.Hostname, v.queueID, to, v.arrived.Format(time.RFC1123Z))
}

// clean keeps a word that a client chose from ending a header line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
