package main

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
)

// client is an agent's mail client and a company's browser, beside an installation in the world of the demo.
type client struct {
	*installation
	tls *tls.Config

	user, password string // empty: Victoria's
}

// answer is what a server said last; code 0: it said nothing.
type answer struct {
	code int
	text string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.code, a.text) }

// temporary is "later" in every form: a 4xx, or nobody there.
func (a answer) temporary() bool { return a.code == 0 || a.code/100 == 4 }

func answered4(err error) answer {
	var said *textproto.Error
	if errors.As(err, &said) {
		return answer{said.Code, said.Msg}
	}
	return answer{0, err.Error()}
}

// letter is a message for the box of that name; with a file of that many bytes when they are not 0.
func (c client) letter(key string, file int) string {
	if file > 0 {
		return strings.Replace(withFile(key, file), "contact@entreprise.test", boxOf(key), 1)
	}
	return letter(key, boxOf(key), "Courrier "+key, "Bonjour,\n\nUn courrier pour la boîte "+key+".\n")
}

// submit hands a message in for one box and gives the answer that ended it.
func (c client) submit(key, message string) answer {
	return c.send([]string{boxOf(key), "testesr2020+libre@courrier.acheteur.test"}, message)
}

func (c client) send(to []string, message string) answer {
	s, err := c.login()
	if err != nil {
		return answered4(err)
	}
	defer s.Close()
	err = s.Mail("agent@acheteur.test")
	for _, address := range to {
		if err == nil {
			err = s.Rcpt(address)
		}
	}
	if err != nil {
		return answered4(err)
	}
	return data(s, message)
}

// data sends a message after its envelope.
func data(s *smtp.Client, message string) answer {
	id, err := s.Text.Cmd("DATA")
	if err == nil {
		s.Text.StartResponse(id)
		_, _, err = s.Text.ReadResponse(354)
		s.Text.EndResponse(id)
	}
	if err != nil {
		return answered4(err)
	}
	w := s.Text.DotWriter()
	_, err = io.WriteString(w, message)
	if err = errors.Join(err, w.Close()); err != nil {
		return answer{0, err.Error()}
	}
	code, text, err := s.Text.ReadResponse(250)
	if err != nil {
		return answered4(err)
	}
	return answer{code, text}
}

// login is a session up to AUTH.
func (c client) login() (*smtp.Client, error) {
	s, _, err := c.session()
	return s, err
}

// session is the same with the connection beneath.
func (c client) session() (*smtp.Client, net.Conn, error) {
	conn, err := net.DialTimeout("tcp", c.cfg.Submission.StartTLS, 5*time.Second)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.greet(conn)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return s, conn, nil
}

func (c client) greet(conn net.Conn) (*smtp.Client, error) {
	end, ok := c.ctx.Deadline()
	if !ok {
		return nil, errors.New("no deadline")
	}
	if err := conn.SetDeadline(end); err != nil {
		return nil, err
	}
	s, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return nil, err
	}
	if err := s.StartTLS(c.tls); err != nil {
		return nil, err
	}
	user, password := c.user, c.password
	if user == "" {
		user = "victoria"
	}
	if password == "" {
		password = agentPassword
	}
	return s, s.Auth(smtp.PlainAuth("", user, password, "localhost"))
}

// accepted submits what must be taken, and gives the courier's number.
func (c client) accepted(key, message string) gateway.ID {
	c.Helper()
	return c.number(c.submit(key, message))
}

func (c client) number(a answer) gateway.ID {
	c.Helper()
	if a.code != 250 {
		c.Fatalf("not taken: %s\n%s", a, tail(c.log.String(), 4000))
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(a.text, "2.0.0 "), " ")
	id, err := gateway.ParseID(word)
	if err != nil {
		c.Fatalf("no courier number in %s", a)
	}
	return id
}

// mail waits for the first mail in a box.
func (c client) mail(w *sandbox.World, key string) *sandbox.Mail {
	c.Helper()
	m, err := w.Wait(c.ctx, boxOf(key), nil)
	if err != nil {
		c.Fatalf("%v\n%s", err, tail(c.log.String(), 4000))
	}
	return m
}

// link is the address of the page that the mail in a box names.
func (c client) link(w *sandbox.World, key string) string {
	c.Helper()
	raw, err := c.mail(w, key).Raw()
	if err != nil {
		c.Fatal(err)
	}
	link := pageLink.FindString(unsoft(string(raw)))
	if link == "" {
		c.Fatalf("no link in\n%s", raw)
	}
	return link
}

// unsoft undoes what quoted-printable does to long words.
func unsoft(raw string) string {
	raw = strings.ReplaceAll(raw, "=\r\n", "")
	raw = strings.ReplaceAll(raw, "=3D", "=")
	if _, body, found := strings.Cut(raw, "base64\r\n\r\n"); found {
		body, _, _ = strings.Cut(body, "\r\n--")
		if text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\r\n", "")); err == nil {
			raw += string(text)
		}
	}
	return raw
}

// browse asks for a page as a person's browser does.
func (c client) browse(method, link string, form url.Values) (int, string) {
	c.Helper()
	q, err := http.NewRequestWithContext(c.ctx, method, link, strings.NewReader(form.Encode()))
	if err != nil {
		c.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("User-Agent", "Mozilla/5.0 Firefox/140.0")
	q.Header.Set("Accept-Language", "fr")
	got, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer got.Body.Close()
	page, err := io.ReadAll(got.Body)
	if err != nil {
		return 0, err.Error()
	}
	return got.StatusCode, string(page)
}

// form opens the page of a link and gives what its button sends.
func (c client) form(link string) url.Values {
	c.Helper()
	code, page := c.browse(http.MethodGet, link, nil)
	field := hidden.FindStringSubmatch(page)
	if field == nil {
		c.Fatalf("no form at %s: %d\n%s", link, code, page)
	}
	return url.Values{"form": {html.UnescapeString(field[1])}}
}

// press opens the page, presses its button, and gives the page after it.
func (c client) press(link string) string {
	c.Helper()
	code, page := c.browse(http.MethodPost, link, c.form(link))
	if code != http.StatusOK {
		c.Errorf("%d\n%s", code, page)
	}
	return page
}
