package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ClientCredentials is a TokenSource by the client credentials grant (RFC 6749 §4.4), as Exchange
// Online asks of services. A token is kept until a minute before its end; concurrent callers wait
// for one request. Safe for concurrent use.
type ClientCredentials struct {
	o    ClientCredentialsOptions
	turn chan struct{} // held while asking

	token string
	until time.Time
}

// ClientCredentialsOptions says where to ask and as whom.
type ClientCredentialsOptions struct {
	URL      string // of the token endpoint: https
	ClientID string
	Secret   string
	Scope    string           // for example https://outlook.office365.com/.default
	Client   *http.Client     // with a limit of 30 s when nil
	Now      func() time.Time // time.Now when nil
}

// NewClientCredentials checks the options; nothing is asked yet.
func NewClientCredentials(o ClientCredentialsOptions) (*ClientCredentials, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("token endpoint %q: https asked", o.URL)
	}
	if o.ClientID == "" || o.Secret == "" {
		return nil, errors.New("token endpoint: client identifier and secret asked")
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &ClientCredentials{o: o, turn: make(chan struct{}, 1)}, nil
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

// Token gives a token good for a minute at least.
func (c *ClientCredentials) Token(ctx context.Context) (string, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if c.token != "" && c.o.Now().Before(c.until) {
		return c.token, nil
	}
	token, lifetime, err := c.ask(ctx)
	if err != nil {
		return "", err
	}
	c.token, c.until = token, c.o.Now().Add(lifetime-time.Minute)
	return token, nil
}

// ask is one request. Its errors name the endpoint's error code, never the secret nor the token.
func (c *ClientCredentials) ask(ctx context.Context) (token string, lifetime time.Duration, err error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.o.ClientID}, "client_secret": {c.o.Secret}}
	if c.o.Scope != "" {
		form.Set("scope", c.o.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, fmt.Errorf("ask for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.o.Client.Do(req)
	if err != nil {
		return "", 0, fmt.Errorf("ask for a token: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer); err != nil {
		return "", 0, fmt.Errorf("ask for a token: answer %d is no JSON: %w", resp.StatusCode, err)
	}
	if resp.StatusCode != http.StatusOK || answer.Token == "" || !strings.EqualFold(answer.Type, "Bearer") {
		return "", 0, fmt.Errorf("ask for a token: answer %d, error %q", resp.StatusCode, printable(answer.Error))
	}
	return answer.Token, time.Duration(min(answer.Expires, 86_400)) * time.Second, nil
}
