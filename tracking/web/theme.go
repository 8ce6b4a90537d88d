package web

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vaguemestre/gateway/config"
)

// Theme is the look that an installation gives its pages: its name, its logo and its colour. The rest is the
// theme's own: neutral, and nobody's official one.
type Theme struct {
	Name     string // of the service, at the top of pages; empty: the catalogue's
	Colour   Colour
	Logo     []byte // SVG or PNG; nil: none
	LogoType string // ".svg", ".png"
}

const logoName = "logo"

// LoadTheme reads what the configuration names.
func LoadTheme(c config.Theme) (Theme, error) {
	t := Theme{Name: c.Name}
	var err error
	if t.Colour, err = ParseColour(c.Colour); err != nil {
		return Theme{}, err
	}
	if c.Logo != "" {
		t.LogoType = strings.ToLower(filepath.Ext(c.Logo))
		if t.Logo, err = os.ReadFile(c.Logo); err != nil {
			return Theme{}, fmt.Errorf("read the logo: %w", err)
		}
	}
	return t, nil
}

// LogoAsset is the name of the logo among the static files; empty: there is none.
func (t Theme) LogoAsset() string {
	if t.Logo == nil {
		return ""
	}
	return logoName + t.LogoType
}

// Colour is a colour of the screen (sRGB).
type Colour struct{ R, G, B uint8 }

// ParseColour reads "#1d5c63".
func ParseColour(s string) (Colour, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 24)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return Colour{}, fmt.Errorf("%q is no colour such as #1d5c63", s)
	}
	return Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// String writes the colour as style sheets do.
func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// luminance is the relative luminance of WCAG 2.1.
func (c Colour) luminance() float64 {
	channel := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(c.R) + 0.7152*channel(c.G) + 0.0722*channel(c.B)
}

// contrast is the contrast ratio of WCAG 2.1, from 1 to 21.
func contrast(a, b Colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// towards mixes a share of another colour in.
func (c Colour) towards(o Colour, share float64) Colour {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*share)) }
	return Colour{mix(c.R, o.R), mix(c.G, o.G), mix(c.B, o.B)}
}

// readable is the colour, moved towards another by as little as makes it read on a ground: the installation's
// colour is never what makes a page unreadable.
func (c Colour) readable(ground, towards Colour, least float64) Colour {
	for share := 0.0; share < 1; share += 0.02 {
		if m := c.towards(towards, share); contrast(m, ground) >= least {
			return m
		}
	}
	return towards
}

// The two grounds of the theme (theme.css) and what is printed on them.
var (
	paper = Colour{0xf6, 0xf5, 0xf2}
	night = Colour{0x17, 0x19, 0x1c}
	white = Colour{0xff, 0xff, 0xff}
	black = Colour{}
)

// textContrast is the contrast of text, with something to spare over the 4.5 of WCAG 1.4.3.
const textContrast = 5.0

// sheet is the end of the style sheet: the installation's colour, for day and for night.
func (t Theme) sheet() []byte {
	day := t.Colour.readable(paper, black, textContrast)
	dark := t.Colour.readable(Colour{0x22, 0x25, 0x2a}, white, textContrast+1)
	var b bytes.Buffer
	fmt.Fprintf(&b, ":root{--act:%s;--act-strong:%s;--on-act:%s;--act-soft:%s}\n", day, day.towards(black, 0.25), white, day.towards(white, 0.9))
	fmt.Fprintf(&b, "@media screen and (prefers-color-scheme:dark){:root{--act:%s;--act-strong:%s;--on-act:%s;--act-soft:%s}}\n",
		dark, dark.towards(white, 0.3), night, dark.towards(night, 0.85))
	return b.Bytes()
}
