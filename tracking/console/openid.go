package console

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"vaguemestre/gateway"
)

// OpenIDOptions says which provider agents may sign in with (OpenID Connect Core 1.0, code flow with PKCE).
type OpenIDOptions struct {
	Issuer, ClientID, ClientSecret string
	Name                           string // on the button; the issuer's host when empty
	// Claim matches an account: "email" one of its addresses, once the provider says that it verified it; any
	// other claim its login.
	Claim    string
	Scopes   []string // beside openid
	Redirect string   // the console's address of return
	Client   *http.Client
}

// OpenID signs agents in by a provider. Its discovery is read at the first use, and again until it succeeds: a
// provider that is down keeps nobody from the other ways. Safe for concurrent use.
type OpenID struct {
	o  OpenIDOptions
	mu sync.Mutex
	p  *oidc.Provider
}

// NewOpenID makes it; nothing is asked of the provider yet.
func NewOpenID(o OpenIDOptions) *OpenID {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 15 * time.Second}
	}
	return &OpenID{o: o}
}

// Name is what people call the provider.
func (o *OpenID) Name() string {
	if o.o.Name != "" {
		return o.o.Name
	}
	if u, err := url.Parse(o.o.Issuer); err == nil {
		return u.Host
	}
	return o.o.Issuer
}

func (o *OpenID) provider(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.p != nil {
		return o.p, nil
	}
	// The provider's keys are read later too, so that they must not end with this request.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.o.Client), o.o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the OpenID provider: %w", err)
	}
	o.p = p
	return p, nil
}

func (o *OpenID) config(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.o.ClientID, ClientSecret: o.o.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: o.o.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, o.o.Scopes...),
	}
}

// asked is what the browser keeps of a question to the provider, in a cookie of its own.
type asked struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // PKCE (RFC 7636)
	Next     string `json:"next"`
}

// errDenied: the provider vouches for nobody whom we know.
var errDenied = errors.New("the OpenID provider vouches for no account")

// claims verifies an answer and gives what it says.
func (o *OpenID) claims(ctx context.Context, code string, q asked) (map[string]any, error) {
	p, err := o.provider(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, o.o.Client)
	tokens, err := o.config(p).Exchange(ctx, code, oauth2.VerifierOption(q.Verifier))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500 {
		return nil, fmt.Errorf("%w: %s", errDenied, refused.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("exchange an OpenID code: %w", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: o.o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDenied, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(q.Nonce)) != 1 {
		return nil, fmt.Errorf("%w: another nonce", errDenied)
	}
	said := map[string]any{}
	if err := id.Claims(&said); err != nil {
		return nil, fmt.Errorf("%w: %w", errDenied, err)
	}
	if said[o.o.Claim] != nil {
		return said, nil
	}
	// A provider may keep claims for its own address (OpenID Connect Core 1.0 §5.3); they must be the same person's.
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, fmt.Errorf("ask the OpenID provider who it is: %w", err)
	}
	if info.Subject != id.Subject {
		return nil, fmt.Errorf("%w: another subject", errDenied)
	}
	return said, info.Claims(&said)
}

// toProvider sends the browser to the provider.
func (c *Console) toProvider(w http.ResponseWriter, r *http.Request, v *visit) error {
	if c.o.OpenID == nil {
		return gateway.ErrNotFound
	}
	if !c.tries.Allow(c.network(r)) {
		c.metrics.signIns.WithLabelValues(string(gateway.ByOpenID), "limited").Inc()
		return c.again(w, r, v, http.StatusTooManyRequests, "", "limited")
	}
	p, err := c.o.OpenID.provider(r.Context())
	if err != nil {
		return c.openIDFailed(w, r, v, err)
	}
	q := asked{State: secret(), Nonce: secret(), Verifier: oauth2.GenerateVerifier(), Next: inside(r.URL.Query().Get("suite"))}
	kept, err := json.Marshal(q)
	if err != nil {
		return err
	}
	c.setCookie(w, cookieOpenID, base64.RawURLEncoding.EncodeToString(kept), LinkLife)
	http.Redirect(w, r, c.o.OpenID.config(p).AuthCodeURL(q.State, oidc.Nonce(q.Nonce), oauth2.S256ChallengeOption(q.Verifier)), http.StatusSeeOther)
	return nil
}

// fromProvider takes the provider's answer, of the browser that asked alone.
func (c *Console) fromProvider(w http.ResponseWriter, r *http.Request, v *visit) error {
	if c.o.OpenID == nil {
		return gateway.ErrNotFound
	}
	var q asked
	kept, err := base64.RawURLEncoding.DecodeString(c.cookie(r, cookieOpenID))
	if err == nil {
		err = json.Unmarshal(kept, &q)
	}
	c.setCookie(w, cookieOpenID, "", -1)
	answer := r.URL.Query()
	if err != nil || q.State == "" || subtle.ConstantTimeCompare([]byte(q.State), []byte(answer.Get("state"))) != 1 || answer.Get("code") == "" {
		return c.openIDFailed(w, r, v, errDenied)
	}
	said, err := c.o.OpenID.claims(r.Context(), answer.Get("code"), q)
	if err != nil {
		return c.openIDFailed(w, r, v, err)
	}
	agent, err := c.vouched(r.Context(), said)
	if err != nil {
		return c.openIDFailed(w, r, v, err)
	}
	return c.enter(w, r, v, agent, gateway.ByOpenID, q.Next)
}

// vouched finds the one account that the claims name.
func (c *Console) vouched(ctx context.Context, said map[string]any) (gateway.Agent, error) {
	claim := c.o.OpenID.o.Claim
	value, _ := said[claim].(string)
	if value = strings.ToLower(strings.TrimSpace(value)); value == "" {
		return gateway.Agent{}, errDenied
	}
	if claim != "email" {
		agent, err := c.d.Store.AgentByLogin(ctx, value)
		if errors.Is(err, gateway.ErrNotFound) || err == nil && agent.Disabled {
			err = errDenied
		}
		return agent, err
	}
	if verified, _ := said["email_verified"].(bool); !verified {
		return gateway.Agent{}, errDenied
	}
	agents, err := c.d.Store.AgentsAt(ctx, value)
	if err != nil {
		return gateway.Agent{}, err
	}
	if len(agents) != 1 { // an address that several share is nobody's
		return gateway.Agent{}, errDenied
	}
	return agents[0], nil
}

func (c *Console) openIDFailed(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	if errors.Is(err, errDenied) {
		c.metrics.signIns.WithLabelValues(string(gateway.ByOpenID), "denied").Inc()
		c.o.Logger.Warn("console: an OpenID sign-in was denied", "cause", err)
		return c.again(w, r, v, http.StatusUnauthorized, "", "openid-denied")
	}
	c.metrics.signIns.WithLabelValues(string(gateway.ByOpenID), "unavailable").Inc()
	c.o.Logger.Error("console: the OpenID provider cannot be used", "err", err)
	return c.again(w, r, v, http.StatusServiceUnavailable, "", "openid-unavailable")
}
