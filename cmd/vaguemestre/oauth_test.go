package main

import (
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
)

// TestRelayAndMailboxByAccessToken: what the configuration says of tokens is what the daemon does: it sends and reads its
// mailbox without any password, and a wrong secret shows in the metrics, by its name.
func TestRelayAndMailboxByAccessToken(t *testing.T) {
	t.Parallel()
	tokens, err := sandbox.StartTokens("courrier@courrier.acheteur.test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "the token authority", tokens)
	r := installRealWith(t, sandbox.KitOptions{Introspect: tokens.Introspect}, "[[oauth]]\nname = \"jetons\"\ntoken_url = \""+tokens.URL+
		"\"\nclient_id = \""+tokens.ClientID+"\"\nclient_secret = \"file:$DIR/client.secret\"\n")
	text := strings.Replace(r.configuration(), "auth = \"plain\"\nusername = \""+r.kit.Relay.Address+"\"\npassword = \"file:"+r.dir+"/relay.password\"",
		"auth = \"oauthbearer\"\noauth = \"jetons\"\nusername = \""+r.kit.Gateway.Address+"\"", 1)
	text = strings.Replace(text, "password = \"file:"+r.dir+"/imap.password\"", "auth = \"xoauth2\"\noauth = \"jetons\"", 1)
	r.write("vaguemestre.toml", text)
	r.load()
	if r.cfg.Relay.Smarthosts[0].Auth != "oauthbearer" || r.cfg.Mailboxes[0].Auth != "xoauth2" {
		t.Fatal(text)
	}
	r.feed(r.kit.Companies[0].Address)
	r.serve()
	dialogue, err := sandbox.Swaks(r.ctx, with(r.submission(r.kit.Companies[0].Address, r.control("+rejet")),
		letter("jeton", r.kit.Companies[0].Address, "Courrier de rejet", rejectionText)))
	if err != nil {
		t.Fatal(err)
	}
	s := r.look()
	r.event(s, courierOf(t, dialogue), r.kit.Companies[0].Address, gateway.Delivered)
	if n := tokens.Given(); n != 1 {
		t.Errorf("relay and mailbox share a source, and %d tokens were given", n)
	}
	if n := r.metric("vaguemestre_oauth_tokens_total", `name="jetons"`, `result="given"`); n != 1 {
		t.Errorf("the metrics count %v tokens", n)
	}
	r.stop()
	if strings.Contains(r.log.String(), "jeton-1") || strings.Contains(r.log.String(), tokens.Secret) {
		t.Error("a token or the secret is in the log")
	}
	r.write("client.secret", "faux")
	r.serve()
	r.until("the failure shows", func() bool { return r.metric("vaguemestre_oauth_tokens_total", `result="failed"`) > 0 })
	r.stop()
}
