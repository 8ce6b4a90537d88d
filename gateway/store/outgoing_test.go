package store_test

import (
	"io"
	"testing"

	"vaguemestre/gateway"
)

// TestOutgoingIsWhatEachReadAloneGives: the recipient, the courier and its content, small or large.
func TestOutgoingIsWhatEachReadAloneGives(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		for _, size := range []int{0, 4 << 10, 1 << 20} {
			a := must(letter(s, size))(t)
			accept(t, s, a)
			o := must(s.Outgoing(ctx, a.Recipients[0].ID))(t)
			same(t, "recipient", o.Recipient, must(s.Recipient(ctx, a.Recipients[0].ID))(t))
			same(t, "standing", must(s.Standing(ctx, a.Recipients[0].ID))(t), o.Recipient.Standing)
			same(t, "courier", o.Courier, must(s.Courier(ctx, a.Courier.ID))(t))
			content := must(o.Content())(t)
			read := must(io.ReadAll(io.NewSectionReader(content, 0, content.Size())))(t)
			check(t, content.Close())
			same(t, "content", gateway.HashOf(read), a.Courier.Content)
		}
		_, err := s.Outgoing(ctx, gateway.NewID(noon))
		wantErr(t, err, gateway.ErrNotFound)
		_, err = s.Standing(ctx, gateway.NewID(noon))
		wantErr(t, err, gateway.ErrNotFound)
	})
}
