package proof

import (
	"bytes"
	_ "embed" // the fonts
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"github.com/signintech/gopdf"
	"golang.org/x/text/unicode/norm"
)

// Liberation fonts 2.1.5, under the SIL Open Font License (fonts/LICENSE): Latin, Greek and Cyrillic.
var (
	//go:embed fonts/LiberationSans-Regular.ttf
	sansTTF []byte
	//go:embed fonts/LiberationSans-Bold.ttf
	boldTTF []byte
	//go:embed fonts/LiberationMono-Regular.ttf
	monoTTF []byte
)

const (
	sans = "sans"
	bold = "bold"
	mono = "mono"
)

// fonts parses the fonts once: half of the time a page takes otherwise.
var fonts = sync.OnceValues(func() (*gopdf.FontContainer, error) {
	c := new(gopdf.FontContainer)
	for family, data := range map[string][]byte{sans: sansTTF, bold: boldTTF, mono: monoTTF} {
		if err := c.AddTTFFontData(family, data); err != nil {
			return nil, fmt.Errorf("read the font %s: %w", family, err)
		}
	}
	return c, nil
})

// The page, in points (A4).
const (
	pageW, pageH   = 595.28, 841.89
	marginX        = 56.0
	bodyTop        = 64.0
	bodyBottom     = pageH - 62.0
	bodyW          = pageW - 2*marginX
	tabStop        = "    "
	lineSpacing    = 1.32
	cellPadX       = 6.0
	cellPadY       = 4.0
	minWidth       = 24.0 // never wrap narrower: every glyph fits
	textSize       = 9.5
	smallSize      = 8.0
	hashSize       = 7.2
	headingSize    = 13.0
	subheadingSize = 10.5
	titleSize      = 19.0
)

type color struct{ r, g, b uint8 }

var (
	ink    = color{0x1b, 0x1f, 0x24}
	muted  = color{0x57, 0x60, 0x6a}
	accent = color{0x1d, 0x3a, 0x5f}
	shade  = color{0xf1, 0xf4, 0xf8}
	rule   = color{0xc5, 0xcd, 0xd8}
	white  = color{0xff, 0xff, 0xff}
)

// style is how a piece of text looks.
type style struct {
	font  string
	size  float64
	color color
}

func (s style) leading() float64 { return s.size * lineSpacing }

var (
	plain    = style{sans, textSize, ink}
	strong   = style{bold, textSize, ink}
	small    = style{sans, smallSize, muted}
	hashText = style{mono, hashSize, ink}
)

// sheet draws downwards on as many pages as it takes. Its first error sticks: what
// follows draws nothing, and bytes returns it.
type sheet struct {
	pdf   *gopdf.GoPdf
	y     float64
	pages int
	runes map[string]map[rune]glyph // per font
	err   error
}

// glyph is what the sheet knows of a character in a font.
type glyph struct {
	known bool
	width float64 // at size 1
}

func newSheet() (*sheet, error) {
	container, err := fonts()
	if err != nil {
		return nil, err
	}
	s := &sheet{pdf: new(gopdf.GoPdf), runes: map[string]map[rune]glyph{}}
	s.pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageW, H: pageH}})
	for _, family := range []string{sans, bold, mono} {
		if err := s.pdf.AddTTFFontFromFontContainer(family, container); err != nil {
			return nil, fmt.Errorf("use the font %s: %w", family, err)
		}
		s.runes[family] = map[rune]glyph{}
	}
	s.newPage()
	return s, nil
}

func (s *sheet) newPage() {
	s.pdf.AddPage()
	s.pages++
	s.y = bodyTop
}

// room starts a new page unless this much is left on this one.
func (s *sheet) room(height float64) {
	if s.y+height > bodyBottom && s.y > bodyTop {
		s.newPage()
	}
}

func (s *sheet) left() float64 { return bodyBottom - s.y }

func (s *sheet) keep(err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("draw the proof: %w", err)
	}
}

// glyph looks a character up in a font. Measuring adds it to the font's subset, so that only
// characters that are drawn may be asked for with their width.
func (s *sheet) glyph(font string, r rune) glyph {
	if g, ok := s.runes[font][r]; ok {
		return g
	}
	s.keep(s.pdf.SetFont(font, "", 100))
	known, err := s.pdf.IsCurrFontContainGlyph(r)
	s.keep(err)
	g := glyph{known: known && !invisible(r)}
	if g.known {
		width, err := s.pdf.MeasureTextWidth(string(r))
		s.keep(err)
		g.width = width / 100
	}
	s.runes[font][r] = g
	return g
}

// invisible tells characters that could make a line read otherwise than it is.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// printable is the text in characters that the font has; another one shows as U+XXXX (the exact
// text stands in evidence.json). Line ends are kept.
func (s *sheet) printable(text, font string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", tabStop, "\u00ad", "").Replace(norm.NFC.String(strings.ToValidUTF8(text, "\ufffd")))
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || s.glyph(font, r).known {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "U+%04X", r)
		}
	}
	return b.String()
}

func (s *sheet) width(text string, st style) float64 {
	w := 0.0
	for _, r := range text {
		w += s.glyph(st.font, r).width
	}
	return w * st.size
}

