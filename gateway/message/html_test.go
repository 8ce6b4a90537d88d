package message

import (
	"strings"
	"testing"
)

func TestSafeHTML(t *testing.T) {
	image := func(id string) string {
		if id == "logo@agence" {
			return "/l/x/image/1.2"
		}
		return ""
	}
	for in, want := range map[string]string{
		`<p onclick="x()">a<script>alert(1)</script></p>`:                                   `<p>a</p>`,
		`<img src="https://tracker.example/1.gif" alt="vu">`:                                `vu`,
		`<img src="cid:logo%40agence" width="10" alt="Logo">`:                               `<img width="10" alt="Logo" src="/l/x/image/1.2">`,
		`<img src="cid:other">`:                                                             ``,
		`<a href="https://x.example" target=_top rel=opener>b</a>`:                          `<a href="https://x.example" target="_blank" rel="noopener noreferrer">b</a>`,
		`<a href="javascript:alert(1)">b</a>`:                                               `b`,
		`<div style="background:url(https://t.example/x);color:red">c</div>`:                `<div style="color: red">c</div>`,
		`<style>p{background:url(x)}</style><link rel=stylesheet href=x>d`:                  `d`,
		`<form action="https://x"><input name=a><button>e</button></form>`:                  `e`,
		`<iframe src=x></iframe><object data=x></object><embed src=x><video src=x></video>`: ``,
		`<table background="https://t/x"><tr><td bgcolor="#fff">f</td></tr></table>`:        `<table><tr><td bgcolor="#fff">f</td></tr></table>`,
		`<svg><image href="https://t/x"/></svg>`:                                            ``,
		`<meta http-equiv="refresh" content="0;url=https://x"><base href="https://x">g`:     `g`,
		`<img src="data:image/svg+xml;base64,AAAA">h`:                                       `h`,
	} {
		if got := SafeHTML(in, image); strings.TrimSpace(got) != want {
			t.Errorf("%s\n gives %s\nwant %s", in, got, want)
		}
	}
}

func TestHTMLToText(t *testing.T) {
	for in, want := range map[string]string{
		"<p>Bonjour,</p><p>votre   offre\n est <b>retenue</b>.</p>": "Bonjour,\n\nvotre offre est retenue.",
		"a<br>b<br><br>c": "a\nb\n\nc",
		"<ul><li>un<li>deux<ol><li>x<li>y</ol></ul>fin":                                          "- un\n- deux\n  1. x\n  2. y\n\nfin",
		"<table><tr><th>Lot</th><th>Prix</th></tr><tr><td>1</td><td>20&nbsp;€</td></tr></table>": "Lot | Prix\n1 | 20 €",
		`<a href="https://x.example/a">Voir</a> <a href="https://y.example">y.example</a>`:       "Voir <https://x.example/a> y.example",
		`<a href="mailto:a@b.example">a@b.example</a>`:                                           "a@b.example",
		"<blockquote>cité<br>encore<blockquote>deux</blockquote></blockquote>moi":                "> cité\n> encore\n>\n> > deux\n\nmoi",
		"<head><title>x</title><style>p{}</style></head><body>corps<script>y</script></body>":    "corps",
		"<pre>a\n  b\n\nc</pre>d":                        "a\n  b\n\nc\n\nd",
		`<img alt="Logo de la ville" src=x> <img src=y>`: "[Logo de la ville]",
		"<div>a</div><div>b</div>":                       "a\nb",
		"<title>jamais fermé <p>a":                       "",
		"a&lt;b&gt;&amp;&#233;":                          "a<b>&é",
		`<p>Notre réponse :</p><blockquote style="margin: 0 0 0 40px; border: none; padding: 0px;">retrait</blockquote>fin`:                     "Notre réponse :\n\nretrait\n\nfin",
		`<blockquote type="cite" style="border: none">cité</blockquote><blockquote style="border:none;border-left:solid 1pt">cité</blockquote>`: "> cité\n\n> cité",
		"<hr>x": "----------\nx",
	} {
		if got := HTMLToText(in); got != want {
			t.Errorf("%s\n gives %q\nwant  %q", in, got, want)
		}
	}
}

func TestUnflow(t *testing.T) {
	for in, want := range map[string]string{
		"Bonjour, \r\nvotre offre\r\nfin": "Bonjour, votre offre\nfin",
		"> cité \r\n> suite\r\nmoi":       "> cité suite\nmoi",
		"> cité \r\nmoi":                  "> cité \nmoi",
		" From x\r\n >pas cité":           "From x\n>pas cité",
		"fin \r\n-- \r\nMarie":            "fin \n-- \nMarie",
	} {
		if got := Unflow(in, false); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Unflow("日 \n本", true); got != "日本" {
		t.Errorf("DelSp: %q", got)
	}
}

func TestOpenedTNEF(t *testing.T) {
	tnefMail := func(name string) *Message {
		head := "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: binary\r\n\r\n"
		return open(t, append([]byte(head), sample(t, name)...))
	}
	m := tnefMail("files.tnef")
	files := m.Files()
	if len(files) != 2 || files[0].Path != "1/1" || files[0].MediaType != "application/pdf" || files[1].MediaType != "image/png" || files[1].ContentID() != "photo@agence" {
		t.Fatalf("%+v", files)
	}
	if p := m.Find("1/2"); p == nil || p.Filename() != "photo.png" || string(decoded(t, p)) != "\x89PNG\r\n\x1a\n" {
		t.Errorf("1/2: %+v", p)
	}
	if m.ByContentID("photo@agence") == nil {
		t.Error("no image by its Content-ID")
	}
	if got := listed(t, tnefMail("embedded.tnef")); got != "inner.txt=dedans outer.txt=dehors" {
		t.Errorf("embedded: %s", got)
	}
	if got := text(t, tnefMail("rtf.tnef").HTML()); got != "<p>Réponse €uro</p>" {
		t.Errorf("HTML out of RTF: %q", got)
	}
	if m := tnefMail("cut.tnef"); m.Kind() == TNEF || len(m.Files()) != 1 || m.Files()[0].Filename() != "winmail.dat" {
		t.Errorf("cut: %s %v", m.Kind(), m.Files())
	}
}

func TestCompressedRTF(t *testing.T) {
	// The example of [MS-OXRTFCP] §4.1.1.
	packed := []byte("\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\x0a\x00rcpg125\x42\x32\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0")
	rtf, err := unpackRTF(packed)
	if err != nil || string(rtf) != "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n" {
		t.Fatalf("%q %v", rtf, err)
	}
	if got, html := readRTF(rtf, codePage); got != "hello world" || html {
		t.Errorf("%q %v", got, html)
	}
}
