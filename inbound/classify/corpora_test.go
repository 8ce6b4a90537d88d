package classify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vaguemestre/gateway/message"
)

// corporaDir is the shared corpora, beside the repository; tests that need them are
// skipped where they are absent, and never the only tests of a behaviour.
func corporaDir(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "corpora", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("corpora absent: %v", err)
	}
	return dir
}

type truth struct {
	File        string   `json:"file"`
	Kind        string   `json:"kind"`
	IsBounce    *bool    `json:"is_bounce"`
	Labelled    bool     `json:"labelled"`
	Action      string   `json:"action"`
	Status      string   `json:"status"`
	Permanent   *bool    `json:"permanent"`
	Reason      string   `json:"reason"`
	ReplyCode   string   `json:"reply_code"`
	Recipient   []string `json:"recipient"`
	RecipientsN int      `json:"recipients_n"`
	Entries     []truth  `json:"entries"`
	Alternative []truth  `json:"alternative"`
	AutoReply   any      `json:"auto_reply"`
	Feedback    string   `json:"feedback_type"`
	MessageID   string   `json:"original_message_id"`
}

type literal struct {
	File         string `json:"file"`
	ReportingMTA string `json:"reporting_mta"`
	DSN          []struct {
		Final      string `json:"final_recipient"`
		Action     string `json:"action"`
		Status     string `json:"status"`
		Diagnostic string `json:"diagnostic_code"`
	} `json:"dsn"`
	Failed []string `json:"x_failed_recipients"`
}

func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		var one T
		if err := json.Unmarshal(s.Bytes(), &one); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, one)
	}
	return all
}

