package mailbox

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vaguemestre/gateway"
)

// talk is one connection to a server that misbehaves as a test says.
type talk struct {
	net.Conn
	lines *bufio.Reader
}

// hear reads one command, and gives its tag and the rest.
func (k *talk) hear() (tag, command string) {
	line, err := k.lines.ReadString('\n')
	if err != nil {
		return "", ""
	}
	tag, command, _ = strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	return tag, command
}

func (k *talk) say(format string, args ...any) { fmt.Fprintf(k.Conn, format+"\r\n", args...) }

// serve accepts connections and hands each to the script, with its number from 1.
func serve(t *testing.T, script func(n int, k *talk)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	open.Go(func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			open.Go(func() {
				defer conn.Close()
				script(n, &talk{conn, bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		open.Wait()
	})
	return l.Addr().String()
}

// box is what a scripted server has in its folder.
type box struct {
	mails map[int][]byte // by UID
	// answer gives the FETCH answers to the UIDs asked; nil: all that it has, as it should.
	answer func(k *talk, uids []int)
	search func(k *talk) // before the OK of UID SEARCH; nil: all UIDs from the lowest asked
	hush   string        // a command that is never answered
	log    chan string   // the commands heard
}

// behave plays an IMAP server whose greeting is sent already.
func (b *box) behave(k *talk) {
	for {
		tag, command := k.hear()
		if tag == "" {
			return
		}
		if b.log != nil {
			select {
			case b.log <- command:
			default:
			}
		}
		word, rest, _ := strings.Cut(command, " ")
		if word == "UID" {
			sub, more, _ := strings.Cut(rest, " ")
			word, rest = "UID "+sub, more
		}
		if b.hush == word {
			_, _ = io.Copy(io.Discard, k.lines)
			return
		}
		b.one(k, tag, word, rest)
		if word == "LOGOUT" {
			return
		}
	}
}

func (b *box) one(k *talk, tag, word, rest string) {
	switch word {
	case "CAPABILITY":
		k.say("* CAPABILITY IMAP4rev1 UIDPLUS")
	case "SELECT":
		k.say("* %d EXISTS", len(b.mails))
		k.say("* OK [UIDVALIDITY 7] .")
		k.say(`* OK [PERMANENTFLAGS (\Seen \Deleted \*)] .`)
	case "UID SEARCH":
		if b.search != nil {
			b.search(k)
		} else {
			k.say("* SEARCH%s", listed(b.mails, rest))
		}
	case "UID FETCH":
		uids := numbers(rest)
		if b.answer != nil {
			b.answer(k, uids)
		} else {
			for _, uid := range uids {
				b.give(k, uid)
			}
		}
	}
	k.say("%s OK done", tag)
}

func (b *box) give(k *talk, uid int) {
	if mail, ok := b.mails[uid]; ok {
		k.say("* %d FETCH (UID %d BODY[] {%d}\r\n%s)", uid, uid, len(mail), mail)
	}
}

// listed are the UIDs from the lowest number of a search on; the leftovers' search finds nothing.
func listed(mails map[int][]byte, criteria string) string {
	if strings.Contains(criteria, "UNKEYWORD") {
		return ""
	}
	var out strings.Builder
	asked := numbers(strings.Replace(criteria, "*", "9", 1))
	for uid := 1; uid < 10; uid++ {
		if _, ok := mails[uid]; ok && len(asked) > 0 && uid >= asked[0] && uid <= asked[len(asked)-1] {
			fmt.Fprintf(&out, " %d", uid)
		}
	}
	return out.String()
}

// numbers reads the first number set of a command: "UID 1:3,5".
func numbers(text string) []int {
	var all []int
	for _, word := range strings.Fields(text) {
		for _, part := range strings.Split(word, ",") {
			var from, to int
			switch n, _ := fmt.Sscanf(part, "%d:%d", &from, &to); n {
			case 1:
				all = append(all, from)
			case 2:
				for ; from <= to && from < 10; from++ {
					all = append(all, from)
				}
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return all
}

const greeting = "* OK [CAPABILITY IMAP4rev1 UIDPLUS] ready"

func TestASilentServerIsLeftAndTriedAgain(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"greeting", "LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "NOOP"} {
		t.Run(strings.ReplaceAll(at, " ", "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
			mails := map[int][]byte{1: w.delivered()}
			address := serve(t, func(n int, k *talk) {
				b := &box{mails: mails}
				if n == 1 {
					b.hush = at
				}
				if n == 1 && at == "greeting" {
					_, _ = io.Copy(io.Discard, k.Conn)
					return
				}
				k.say(greeting)
				b.behave(k)
			})
			o := w.options(account(address))
			o.CommandTimeout = 200 * time.Millisecond
			service, _ := w.run(o, nil)
			w.until("the report is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
			w.until("all is well", func() bool { return service.Healthy() == nil })
		})
	}
}

func TestAServerThatGoesOrTalksNonsenseIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, scene := range map[string]func(k *talk){
		"gone at once":  func(*talk) {},
		"not IMAP":      func(k *talk) { k.say("220 mail.example.com ESMTP"); _, _ = io.Copy(io.Discard, k.lines) },
		"bye":           func(k *talk) { k.say("* BYE too many connections") },
		"garbage":       func(k *talk) { k.say(greeting); k.hear(); k.say("\x00\x01\x02 (((") },
		"gone at login": func(k *talk) { k.say(greeting); k.hear() },
		"refused": func(k *talk) {
			k.say(greeting)
			tag, _ := k.hear()
			k.say("%s NO [AUTHENTICATIONFAILED] no", tag)
			k.hear()
		},
		"no such folder": func(k *talk) {
			k.say(greeting)
			tag, _ := k.hear()
			k.say("%s OK", tag)
			tag, _ = k.hear()
			k.say("%s NO no such mailbox", tag)
			k.hear()
		},
		"literal cut short": func(k *talk) {
			k.say(greeting)
			(&box{mails: map[int][]byte{1: {'x'}}, answer: func(k *talk, _ []int) { k.say("* 1 FETCH (UID 1 BODY[] {100000}\r\nFrom: half"); _ = k.Close() }}).behave(k)
		},
		"wrong numbers": func(k *talk) { k.say(greeting); (&box{search: func(k *talk) { k.say("* SEARCH a b c") }}).behave(k) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
			mails := map[int][]byte{1: w.delivered()}
			address := serve(t, func(n int, k *talk) {
				if n <= 2 {
					scene(k)
					return
				}
				k.say(greeting)
				(&box{mails: mails}).behave(k)
			})
			o := w.options(account(address))
			o.CommandTimeout = 2 * time.Second
			w.run(o, nil)
			w.until("the report is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
		})
	}
}

// A server may leave mails out of its answers, give the body before the number, or never give one at all.
func TestPromiseNothingDroppedMissingFetchAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
	mails := map[int][]byte{1: w.answer(1), 2: w.answer(2), 3: w.answer(3), 4: w.delivered()}
	var b *box
	b = &box{mails: mails, answer: func(k *talk, uids []int) {
		for _, uid := range uids {
			switch {
			case uid == 2: // never given
			case uid == 3 && len(uids) > 1:
				k.say("* 3 FETCH (BODY[] {%d}\r\n%s UID 3)", len(mails[3]), mails[3])
			case uid == 1 && len(uids) > 1: // only when asked alone
			default:
				b.give(k, uid)
			}
		}
	}}
	address := serve(t, func(_ int, k *talk) { k.say(greeting); b.behave(k) })
	w.run(w.options(account(address)), nil)
	w.until("the report behind is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
	w.until("the replies are recorded", func() bool { return w.count(gateway.Replied) == 2 })
	q := w.inbounds(gateway.InboundQuarantined)
	if len(q) != 1 || q[0].UID != 2 || q[0].Reason != whyUnfetchable {
		t.Errorf("quarantine %+v", q)
	}
}

func TestAMailRemovedMeanwhileIsNoMailLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
	mails := map[int][]byte{2: w.delivered()}
	var searches atomic.Int32
	b := &box{mails: mails}
	b.search = func(k *talk) {
		if searches.Add(1) == 1 {
			k.say("* SEARCH 1 2")
			return
		}
		k.say("* SEARCH")
	}
	address := serve(t, func(_ int, k *talk) { k.say(greeting); b.behave(k) })
	w.run(w.options(account(address)), nil)
	w.until("the other is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
	if q := w.inbounds(gateway.InboundQuarantined); len(q) != 0 {
		t.Errorf("quarantine %+v", q)
	}
}

func TestStopSaysGoodbye(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{})
	b := &box{log: make(chan string, 1000)}
	address := serve(t, func(_ int, k *talk) { k.say(greeting); b.behave(k) })
	service, stop := w.run(w.options(account(address)), nil)
	w.until("it reads", func() bool { return service.Healthy() == nil })
	stop()
	close(b.log)
	last := ""
	for c := range b.log {
		last = c
	}
	if last != "LOGOUT" {
		t.Errorf("the last command is %q", last)
	}
}

// tokens gives the same token until it is refused.
type tokens struct{ refused atomic.Int32 }

func (k *tokens) Token(context.Context) (string, error) {
	return fmt.Sprintf("jeton-%d", 1+k.refused.Load()), nil
}
func (k *tokens) Refused(string) { k.refused.Add(1) }

func TestTokensOfAccess(t *testing.T) {
	t.Parallel()
	for auth, want := range map[string]string{
		AuthXOAuth2:     "user=passerelle\x01auth=Bearer jeton-2\x01\x01",
		AuthOAuthBearer: "n,a=passerelle,\x01auth=Bearer jeton-2\x01\x01",
		AuthPlain:       "\x00passerelle\x00secret",
	} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, gateway.ReplyPolicy{})
			heard := make(chan string, 10)
			address := serve(t, func(n int, k *talk) {
				k.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER] ready")
				tag, command := k.hear()
				fields := strings.Fields(command)
				if n == 1 && auth != AuthPlain { // a token that is no good any more: the description of the error, then NO
					k.say("+ %s", base64.StdEncoding.EncodeToString([]byte(`{"status":"401"}`)))
					k.hear()
					k.say("%s NO [AUTHENTICATIONFAILED] expired", tag)
					return
				}
				raw, _ := base64.StdEncoding.DecodeString(fields[len(fields)-1])
				heard <- fields[1] + " " + string(raw)
				k.say("%s OK welcome", tag)
				(&box{}).behave(k)
			})
			a := account(address)
			a.Auth = auth
			a.Token = &tokens{}
			service, _ := w.run(w.options(a), nil)
			w.until("logged in", func() bool { return service.Healthy() == nil })
			got := <-heard
			if got != strings.ToUpper(auth)+" "+want {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}
