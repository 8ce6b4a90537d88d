package message

import (
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// safePolicy is built once and only read. It lists what may stay; whatever is not listed goes:
// scripts, style sheets, forms, frames, objects, every attribute that runs or loads.
var safePolicy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowStandardURLs()
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.AllowDataURIImages()
	p.AllowRelativeURLs(false)
	p.RequireNoFollowOnLinks(false)
	p.AllowElements("p", "br", "hr", "div", "span", "blockquote", "pre", "code", "tt", "kbd", "samp", "address", "center",
		"b", "i", "u", "s", "em", "strong", "small", "big", "sub", "sup", "del", "ins", "strike", "mark", "q", "cite", "abbr",
		"h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "font", "section", "article", "header", "footer",
		"figure", "figcaption", "wbr")
	p.AllowTables()
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`^(?i:cid:|data:image/(png|jpeg|gif|webp);base64,)`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	size := regexp.MustCompile(`^[0-9]{1,4}(px|%)?$`)
	p.AllowAttrs("width", "height").Matching(size).OnElements("img", "table", "td", "th", "col", "hr")
	p.AllowAttrs("border", "cellpadding", "cellspacing").Matching(regexp.MustCompile(`^[0-9]{1,2}$`)).OnElements("table", "img")
	p.AllowAttrs("align", "valign").Matching(regexp.MustCompile(`^[a-z]{2,8}$`)).Globally()
	colour := regexp.MustCompile(`^(#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,20})$`)
	p.AllowAttrs("color", "bgcolor").Matching(colour).OnElements("font", "table", "tr", "td", "th", "hr")
	p.AllowAttrs("face").Matching(regexp.MustCompile(`^[\p{L}0-9 ,'-]{1,100}$`)).OnElements("font")
	p.AllowAttrs("size").Matching(regexp.MustCompile(`^[+-]?[0-9]$`)).OnElements("font")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,5}$`)).OnElements("ol")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^[1aAiI]$`)).OnElements("ol", "li")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(ltr|rtl)$`)).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[a-zA-Z-]{2,12}$`)).Globally()
	p.AllowStyles("color", "background-color", "font-family", "font-size", "font-style", "font-weight", "text-align",
		"text-decoration", "text-indent", "vertical-align", "line-height", "white-space", "margin", "margin-top", "margin-bottom",
		"margin-left", "margin-right", "padding", "padding-top", "padding-bottom", "padding-left", "padding-right", "border",
		"border-top", "border-bottom", "border-left", "border-right", "border-collapse", "border-color", "border-style",
		"border-width", "width", "list-style-type").Globally()
	return p
})

// SafeHTML makes the HTML of a mail safe to show: nothing is loaded from elsewhere, nothing runs,
// nothing is sent. Images are those of the message: image gives the address to show for a
// Content-ID, or "" to leave the image out (its text stays); small ones written in the page as
// data: (png, jpeg, gif, webp) stay. Links open apart, without referrer or opener.
func SafeHTML(source string, image func(contentID string) string) string {
	safe := safePolicy().Sanitize(source)
	if !strings.Contains(safe, "<img") && !strings.Contains(safe, "<a ") {
		return safe
	}
	var out strings.Builder
	out.Grow(len(safe))
	z := html.NewTokenizer(strings.NewReader(safe))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out.String()
		}
		raw := string(z.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			switch t := z.Token(); t.Data {
			case "img":
				raw = inlineImage(t, image)
			case "a":
				raw = apart(t)
			}
		}
		out.WriteString(raw)
	}
}

// apart is a link that opens in a page of its own, which learns nothing of this one.
func apart(t html.Token) string {
	kept := t.Attr[:0]
	for _, a := range t.Attr {
		switch a.Key {
		case "href":
			if v := strings.ToLower(strings.TrimSpace(a.Val)); !strings.HasPrefix(v, "http://") && !strings.HasPrefix(v, "https://") &&
				!strings.HasPrefix(v, "mailto:") && !strings.HasPrefix(v, "tel:") {
				continue
			}
		case "rel", "target":
			continue
		}
		kept = append(kept, a)
	}
	t.Attr = append(kept, html.Attribute{Key: "target", Val: "_blank"}, html.Attribute{Key: "rel", Val: "noopener noreferrer"})
	return t.String()
}

// inlineImage is the tag with the address that the message's own image has here.
func inlineImage(t html.Token, image func(string) string) string {
	alt, kept := "", t.Attr[:0]
	src := ""
	for _, a := range t.Attr {
		switch a.Key {
		case "src":
			src = a.Val
			continue
		case "alt":
			alt = a.Val
		}
		kept = append(kept, a)
	}
	if len(src) >= 4 && strings.EqualFold(src[:4], "cid:") {
		id := src[4:]
		src = ""
		if image != nil {
			src = image(string(unpercent(id)))
		}
	}
	if src == "" {
		return html.EscapeString(alt)
	}
	t.Attr = append(kept, html.Attribute{Key: "src", Val: src})
	return t.String()
}

// Raster tells the image types that carry no script: what a page may show in its place.
func Raster(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}
