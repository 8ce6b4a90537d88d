package message

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// places is where words can be put into an HTML document.
type places struct {
	begin, end int    // offsets: after the body's tag, before its end
	closers    string // end tags of what is still open at end, so that it does not contain (or hide) what follows
}

// maxOpen bounds the elements open at once.
const maxOpen = 256

// htmlPlaces finds them; ok is false for a document in which nothing can be put safely.
func htmlPlaces(src []byte) (at places, ok bool) {
	z := html.NewTokenizer(bytes.NewReader(src))
	z.SetMaxBuf(MaxText + 1)
	var open []string
	pos, bodyEnd, htmlEnd := 0, -1, -1
	var bodyOpen, htmlOpen string
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		n := len(z.Raw())
		switch kind {
		case html.StartTagToken:
			name, _ := z.TagName()
			switch tag := string(name); {
			case tag == "plaintext":
				return places{}, false
			case tag == "body":
				at.begin = pos + n
			case mustClose(tag):
				open = append(open, tag)
			}
			if len(open) > maxOpen {
				return places{}, false
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch tag := string(name); tag {
			case "body":
				bodyEnd, bodyOpen = pos, closersOf(open)
			case "html":
				htmlEnd, htmlOpen = pos, closersOf(open)
			default:
				open = closeOne(open, tag)
			}
		case html.CommentToken:
			if raw := z.Raw(); bytes.HasPrefix(raw, []byte("<!--")) && !bytes.HasSuffix(raw, []byte(">")) {
				n = 0 // a comment that is never closed: before it
			}
		}
		pos += n
	}
	switch {
	case bodyEnd >= 0:
		at.end, at.closers = bodyEnd, bodyOpen
	case htmlEnd >= 0:
		at.end, at.closers = htmlEnd, htmlOpen
	default:
		at.end, at.closers = pos, closersOf(open)
	}
	at.begin = min(at.begin, at.end)
	return at, true
}

// mustClose leaves out the elements that hold nothing, and those that close by themselves where
// their parent does.
func mustClose(tag string) bool {
	switch tag {
	case "html", "head", "p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "dd", "dt", "option", "colgroup",
		"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr", "embed", "source", "track", "param":
		return false
	}
	return len(tag) <= 20 && !strings.ContainsAny(tag, "<>&\"'")
}

func closeOne(open []string, tag string) []string {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i] == tag {
			return append(open[:i], open[i+1:]...)
		}
	}
	return open
}

func closersOf(open []string) string {
	var out strings.Builder
	for i := len(open) - 1; i >= 0; i-- {
		out.WriteString("</" + open[i] + ">")
	}
	return out.String()
}
