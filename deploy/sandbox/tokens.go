package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Tokens is an authority for access tokens on loopback, as an identity provider is one: it gives them for client credentials
// (RFC 6749 §4.4), and tells servers whether one is in force and whose it is (RFC 7662).
type Tokens struct {
	URL        string // where tokens are asked for
	Introspect string // where servers ask about them
	ClientID   string
	Secret     string

	server *http.Server
	done   chan struct{}

	mu     sync.Mutex
	life   time.Duration
	given  int
	tokens map[string]grant // in force, or were
	user   string
}

type grant struct {
	user string
	end  time.Time
}

// StartTokens starts one whose tokens are the user's and live for that long.
func StartTokens(user string, life time.Duration) (*Tokens, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the token authority: %w", err)
	}
	base := "http://" + l.Addr().String()
	t := &Tokens{
		URL: base + "/token", Introspect: base + "/introspect", ClientID: "passerelle", Secret: "secret-du-client",
		done: make(chan struct{}), life: life, tokens: map[string]grant{}, user: user,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", t.give)
	mux.HandleFunc("POST /introspect", t.tell)
	t.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(t.done)
		if err := t.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // a sandbox that stops by itself hides what the test asks
		}
	}()
	return t, nil
}

func (t *Tokens) give(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != t.ClientID || r.FormValue("client_secret") != t.Secret {
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.given++
	token := fmt.Sprintf("jeton-%d", t.given)
	t.tokens[token] = grant{t.user, time.Now().Add(t.life)}
	answerJSON(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(t.life.Seconds())})
}

func (t *Tokens) tell(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, known := t.tokens[r.FormValue("token")]
	if !known || time.Now().After(g.end) {
		answerJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"active": true, "username": g.user, "token_type": "Bearer"})
}

func answerJSON(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // who left does not concern us
}

// Revoke ends every token given so far, whatever was said of its life.
func (t *Tokens) Revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.tokens)
}

// Given is how many tokens were given.
func (t *Tokens) Given() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.given
}

// Stop ends it.
func (t *Tokens) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if t.server.Shutdown(ctx) != nil {
		_ = t.server.Close()
	}
	<-t.done
}

// Logs implements Service: it says nothing.
func (t *Tokens) Logs() string { return "" }
