package config

import (
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
