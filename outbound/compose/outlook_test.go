package compose

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// heeded are the properties that Outlook's old engine, Word's, applies, by the elements on which it does; ignored are those that it
// passes over, where the mail reads well without them.
var (
	heeded = map[string]string{
		"color": "p h1 td span strong a div", "background-color": "body table td a", "font-family": "p h1 td a", "font-size": "p h1 td a strong div",
		"font-weight": "p h1 td a", "letter-spacing": "strong", "line-height": "p h1 td a div", "text-align": "td", "text-decoration": "a", "white-space": "td",
		"margin": "body div p h1", "padding": "body div td a", "border": "a", "border-bottom": "td", "border-left": "td", "border-collapse": "table", "width": "table",
		"display": "div table a", "mso-line-height-rule": "p h1 td a", "mso-padding-alt": "td a", "mso-hide": "div",
	}
	ignored = map[string]string{
		"border-radius": "td a", "overflow-wrap": "h1", "word-break": "h1 p td span a", "-webkit-text-size-adjust": "body", "max-width": "table",
		"visibility": "div table", "opacity": "table", "max-height": "div", "overflow": "div",
	}
	attributes = strings.Fields("align bgcolor border cellpadding cellspacing charset class content dir href lang name role style valign width xmlns:o")
	elements   = strings.Fields("html head meta title style body div table tr td p h1 span strong br a")
	unheard    = regexp.MustCompile(`url\(|var\(|calc\(|rgb|hsl|flex|grid|gradient|\d(r?em|vw|vh|pt|cm)\b`)
)

// TestOutlooksOldEngineShowsTheMails: what we write keeps to what Word understands of HTML, since no test can run it: tables whose
// width it is told, padding of cells, exact line heights, colours that it can read. So each message that we write whole, and what
// stands with the agent's words.
func TestOutlooksOldEngineShowsTheMails(t *testing.T) {
	mails := shown(t)
	for name := range mails {
		if strings.HasPrefix(name, "plain") || name == "unstyled" { // the agent's words among ours
			delete(mails, name)
		}
	}
	v := shipped()[Version].view(plainSample(), company(), addresses(), sample().Context.Location())
	block, err := v.block()
	if err != nil {
		t.Fatal(err)
	}
	model, err := v.model("Madame, Monsieur,\n\nNous vous remercions.\nBien à vous")
	if err != nil {
		t.Fatal(err)
	}
	mails["block"], mails["model"] = block.HTML, model.HTML
	for name, source := range mails {
		w := &word{T: t, mail: name}
		w.read(source)
		if w.ghosts != 0 {
			t.Errorf("%s: %d tables for Outlook are not closed", name, w.ghosts)
		}
	}
}

// word reads a mail as far as Outlook's engine matters.
type word struct {
	*testing.T
	mail   string
	ghosts int               // open tables that it alone sees
	cell   map[string]string // the style of the last cell
}

func (w *word) read(source string) {
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.CommentToken:
			marks := string(z.Text())
			if !strings.HasPrefix(marks, "[if mso]>") || !strings.HasSuffix(marks, "<![endif]") {
				w.Errorf("%s: comment %q", w.mail, marks)
			}
			w.ghosts += strings.Count(marks, "<table") - strings.Count(marks, "</table>")
		case html.StartTagToken, html.SelfClosingTagToken:
			w.tag(z.Token())
		}
	}
}

func (w *word) tag(t html.Token) {
	w.Helper()
	if !slices.Contains(elements, t.Data) {
		w.Errorf("%s: <%s>", w.mail, t.Data)
	}
	has := map[string]string{}
	for _, a := range t.Attr {
		if has[a.Key] = a.Val; !slices.Contains(attributes, a.Key) {
			w.Errorf("%s: attribute %s of <%s>", w.mail, a.Key, t.Data)
		}
	}
	style := w.style(t.Data, has["style"])
	if t.Data == "td" {
		w.cell = style
	}
	if t.Data == "table" && (has["role"] != "presentation" || has["cellpadding"] == "" || has["cellspacing"] == "" || has["border"] == "") {
		w.Errorf("%s: a table for the layout says so, and has no room of its own: %v", w.mail, has)
	}
	for what, broken := range map[string]bool{
		"a line height that is not exact":          style["line-height"] != "" && style["mso-line-height-rule"] != "exactly" && style["mso-hide"] != "all",
		"a width that Word does not know":          style["width"] != "" && has["width"] == "",
		"a greatest width outside a table of ours": style["max-width"] != "" && (w.ghosts == 0 || has["width"] == ""),
		"a background without its attribute":       style["background-color"] != "" && t.Data != "a" && t.Data != "body" && !strings.EqualFold(style["background-color"], has["bgcolor"]),
		"padding that only a cell can have":        style["padding"] != "" && style["padding"] != "0" && t.Data != "td" && (t.Data != "a" || style["mso-padding-alt"] != "0" || w.cell["mso-padding-alt"] == ""),
		"something that is not hidden in Outlook":  style["display"] == "none" && style["mso-hide"] != "all",
	} {
		if broken {
			w.Errorf("%s: %s: <%s style=%q>", w.mail, what, t.Data, has["style"])
		}
	}
}

// style reads an inline style sheet, each property of which has to be known on the element.
func (w *word) style(tag, text string) map[string]string {
	w.Helper()
	if found := unheard.FindString(text); found != "" {
		w.Errorf("%s: %q on <%s>", w.mail, found, tag)
	}
	all := map[string]string{}
	for declaration := range strings.SplitSeq(text, ";") {
		if declaration == "" {
			continue
		}
		property, value, _ := strings.Cut(declaration, ":")
		if !slices.Contains(strings.Fields(heeded[property]+" "+ignored[property]), tag) {
			w.Errorf("%s: %s on <%s>", w.mail, property, tag)
		}
		all[property] = strings.TrimSuffix(value, "!important")
	}
	return all
}
