package daemon

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/oauth"
)

// NewTokens makes what gives access tokens, by the names of the configuration: a relay and a mailbox that name the
// same one share its tokens.
func NewTokens(c config.Config, reg prometheus.Registerer, now func() time.Time) (map[string]*oauth.Source, error) {
	var names []string
	for _, o := range c.OAuth {
		names = append(names, o.Name)
	}
	metrics := oauth.NewMetrics(reg, names...)
	sources := map[string]*oauth.Source{}
	for _, o := range c.OAuth {
		roots, err := Authorities(o.CA)
		if err != nil {
			return nil, fmt.Errorf("oauth %s: %w", o.Name, err)
		}
		secret, err := o.Secret.Read()
		if err != nil {
			return nil, fmt.Errorf("oauth %s: client_secret: %w", o.Name, err)
		}
		sources[o.Name], err = oauth.New(oauth.Options{
			Name: o.Name, URL: o.TokenURL, ClientID: o.ClientID, Secret: secret, Scope: o.Scope, Roots: roots, Now: now, Metrics: metrics,
		})
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// tokenSource is the one of that name.
func tokenSource(tokens map[string]*oauth.Source, name string) (*oauth.Source, error) {
	if s := tokens[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("oauth %s: no such source of access tokens", name)
}
