// Package oauth gives access tokens by the client credentials grant (RFC 6749 §4.4), which is how services log in to
// mail servers that take no passwords any more.
//
// It promises that a token given is good for a minute yet, as far as its endpoint said; that one request at a time
// is under way, whoever waits; that a token which a server refused is never given again; and that neither
// the secret nor a token stands in an error, a log line or a metric. Nothing is written: a crash forgets a token, and the next
// process asks for another.
package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Options says where to ask and as whom.
type Options struct {
	Name     string // in the metrics and in errors
	URL      string // of the token endpoint: https, or http on this machine
	ClientID string
	Secret   string
	Scope    string           // for example https://outlook.office365.com/.default; empty: what the endpoint gives by itself
	Roots    *x509.CertPool   // nil: the system's
	Now      func() time.Time // time.Now when nil
	Metrics  *Metrics         // nil: nothing is counted
}

// margin is how long a token given is good yet, at least.
const margin = time.Minute

// timeout bounds one request.
const timeout = 30 * time.Second

// Source gives tokens, kept until a minute before their end. Safe for concurrent use.
type Source struct {
	o      Options
	client *http.Client
	turn   chan struct{} // held while looking and asking

	token string
	until time.Time
}

// New checks the options; nothing is asked yet.
func New(o Options) (*Source, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("oauth %s: token endpoint %q: https asked", o.Name, o.URL)
	}
	if o.ClientID == "" || o.Secret == "" {
		return nil, fmt.Errorf("oauth %s: client identifier and secret asked", o.Name)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	// A redirection would carry the secret to wherever it names. Connections are not kept: an hour lies between two requests.
	client := &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		},
	}
	return &Source{o: o, client: client, turn: make(chan struct{}, 1)}, nil
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

func (s *Source) hold(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Token gives a token good for a minute at least.
func (s *Source) Token(ctx context.Context) (string, error) {
	if err := s.hold(ctx); err != nil {
		return "", err
	}
	defer func() { <-s.turn }()
	if s.token != "" && s.o.Now().Before(s.until) {
		return s.token, nil
	}
	token, lifetime, err := s.ask(ctx)
	s.o.Metrics.asked(s.o.Name, err)
	if err != nil {
		return "", fmt.Errorf("oauth %s: ask for a token: %w", s.o.Name, err)
	}
	s.token, s.until = token, s.o.Now().Add(lifetime-margin)
	return token, nil
}

// Refused says that a server did not take the token, whatever its endpoint said of its lifetime: the next
// one is asked for anew. A token that was replaced meanwhile changes nothing.
func (s *Source) Refused(token string) {
	s.o.Metrics.refused(s.o.Name)
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.token == token {
		s.token = ""
	}
}

// maxAnswer bounds what an endpoint may say, in bytes.
const maxAnswer = 64 << 10

// ask is one request. Its errors name the endpoint's error code, never the secret nor the token.
func (s *Source) ask(ctx context.Context) (token string, lifetime time.Duration, err error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.o.ClientID}, "client_secret": {s.o.Secret}}
	if s.o.Scope != "" {
		form.Set("scope", s.o.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	return read(resp)
}

// read understands an answer (RFC 6749 §5). Without a lifetime, a token serves for one login.
func read(resp *http.Response) (token string, lifetime time.Duration, err error) {
	var answer struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	decoded := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer)
	switch {
	case decoded != nil:
		return "", 0, fmt.Errorf("answer %d is no JSON", resp.StatusCode)
	case resp.StatusCode != http.StatusOK || answer.Error != "":
		return "", 0, fmt.Errorf("answer %d, error %q", resp.StatusCode, printable(answer.Error))
	case answer.Token == "" || strings.ContainsFunc(answer.Token, unfit):
		return "", 0, errors.New("the answer holds no token")
	case !strings.EqualFold(answer.Type, "Bearer"):
		return "", 0, fmt.Errorf("a token of type %q, not Bearer", printable(answer.Type))
	}
	return answer.Token, time.Duration(min(max(answer.Expires, 0), 86_400)) * time.Second, nil
}

// unfit tells what no token holds (RFC 6750 §2.1), and what would add fields of its own to a login.
func unfit(r rune) bool { return r <= ' ' || r > '~' }

// printable makes foreign text fit for logs.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return s[:min(len(s), 100)]
}
