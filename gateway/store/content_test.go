package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestContents(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		for _, content := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("y"), store.DefaultInline), bytes.Repeat([]byte("z"), store.DefaultInline+1), large("l")} {
			sp := s.Spool()
			for part := range chunks(content, 1000) {
				must(sp.Write(part))(t)
			}
			same(t, "size", sp.Size(), int64(len(content)))
			same(t, "hash", sp.Hash(), gateway.HashOf(content))
			read := make([]byte, len(content))
			if n, _ := sp.ReaderAt().ReadAt(read, 0); n != len(content) || !bytes.Equal(read, content) {
				t.Fatal("the spool reads otherwise than it was written")
			}
			h := must(s.Keep(ctx, sp))(t)
			must(s.Keep(ctx, sp))(t)
			sp.Discard()
			same(t, "content", contentOf(t, s, h), content)
		}
		_, err := s.OpenContent(ctx, gateway.HashOf([]byte("never")))
		wantErr(t, err, gateway.ErrNotFound)
		abandoned := spooled(t, s, large("a"))
		abandoned.Discard()
		if left := must(os.ReadDir(filepath.Join(p.options.ContentDir, "tmp")))(t); len(left) != 0 {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// TestASecretSpoolLeavesNoFile: what must not be read is in no file that has a name, before it is stored.
func TestASecretSpoolLeavesNoFile(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, content := p.open(t), large("secret")
		sp := s.SecretSpool()
		defer sp.Discard()
		must(sp.Write(content))(t)
		files := 0
		check(t, filepath.WalkDir(p.options.ContentDir, func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.Contains(d.Name(), "content") {
				files++
			}
			return err
		}))
		same(t, "files", files, 0)
		h := must(s.Keep(t.Context(), sp))(t)
		must(s.Keep(t.Context(), sp))(t)
		same(t, "content", contentOf(t, s, h), content)
	})
}

func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			part := b[:min(n, len(b))]
			if !yield(part) {
				return
			}
			b = b[len(part):]
		}
	}
}

// aged makes every file of the installation as old as can be.
func aged(t testing.TB, p place) {
	t.Helper()
	check(t, filepath.WalkDir(p.options.ContentDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, noon, noon)
	}))
}

func TestSweepTakesWhatNothingNames(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: time.Now()}
		s, ctx := p.open(t, clock.use), t.Context()
		for _, content := range [][]byte{[]byte("small"), large("large")} {
			must(s.Keep(ctx, spooled(t, s, content)))(t)
		}
		orphan := gateway.HashOf([]byte("orphan")).String() // of a crash between the file and its transaction
		check(t, os.MkdirAll(filepath.Join(p.options.ContentDir, orphan[:2]), 0o700))
		check(t, os.MkdirAll(filepath.Join(p.options.ContentDir, "ab"), 0o700))
		check(t, os.WriteFile(filepath.Join(p.options.ContentDir, orphan[:2], orphan), []byte("orphan"), 0o600))
		check(t, os.WriteFile(filepath.Join(p.options.ContentDir, "tmp", "content-1"), []byte("half"), 0o600))
		check(t, os.WriteFile(filepath.Join(p.options.ContentDir, "ab", "README"), []byte("not ours"), 0o600))

		same(t, "within the grace", must(s.Sweep(ctx, time.Hour))(t), store.Swept{})
		aged(t, p)
		clock.add(2 * time.Hour)
		same(t, "after it", must(s.Sweep(ctx, time.Hour))(t), store.Swept{Contents: 2, Files: 1, Temporary: 1})
		same(t, "again", must(s.Sweep(ctx, time.Hour))(t), store.Swept{})
		_, err := s.OpenContent(ctx, gateway.HashOf(large("large")))
		wantErr(t, err, gateway.ErrNotFound)
		if _, err := os.Stat(filepath.Join(p.options.ContentDir, "ab", "README")); err != nil {
			t.Fatal(err)
		}
		// What was swept can come again.
		h := must(s.Keep(ctx, spooled(t, s, large("large"))))(t)
		contentOf(t, s, h)
	})
}

