package message

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"=?utf-8?q?R=C3=A9ponse?= =?utf-8?b?w6A=?= vous":  "Réponseà vous",
		"=?utf-8?b?ww==?= =?utf-8?b?qQ==?=":               "é",          // a character cut between words
		"=?iso-8859-1?Q?r=E9ponse?=(x)":                   "réponse(x)", // nothing around it
		"=?utf-8?q?avec espaces?=":                        "avec espaces",
		"=?iso-8859-15*fr?q?20_=A4?=":                     "20 €",
		"=?x-inconnu?q?=E9?=":                             "é",
		"=?utf-8?z?abc?=":                                 "=?utf-8?z?abc?=",
		"a =?b":                                           "a =?b",
		"r\xe9ponse":                                      "réponse",
		"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=":              "日本",
		"=?utf-8?q?=E2=80=AEfdp.exe?=":                    "\u202efdp.exe",
		"=?utf-8?q?un?= =?iso-8859-1?q?_deux?=":           "un deux",
		"un =?utf-8?q?deux?= trois":                       "un deux trois",
		"=?utf-8?q?=41":                                   "=?utf-8?q?=41",
		"=?utf-8?q?=0D=0ABcc:_x?=":                        "\r\nBcc: x",
		"=?us-ascii?q?" + strings.Repeat("a", 200) + "?=": strings.Repeat("a", 200),
		"=?windows-1252?q?l=92=E9t=E9_=AB=A0x=A0=BB?=":    "l’été «\u00a0x\u00a0»",
	} {
		if got := DecodeWords(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestTextOfHeader: what people are shown holds no line end and nothing that turns writing round.
func TestTextOfHeader(t *testing.T) {
	h, _ := ParseHeader([]byte("Subject: =?utf-8?q?a=0D=0AB:_c=E2=80=AEd?=\r\n\r\n"))
	if got := h.Text("subject"); got != "a  B: cd" {
		t.Errorf("%q", got)
	}
}

// TestWordsComeBack: any text, written for a header and read again, is the same but for control
// and direction characters, and cannot hold a second field.
func TestWordsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		first := rapid.IntRange(0, 60).Draw(t, "first")
		want := printable(s)
		for _, written := range []string{EncodeWords(s, first), EncodePhrase(s, first)} {
			for i, line := range strings.Split(written, "\r\n") {
				if strings.ContainsAny(line, "\r\n") || len(line) > 998 || i > 0 && (!strings.HasPrefix(line, " ") || strings.TrimSpace(line) == "") {
					t.Fatalf("written as %q", written)
				}
			}
			got := unfold([]byte(written))
			if strings.HasPrefix(got, `"`) && written != EncodeWords(s, first) {
				got = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(got[1 : len(got)-1])
				if want != got {
					t.Fatalf("%q is read as %q", want, got)
				}
				continue
			}
			if got := DecodeWords(got); got != want {
				t.Fatalf("%q is written as %q and read as %q", want, written, got)
			}
		}
	})
}

func TestParameters(t *testing.T) {
	for in, want := range map[string]struct {
		word, name string
		clean      bool
	}{
		`text/plain; name=a.txt`:                               {"text/plain", "a.txt", true},
		`TEXT/Plain; NAME="a;b.txt" ; x=y`:                     {"text/plain", "a;b.txt", true},
		`text/plain; name="C:\temp\new.txt"`:                   {"text/plain", `C:\temp\new.txt`, true},
		`text/plain; name="a\"b"`:                              {"text/plain", `a"b`, true},
		`text/plain (comment; name=no); name=yes`:              {"text/plain", "yes", true},
		`text/plain; name*=utf-8'fr'r%C3%A9sum%C3%A9.txt`:      {"text/plain", "résumé.txt", true},
		`text/plain; name*0*=iso-8859-1''r%E9; name*1="sum e"`: {"text/plain", "résum e", true},
		`text/plain; name*1=b; name*0=a`:                       {"text/plain", "ab", true},
		`text/plain; name=x; name*=utf-8''%C3%A9`:              {"text/plain", "é", true},
		`text/plain; name="=?utf-8?q?=C3=A9?="`:                {"text/plain", "é", true},
		`text/plain; name=a b.txt`:                             {"text/plain", "a b.txt", false},
		`text/plain; name="open`:                               {"text/plain", "open", false},
		`text/plain name=x`:                                    {"text/plain", "x", false},
		`text/plain; name=a; name=b`:                           {"text/plain", "a", false},
		`; name=x`:                                             {"", "x", true},
		`attachment; name*0=a; name*2=c`:                       {"attachment", "a", false},
	} {
		word, params, clean := parseValue(in)
		if word != want.word || params["name"] != want.name || clean != want.clean {
			t.Errorf("%s: %q %q %v, want %+v", in, word, params["name"], clean, want)
		}
	}
}

func TestNamesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := CleanName(rapid.String().Draw(t, "name"))
		if name == "" {
			return
		}
		_, params, clean := parseValue(unfold([]byte("attachment" + FormatParam("filename", name))))
		if params["filename"] != name || !clean {
			t.Fatalf("%q is written as %q and read as %q", name, FormatParam("filename", name), params["filename"])
		}
		if again := CleanName(name); again != name {
			t.Fatalf("%q is cleaned again to %q", name, again)
		}
	})
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"../../etc/passwd": "passwd", `C:\Users\x\offre.pdf`: "offre.pdf", "..": "", " . ": "", "a\r\nb\x00.txt": "ab.txt",
		"facture\u202efdp.exe": "facturefdp.exe", "CON.txt": "_CON.txt", "com1": "_com1", `a<b>"c|d?.txt`: "a_b__c_d_.txt",
		"fin. ": "fin", ".htaccess": ".htaccess", "a/b/": "", strings.Repeat("é", 200) + ".pdf": strings.Repeat("é", 88) + ".pdf",
		"x." + strings.Repeat("y", 300): "x." + strings.Repeat("y", 178), "Règlement (1).pdf": "Règlement (1).pdf", "\xff.pdf": "_.pdf",
	} {
		if got := CleanName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	h, rest := ParseHeader([]byte("To: Marie <a@b.example>, \"x, y\" <c@d.example>,, broken <e@f.example\r\nCc: group: g@h.example, i@j.example;\r\nTo: =?utf-8?q?=C3=89mile?= <k@l.example>; m@n.example\r\n\r\nbody"))
	if string(rest) != "body" {
		t.Errorf("rest %q", rest)
	}
	var got []string
	for _, name := range []string{"to", "cc"} {
		for _, a := range h.Addresses(name) {
			got = append(got, a.Name+"|"+a.Address)
		}
	}
	want := "Marie|a@b.example x, y|c@d.example broken|e@f.example Émile|k@l.example |m@n.example |g@h.example |i@j.example"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
}

// BenchmarkWordsThatNeverEnd: the time grows with the octets, not with their square.
func BenchmarkWordsThatNeverEnd(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		v := strings.Repeat("=?utf-8?q?a", n) + "?="
		b.Run(strconv.Itoa(len(v)), func(b *testing.B) {
			b.SetBytes(int64(len(v)))
			for b.Loop() {
				DecodeWords(v)
			}
		})
	}
}
