package classify

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"vaguemestre/gateway/message"
)

type replyTruth struct {
	File   string   `json:"file"`
	Source string   `json:"source"`
	Reply  *string  `json:"reply"`
	Regex  []string `json:"reply_regex"`
	Match  string   `json:"match"`
	Input  string   `json:"input"`
	Sender string   `json:"sender"`
}

func TestVisibleTextOfTheCorpora(t *testing.T) {
	dir := corporaDir(t, "replies")
	c := newCard(t)
	for _, want := range readLines[replyTruth](t, filepath.Join(dir, "truth.jsonl")) {
		if want.Reply == nil && want.Regex == nil || strings.HasPrefix(want.Match, "signature") {
			continue
		}
		got := VisibleText(replyText(t, want, filepath.Join(dir, want.File)))
		c.count(want.Source, want.File, replyMatches(want, got), "\n"+got+"\n", want.Reply)
		c.count("all", want.File, replyMatches(want, got), "", "")
	}
	c.floors(map[string]float64{"all": 88, "crisp": 90, "talon": 92, "reply_trimmer": 82, "quotequail": 60, "github_erp": 50, "willdurand": 80})
}

func replyText(t *testing.T, want replyTruth, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch want.Input {
	case "message":
		m, err := message.Read(bytes.NewReader(b), int64(len(b)), message.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := m.Text().Text(maxFields)
		if err != nil {
			t.Fatal(err)
		}
		return text
	case "html body":
		return message.HTMLToText(string(b))
	}
	return string(b)
}

func replyMatches(want replyTruth, got string) bool {
	for _, r := range want.Regex {
		if !regexp.MustCompile(r).MatchString(got) {
			return false
		}
	}
	if want.Reply == nil {
		return true
	}
	if strings.Contains(want.Match, "white space removed") {
		return squeeze(got, "") == squeeze(*want.Reply, "")
	}
	return strings.TrimSpace(trimLines(got)) == strings.TrimSpace(trimLines(*want.Reply))
}

func trimLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRightFunc(lines[i], unicode.IsSpace)
	}
	return strings.Join(lines, "\n")
}

func squeeze(s, with string) string { return strings.Join(strings.Fields(s), with) }
