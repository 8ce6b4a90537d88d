package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/emersion/go-milter"

	"vaguemestre/deploy/sandbox"
)

// How many messages a figure is measured with: some seconds each.
const (
	small, large = 4 << 10, 5_000_000

	acceptPeer, acceptOurs = 1500, 6000
	chainPeer, chainOurs   = 400, 1600
	largePeer, largeOurs   = 48, 48
	loginTurns             = 960
)

// bench is the world of the measurements.
type bench struct {
	options
	site
	dir     string
	key     *rsa.PrivateKey
	sink    *sink
	silent  *sink
	dkim    *opendkim
	footer  *milter.Server
	plain   *peer // Postfix alone
	hold    *peer // which keeps what it accepts
	full    *peer // with the footer milter and opendkim
	chain   *ours // which relays
	letters map[int]string
	seen    samples
}

func newBench(ctx context.Context, dir string, o options) (*bench, error) {
	b := &bench{options: o, dir: dir, letters: map[int]string{small: letter(small, false), large: letter(large, false)}, seen: samples{}}
	b.site.program = o.program
	if err := errors.Join(b.makeKeys(), b.makeSinks()); err != nil {
		b.stop()
		return nil, err
	}
	if err := b.makeParties(ctx); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *bench) makeKeys() (err error) {
	if b.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return fmt.Errorf("make the DKIM key: %w", err)
	}
	b.site.dkim = filepath.Join(b.dir, "dkim.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(b.key)})
	if err := os.WriteFile(b.site.dkim, text, 0o600); err != nil {
		return fmt.Errorf("write the DKIM key: %w", err)
	}
	if b.authority, err = sandbox.NewAuthority(b.dir); err != nil {
		return err
	}
	b.pair, err = b.authority.Leaf("gateway")
	return err
}

func (b *bench) makeSinks() (err error) {
	if b.sink, err = startSink(false); err != nil {
		return err
	}
	b.silent, err = startSink(true)
	return err
}

// makeParties starts those that the figures asked for need.
func (b *bench) makeParties(ctx context.Context) (err error) {
	if b.wants("accept") {
		if b.hold, err = startPeer(ctx, b.dir, b.sink.address(), b.pair, holding); err != nil {
			return err
		}
	}
	if b.wants("large") {
		if b.plain, err = startPeer(ctx, b.dir, b.sink.address(), b.pair, nil); err != nil {
			return err
		}
	}
	if b.wants("chain") {
		if err := b.makeFull(ctx); err != nil {
			return err
		}
	}
	if b.wants("chain") || b.wants("large") {
		b.chain, err = b.install(ctx, filepath.Join(b.dir, "chain"), b.sink.address())
	}
	return err
}

func (b *bench) makeFull(ctx context.Context) (err error) {
	if b.dkim, err = startOpendkim(ctx, b.dir, b.site.dkim); err != nil {
		return err
	}
	var address string
	if b.footer, address, err = startFooter(); err != nil {
		return err
	}
	b.full, err = startPeer(ctx, b.dir, b.sink.address(), b.pair, filtering(address, b.dkim.address))
	return err
}

// stop ends everything that was started, in the reverse order.
func (b *bench) stop() {
	b.chain.stop()
	for _, p := range []*peer{b.full, b.plain, b.hold} {
		if p != nil {
			p.postfix.Stop()
		}
	}
	if b.footer != nil {
		_ = b.footer.Close()
	}
	b.dkim.stop()
	for _, s := range []*sink{b.silent, b.sink} {
		if s != nil {
			s.stop()
		}
	}
}

func (b *bench) wants(figure string) bool { return b.only.MatchString(figure) }

// figures lists what is measured, in turns; those of memory once.
var figures = []struct {
	name string
	once bool
	act  func(*bench, context.Context, int) error
}{
	{"machine", false, (*bench).machine},
	{"accept", false, (*bench).accept},
	{"chain", false, (*bench).wholeChain},
	{"large", false, (*bench).largeOnes},
	{"login", false, (*bench).logins},
	{"pages", false, (*bench).pages},
	{"memory", true, (*bench).largeInMemory},
	{"queued", true, (*bench).longQueue},
}

