package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
)

// Options says where and how to send.
type Options struct {
	Name     string  // said in EHLO: our host name
	Hosts    []Host  // at least one
	Signer   *Signer // nil: no DKIM
	Timeouts Timeouts
	// Hold is up to how many octets a composed message is kept in memory to be sent, instead of
	// being composed a second time; 256 KiB when zero.
	Hold int

	Dial       DialFunc         // net.Dialer when nil
	Now        func() time.Time // time.Now when nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are not shown
}

// Relay sends messages. Safe for concurrent use.
type Relay struct {
	o       Options
	pools   []*pool // by priority
	turn    atomic.Uint64
	buffers sync.Pool // of *bytes.Buffer, up to Hold octets each
	metrics *metrics
}

// New checks the options. Nothing is opened yet.
func New(o Options) (*Relay, error) {
	if len(o.Hosts) == 0 {
		return nil, errors.New("relay: no smarthost")
	}
	if o.Name == "" {
		return nil, errors.New("relay: no host name to say in EHLO")
	}
	if o.Hold <= 0 {
		o.Hold = 256 << 10
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Timeouts = o.Timeouts.withDefaults()
	r := &Relay{o: o, metrics: newMetrics(o.Registerer)}
	r.buffers.New = func() any { return new(bytes.Buffer) }
	for _, h := range o.Hosts {
		h, err := h.withDefaults()
		if err != nil {
			return nil, err
		}
		r.pools = append(r.pools, newPool(h, o, r.metrics))
	}
	slices.SortStableFunc(r.pools, func(a, b *pool) int { return a.host.Priority - b.host.Priority })
	if o.Registerer != nil {
		o.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "vaguemestre_relay_smarthosts_down", Help: "Smarthosts that could not be reached, or did not let us in, a moment ago.",
		}, r.countDown))
	}
	return r, nil
}

// Run closes connections that stay idle, until ctx ends; then all of them. Deliveries under way
// are not touched, and later ones still work, each over a connection of its own.
func (r *Relay) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, p := range r.pools {
				p.expire(false)
			}
		case <-ctx.Done():
			for _, p := range r.pools {
				p.expire(true)
			}
			return nil
		}
	}
}

// Deliver sends one message to one mailbox. Compose writes the message, and may be called
// once or twice: it must write the same bytes each time. The details say what was seen of the
// smarthost that decided, with or without a fault. The fault's class is Permanent, Temporary
// or Unknown as the package promises; its text holds no mail address.
//
// When a smarthost cannot be reached, does not let us in, closes with 421, or cannot carry the
// message as it is, the next one is tried. A refusal of the mailbox is final.
func (r *Relay) Deliver(ctx context.Context, env Envelope, compose func(io.Writer) error) (gateway.RelayDetails, *gateway.Fault) {
	begin := r.o.Now()
	buffer := r.buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer r.buffers.Put(buffer)
	msg, err := prepare(r.o.Signer, env, buffer, r.o.Hold, compose)
	if err != nil {
		t := composing(err)
		d := gateway.RelayDetails{MessageID: env.MessageID, ENVID: env.ENVID, Stage: t.stage, Cause: t.cause()}
		return d, t.fault
	}
	d, t := r.tryAll(ctx, env, msg)
	r.metrics.observe(t, r.o.Now().Sub(begin))
	if t != nil {
		return d, t.fault
	}
	return d, nil
}

// DownUntil is when it makes sense to try again, when no smarthost could be reached or let us in
// lately; zero when one may work. Delivering before is not wrong, but likely in vain.
func (r *Relay) DownUntil() time.Time {
	var soonest time.Time
	for _, p := range r.pools {
		until := p.downUntil()
		if !r.o.Now().Before(until) {
			return time.Time{}
		}
		if soonest.IsZero() || until.Before(soonest) {
			soonest = until
		}
	}
	return soonest
}

func (r *Relay) countDown() float64 {
	n := 0.0
	for _, p := range r.pools {
		if p.isDown() {
			n++
		}
	}
	return n
}

// tryAll asks the smarthosts in turn. When none takes the message, one that may take it later
// says more than one that never will: its temporary fault is the outcome.
func (r *Relay) tryAll(ctx context.Context, env Envelope, msg *message) (gateway.RelayDetails, *trouble) {
	var chosen *trouble
	for _, p := range r.order() {
		d, t := p.deliver(ctx, env, msg)
		if t == nil || !t.elsewhere {
			return d, t
		}
		r.o.Logger.Warn("smarthost passed over", "smarthost", p.host.Address, "stage", t.stage, "fault", t.fault.Error())
		if chosen == nil || chosen.fault.Class == gateway.Permanent && t.fault.Class == gateway.Temporary {
			chosen = t
		}
		if ctx.Err() != nil {
			break
		}
	}
	return chosen.details, chosen
}

// order is by priority, hosts of equal priority in turn, those that were just down at the end.
func (r *Relay) order() []*pool {
	order := slices.Clone(r.pools)
	n := int(r.turn.Add(1) - 1)
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && order[j].host.Priority == order[i].host.Priority {
			j++
		}
		rotate(order[i:j], n%(j-i))
		i = j
	}
	slices.SortStableFunc(order, func(a, b *pool) int { return boolInt(a.isDown()) - boolInt(b.isDown()) })
	return order
}

func rotate(s []*pool, n int) {
	slices.Reverse(s[:n])
	slices.Reverse(s[n:])
	slices.Reverse(s)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
