package classify

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// What the servers and providers of the field answer, in their documented wordings or close to them.
func TestPromiseWordsOfProvidersAreUnderstood(t *testing.T) {
	f, err := os.Open("testdata/answers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	asked := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		want, rest, _ := strings.Cut(lines.Text(), "\t")
		who, words, ok := strings.Cut(rest, "\t")
		if !ok {
			t.Fatalf("no three columns: %q", lines.Text())
		}
		asked++
		r := Report{Action: Failed, Status: enhancedCode(words), ReplyCode: replyCode(words), Command: commandOf(strings.ToLower(words))}
		if got := r.reasonFrom(words, "", Undefined); string(got) != want {
			t.Errorf("%s: %q: %s, want %s", who, words, got, want)
		}
	}
	t.Logf("%d answers", asked)
}
