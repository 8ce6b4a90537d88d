package account

import (
	"net/netip"
	"sync"
	"time"
)

// guesses counts failed logins, by account and by address.
//
// An account is locked for everybody but the addresses from which it logged in before: a
// stranger who guesses cannot lock an agent out of the office. The lock of an address holds for
// everybody who comes from it. The same wrong password again is not counted: a telephone that
// keeps an old one is no guesser, and a guesser learns nothing from it.
type guesses struct {
	mu        sync.Mutex
	rule      rule
	accounts  *table[string, count] // logins that exist
	strangers *table[string, count] // and logins that do not: made-up names never push a real one out
	addresses *table[netip.Prefix, count]
	homes     *table[home, time.Time] // last login by (account, address)
}

// rule is when to slow down and when to lock.
type rule struct {
	account int           // failures of an account before it is locked
	address int           // failures from an address before it is locked
	window  time.Duration // failures are forgotten when none came for so long; and how long a lock holds
	delay   time.Duration // after the first failure; doubled by each more
	most    time.Duration // the longest delay
	home    time.Duration // how long an address stays known to an account
}

type count struct {
	failures int
	last     time.Time
	locked   time.Time // until
	wrong    mac       // the last wrong credential
}

type home struct {
	login   string
	address netip.Prefix
}

func newGuesses(r rule, max int) *guesses {
	return &guesses{
		rule: r, accounts: newTable[string, count](max), strangers: newTable[string, count](max),
		addresses: newTable[netip.Prefix, count](max), homes: newTable[home, time.Time](max),
	}
}

// Network is whom failures and sessions are counted against: an IPv4 address, or the /64 that one IPv6
// customer has at least.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // fails for the zero address only: one more network
	return p
}

// who is one who tries.
type who struct {
	login   string
	exists  bool
	address netip.Prefix
}

func (g *guesses) table(w who) *table[string, count] {
	if w.exists {
		return g.accounts
	}
	return g.strangers
}

// lockedBy says what keeps them out: "account", "address", or nothing.
func (g *guesses) lockedBy(w who, now time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, _ := g.addresses.get(w.address); now.Before(c.locked) {
		return "address"
	}
	c, _ := g.table(w).get(w.login)
	if now.Before(c.locked) && !g.atHome(w, now) {
		return "account"
	}
	return ""
}

func (g *guesses) atHome(w who, now time.Time) bool {
	last, ok := g.homes.get(home{w.login, w.address})
	return ok && now.Before(last.Add(g.rule.home))
}

// failed counts a failure, and tells how long to wait before saying so and which locks it closed.
func (g *guesses) failed(w who, credential mac, now time.Time) (delay time.Duration, locked []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var n int
	accounts := g.table(w)
	c, _ := accounts.get(w.login)
	if !g.atHome(w, now) {
		var closed bool
		if c, closed = c.another(credential, g.rule.account, g.rule.window, now); closed {
			locked = append(locked, "account")
		}
		accounts.put(w.login, c)
		n = c.failures
	}
	a, _ := g.addresses.get(w.address)
	a, closed := a.another(credential, g.rule.address, g.rule.window, now)
	if closed {
		locked = append(locked, "address")
	}
	g.addresses.put(w.address, a)
	return g.rule.wait(max(n, a.failures)), locked
}

// another is the count after one more failure; closed tells that it locked.
func (c count) another(credential mac, most int, window time.Duration, now time.Time) (after count, closed bool) {
	if !now.Before(c.last.Add(window)) || !c.locked.IsZero() && !now.Before(c.locked) {
		c = count{}
	}
	if c.failures == 0 || c.wrong != credential {
		c.failures++
	}
	c.last, c.wrong = now, credential
	if c.failures >= most && c.locked.IsZero() {
		c.locked, closed = now.Add(window), true
	}
	return c, closed
}

// wait is the delay after n failures.
func (r rule) wait(n int) time.Duration {
	d := r.delay
	for ; n > 1 && d < r.most; n-- {
		d *= 2
	}
	return min(d, r.most)
}

// succeeded forgets the failures of the account, and remembers where it is at home. Those of
// the address stay: who has one account of their own must not clear their tries at others.
func (g *guesses) succeeded(w who, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts.forget(w.login)
	g.homes.put(home{w.login, w.address}, now)
}