func (b *bench) measure(ctx context.Context) error {
	for round := range b.rounds {
		for _, f := range figures {
			if !b.wants(f.name) || f.once && round > 0 {
				continue
			}
			start := time.Now()
			if err := f.act(b, ctx, round); err != nil {
				return fmt.Errorf("measure %s: %w", f.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s (%s)\n", round+1, b.rounds, f.name, time.Since(start).Round(100*time.Millisecond))
		}
	}
	return nil
}

func (b *bench) machine(context.Context, int) error {
	for _, c := range []struct {
		name string
		rate func() (float64, error)
	}{
		{"fsync", func() (float64, error) { return fsyncs(b.dir) }},
		{"rsa1", func() (float64, error) { return signatures(b.key, 1) }},
		{"rsaAll", func() (float64, error) { return signatures(b.key, cores()) }},
		{"sha256", hashed},
		{"go-smtp", libraryReads},
	} {
		rate, err := c.rate()
		if err != nil {
			return err
		}
		b.seen.add(c.name, rate)
	}
	return nil
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// accept measures acceptance alone: both sides keep what they take.
func (b *bench) accept(ctx context.Context, round int) error {
	took, err := b.hold.send(ctx, acceptPeer, b.letters[small])
	if err != nil {
		return err
	}
	b.seen.add("accept.peer", perSecond(acceptPeer, took))
	o, err := b.install(ctx, filepath.Join(b.dir, fmt.Sprintf("accept-%d", round)), b.silent.address())
	defer o.stop()
	if err != nil {
		return err
	}
	before, err := o.cpu()
	if err != nil {
		return err
	}
	if took, err = o.sessionsOf(ctx, acceptOurs, b.letters[small]); err != nil {
		return err
	}
	after, err := o.cpu()
	b.seen.add("accept", perSecond(acceptOurs, took))
	b.seen.add("accept.cpu", (after-before).Seconds()*1000/acceptOurs)
	return err
}

// delivered says how long n messages take from the first byte submitted until the sink has the last.
func (b *bench) delivered(ctx context.Context, n int, send func() (time.Duration, error)) (accepted, all time.Duration, err error) {
	before := b.sink.taken.Load()
	start := time.Now()
	if accepted, err = send(); err != nil {
		return 0, 0, err
	}
	err = b.sink.await(ctx, before+int64(n))
	return accepted, time.Since(start), err
}

func (b *bench) wholeChain(ctx context.Context, _ int) error {
	text := b.letters[small]
	signed := b.sink.signed.Load()
	_, took, err := b.delivered(ctx, chainPeer, func() (time.Duration, error) { return b.full.send(ctx, chainPeer, text) })
	if err != nil {
		return err
	}
	b.seen.add("chain.peer", perSecond(chainPeer, took))
	before, err := b.chain.cpu()
	if err != nil {
		return err
	}
	accepted, took, err := b.delivered(ctx, chainOurs, func() (time.Duration, error) { return b.chain.sessionsOf(ctx, chainOurs, text) })
	if err != nil {
		return err
	}
	after, err := b.chain.cpu()
	if err != nil {
		return err
	}
	if n := b.sink.signed.Load() - signed; n != chainPeer+chainOurs {
		return fmt.Errorf("%d of %d messages bear a signature", n, chainPeer+chainOurs)
	}
	b.seen.add("chain", perSecond(chainOurs, took))
	b.seen.add("chain.accepted", perSecond(chainOurs, accepted))
	b.seen.add("cpu", (after-before).Seconds()*1000/chainOurs)
	return nil
}

func (b *bench) largeOnes(ctx context.Context, _ int) error {
	text := b.letters[large]
	_, took, err := b.delivered(ctx, largePeer, func() (time.Duration, error) { return b.plain.send(ctx, largePeer, text) })
	if err != nil {
		return err
	}
	b.seen.add("large.peer", perSecond(largePeer, took))
	_, took, err = b.delivered(ctx, largeOurs, func() (time.Duration, error) {
		return inTurns(largeOurs, largeOurs/sessions, func(turns int) error { return b.chain.some(ctx, turns, text) })
	})
	b.seen.add("large", perSecond(largeOurs, took))
	return err
}

// logins compares a login for each message with a connection for each message.
func (b *bench) logins(ctx context.Context, round int) error {
	o, err := b.install(ctx, filepath.Join(b.dir, fmt.Sprintf("login-%d", round)), b.silent.address())
	defer o.stop()
	if err != nil {
		return err
	}
	if _, err := o.sessionsOf(ctx, perSession, b.letters[small]); err != nil { // the password is known from here on
		return err
	}
	for _, way := range []struct {
		name string
		send func(context.Context, int, string) (time.Duration, error)
	}{{"login.without", o.besidesOf}, {"login", o.loginsOf}} {
		took, err := way.send(ctx, loginTurns, b.letters[small])
		if err != nil {
			return err
		}
		b.seen.add(way.name, perSecond(loginTurns, took))
	}
	return nil
}
