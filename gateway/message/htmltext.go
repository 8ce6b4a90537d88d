package message

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// HTMLToText is what a person reads in a piece of HTML, as plain text with LF line ends: paragraphs
// apart, lists with their marks, one line per table row with " | " between its cells, the address of a link after its
// words, quotations behind "> ", images by their alternative text. Takes time linear in the source.
func HTMLToText(source string) string {
	w := textWriter{}
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.finish()
		case html.TextToken:
			if w.hidden == 0 {
				w.text(html.UnescapeString(string(z.Text())))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			w.open(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			w.close(string(name))
		}
	}
}

type list struct {
	ordered bool
	n       int
}

type textWriter struct {
	out    strings.Builder
	line   strings.Builder // not written yet
	breaks int             // line ends owed before the next word; 2 is a blank line
	space  bool            // a space is owed
	begun  bool
	hidden int // depth within what is not shown
	pre    int
	quote  int
	quotes []bool // of the open blockquotes: whether it quotes
	lists  []list
	cells  int // cells of the current row so far
	href   string
	anchor strings.Builder // the words of the open link
}

// text adds words, white space folded as a browser does.
func (w *textWriter) text(s string) {
	if w.pre > 0 {
		for i, piece := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.newline(w.breaks + 1)
			}
			if piece != "" {
				w.word(piece)
			}
		}
		return
	}
	for s != "" {
		i := strings.IndexFunc(s, isHTMLSpace)
		if i == 0 {
			w.space = true
			s = strings.TrimLeftFunc(s, isHTMLSpace)
			continue
		}
		if i < 0 {
			i = len(s)
		}
		w.word(s[:i])
		s = s[i:]
	}
}

func isHTMLSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f'
}

func (w *textWriter) word(s string) {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u00ad', '\u200b', '\u200c', '\u200d', '\ufeff', '\u034f': // invisible fillers of newsletters
			return -1
		case '\u00a0':
			return ' '
		}
		return r
	}, s)
	if s == "" {
		return
	}
	w.lineEnds()
	if w.line.Len() == 0 {
		w.line.WriteString(w.prefix())
		w.space = false
	}
	if w.space {
		w.line.WriteByte(' ')
	}
	w.space = false
	w.line.WriteString(s)
	if w.href != "" && w.anchor.Len() < 4096 {
		w.anchor.WriteString(s)
	}
}

// newline owes at least n line ends; 2 leave a blank line.
func (w *textWriter) newline(n int) {
	w.breaks = max(w.breaks, min(n, 3))
	w.space = false
}

func (w *textWriter) lineEnds() {
	if w.breaks == 0 {
		return
	}
	w.endLine()
	if w.begun {
		for range w.breaks - 1 {
			w.out.WriteString(strings.TrimRight(w.prefix(), " ") + "\n")
		}
	}
	w.breaks = 0
}

func (w *textWriter) prefix() string { return strings.Repeat("> ", min(w.quote, 8)) }

func (w *textWriter) endLine() {
	if line := strings.TrimRight(w.line.String(), " \t"); line != "" {
		w.out.WriteString(line)
		w.out.WriteByte('\n')
		w.begun = true
	}
	w.line.Reset()
}

func (w *textWriter) open(t html.Token) {
	if isHidden(t.Data) {
		w.hidden += b2i(t.Type == html.StartTagToken)
		return
	}
	if w.hidden > 0 && t.Data != "body" {
		return
	}
	switch t.Data {
	case "body":
		w.hidden = 0 // a head that was never closed
	case "br":
		w.newline(w.breaks + 1)
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl":
		w.newline(2)
	case "pre":
		w.newline(2)
		w.pre++
	case "div", "section", "article", "header", "footer", "address", "center", "dt", "dd", "figure", "figcaption", "form":
		w.newline(1)
	case "blockquote":
		w.newline(2)
		w.lineEnds()
		w.quotes = append(w.quotes, !indents(t))
		w.quote += b2i(!indents(t))
	case "ul", "ol":
		w.newline(1 + b2i(len(w.lists) == 0))
		if len(w.lists) < 100 {
			w.lists = append(w.lists, list{ordered: t.Data == "ol"})
		}
	case "li":
		w.item()
	case "tr":
		w.newline(1)
		w.cells = 0
	case "td", "th":
		w.cell()
	case "hr":
		w.newline(1)
		w.word("----------")
		w.newline(1)
	case "img":
		if alt := attribute(t, "alt"); strings.TrimSpace(alt) != "" {
			w.text("[" + alt + "]")
		}
	case "a":
		w.endLink()
		w.href = attribute(t, "href")
		w.anchor.Reset()
	}
}

