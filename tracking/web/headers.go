package web

import (
	"net/http"
	"slices"
	"strings"
)

// Policy is a Content-Security-Policy: the sources allowed by directive (CSP level 3, §6).
type Policy map[string]string

// policy is what every site starts from. Nothing is allowed that a page does not bring itself, inline code not at all.
func policy() Policy {
	return Policy{
		"default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "form-action": "'self'",
		"base-uri": "'none'", "frame-ancestors": "'none'",
	}
}

// with is the policy with some directives replaced; an empty value takes one away.
func (p Policy) with(own Policy) Policy {
	all := policy()
	for directive, sources := range own {
		all[directive] = sources
		if sources == "" {
			delete(all, directive)
		}
	}
	return all
}

// String writes the policy as the header's value, always in the same order.
func (p Policy) String() string {
	var parts []string
	for directive, sources := range p {
		parts = append(parts, directive+" "+sources)
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// header is one header field that never changes.
type header struct{ name, value string }

// fixed are the headers that every answer of a site bears. A page that needs another value sets it over these.
func fixed(p Policy, hsts bool) []header {
	all := []header{
		{"Content-Security-Policy", p.String()},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"X-Robots-Tag", "noindex, nofollow, noarchive"},
		{"Cache-Control", "no-store"},
		{"Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	}
	if hsts {
		all = append(all, header{"Strict-Transport-Security", "max-age=31536000"})
	}
	return all
}

// Headers sets what every answer bears.
func (s *Site) Headers(h http.Header) {
	for _, f := range s.headers {
		h.Set(f.name, f.value)
	}
}

// Robots answers /robots.txt: nothing here is for an index.
func Robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
}
