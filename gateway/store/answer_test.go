package store_test

import (
	"context"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// writing begins an answer of the first recipient of a new courier, with one file.
func writing(t testing.TB, s *store.Store, key string) (gateway.Answer, gateway.AnswerFile) {
	t.Helper()
	c, rs := accept(t, s, letterTo(t, s, "letter "+key, key, "a@alpha.example"))
	a := must(s.BeginAnswer(context.Background(), gateway.Answer{ID: gateway.NewID(noon), Courier: c.ID, Recipient: rs[0].ID}))(t)
	f := gateway.AnswerFile{ID: gateway.NewID(noon), Label: []byte("plan.pdf"), Size: -1}
	check(t, s.AddAnswerFile(context.Background(), a.ID, f, 2))
	return a, f
}

func TestAnAnswerIsWrittenInPiecesAndRead(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		a, f := writing(t, s, "k")
		check(t, s.SaveWords(ctx, a.ID, 0, []byte("Bonjour")))
		first, second := large("first"), large("second")
		n := int64(len(first))
		check(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Start: 0, Size: n}, spooled(t, s, first), 4*n))
		check(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Start: n, Size: n}, spooled(t, s, second), 4*n))
		wantErr(t, s.FinishAnswerFile(ctx, a.ID, gateway.AnswerFile{ID: f.ID, Received: n}), store.ErrConflict)
		check(t, s.FinishAnswerFile(ctx, a.ID, gateway.AnswerFile{ID: f.ID, Received: 2 * n, Label: []byte("done")}))
		wantErr(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Start: 2 * n, Size: 1}, spooled(t, s, []byte("x")), 4*n), store.ErrConflict)

		// Another handle, as after a restart, reads it all.
		got := must(p.open(t).AnswerOf(ctx, a.Recipient))(t)
		same(t, "words", string(got.Words), "Bonjour")
		same(t, "size", got.Size, 2*n)
		same(t, "file", got.Files, []gateway.AnswerFile{{ID: f.ID, Label: []byte("done"), Size: 2 * n, Received: 2 * n, Done: true, Chunks: []gateway.Chunk{
			{Start: 0, Size: n, Content: gateway.HashOf(first)}, {Start: n, Size: n, Content: gateway.HashOf(second)}}}})
		same(t, "content", contentOf(t, s, gateway.HashOf(second)), second)

		check(t, s.RemoveAnswerFile(ctx, a.ID, f.ID))
		wantErr(t, s.RemoveAnswerFile(ctx, a.ID, f.ID), gateway.ErrNotFound)
		got = must(s.AnswerOf(ctx, a.Recipient))(t)
		same(t, "without the file", got.Size+int64(len(got.Files)), 0)
	})
}

func TestAnAnswerHasBounds(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		a, f := writing(t, s, "k")
		check(t, s.AddAnswerFile(ctx, a.ID, gateway.AnswerFile{ID: gateway.NewID(noon), Size: 5}, 2))
		wantErr(t, s.AddAnswerFile(ctx, a.ID, gateway.AnswerFile{ID: gateway.NewID(noon), Size: 5}, 2), store.ErrFull)
		check(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Size: 6}, spooled(t, s, []byte("123456")), 10))
		wantErr(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Start: 6, Size: 5}, spooled(t, s, []byte("12345")), 10), store.ErrFull)
		got := must(s.AnswerOf(ctx, a.Recipient))(t)
		same(t, "size", got.Size, int64(6))
		check(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Start: 6, Size: 4}, spooled(t, s, []byte("1234")), 10))
		wantErr(t, s.AddAnswerFile(ctx, gateway.NewID(noon), f, 2), gateway.ErrNotFound)
	})
}

