package compose

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"sync"
	"text/template"

	"vaguemestre/gateway/message"
)

// Version is the composer's. A courier keeps the one that accepted it (Composition.Version) and is written by it for
// ever, so that a later program makes the same bytes again.
//
// To change the words or the layout of the letters: copy templates/N to templates/N+1, change the copy, let Version
// grow, and write its golden letters (go test -update). A change of the code that changes bytes asks which version the
// courier has. The golden letters of every version are held by a test.
const Version = 2

//go:embed templates
var files embed.FS

// layouts are the templates of one language, and the blocks that they made lately.
type layouts struct {
	text   *template.Template
	html   *htmltemplate.Template
	blocks *memo
}

// edition is the words of one version, by language.
type edition map[string]layouts

// composer writes letters with the editions that it has, by version.
type composer map[int]edition

// shipped is read once; the files are embedded and tested, so that a broken one never ships.
var shipped = sync.OnceValue(func() composer {
	c := composer{}
	for v := 1; v <= Version; v++ {
		c[v] = newEdition(files, fmt.Sprintf("templates/%d/", v))
	}
	return c
})

// outlook shows marks to Outlook's old engine alone. It is a function because templates take comments out.
var outlook = htmltemplate.FuncMap{"outlook": func(marks string) htmltemplate.HTML {
	return htmltemplate.HTML("<!--[if mso]>" + marks + "<![endif]-->")
}}

func newEdition(from fs.FS, folder string) edition {
	e := edition{}
	for _, lang := range []string{"fr", "en"} {
		e[lang] = layouts{
			text:   template.Must(template.ParseFS(from, folder+lang+".tmpl", folder+"text.tmpl")),
			html:   htmltemplate.Must(htmltemplate.New("letters").Funcs(outlook).ParseFS(from, folder+lang+".tmpl", folder+"html.tmpl")),
			blocks: &memo{made: map[view]message.Words{}},
		}
	}
	return e
}

func language(code string) string {
	if code == "en" {
		return "en"
	}
	return "fr"
}
