package browser

import (
	_ "embed" // axe-core
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-rod/rod/lib/proto"
)

//go:embed axe/axe.min.js
var axeSource string

type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String is what to change, and where.
func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&b, "\n\t%s\n\t\t%s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n\t\t"))
	}
	return b.String()
}

// Axe fails the test when axe-core finds anything against WCAG 2.1 A and AA, which RGAA 4.1 rests on, or its
// makers' good practice.
func (p *Page) Axe() *Page {
	p.t.Helper()
	if p.view.NoScript { // axe-core is a script; those of the page had their time
		p.must("allow axe-core", proto.EmulationSetScriptExecutionDisabled{}.Call(p))
		defer func() {
			p.must("take scripts away again", proto.EmulationSetScriptExecutionDisabled{Value: true}.Call(p))
		}()
	}
	_, err := p.Eval(`source => { (0, eval)(source) }`, axeSource)
	if err != nil { // a page whose policy lets no script be made of text is given it by the debugger instead
		_, err = p.Eval("() => {" + axeSource + "}")
	}
	p.must("bring axe-core", err)
	found, err := p.Eval(`async () => JSON.stringify((await axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], resultTypes: ["violations"], iframes: false,
	})).violations)`)
	p.must("run axe-core", err)
	var all []violation
	p.must("read what axe-core found", json.Unmarshal([]byte(found.Value.Str()), &all))
	for _, v := range all {
		p.t.Logf("%s: %s", p.view.Name, v)
	}
	if len(all) > 0 {
		p.t.Fatalf("%s: axe-core finds %d violation(s) on %s", p.view.Name, len(all), p.Find("title").MustText())
	}
	return p
}