func TestWritersOfOneAnswerConflictCleanly(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, other, ctx := p.open(t), p.open(t), t.Context()
		a, f := writing(t, s, "k")
		handles := []*store.Store{s, other}
		lone(t, together(8, func(i int) error {
			return handles[i%2].AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Size: 3}, spooled(t, handles[i%2], []byte{'a', 'b', byte(i)}), 1000)
		}), store.ErrConflict)
		lone(t, together(8, func(i int) error { return handles[i%2].SaveWords(ctx, a.ID, 0, []byte{byte(i)}) }), store.ErrConflict)
		got := must(s.AnswerOf(ctx, a.Recipient))(t)
		same(t, "one chunk", len(got.Files[0].Chunks), 1)
		same(t, "size", got.Size, int64(3))
		begun := together(4, func(i int) error {
			b, err := handles[i%2].BeginAnswer(ctx, gateway.Answer{ID: gateway.NewID(noon), Courier: a.Courier, Recipient: a.Recipient})
			if err == nil && b.ID != a.ID {
				t.Errorf("a second answer %s beside %s", b.ID, a.ID)
			}
			return err
		})
		for _, err := range begun {
			check(t, err)
		}
	})
}

// sending is the step that makes a reply of an answer.
func sending(a gateway.Answer, content gateway.Hash) gateway.Step {
	e := gateway.NewEvent(gateway.Replied, noon, gateway.ReplyDetails{Reply: a.ID}, nil).About(a.Courier, a.Recipient)
	e.Once = "answer:" + a.ID.String()
	return gateway.Step{
		Answer: &gateway.AnswerSent{ID: a.ID, Version: a.Version}, Events: []gateway.Event{e},
		Replies: []gateway.Reply{{ID: a.ID, Courier: a.Courier, Recipient: a.Recipient, Content: content, Received: noon}},
	}
}

func TestPromiseOnceAnAnswerIsSentOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, other, ctx := p.open(t), p.open(t), t.Context()
		a, f := writing(t, s, "k")
		check(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Size: 3}, spooled(t, s, []byte("abc")), 1000))
		stale := a
		a = must(s.AnswerOf(ctx, a.Recipient))(t)
		content := must(s.Keep(ctx, spooled(t, s, []byte("message"))))(t)
		wantErr(t, s.Apply(ctx, sending(stale, content)), gateway.ErrFenced)
		lone(t, together(6, func(i int) error { return []*store.Store{s, other}[i%2].Apply(ctx, sending(a, content)) }), gateway.ErrRecorded)
		same(t, "replies", len(must(s.Replies(ctx, a.Courier))(t)), 1)
		_, err := s.AnswerOf(ctx, a.Recipient)
		wantErr(t, err, gateway.ErrNotFound)
		wantErr(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Start: 3, Size: 1}, spooled(t, s, []byte("d")), 1000), gateway.ErrNotFound)
		next := must(s.BeginAnswer(ctx, gateway.Answer{ID: gateway.NewID(noon), Courier: a.Courier, Recipient: a.Recipient}))(t)
		same(t, "the next one is empty", next.Size+int64(len(next.Files)), 0)
	})
}

func TestAnswersGivenUpAreSweptWithTheirContents(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		a, f := writing(t, s, "idle")
		check(t, s.AddChunk(ctx, a.ID, f.ID, gateway.Chunk{Size: 7}, spooled(t, s, []byte("given u")), 1000))
		clock.add(time.Hour)
		b, g := writing(t, s, "busy")
		check(t, s.AddChunk(ctx, b.ID, g.ID, gateway.Chunk{Size: 7}, spooled(t, s, []byte("written")), 1000))
		answers, size, err := s.AnswerStats(ctx)
		check(t, err)
		same(t, "being written", []int64{answers, size}, []int64{2, 14})
		same(t, "swept", must(s.SweepAnswers(ctx, clock.time().Add(-time.Minute)))(t), 1)
		_, err = s.AnswerOf(ctx, a.Recipient)
		wantErr(t, err, gateway.ErrNotFound)
		clock.add(48 * time.Hour)
		same(t, "contents", must(s.Sweep(ctx, time.Hour))(t).Contents, 1)
		same(t, "the other's", string(contentOf(t, s, must(s.AnswerOf(ctx, b.Recipient))(t).Files[0].Chunks[0].Content)), "written")
	})
}
