package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// OpenID is an OpenID Connect provider on loopback (Core 1.0, code flow): discovery, signed tokens, keys, user
// information. It asks for PKCE with S256, takes each code once, and signs in whoever User says without asking.
type OpenID struct {
	Issuer, ClientID, ClientSecret string

	server *httptest.Server
	key    jose.JSONWebKey

	mu     sync.Mutex
	user   map[string]any
	apart  bool
	spoil  func(claims map[string]any)
	grants map[string]vouchedFor
	tokens map[string]map[string]any
}

// vouchedFor is a code that was given out.
type vouchedFor struct {
	redirect, challenge, nonce string
	user                       map[string]any
}

// StartOpenID starts a provider that sends browsers back to redirect only.
func StartOpenID(redirect string) (*OpenID, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the provider's key: %w", err)
	}
	o := &OpenID{
		ClientID: "console", ClientSecret: rand.Text(), key: jose.JSONWebKey{Key: key, KeyID: "1", Algorithm: string(jose.RS256), Use: "sig"},
		grants: map[string]vouchedFor{}, tokens: map[string]map[string]any{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", o.discovery)
	mux.HandleFunc("GET /keys", o.keys)
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) { o.authorize(w, r, redirect) })
	mux.HandleFunc("POST /token", o.token)
	mux.HandleFunc("GET /userinfo", o.info)
	o.server = httptest.NewServer(mux)
	o.Issuer = o.server.URL
	return o, nil
}

// Stop ends it.
func (o *OpenID) Stop() { o.server.Close() }

// SignInAs says who is signed in there from now on: the claims, "sub" among them. With apart, all but the subject is
// told at its address of user information only.
func (o *OpenID) SignInAs(claims map[string]any, apart bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.user, o.apart = claims, apart
}

// Spoil changes the claims of identity tokens before they are signed, as a provider that cannot be trusted would.
func (o *OpenID) Spoil(how func(claims map[string]any)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spoil = how
}

func (o *OpenID) discovery(w http.ResponseWriter, _ *http.Request) {
	tell(w, map[string]any{
		"issuer": o.Issuer, "authorization_endpoint": o.Issuer + "/authorize", "token_endpoint": o.Issuer + "/token", "jwks_uri": o.Issuer + "/keys",
		"userinfo_endpoint": o.Issuer + "/userinfo", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
	})
}

func (o *OpenID) keys(w http.ResponseWriter, _ *http.Request) {
	tell(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{o.key.Public()}})
}

func tell(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // nobody to tell when the caller has left
}

// authorize sends the browser back with a code (Core §3.1.2).
func (o *OpenID) authorize(w http.ResponseWriter, r *http.Request, redirect string) {
	q := r.URL.Query()
	if q.Get("client_id") != o.ClientID || q.Get("redirect_uri") != redirect {
		http.Error(w, "unknown client or address of return", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case q.Get("response_type") != "code" || !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		back.Set("error", "invalid_request")
	case q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "":
		back.Set("error", "invalid_request")
	case o.user == nil:
		back.Set("error", "access_denied")
	default:
		code := rand.Text()
		o.grants[code] = vouchedFor{redirect, q.Get("code_challenge"), q.Get("nonce"), o.user}
		back.Set("code", code)
	}
	http.Redirect(w, r, redirect+"?"+back.Encode(), http.StatusSeeOther)
}

// token takes a code, once, from the client who has the verifier (RFC 7636 §4.6).
func (o *OpenID) token(w http.ResponseWriter, r *http.Request) {
	id, password, basic := r.BasicAuth()
	if !basic {
		id, password = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	refuse := func(status int, why string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
	}
	if id != o.ClientID || subtle.ConstantTimeCompare([]byte(password), []byte(o.ClientSecret)) != 1 {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	g, known := o.grants[r.FormValue("code")]
	delete(o.grants, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || g.redirect != r.FormValue("redirect_uri") || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	signed, err := o.identity(g)
	if err != nil {
		refuse(http.StatusInternalServerError, "server_error")
		return
	}
	access := rand.Text()
	o.tokens[access] = g.user
	tell(w, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": signed})
}

// identity is the signed token of who it is (Core §2).
func (o *OpenID) identity(g vouchedFor) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: o.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	now := time.Now()
	claims := map[string]any{"iss": o.Issuer, "aud": o.ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": g.nonce, "sub": g.user["sub"]}
	for name, value := range g.user {
		if !o.apart {
			claims[name] = value
		}
	}
	if o.spoil != nil {
		o.spoil(claims)
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

func (o *OpenID) info(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	user, known := o.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	o.mu.Unlock()
	if !known {
		http.Error(w, "unknown token", http.StatusUnauthorized)
		return
	}
	tell(w, user)
}
