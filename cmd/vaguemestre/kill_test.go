package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// kills says how many times, and from which seed: VAGUEMESTRE_KILLS and VAGUEMESTRE_KILL_SEED replay a run.
func kills(t *testing.T) (n int, seed uint64) {
	t.Helper()
	n, seed = 25, rand.Uint64()
	if os.Getenv("VAGUEMESTRE_SOAK") != "" {
		n = 1000
	}
	if v, err := strconv.Atoi(os.Getenv("VAGUEMESTRE_KILLS")); err == nil {
		n = v
	}
	if v, err := strconv.ParseUint(os.Getenv("VAGUEMESTRE_KILL_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Logf("%d kills; replay with VAGUEMESTRE_KILL_SEED=%d", n, seed)
	return n, seed
}

// installDemoWorld is a gateway in the world of the demo, which lives in this process and so outlives the gateway. Tables of
// other smarthosts stand for the world's when they are given.
func installDemoWorld(t *testing.T, extra string, smarthosts ...string) (*installation, *sandbox.World, *tls.Config) {
	t.Helper()
	w, err := sandbox.StartWorld(t.Context(), sandbox.WorldOptions{Domain: "courrier.acheteur.test", Keep: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	authority, err := sandbox.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Leaf("submission")
	if err != nil {
		t.Fatal(err)
	}
	if len(smarthosts) == 0 {
		smarthosts = []string{fmt.Sprintf("[[relay.smarthost]]\naddress = %q\nserver_name = \"localhost\"\nca = %q\n", w.SMTP, w.CA)}
	}
	i := install(t, world{
		Domain: "courrier.acheteur.test", Certificate: pair.Certificate, Key: pair.Key, CA: authority.File, Extra: extra,
		Smarthost: strings.Join(smarthosts, ""),
		Mailbox: fmt.Sprintf("[[mailbox]]\naddress = %q\nserver_name = \"localhost\"\nca = %q\nusername = %q\npassword = \"file:$DIR/imap.password\"\npoll = \"1s\"\n",
			w.IMAPS, w.CA, w.IMAPUser),
		Passwords: map[string]string{"imap.password": w.IMAPPassword},
	})
	return i, w, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
}

// stream is agents' mail clients that keep sending, and send again what got no answer.
type stream struct {
	i   *installation
	tls *tls.Config

	mu       sync.Mutex
	accepted map[string]map[string]bool // Message-ID → numbers of the couriers that answers named
}

func (st *stream) run(ctx context.Context, client int, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		key := fmt.Sprintf("%d-%d", client, n)
		for { // until it has an answer: a client's outbox
			courier, err := st.send(key)
			if err == nil {
				st.mu.Lock()
				if st.accepted[key] == nil {
					st.accepted[key] = map[string]bool{}
				}
				st.accepted[key][courier] = true
				st.mu.Unlock()
				break
			}
			select {
			case <-st.i.ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

func boxOf(key string) string { return "boite-" + key + "@entreprise.test" }

// send submits one message over a connection of its own and returns the courier's number.
func (st *stream) send(key string) (string, error) {
	conn, err := net.DialTimeout("tcp", st.i.cfg.Submission.StartTLS, 5*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return "", err
	}
	err = errors.Join(c.StartTLS(st.tls), c.Auth(smtp.PlainAuth("", "victoria", agentPassword, "localhost")))
	if err == nil {
		err = c.Mail("agent@acheteur.test")
	}
	for _, to := range []string{boxOf(key), "testesr2020+libre@courrier.acheteur.test"} {
		if err == nil {
			err = c.Rcpt(to)
		}
	}
	if err != nil {
		return "", err
	}
	id, err := c.Text.Cmd("DATA")
	if err != nil {
		return "", err
	}
	c.Text.StartResponse(id)
	_, _, err = c.Text.ReadResponse(354)
	c.Text.EndResponse(id)
	if err != nil {
		return "", err
	}
	w := c.Text.DotWriter()
	_, err = w.Write([]byte(letter(key, boxOf(key), "Courrier "+key, "Bonjour,\n\nUn courrier pour la boîte "+key+".\n")))
	if err = errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	_, text, err := c.Text.ReadResponse(250)
	if err != nil {
		return "", err
	}
	courier, _, _ := strings.Cut(strings.TrimPrefix(text, "2.0.0 "), " ")
	return courier, nil
}

func TestPromiseAcceptedIsOursThroughKills(t *testing.T) {
	t.Parallel()
	throughKills(t, "")
}

// outlast gives an installation the time that so many kills take.
func (i *installation) outlast(kills int) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline+time.Duration(kills)*10*time.Second)
	i.Cleanup(cancel)
	i.ctx = ctx
	return ctx
}

// throughKills kills the daemon again and again, on the store that the configuration names.
func throughKills(t *testing.T, extra string) {
	n, seed := kills(t)
	i, w, clientTLS := installDemoWorld(t, extra)
	ctx := i.outlast(n)
	i.feed()
	st := &stream{i: i, tls: clientTLS, accepted: map[string]map[string]bool{}}
	i.serve()
	sending, stopSending := context.WithCancel(ctx)
	var clients sync.WaitGroup
	for client := range 3 {
		clients.Go(func() { st.run(sending, client, 60*time.Millisecond) })
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range n {
		instant := time.NewTimer(time.Duration(random.Int64N(int64(700 * time.Millisecond)))) // the random instant itself
		<-instant.C
		i.kill()
		i.serve()
	}
	stopSending()
	clients.Wait()
	s := i.look()
	i.until("the queue is empty and every report is in", func() bool { return settledAll(i, s) })
	checkNothingLostOrDoubled(i, s, w, st.accepted)
	i.stop()
	if out := i.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		t.Error(out)
	}
}

// settledAll: nothing waits, and every recipient's delivery has been reported.
func settledAll(i *installation, s *store.Store) bool {
	stats, err := s.QueueStats(i.ctx)
	if err != nil {
		i.Fatal(err)
	}
	for _, waiting := range stats.Waiting {
		if waiting > 0 {
			return false
		}
	}
	inbound, err := s.InboundStats(i.ctx)
	if err != nil {
		i.Fatal(err)
	}
	if inbound[gateway.InboundNew] > 0 {
		return false
	}
	all := true
	eachCourier(i, s, func(c gateway.Courier) {
		counts, err := s.RecipientStates(i.ctx, c.ID)
		if err != nil {
			i.Fatal(err)
		}
		reported := counts[c.ID][gateway.StateDelivered] + counts[c.ID][gateway.StateRead] + counts[c.ID][gateway.StateReplied]
		all = all && reported == 1
	})
	return all
}

func eachCourier(i *installation, s *store.Store, do func(gateway.Courier)) {
	f := store.CourierFilter{Limit: 500}
	for {
		couriers, err := s.Couriers(i.ctx, f)
		if err != nil {
			i.Fatal(err)
		}
		for _, c := range couriers {
			do(c)
		}
		if len(couriers) < 500 {
			return
		}
		f.Before = couriers[len(couriers)-1].ID
	}
}

func checkNothingLostOrDoubled(i *installation, s *store.Store, w *sandbox.World, accepted map[string]map[string]bool) {
	i.Helper()
	arrived := map[string]int{}
	for _, m := range w.Mails("") {
		arrived[m.To]++
	}
	for key, numbers := range accepted {
		if len(numbers) != 1 {
			i.Errorf("message %s was answered with %d couriers", key, len(numbers))
		}
		if arrived[boxOf(key)] == 0 {
			i.Errorf("message %s was accepted and never arrived", key)
		}
	}
	couriers, doubles, uncertain := 0, 0, 0
	seen := map[string]bool{}
	eachCourier(i, s, func(c gateway.Courier) {
		couriers++
		if seen[c.MessageID] {
			i.Errorf("message %s became two couriers", c.MessageID)
		}
		seen[c.MessageID] = true
		events, err := s.Events(i.ctx, c.ID, gateway.ID{})
		if err != nil {
			i.Fatal(err)
		}
		kinds := map[gateway.EventKind]int{}
		reports := map[gateway.Hash]int{}
		for _, e := range events {
			kinds[e.Kind]++
			for _, h := range e.Contents {
				reports[h]++
			}
		}
		recipients, err := s.Recipients(i.ctx, c.ID)
		if err != nil || len(recipients) != 1 {
			i.Fatalf("%d recipients, %v", len(recipients), err)
		}
		n := arrived[recipients[0].Address]
		if n > 1 {
			doubles++
		}
		if kinds[gateway.Uncertain] > 0 {
			uncertain++
		}
		switch {
		case n > 1+kinds[gateway.Uncertain]:
			i.Errorf("%s got %d messages with %d uncertain", c.MessageID, n, kinds[gateway.Uncertain])
		case kinds[gateway.Sent] == 0 && kinds[gateway.Uncertain] > 0 && kinds[gateway.Delivered] > 0:
			// The report came before the interrupted attempt was tried again: there was nothing left to send.
		case kinds[gateway.Sent] != 1:
			i.Errorf("%s: sent %d times", c.MessageID, kinds[gateway.Sent])
		case kinds[gateway.Delivered] != n:
			i.Errorf("%s: %d messages, %d reports", c.MessageID, n, kinds[gateway.Delivered])
		}
		for h, times := range reports {
			if times > 1 {
				i.Errorf("report %s recorded %d times", h, times)
			}
		}
	})
	i.Logf("%d couriers, %d answered, %d arrived twice, %d marked uncertain", couriers, len(accepted), doubles, uncertain)
	if couriers == 0 {
		i.Error("nothing was sent: the test shows nothing")
	}
}
