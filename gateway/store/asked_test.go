package store_test

import (
	"context"
	"testing"

	"vaguemestre/gateway"
)

func TestWhatTheAgentsClientAskedComesBack(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		a := letterTo(t, s, "asked", "", "contact@acme.example")
		a.Courier.ReceiptAsked = true
		a.Courier.DSN = gateway.DSNRequest{Return: "FULL", EnvelopeID: "q-17+é", Recipients: []gateway.DSNRecipient{
			{Address: "retraits.testesr2020@courrier.example", Notify: []string{"SUCCESS", "FAILURE"}, OriginalType: "RFC822", Original: "retraits.testesr2020@courrier.example"},
		}}
		c, _ := accept(t, s, a)
		got := must(s.Courier(context.Background(), c.ID))(t)
		same(t, "receipt asked", got.ReceiptAsked, true)
		same(t, "delivery reports asked", got.DSN, a.Courier.DSN)
	})
}

func TestNoticesAreChosenApartFromTheAccount(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		ctx := context.Background()
		agent := must(s.PutAgent(ctx, gateway.Agent{Login: "alice", Addresses: []string{"alice@ville.example"}}))(t)
		chosen := gateway.Notices{Muted: []gateway.NoticeKind{gateway.NoticeRead}, UnreadDays: 4, Digest: true}
		check(t, s.SetNotices(ctx, agent.ID, chosen))
		must(s.PutAgent(ctx, gateway.Agent{Login: "alice", Name: "Alice", Addresses: []string{"alice@ville.example"}}))(t) // the platform's import
		same(t, "notices", must(s.Agent(ctx, agent.ID))(t).Notices, chosen)
		wantErr(t, s.SetNotices(ctx, gateway.NewID(noon), chosen), gateway.ErrNotFound)
	})
}