// wrap cuts text into lines of at most this width: between words, and within a word that is longer
// than a line. There is always at least one line, and one character on a line.
func (s *sheet) wrap(text string, st style, width float64) []string {
	width = max(width, minWidth)
	var lines []string
	for paragraph := range strings.SplitSeq(s.printable(text, st.font), "\n") {
		lines = append(lines, s.wrapParagraph(strings.TrimRight(paragraph, " "), st, width)...)
	}
	return lines
}

func (s *sheet) wrapParagraph(text string, st style, width float64) []string {
	var lines []string
	line, lineW := "", 0.0
	spaceW := s.width(" ", st)
	for i, word := range strings.Split(text, " ") {
		wordW := s.width(word, st)
		if i > 0 && lineW+spaceW+wordW <= width {
			line, lineW = line+" "+word, lineW+spaceW+wordW
			continue
		}
		if i > 0 {
			lines = append(lines, line)
		}
		for wordW > width {
			head := s.cut(word, st, width)
			lines = append(lines, head)
			word = word[len(head):]
			wordW = s.width(word, st)
		}
		line, lineW = word, wordW
	}
	return append(lines, line)
}

// cut is the longest beginning of word that fits, at least one character, by preference after a
// sign at which addresses and names can be cut.
func (s *sheet) cut(word string, st style, width float64) string {
	w, end, nice := 0.0, 0, 0
	for i, r := range word {
		w += s.glyph(st.font, r).width * st.size
		if w > width && i > 0 {
			break
		}
		end = i + len(string(r))
		if strings.ContainsRune("/.-_@?&=;,:", r) {
			nice = end
		}
	}
	if nice > end/2 {
		return word[:nice]
	}
	return word[:end]
}

// line draws one line of text, already printable, its top at y.
func (s *sheet) line(text string, st style, x, y float64) {
	if text == "" || s.err != nil {
		return
	}
	s.keep(s.pdf.SetFont(st.font, "", st.size))
	s.pdf.SetTextColor(st.color.r, st.color.g, st.color.b)
	s.pdf.SetXY(x, y+st.size*1.02)
	s.keep(s.pdf.Text(text))
}

// text draws wrapped text at an indent, over as many pages as it takes.
func (s *sheet) text(text string, st style, indent float64) {
	for _, line := range s.wrap(text, st, bodyW-indent) {
		s.room(st.leading())
		s.line(line, st, marginX+indent, s.y)
		s.y += st.leading()
	}
}

func (s *sheet) gap(height float64) { s.y += height }

func (s *sheet) fill(c color, x, y, w, h float64) {
	s.pdf.SetFillColor(c.r, c.g, c.b)
	s.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F")
}

func (s *sheet) horizontal(c color, width, x1, x2, y float64) {
	s.pdf.SetStrokeColor(c.r, c.g, c.b)
	s.pdf.SetLineWidth(width)
	s.pdf.Line(x1, y, x2, y)
}

// headingRoom is what a heading needs below it on its page: itself, then a subheading with its own first lines.
const headingRoom = 140

// heading begins a section, with a bookmark; it keeps some of what follows on its page.
func (s *sheet) heading(text string) {
	s.gap(14)
	s.room(headingRoom)
	s.pdf.SetY(s.y)
	s.pdf.AddOutline(s.printable(text, bold))
	for _, line := range s.wrap(text, style{bold, headingSize, accent}, bodyW) {
		s.line(line, style{bold, headingSize, accent}, marginX, s.y)
		s.y += headingSize * lineSpacing
	}
	s.horizontal(accent, 0.8, marginX, marginX+bodyW, s.y+1)
	s.gap(8)
}

// subheading begins a part of a section: a name at the left, a date at the right.
func (s *sheet) subheading(text, right string) {
	s.gap(11)
	st := style{bold, subheadingSize, ink}
	rightLine := s.printable(right, sans)
	rightW := s.width(rightLine, plain)
	lines := s.wrap(text, st, bodyW-rightW-12)
	s.room(st.leading()*float64(len(lines)) + 72) // never alone at the foot of a page
	s.line(rightLine, style{sans, textSize, muted}, marginX+bodyW-rightW, s.y)
	for _, line := range lines {
		s.line(line, st, marginX, s.y)
		s.y += st.leading()
	}
	s.gap(2)
}

// bytes ends the sheet: running head and foot on every page, then the PDF.
func (s *sheet) bytes(head, footLeft string, footRight func(page, pages int) string) ([]byte, error) {
	for page := 1; page <= s.pages; page++ {
		s.keep(s.pdf.SetPage(page))
		if page > 1 {
			s.line(s.first(head, small, bodyW), small, marginX, 34)
			s.horizontal(rule, 0.5, marginX, marginX+bodyW, 48)
		}
		s.horizontal(rule, 0.5, marginX, marginX+bodyW, pageH-46)
		right := s.printable(footRight(page, s.pages), small.font)
		rightW := s.width(right, small)
		s.line(s.first(footLeft, small, bodyW-rightW-12), small, marginX, pageH-40)
		s.line(right, small, marginX+bodyW-rightW, pageH-40)
	}
	if s.err != nil {
		return nil, s.err
	}
	var b bytes.Buffer
	if _, err := s.pdf.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw the proof: %w", err)
	}
	return b.Bytes(), nil
}

// first is the first line of text wrapped to the width.
func (s *sheet) first(text string, st style, width float64) string {
	return s.wrap(text, st, width)[0]
}

var _ io.WriterTo = (*gopdf.GoPdf)(nil)
