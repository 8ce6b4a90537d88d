package account

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
)

// Store is what logging in reads and writes.
type Store interface {
	// AgentByLogin gives gateway.ErrNotFound for nobody.
	AgentByLogin(ctx context.Context, login string) (gateway.Agent, error)
	// AgentsAt gives the agents in force who may write as an address.
	AgentsAt(ctx context.Context, address string) ([]gateway.Agent, error)
	AppPasswords(ctx context.Context, agent gateway.ID) ([]gateway.AppPassword, error)
	// UsedAppPassword records that one was used now.
	UsedAppPassword(ctx context.Context, id gateway.ID) error
}

// Directory checks the passwords of accounts that have none here (gateway/account/directory).
type Directory interface {
	// Authenticate tells whether the password is the login's; an error is an outage.
	Authenticate(ctx context.Context, login, password string) (bool, error)
}

// Options are the bounds; zero values take the defaults given here.
type Options struct {
	Remember     time.Duration // how long a verified password is remembered: 10 min
	Remembered   int           // how many: 4,096
	Hashing      int           // hashes computed at once: 2 (each takes 9 MiB)
	Directory    Directory     // nil: every account has its password here
	Asking       int           // questions to the directory at once: 16
	LockAfter    int           // failures of one account before it is locked: 10
	LockAddress  int           // failures from one address before it is locked: 50
	LockFor      time.Duration // how long, and after how long without one failures are forgotten: 15 min
	Delay        time.Duration // before the first refusal; doubles with each: 500 ms
	LongestDelay time.Duration // 10 s
	Tracked      int           // accounts, and addresses, whose failures are counted: 16,384
	Now          func() time.Time
	// Wait waits before a refusal, until the context ends at most.
	Wait       func(context.Context, time.Duration)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// homeFor is how long an address stays known to an account that logged in from it.
const homeFor = 30 * 24 * time.Hour

// touchEvery bounds how often the last use of an app password is written.
const touchEvery = time.Hour

func (o Options) withDefaults() Options {
	o.Remember = cmp.Or(o.Remember, 10*time.Minute)
	o.Remembered = cmp.Or(o.Remembered, 4096)
	o.Hashing = cmp.Or(o.Hashing, 2)
	o.Asking = cmp.Or(o.Asking, 16)
	o.LockAfter = cmp.Or(o.LockAfter, 10)
	o.LockAddress = cmp.Or(o.LockAddress, 50)
	o.LockFor = cmp.Or(o.LockFor, 15*time.Minute)
	o.Delay = cmp.Or(o.Delay, 500*time.Millisecond)
	o.LongestDelay = cmp.Or(o.LongestDelay, 10*time.Second)
	o.Tracked = cmp.Or(o.Tracked, 16384)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Accounts checks logins. Safe for concurrent use; it has no goroutine.
type Accounts struct {
	o       Options
	store   Store
	key     macKey
	memory  *memory
	guesses *guesses
	hashers slots
	asking  slots // to the directory
	nobody  phc   // what the password of nobody is checked against
	metrics *metrics
}

// New makes the checker of logins. A negative bound is an error.
func New(o Options, store Store) (*Accounts, error) {
	o = o.withDefaults()
	if min(o.Remembered, o.Hashing, o.Asking, o.LockAfter, o.LockAddress, o.Tracked) < 0 || min(o.Remember, o.LockFor, o.Delay, o.LongestDelay) < 0 {
		return nil, errors.New("accounts: a bound is negative")
	}
	r := rule{account: o.LockAfter, address: o.LockAddress, window: o.LockFor, delay: o.Delay, most: o.LongestDelay, home: homeFor}
	return &Accounts{
		o: o, store: store, key: newMACKey(), memory: newMemory(o.Remembered), guesses: newGuesses(r, o.Tracked),
		hashers: make(slots, o.Hashing), asking: make(slots, o.Asking), nobody: nobodys(), metrics: newMetrics(o.Registerer),
	}, nil
}

// Attempt is one try to log in.
type Attempt struct {
	Login    string // or an address of the account, when it is nobody else's: what mail clients propose
	Password string
	Address  netip.Addr // where it comes from
	// InPerson: a person types it into a page. App passwords are for programs: they open nothing there.
	InPerson bool
}

// maxLogin bounds a login, in octets.
const maxLogin = 255

// Login gives the agent of a login and password. It fails with a *gateway.Fault: 535 5.7.8
// (permanent: wrong), said after a growing delay; or 454 4.7.0 (temporary: locked out, or an
// outage of ours). RFC 4954 §6.
func (a *Accounts) Login(ctx context.Context, try Attempt) (gateway.Agent, error) {
	login := strings.ToLower(strings.TrimSpace(try.Login))
	agent, err := a.find(ctx, login)
	if err != nil {
		return gateway.Agent{}, a.unavailable("find the account", err)
	}
	if !agent.ID.IsZero() {
		login = agent.Login // whatever was typed, failures are counted once
	}
	w := who{login: login, exists: !agent.ID.IsZero(), address: Network(try.Address)}
	if by := a.guesses.lockedBy(w, a.o.Now()); by != "" {
		return gateway.Agent{}, a.lockedOut(by)
	}
	found, err := a.check(ctx, w, agent, try)
	switch {
	case err != nil:
		return gateway.Agent{}, a.unavailable("check the password", err)
	case found.outcome == outcomeLocked:
		return gateway.Agent{}, a.lockedOut("account")
	case found.outcome == outcomeDenied:
		return gateway.Agent{}, a.denied(ctx, w, agent, found)
	}
	a.guesses.succeeded(w, a.o.Now())
	a.metrics.logins.WithLabelValues(found.outcome).Inc()
	return agent, nil
}

// verdict is what checking a credential found.
type verdict struct {
	outcome string
	delay   time.Duration // of outcomeDenied: before saying so
	locks   []string      // of outcomeDenied: what it locked
}

// find gives the account, or a zero one for nobody.
func (a *Accounts) find(ctx context.Context, login string) (gateway.Agent, error) {
	if login == "" || len(login) > maxLogin {
		return gateway.Agent{}, nil
	}
	agent, err := a.store.AgentByLogin(ctx, login)
	if errors.Is(err, gateway.ErrNotFound) {
		return a.findAt(ctx, login)
	}
	return agent, err
}

// findAt gives the account whose address was typed in the place of its login; one that several may write as is nobody's.
func (a *Accounts) findAt(ctx context.Context, address string) (gateway.Agent, error) {
	if !strings.Contains(address, "@") {
		return gateway.Agent{}, nil
	}
	agents, err := a.store.AgentsAt(ctx, address)
	if err != nil || len(agents) != 1 {
		return gateway.Agent{}, err
	}
	return agents[0], nil
}

// check tells how the credential was verified, or that it was not.
func (a *Accounts) check(ctx context.Context, w who, agent gateway.Agent, try Attempt) (verdict, error) {
	text, err := prepare(try.Password)
	if err != nil {
		text = nil // nobody's: the work is done all the same
	}
	credential := a.key.of(w.login, agent, text)
	if usable(agent) {
		if a.memory.knows(credential, a.o.Now()) {
			return verdict{outcome: outcomeRemembered}, nil
		}
		if !try.InPerson {
			if ok, err := a.app(ctx, agent, try.Password); ok || err != nil {
				return verdict{outcome: outcomeApp}, err
			}
		}
	}
	return a.verify(ctx, w, agent, text, credential)
}

func usable(agent gateway.Agent) bool { return !agent.ID.IsZero() && !agent.Disabled }

// app tells whether the password is one of the agent's app passwords in force.
func (a *Accounts) app(ctx context.Context, agent gateway.Agent, password string) (bool, error) {
	hash, ok := AppHash(password)
	if !ok {
		return false, nil
	}
	all, err := a.store.AppPasswords(ctx, agent.ID)
	if err != nil {
		return false, fmt.Errorf("read app passwords: %w", err)
	}
	for _, p := range all {
		if !p.Revoked.IsZero() || subtle.ConstantTimeCompare([]byte(p.Hash), []byte(hash)) != 1 {
			continue
		}
		if !a.o.Now().Before(p.Used.Add(touchEvery)) {
			if err := a.store.UsedAppPassword(ctx, p.ID); err != nil {
				return false, fmt.Errorf("record the use of an app password: %w", err)
			}
		}
		return true, nil
	}
	return false, nil
}

// verify checks the password against the account's hash, the directory, or nobody's hash for the
// same work. A failure is counted before its slot is free again, so that guesses made at the same
// time pass the lock by the number of slots at most.
func (a *Accounts) verify(ctx context.Context, w who, agent gateway.Agent, text []byte, credential mac) (verdict, error) {
	started, slot := a.o.Now(), a.hashers
	inDirectory := a.o.Directory != nil && usable(agent) && agent.Password == ""
	if inDirectory {
		slot = a.asking
	}
	if err := slot.enter(ctx); err != nil {
		return verdict{}, err
	}
	defer slot.leave()
	// While it waited, the same credential may have been verified, or others have locked the account.
	now := a.o.Now()
	if usable(agent) && a.memory.knows(credential, now) {
		return verdict{outcome: outcomeRemembered}, nil
	}
	if a.guesses.lockedBy(w, now) != "" {
		return verdict{outcome: outcomeLocked}, nil
	}
	matches, err := a.matches(ctx, agent, text, inDirectory)
	if err != nil {
		return verdict{}, err
	}
	now = a.o.Now()
	a.metrics.checking.Observe(now.Sub(started).Seconds())
	if !matches {
		delay, locks := a.guesses.failed(w, credential, now)
		return verdict{outcomeDenied, delay, locks}, nil
	}
	a.memory.keep(credential, now.Add(a.o.Remember))
	return verdict{outcome: outcomeVerified}, nil
}

func (a *Accounts) matches(ctx context.Context, agent gateway.Agent, text []byte, inDirectory bool) (bool, error) {
	if inDirectory {
		if len(text) == 0 { // to a directory, no password would be no question (RFC 4513 §5.1.2)
			return false, nil
		}
		return a.o.Directory.Authenticate(ctx, agent.Login, string(text))
	}
	kept := a.nobody
	if agent.Password != "" {
		var err error
		if kept, err = parsePHC(agent.Password); err != nil {
			return false, err
		}
	}
	return kept.matches(text) && len(text) > 0 && usable(agent) && agent.Password != "", nil
}

func (a *Accounts) denied(ctx context.Context, w who, agent gateway.Agent, found verdict) error {
	a.metrics.logins.WithLabelValues(outcomeDenied).Inc()
	for _, by := range found.locks {
		a.metrics.locks.WithLabelValues(by).Inc()
		a.o.Logger.Warn("too many failed logins: locked", "by", by, "agent", agent.ID, "address", w.address, "for", a.o.LockFor)
	}
	a.o.Wait(ctx, found.delay)
	return &gateway.Fault{Class: gateway.Permanent, Code: 535, Enhanced: [3]int{5, 7, 8}, Op: "log in", Key: "account.denied"}
}

func (a *Accounts) lockedOut(by string) error {
	a.metrics.logins.WithLabelValues(outcomeLocked).Inc()
	return &gateway.Fault{
		Class: gateway.Temporary, Code: 454, Enhanced: [3]int{4, 7, 0}, Op: "log in", Key: "account.locked",
		Err: fmt.Errorf("locked by %s", by),
	}
}

func (a *Accounts) unavailable(op string, err error) error {
	a.metrics.logins.WithLabelValues(outcomeUnavailable).Inc()
	return &gateway.Fault{Class: gateway.Temporary, Code: 454, Enhanced: [3]int{4, 7, 0}, Op: op, Key: "account.unavailable", Err: err}
}
