package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// crowd is how many couriers the lists of the benchmark have, all of one consultation: the agent's worst case.
const crowd = 100_000

// rare is one courier in so many that has the rare type, state and words.
const rare = 5_000

// crowded is a consultation with that many couriers: one recipient each, a second one for every third.
func crowded(b *testing.B, s *store.Store) gateway.ID {
	b.Helper()
	about := must(s.PutConsultation(context.Background(), gateway.Consultation{Reference: "TESTESR2020", Address: "testesr2020"}))(b).ID
	var couriers []store.CourierWords
	for i := range crowd {
		now := noon.Add(time.Duration(i) * time.Minute)
		c := gateway.Courier{
			ID: gateway.NewID(now), Consultation: about, Author: gateway.NewID(noon), AuthorName: "Camille Martin", AuthorAddr: "camille@acheteur.example", Door: gateway.DoorSMTP,
			Type: gateway.Libre, TypeLabel: "Courrier libre", Subject: fmt.Sprintf("Précisions numéro %d sur la consultation", i), Excerpt: "Bonjour, vous trouverez ci-joint", Accepted: now,
			Options: gateway.Options{Acknowledged: true}, Context: gateway.ContextBlock{Reference: "TESTESR2020", Zone: "Europe/Paris", Language: "fr"},
		}
		state := gateway.StateDelivered
		text := "Bonjour, vous trouverez ci-joint les précisions demandées. Merci de votre intérêt pour cette consultation."
		switch {
		case i%rare == 0:
			c.Type, state, text = gateway.Rejet, gateway.StateFailed, text+" exceptionnel"
		case i%2 == 0:
			state = gateway.StateRead
		}
		if i%40 == 0 {
			text += " centième"
		}
		row := store.CourierWords{Courier: c, Text: text}
		for n := range 1 + (i%3)/2 {
			row.Recipients = append(row.Recipients, gateway.Recipient{ID: gateway.NewID(now), Courier: c.ID, Address: fmt.Sprintf("contact%d@entreprise-%d.example", n, i), CompanyName: fmt.Sprintf("Entreprise %d", i),
				Standing: gateway.Standing{State: state, Sent: now, Delivered: now}})
		}
		couriers = append(couriers, row)
		if len(couriers) == 2_000 {
			check(b, s.Seed(context.Background(), couriers))
			couriers = nil
		}
	}
	check(b, s.Analyze(context.Background()))
	return about
}

// BenchmarkFollow measures pages of the follow-up among 100,000 couriers: the list, then what the page shows beside it.
// With -v it prints the plan of each query.
func BenchmarkFollow(b *testing.B) {
	eachBench(b, func(b *testing.B, s *store.Store) {
		ctx, about := context.Background(), crowded(b, s)
		middle := must(s.Follow(ctx, store.FollowFilter{Consultation: about, Limit: 1, Until: noon.Add(crowd / 2 * time.Minute)}))(b).Next
		for _, row := range []struct {
			name   string
			filter store.FollowFilter
		}{
			{"first page", store.FollowFilter{}},
			{"oldest", store.FollowFilter{Ascending: true}},
			{"deep page", store.FollowFilter{After: middle}},
			{"rare type", store.FollowFilter{Type: gateway.Rejet}},
			{"absent type", store.FollowFilter{Type: gateway.Annulation}},
			{"frequent state", store.FollowFilter{States: []gateway.State{gateway.StateDelivered}}},
			{"rare states", store.FollowFilter{States: []gateway.State{gateway.StateExpired, gateway.StateFailed}}},
			{"absent state", store.FollowFilter{States: []gateway.State{gateway.StateReplied}}},
			{"frequent state, rare type", store.FollowFilter{States: []gateway.State{gateway.StateDelivered}, Type: gateway.Rejet}},
			{"dates", store.FollowFilter{Since: noon.Add(100 * time.Minute), Until: noon.Add(200 * time.Minute)}},
			{"frequent word", store.FollowFilter{Search: "précisions"}},
			{"frequent words, deep", store.FollowFilter{Search: "précisions consultation", After: middle}},
			{"rare word", store.FollowFilter{Search: "exception"}},
			{"absent word", store.FollowFilter{Search: "introuvable"}},
			{"one recipient", store.FollowFilter{Recipient: "contact0@entreprise-4242.example"}},
			{"beginning of many", store.FollowFilter{Recipient: "entrep"}},
			{"rare word, rare state", store.FollowFilter{Search: "exception", States: []gateway.State{gateway.StateFailed}}},
			{"by recipient", store.FollowFilter{Sort: store.ByRecipient, Ascending: true}},
			{"by subject, backwards", store.FollowFilter{Sort: store.BySubject}},
			{"by type, deep", store.FollowFilter{Sort: store.ByType, After: middle}},
			{"by state", store.FollowFilter{Sort: store.ByState, Ascending: true}},
			{"by state, deep", store.FollowFilter{Sort: store.ByState, After: middle + ".7"}},
			{"by subject, rare type", store.FollowFilter{Sort: store.BySubject, Type: gateway.Rejet}},
			{"by recipient, rare state", store.FollowFilter{Sort: store.ByRecipient, States: []gateway.State{gateway.StateFailed}}},
			{"by recipient, absent state", store.FollowFilter{Sort: store.ByRecipient, Ascending: true, States: []gateway.State{gateway.StateReplied}}},
			{"by subject, dates", store.FollowFilter{Sort: store.BySubject, Since: noon.Add(crowd / 2 * time.Minute), Until: noon.Add((crowd/2 + 100) * time.Minute)}},
			{"by state, frequent word", store.FollowFilter{Sort: store.ByState, Search: "précisions"}},
			{"by recipient, frequent words", store.FollowFilter{Sort: store.ByRecipient, Search: "précisions consultation"}},
			{"by subject, rare word", store.FollowFilter{Sort: store.BySubject, Search: "exception"}},
			{"by subject, some word", store.FollowFilter{Sort: store.BySubject, Ascending: true, Search: "centième"}},
			{"by subject, beginning of many", store.FollowFilter{Sort: store.BySubject, Recipient: "entrep"}},
			{"by subject, absent word", store.FollowFilter{Sort: store.BySubject, Search: "introuvable"}},
			{"frequent word, rare state", store.FollowFilter{Search: "précisions", States: []gateway.State{gateway.StateFailed}}},
		} {
			row.filter.Consultation, row.filter.Limit = about, 25
			b.Run(row.name, func(b *testing.B) {
				b.Log(must(s.Explain(ctx, row.filter))(b))
				before := cpu(b)
				for b.Loop() {
					list := must(s.Follow(ctx, row.filter))(b).Couriers
					ids := make([]gateway.ID, len(list))
					for i, c := range list {
						ids[i] = c.ID
					}
					must(s.RecipientStates(ctx, ids...))(b)
					must(s.FirstRecipients(ctx, 10, ids...))(b)
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			})
		}
		for _, typed := range []string{"contact0@entreprise-4242.example", "example", "introuvable"} {
			b.Run("recipients anywhere, "+typed, func(b *testing.B) {
				before := cpu(b)
				for b.Loop() {
					must(s.RecipientsLike(ctx, typed, 20))(b)
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			})
		}
		b.Run("tallies", func(b *testing.B) {
			before := cpu(b)
			defer func() { b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }()
			for b.Loop() {
				must(s.Tallies(ctx, gateway.NewID(noon), about))(b)
			}
		})
		b.Run("rejections", func(b *testing.B) {
			before := cpu(b)
			defer func() { b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }()
			for b.Loop() {
				must(s.RejectionsOf(ctx, about, gateway.Rejet))(b)
			}
		})
	})
}
