package console

import (
	"net/http"
	"slices"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

// APIKeys is how keys of the API are made (tracking/api, which may be asked by no package beside it but the daemon).
type APIKeys struct {
	Scopes []string
	New    func() (text string, hash gateway.Hash)
}

type keysPage struct {
	adminPage
	Keys   []gateway.APIKey
	Scopes []string
	Label  string
	Shown  string // a new one, this once
}

func (c *Console) keys(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showKeys(w, r, v, keysPage{adminPage: v.admin(r, "keys")})
}

func (c *Console) showKeys(w http.ResponseWriter, r *http.Request, v *visit, p keysPage) (err error) {
	p.Scopes = c.d.APIKeys.Scopes
	if p.Keys, err = c.d.Store.APIKeys(r.Context()); err != nil {
		return err
	}
	return c.page(w, r, v, web.Page{Name: "admin-keys", Status: formStatus(p.Error), Switch: "/passerelle/cles", Data: p})
}

// addKey makes a key for a program, and shows it this once: the store keeps its hash.
func (c *Console) addKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := keysPage{adminPage: v.admin(r, "keys"), Label: singleLine(r.PostForm.Get("nom"), maxLabel)}
	scopes := r.PostForm["droit"]
	known := func(scope string) bool { return slices.Contains(c.d.APIKeys.Scopes, scope) }
	switch {
	case p.Label == "":
		p.Error = c.site.Text(v.lang, "keys.no-label")
	case len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !known(s) }):
		p.Error = c.site.Text(v.lang, "keys.no-scope")
	}
	if p.Error != "" {
		return c.showKeys(w, r, v, p)
	}
	slices.Sort(scopes)
	text, hash := c.d.APIKeys.New()
	key, err := c.d.Store.AddAPIKey(r.Context(), gateway.APIKey{Label: p.Label, Hash: hash, Scopes: slices.Compact(scopes)})
	if err != nil {
		return err
	}
	c.audit(r, v, "API key added", "key", key.ID.String(), "label", key.Label)
	p.Shown = text
	return c.showKeys(w, r, v, p)
}

func (c *Console) revokeKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := pathID(r, "key")
	if err != nil {
		return err
	}
	if err := c.d.Store.RevokeAPIKey(r.Context(), id); err != nil {
		return err
	}
	c.audit(r, v, "API key revoked", "key", id.String())
	return after(w, r, "/passerelle/cles", "key-revoked")
}
