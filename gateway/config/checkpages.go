package config

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxLogo bounds the logo, in bytes: a company's page stays under 100 KB in all.
const maxLogo = 48 << 10

func (k *checker) theme(t Theme) {
	if ok, _ := regexp.MatchString(`^#[0-9a-fA-F]{6}$`, t.Colour); !ok { // the pattern is right
		k.say("theme.colour", "%q is no colour such as #1d5c63", t.Colour)
	}
	if t.Logo == "" {
		return
	}
	if ext := strings.ToLower(filepath.Ext(t.Logo)); ext != ".svg" && ext != ".png" {
		k.say("theme.logo", "must be an .svg or .png file")
	}
	switch info, err := os.Stat(t.Logo); {
	case err != nil:
		k.say("theme.logo", "cannot be read: %v", err)
	case info.Size() > maxLogo:
		k.say("theme.logo", "is %d bytes: at most %d, so that pages stay light", info.Size(), maxLogo)
	}
}

// clamd holds the scanner to this machine or to a network that its administrator answers for: clamd(8) has neither TLS nor passwords.
func (k *checker) clamd(c Clamd) {
	k.positive("clamd.timeout", int64(c.Timeout))
	k.positive("clamd.again_after", int64(c.Again))
	if c.Address == "" {
		return
	}
	network, address := c.Network()
	switch network {
	case "unix":
		if !filepath.IsAbs(address) {
			k.say("clamd.address", "%q: a socket is named by its whole path, such as unix:/run/clamav/clamd.ctl", c.Address)
		}
	case "tcp":
		if _, _, err := net.SplitHostPort(address); err != nil {
			k.say("clamd.address", "%q is not tcp:host:port", c.Address)
		}
	default:
		k.say("clamd.address", "%q begins with neither unix: nor tcp:", c.Address)
	}
}

func (k *checker) networks(key string, networks []string) {
	for _, n := range networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			k.say(key, "%q is no network such as 10.0.0.0/8", n)
		}
	}
}
