package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// eachBench runs a benchmark on both stores.
func eachBench(b *testing.B, run func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { run(b, sqlitePlace(b).open(b)) })
	b.Run("postgres", func(b *testing.B) {
		var synced postgres
		b.Cleanup(synced.stop)
		run(b, synced.place(b).open(b))
	})
}

// writers runs do b.N times from so many goroutines, as sessions do, and reports the rate.
func writers(b *testing.B, n int, do func(i int64) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	start, before := time.Now(), cpu(b)
	for range n {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "ops/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpu is the processor time so far of this process and of the PostgreSQL that it started: on a busy machine it says more
// than the rate.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) + begotten(b)
}

// begotten is the processor time of the processes that this one began, and of theirs, as far as they live (proc_pid_stat(5)).
func begotten(b *testing.B) (total time.Duration) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 for programs on every Linux
	parent, spent := map[int]int{}, map[int]time.Duration{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if err != nil || len(fields) < 13 {
			b.Fatalf("%s: %q", file, text)
		}
		number := func(i int) (n int) { n, _ = strconv.Atoi(fields[i]); return n }
		parent[pid], spent[pid] = number(1), time.Duration(number(11)+number(12))*tick
	}
	for pid, used := range spent {
		for at := parent[pid]; at > 1; at = parent[at] {
			if at == os.Getpid() {
				total += used
				break
			}
		}
	}
	return total
}

// letter is a whole acceptance of one courier to one company, as intake makes it.
func letter(s *store.Store, size int) (store.Acceptance, error) {
	now := time.Now()
	sp := s.Spool()
	body := make([]byte, size)
	_, _ = rand.Read(body)
	if _, err := sp.Write(body); err != nil {
		return store.Acceptance{}, err
	}
	block := gateway.ContextBlock{Reference: "TESTESR2020", Title: "Fourniture de mobilier de bureau", Object: "Accord-cadre à bons de commande", Deadline: now,
		PublicBody: "Ministère de l'enseignement supérieur", PurchasingEntity: "Bureau des achats", Zone: "Europe/Paris", Language: "fr"}
	c := gateway.Courier{
		ID: gateway.NewID(now), Consultation: gateway.NewID(now), Author: gateway.NewID(now), AuthorName: "Camille Martin", AuthorAddr: "camille.martin@acheteur.example",
		Door: gateway.DoorSMTP, Type: gateway.Rejet, TypeLabel: "Courrier de rejet", Subject: "Résultat de la consultation", Excerpt: "Madame, Monsieur, nous vous remercions",
		MessageID: "<" + gateway.NewID(now).String() + "@acheteur.example>", Content: sp.Hash(), Size: sp.Size(), Context: block, Accepted: now,
		Composition: gateway.Composition{Version: 1, BaseURL: "https://courrier.example", Domain: "courrier.example", Date: now, Boundary: "abcdefghijklmnopqrstuvwxyz"},
	}
	r := gateway.Recipient{ID: gateway.NewID(now), Courier: c.ID, Address: "contact@entreprise.example", CompanyName: "Entreprise", Register: gateway.Depots}
	r.MessageID = gateway.MessageID(r.ID, "courrier.example")
	key := gateway.HashOf([]byte(c.MessageID))
	return store.Acceptance{
		Courier: c, Recipients: []gateway.Recipient{r}, Key: key, Contents: []*store.Spool{sp},
		Events: []gateway.Event{
			gateway.NewEvent(gateway.Submitted, now, gateway.SubmittedDetails{Type: c.Type, Subject: c.Subject, MessageID: c.MessageID, Content: c.Content, Author: c.AuthorAddr}, nil).About(c.ID, gateway.ID{}),
			gateway.NewEvent(gateway.Submitted, now, gateway.RecipientDetails{Address: r.Address, Company: r.CompanyName}, nil).About(c.ID, r.ID),
		},
		Jobs: []gateway.Job{{ID: gateway.NewID(now), Kind: gateway.JobLetter, Courier: c.ID, Recipient: r.ID, Created: now, Due: now}},
	}, nil
}

func BenchmarkAccept(b *testing.B) {
	for _, bench := range []struct{ size, writers int }{{4 << 10, 1}, {4 << 10, 16}, {5_000_000, 4}} {
		b.Run(fmt.Sprintf("size=%d/writers=%d", bench.size, bench.writers), func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *store.Store) {
				writers(b, bench.writers, func(int64) error {
					a, err := letter(s, bench.size)
					if err != nil {
						return err
					}
					defer a.Contents[0].Discard()
					_, _, err = s.Accept(context.Background(), a)
					return err
				})
			})
		})
	}
}

// BenchmarkDelivery leases a job and settles it with its event, as the queue does.
func BenchmarkDelivery(b *testing.B) {
	eachBench(b, func(b *testing.B, s *store.Store) {
		ctx := context.Background()
		for left := b.N; left > 0; left -= 1000 {
			accept(b, s, register(b, s, min(left, 1000)))
		}
		leased := make(chan gateway.Job, 64)
		go func() {
			defer close(leased)
			for {
				jobs, err := s.Lease(ctx, "bench", []gateway.JobKind{gateway.JobLetter}, 32, time.Minute)
				if err != nil || len(jobs) == 0 {
					return
				}
				for _, j := range jobs {
					leased <- j
				}
			}
		}()
		writers(b, 16, func(int64) error {
			j, ok := <-leased
			if !ok {
				return nil
			}
			e := gateway.NewEvent(gateway.Sent, time.Now(), gateway.RelayDetails{Host: "relais.example", Code: 250, Reply: "2.0.0 Ok: queued"}, nil).About(j.Courier, j.Recipient)
			return s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: j.ID, Attempt: j.Attempt}, Events: []gateway.Event{e}})
		})
	})
}

// BenchmarkCompanies imports 10,000 companies, again each time.
func BenchmarkCompanies(b *testing.B) {
	eachBench(b, func(b *testing.B, s *store.Store) {
		ctx := context.Background()
		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(b)
		list := make([]gateway.Company, 10_000)
		for i := range list {
			list[i] = gateway.Company{Ref: fmt.Sprint("c", i), Name: fmt.Sprint("Société ", i), Addresses: []string{fmt.Sprint("contact@c", i, ".example")}, Registers: []gateway.Register{gateway.Retraits}}
		}
		for b.Loop() {
			check(b, s.PutCompanies(ctx, c.ID, list, store.Merge))
		}
	})
}

// BenchmarkRegister accepts a courier to the 1,000 companies of a register.
func BenchmarkRegister(b *testing.B) {
	eachBench(b, func(b *testing.B, s *store.Store) {
		for b.Loop() {
			accept(b, s, register(b, s, 1000))
		}
	})
}

// register is an acceptance of one courier to n companies.
func register(b *testing.B, s *store.Store, n int) store.Acceptance {
	a := must(letter(s, 4<<10))(b)
	a.Recipients, a.Events, a.Jobs = nil, a.Events[:1], nil
	for i := range n {
		r := gateway.Recipient{ID: gateway.NewID(noon), Address: fmt.Sprint("contact@c", i, ".example")}
		a.Recipients = append(a.Recipients, r)
		a.Events = append(a.Events, gateway.NewEvent(gateway.Submitted, noon, gateway.RecipientDetails{Address: r.Address}, nil).About(gateway.ID{}, r.ID))
		a.Jobs = append(a.Jobs, gateway.Job{ID: gateway.NewID(noon), Kind: gateway.JobLetter, Recipient: r.ID})
	}
	return a
}