func classifyFile(t testing.TB, path string) Result {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(bytes.NewReader(b), int64(len(b)), message.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return Classify(m)
}

// score counts one question of a corpus.
type score struct{ right, asked int }

type card struct {
	t      *testing.T
	names  []string
	scores map[string]*score
	show   string // CLASSIFY_SHOW=reason prints what is wrong there
}

func newCard(t *testing.T) *card {
	return &card{t: t, scores: map[string]*score{}, show: os.Getenv("CLASSIFY_SHOW")}
}

func (c *card) count(name, file string, ok bool, got, want any) {
	s := c.scores[name]
	if s == nil {
		s = &score{}
		c.scores[name] = s
		c.names = append(c.names, name)
	}
	s.asked++
	if ok {
		s.right++
	} else if strings.Contains(c.show, name) && name != "" {
		c.t.Logf("%-10s %s: got %v, want %v", name, file, got, want)
	}
}

// floors fails when a score is under its floor, in percent.
func (c *card) floors(floors map[string]float64) {
	for _, name := range c.names {
		s := c.scores[name]
		percent := 100 * float64(s.right) / float64(s.asked)
		c.t.Logf("%-28s %4d of %4d  %6.2f %%", name, s.right, s.asked, percent)
		if floor, ok := floors[name]; !ok || percent < floor {
			c.t.Errorf("%s: %.2f %% is under the floor of %.2f %%", name, percent, floor)
		}
	}
}

// sisimaiReasons says which of our words a word of that taxonomy is.
var sisimaiReasons = map[string]Reason{
	"userunknown": UserUnknown, "filtered": Filtered, "hasmoved": Moved, "suspend": Suspended, "mailboxfull": MailboxFull, "hostunknown": HostUnknown,
	"notaccept": NotAccepting, "rejected": Rejected, "blocked": Blocked, "badreputation": Reputation, "requireptr": ReverseDNS, "authfailure": Authentication,
	"spamdetected": Spam, "virusdetected": Virus, "contenterror": Content, "mesgtoobig": TooBig, "exceedlimit": TooBig, "policyviolation": Policy,
	"securityerror": Security, "notcompliantrfc": NonCompliant, "norelaying": Relaying, "toomanyconn": RateLimited, "speeding": RateLimited, "ratelimited": RateLimited,
	"expired": Expired, "networkerror": Network, "failedstarttls": TLS, "systemerror": System, "systemfull": System, "mailererror": Mailer, "syntaxerror": Syntax,
	"vacation": Away, "feedback": Complained, "delivered": Arrived, "undefined": Undefined, "onhold": Undefined,
}

func TestReportsOfTheCorpora(t *testing.T) {
	dir := corporaDir(t, "bounces")
	literals := map[string]literal{}
	for _, l := range readLines[literal](t, filepath.Join(dir, "literal.jsonl")) {
		literals[l.File] = l
	}
	c := newCard(t)
	for _, want := range readLines[truth](t, filepath.Join(dir, "truth.jsonl")) {
		got := classifyFile(t, filepath.Join(dir, want.File))
		c.report(want, literals[want.File], got)
	}
	c.floors(map[string]float64{
		"class": 99, "recipients": 100, "literal-recipients": 99, "count": 99, "action": 100, "literal-action": 99, "status": 98,
		"literal-status": 99, "permanent": 97, "reason": 94, "reply-code": 95, "message-id": 100,
	})
}

func (c *card) report(want truth, l literal, got Result) {
	isBounce := want.Kind != "not-bounce" && (want.IsBounce == nil || *want.IsBounce)
	switch {
	case want.Kind == "autoreply" || want.Reason == "vacation":
		c.count("class", want.File, got.Class == ClassAbsence, got.Class, ClassAbsence)
	case want.Reason == "feedback":
		c.count("class", want.File, got.Class == ClassComplaint, got.Class, ClassComplaint)
	default:
		c.count("class", want.File, (got.Class == ClassReport) == isBounce, fmt.Sprint(got.Class, " ", got.Why), want.Kind)
	}
	if !isBounce {
		return
	}
	c.literal(l, got)
	if want.Recipient != nil {
		c.count("recipients", want.File, sameSet(recipientsOf(got), want.Recipient), recipientsOf(got), want.Recipient)
	}
	if want.MessageID != "" {
		c.count("message-id", want.File, got.Original.MessageID == want.MessageID, got.Original.MessageID, want.MessageID)
	}
	if want.RecipientsN > 0 {
		c.count("count", want.File, len(got.Reports) == want.RecipientsN, recipientsOf(got), want.RecipientsN)
	}
	entries := want.Entries
	if entries == nil {
		entries = []truth{want}
	}
	for i, e := range entries {
		if i < len(got.Reports) {
			c.entry(want, e, got.Reports[i])
		}
	}
}

func (c *card) entry(whole, want truth, got Report) {
	options := append([]truth{want}, whole.Alternative...)
	any := func(match func(truth) bool) bool { return slices.ContainsFunc(options, match) }
	about := fmt.Sprintf("%+v", got)
	if want.Action != "" {
		c.count("action", whole.File, got.Action == want.Action, got.Action, want.Action)
	}
	if want.Status != "" {
		c.count("status", whole.File, any(func(o truth) bool { return got.Status == o.Status }), got.Status+" "+got.Diagnostic, want.Status)
	}
	if want.Permanent != nil {
		c.count("permanent", whole.File, any(func(o truth) bool { return o.Permanent != nil && got.Permanent == *o.Permanent }), about, *want.Permanent)
	}
	if want.Reason != "" {
		c.count("reason", whole.File, any(func(o truth) bool { return sameReason(got.Reason, o.Reason) }), fmt.Sprintf("%s status=%s cmd=%s %q", got.Reason, got.Status, got.Command, got.Diagnostic), want.Reason)
	}
	if want.ReplyCode != "" {
		c.count("reply-code", whole.File, any(func(o truth) bool { return strconv.Itoa(got.ReplyCode) == o.ReplyCode }), fmt.Sprint(got.ReplyCode, " ", got.Diagnostic), want.ReplyCode)
	}
}

// sameReason takes "filtered" as user-unknown too: that taxonomy has it for "User unknown" said at another
// command than RCPT TO, where we keep to what the server says.
func sameReason(got Reason, want string) bool {
	return got == sisimaiReasons[want] || want == "filtered" && got == UserUnknown
}

func (c *card) literal(l literal, got Result) {
	var final []string
	for _, d := range l.DSN {
		if a := addressField(d.Final); a != "" {
			final = append(final, a)
		}
	}
	if final == nil {
		final = l.Failed
	}
	if final != nil {
		c.count("literal-recipients", l.File, sameSet(recipientsOf(got), final), recipientsOf(got), final)
	}
	if len(l.DSN) != len(got.Reports) {
		return
	}
	for i, d := range l.DSN {
		if a := actionOf(d.Action); a != "" {
			c.count("literal-action", l.File, got.Reports[i].Action == a, got.Reports[i].Action, a)
		}
		if s := enhancedCode(d.Status); s != "" {
			c.count("literal-status", l.File, got.Reports[i].ReportedStatus == s, got.Reports[i].ReportedStatus, s)
		}
	}
}

func recipientsOf(r Result) []string {
	var all []string
	for _, report := range r.Reports {
		all = append(all, report.Recipient)
	}
	return all
}

func sameSet(a, b []string) bool {
	fold := func(list []string) []string {
		out := []string{}
		for _, s := range list {
			out = append(out, strings.ToLower(bareAddress(s)))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(fold(a), fold(b))
}

func TestComplaintsAndReceiptsOfTheCorpora(t *testing.T) {
	c := newCard(t)
	for folder, class := range map[string]Class{"arf": ClassComplaint, "mdn": ClassReceipt} {
		dir := corporaDir(t, folder)
		for _, want := range readLines[truth](t, filepath.Join(dir, "truth.jsonl")) {
			got := classifyFile(t, filepath.Join(dir, want.File))
			c.count("class", want.File, got.Class == class, fmt.Sprint(got.Class, " ", got.Why), class)
			if want.RecipientsN > 0 {
				c.count("count", want.File, len(got.Reports) == want.RecipientsN, recipientsOf(got), want.RecipientsN)
			}
			if want.Feedback != "" {
				c.count("feedback-type", want.File, got.FeedbackType == want.Feedback, got.FeedbackType, want.Feedback)
			}
		}
	}
	c.floors(map[string]float64{"class": 100, "count": 100, "feedback-type": 100})
}

func TestAutomaticAnswersOfTheCorpora(t *testing.T) {
	dir := corporaDir(t, "autoreplies")
	c := newCard(t)
	for _, want := range readLines[truth](t, filepath.Join(dir, "truth.jsonl")) {
		got := classifyFile(t, filepath.Join(dir, want.File))
		switch want.AutoReply {
		case true:
			c.count("automatic", want.File, got.Class == ClassAbsence, fmt.Sprint(got.Class, " ", got.Why), want.AutoReply)
		case false:
			c.count("human", want.File, got.Class != ClassAbsence && got.Class != ClassReport && got.Class != ClassChallenge, fmt.Sprint(got.Class, " ", got.Why), want.AutoReply)
		default:
			c.count("challenge", want.File, got.Class == ClassChallenge, fmt.Sprint(got.Class, " ", got.Why), want.AutoReply)
		}
	}
	c.floors(map[string]float64{"automatic": 100, "human": 100, "challenge": 100})
}

var autoSubject = regexp.MustCompile(`(?i)auto|undeliverable|returned mail|delivery (error|status)`)

func TestOrdinaryMailIsNoReport(t *testing.T) {
	c := newCard(t)
	for _, folder := range []string{"replies", "mime"} {
		files, _ := filepath.Glob(filepath.Join(corporaDir(t, folder), "*.eml"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			m, err := message.Read(bytes.NewReader(b), int64(len(b)), message.Limits{})
			if err != nil {
				continue // passes a bound: quarantined before it is classified
			}
			got := Classify(m)
			marked := bytes.Contains(bytes.ToLower(b), []byte("delivery-status")) || bytes.Contains(bytes.ToLower(b), []byte("disposition-notification")) || autoSubject.MatchString(got.Subject)
			c.count(folder, filepath.Base(f), marked || got.Class != ClassReport && got.Class != ClassAbsence && got.Class != ClassChallenge, fmt.Sprint(got.Class, ": ", got.Why, ": ", got.Subject), "no report")
		}
	}
	c.floors(map[string]float64{"replies": 100, "mime": 99})
}