func TestSweepLeavesWhatIsNamed(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		kept := map[string]gateway.Hash{}
		keep := func(name string) gateway.Hash {
			t.Helper()
			kept[name] = must(s.Keep(ctx, spooled(t, s, large(name))))(t)
			return kept[name]
		}
		a := letterTo(t, s, string(large("courier")), "k", "a@alpha.example")
		c, added := accept(t, s, a)
		kept["courier"] = c.Content
		in, _, err := s.Receive(ctx, gateway.Inbound{Account: "principal"}, spooled(t, s, large("mail")))
		check(t, err)
		kept["mail"] = in.Content
		e := gateway.NewEvent(gateway.Replied, noon, nil, nil).About(c.ID, added[0].ID)
		e.Contents = []gateway.Hash{keep("report"), in.Content}
		check(t, s.Apply(ctx, gateway.Step{
			Events:  []gateway.Event{e},
			Replies: []gateway.Reply{{ID: gateway.NewID(noon), Courier: c.ID, Content: keep("reply"), Files: []gateway.File{{SHA256: keep("file")}, {SHA256: gateway.HashOf([]byte("in the mail")), Part: "2"}}}},
			Jobs:    []gateway.Job{{ID: gateway.NewID(noon), Kind: gateway.JobNotice, Notice: gateway.Notice{Kind: gateway.NoticeRaw, Content: keep("notice")}}},
		}))
		agent := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
		must(s.PutDraft(ctx, gateway.Draft{Agent: agent.ID, Content: keep("draft")}, nil))(t)
		keep("nothing")

		aged(t, p)
		clock.add(48 * time.Hour)
		same(t, "swept", must(s.Sweep(ctx, time.Hour))(t), store.Swept{Contents: 1})
		delete(kept, "nothing")
		for name, h := range kept {
			same(t, name, contentOf(t, s, h), large(name))
		}
		// A notice that is sent lets go of its content.
		job := must(s.Lease(ctx, "w", []gateway.JobKind{gateway.JobNotice}, 1, time.Minute))(t)[0]
		check(t, s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: job.ID, Attempt: job.Attempt}}))
		same(t, "swept", must(s.Sweep(ctx, time.Hour))(t), store.Swept{Contents: 1})
		_, err = s.OpenContent(ctx, kept["notice"])
		wantErr(t, err, gateway.ErrNotFound)
	})
}

// TestSweepRacesWithAccept: the same contents are swept and handed in again, over and over, from
// two handles, without any grace; whatever was accepted can be read to its last octet.
func TestSweepRacesWithAccept(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		const contents, rounds = 3, 12
		stop := make(chan struct{})
		swept := make(chan []error, 1)
		go func() {
			swept <- together(2, func(i int) error {
				for {
					select {
					case <-stop:
						return nil
					default:
					}
					// Everything is older than a grace that ends in the future.
					if _, err := handles[i].Sweep(context.Background(), -time.Hour); err != nil {
						return err
					}
				}
			})
		}()
		for _, err := range together(4, func(i int) error {
			s := handles[i%2]
			for round := range rounds {
				content := large(fmt.Sprint(round % contents))
				a := letterTo(t, s, string(content), "", "a@alpha.example")
				if round%2 == 0 { // handed in before, and swept perhaps
					if _, err := s.Keep(context.Background(), a.Contents[0]); err != nil {
						return err
					}
				}
				c, _, err := s.Accept(context.Background(), a)
				if err != nil {
					return err
				}
				got := contentOf(t, s, c.Content)
				if !bytes.Equal(got, content) {
					return fmt.Errorf("round %d reads %d octets", round, len(got))
				}
			}
			return nil
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		close(stop)
		for _, err := range <-swept {
			check(t, err)
		}
		for _, c := range must(handles[0].Couriers(t.Context(), store.CourierFilter{}))(t) {
			contentOf(t, handles[1], c.Content)
		}
	})
}
