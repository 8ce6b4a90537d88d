package relay

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"vaguemestre/gateway"
)

// pool is what we hold of one smarthost: its open connections, bounded, and how it fares.
type pool struct {
	opener
	metrics *metrics
	slots   chan struct{}
	limiter *rate.Limiter // nil: no limit

	mu     sync.Mutex
	idle   []*session // the one used last at the end
	closed bool
	fails  int // connections that failed in a row
	down   time.Time
	state  State
}

func newPool(h Host, o Options, m *metrics) *pool {
	p := &pool{
		opener:  opener{host: h, name: o.Name, limits: o.Timeouts, dial: o.Dial, now: o.Now, cache: tls.NewLRUClientSessionCache(4)},
		metrics: m, slots: make(chan struct{}, h.MaxConnections),
	}
	if h.Rate > 0 {
		p.limiter = rate.NewLimiter(rate.Limit(h.Rate), max(1, int(h.Rate)))
	}
	return p
}

// deliver sends the message over a connection kept from before, or over a new one.
func (p *pool) deliver(ctx context.Context, env Envelope, msg *message) (gateway.RelayDetails, *trouble) {
	if t := p.wait(ctx); t != nil {
		t.details = gateway.RelayDetails{Host: p.host.Address, MessageID: env.MessageID, ENVID: env.ENVID}
		t.record(&t.details)
		return t.details, t
	}
	defer func() { <-p.slots }()
	if s := p.take(); s != nil {
		p.metrics.connections.WithLabelValues("reused").Inc()
		d, t := p.transact(ctx, s, env, msg)
		if t == nil || !t.stale || ctx.Err() != nil {
			return d, t
		}
	}
	s, t := p.open(ctx)
	p.fared(ctx, s, t)
	if t != nil {
		t.details.MessageID, t.details.ENVID = env.MessageID, env.ENVID
		t.record(&t.details)
		return t.details, t
	}
	return p.transact(ctx, s, env, msg)
}

func (p *pool) transact(ctx context.Context, s *session, env Envelope, msg *message) (gateway.RelayDetails, *trouble) {
	d, t := s.transact(ctx, env, msg)
	p.keep(s)
	return d, t
}

// wait takes its turn under the limits of rate and connections.
func (p *pool) wait(ctx context.Context) *trouble {
	if p.limiter != nil {
		if err := p.limiter.Wait(ctx); err != nil {
			return broken(stageConnect, err)
		}
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return broken(stageConnect, context.Cause(ctx))
	}
}

// take gives the connection used last, the likeliest to be alive.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		s := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if p.now().Sub(s.idle) < p.host.IdleTimeout {
			s.waited = true
			return s
		}
		s.close()
	}
	return nil
}

// keep puts the connection back, or ends it.
func (p *pool) keep(s *session) {
	if !s.usable() {
		return
	}
	s.idle = p.now()
	p.mu.Lock()
	room := !p.closed && len(p.idle) < p.host.MaxIdle && s.sent < p.host.MaxMessages
	if room {
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	if !room {
		s.quit()
	}
}

// fared notes how opening a connection went: a host that fails is asked last for a while.
func (p *pool) fared(ctx context.Context, s *session, t *trouble) {
	if t != nil && ctx.Err() != nil {
		return // we gave up, not they
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t == nil {
		p.fails, p.down = 0, time.Time{}
		p.state.Opened, p.state.Shown = p.now(), s.shown()
		p.metrics.connections.WithLabelValues("opened").Inc()
		return
	}
	p.metrics.connections.WithLabelValues("failed").Inc()
	now := p.now()
	p.state.Failed, p.state.Fault = now, t.fault.Error()
	if now.Before(p.down) {
		return // several connections failed at once: that is one failure of the host
	}
	p.fails++
	p.down = now.Add(min(5*time.Second<<min(p.fails-1, 5), time.Minute))
}

// downUntil is when the host is to be asked again as if nothing had been; zero or past: at any time.
func (p *pool) downUntil() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down
}

func (p *pool) isDown() bool { return p.now().Before(p.downUntil()) }

// expire ends the connections idle for too long, and all of them for ever when last is true.
func (p *pool) expire(last bool) {
	p.mu.Lock()
	p.closed = p.closed || last
	var old []*session
	kept := p.idle[:0]
	for _, s := range p.idle {
		if last || p.now().Sub(s.idle) >= p.host.IdleTimeout {
			old = append(old, s)
			continue
		}
		kept = append(kept, s)
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, s := range old {
		s.quit()
	}
}