// indents tells a blockquote by which an editor only moves a paragraph to the right, which the author wrote.
func indents(t html.Token) bool {
	style := strings.ToLower(strings.ReplaceAll(attribute(t, "style"), " ", ""))
	return attribute(t, "type") == "" && attribute(t, "cite") == "" && !strings.Contains(attribute(t, "class"), "quote") &&
		(strings.Contains(style, "border:none") || strings.Contains(style, "border:0") || strings.Contains(style, "border-style:none")) && !strings.Contains(style, "border-left")
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *textWriter) item() {
	w.newline(1)
	mark := "- "
	depth := len(w.lists)
	if depth > 0 {
		l := &w.lists[depth-1]
		if l.n++; l.ordered {
			mark = strconv.Itoa(l.n) + ". "
		}
	}
	w.lineEnds()
	w.line.WriteString(w.prefix() + strings.Repeat("  ", min(max(depth-1, 0), 10)) + mark)
	w.space = false
}

func (w *textWriter) cell() {
	if w.cells++; w.cells > 1 && w.breaks == 0 && strings.TrimSpace(w.line.String()) != "" {
		w.line.WriteString(" |")
		w.space = true
		return
	}
	w.newline(w.breaks)
}

func (w *textWriter) close(name string) {
	if isHidden(name) {
		w.hidden = max(0, w.hidden-1)
		return
	}
	if w.hidden > 0 {
		return
	}
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl":
		w.newline(2)
	case "pre":
		w.pre = max(0, w.pre-1)
		w.newline(2)
	case "div", "section", "article", "header", "footer", "address", "center", "tr", "li", "dd", "dt":
		w.newline(1)
	case "blockquote":
		w.endLine()
		if n := len(w.quotes); n > 0 {
			w.quote -= b2i(w.quotes[n-1])
			w.quotes = w.quotes[:n-1]
		}
		w.newline(2)
	case "ul", "ol":
		if n := len(w.lists); n > 0 {
			w.lists = w.lists[:n-1]
		}
		w.newline(1 + b2i(len(w.lists) == 0))
	case "a":
		w.endLink()
	}
}

// endLink writes the address of a link after its words, unless they are the address.
func (w *textWriter) endLink() {
	href, words := strings.TrimSpace(w.href), strings.TrimSpace(w.anchor.String())
	w.href = ""
	if href == "" || strings.HasPrefix(href, "#") || strings.HasPrefix(strings.ToLower(href), "javascript:") {
		return
	}
	bare := func(s string) string {
		for _, scheme := range []string{"mailto:", "tel:", "https://", "http://"} {
			if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
				s = s[len(scheme):]
			}
		}
		return strings.TrimSuffix(s, "/")
	}
	if bare(href) == bare(words) || words == "" {
		return
	}
	w.space = true
	w.word("<" + href + ">")
}

func (w *textWriter) finish() string {
	w.endLink()
	w.endLine()
	return strings.Trim(w.out.String(), "\n")
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// isHidden tells an element whose content is not shown.
func isHidden(name string) bool {
	switch name {
	case "script", "style", "title", "head", "template", "select", "textarea", "object", "iframe":
		return true
	}
	return false
}

// HTMLShowsImages tells whether a piece of HTML shows images that it brings with it (data: and cid:), or, with remote,
// that a mail client may load. The page of a letter loads none of the latter.
func HTMLShowsImages(source string, remote bool) bool {
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return false
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			src := strings.ToLower(strings.TrimSpace(attribute(t, "src")))
			if t.Data == "img" && (strings.HasPrefix(src, "data:image/") || strings.HasPrefix(src, "cid:") || remote && strings.HasPrefix(src, "http")) {
				return true
			}
		}
	}
}
