package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"vaguemestre/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people is a store in memory.
type people struct {
	mu     sync.Mutex
	agents map[string]gateway.Agent
	apps   []gateway.AppPassword
	used   int
	down   error
}

func (p *people) AgentByLogin(_ context.Context, login string) (gateway.Agent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return gateway.Agent{}, p.down
	}
	a, ok := p.agents[login]
	if !ok {
		return gateway.Agent{}, fmt.Errorf("agent: %w", gateway.ErrNotFound)
	}
	return a, nil
}

func (p *people) AgentsAt(_ context.Context, address string) (all []gateway.Agent, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.agents {
		if a.Owns(address) && !a.Disabled {
			all = append(all, a)
		}
	}
	return all, p.down
}

func (p *people) AppPasswords(_ context.Context, agent gateway.ID) (of []gateway.AppPassword, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.apps {
		if a.Agent == agent {
			of = append(of, a)
		}
	}
	return of, nil
}

func (p *people) UsedAppPassword(_ context.Context, id gateway.ID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used++
	for i := range p.apps {
		if p.apps[i].ID == id {
			p.apps[i].Used = epoch
		}
	}
	return nil
}

func (p *people) change(login string, f func(*gateway.Agent)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.agents[login]
	f(&a)
	a.Version++
	p.agents[login] = a
}

var (
	epoch  = time.Date(2021, 3, 20, 12, 0, 0, 0, time.UTC)
	office = netip.MustParseAddr("192.0.2.10")
	abroad = netip.MustParseAddr("198.51.100.7")
)

const password = "une phrase assez longue, été compris"

// desk is an Accounts with one agent, claire, a clock that the test moves, and no real waiting.
type desk struct {
	*Accounts
	t      *testing.T
	store  *people
	now    time.Time
	waited []time.Duration
	log    strings.Builder
}

func newDesk(t *testing.T, o Options) *desk {
	t.Helper()
	d := &desk{t: t, now: epoch}
	hash, err := hashAt(Cost{Memory: 64, Time: 1, Threads: 1}, password)
	if err != nil {
		t.Fatal(err)
	}
	d.store = &people{agents: map[string]gateway.Agent{
		"claire": {ID: gateway.NewID(epoch), Login: "claire", Password: hash, Version: 1},
		"marc":   {ID: gateway.NewID(epoch), Login: "marc", Password: hash, Version: 1},
	}}
	o.Now = func() time.Time { return d.now }
	o.Wait = func(_ context.Context, w time.Duration) { d.waited = append(d.waited, w) }
	o.Logger = slog.New(slog.NewTextHandler(&d.log, nil))
	o.Registerer = prometheus.NewRegistry()
	d.Accounts, err = New(o, d.store)
	if err != nil {
		t.Fatal(err)
	}
	d.nobody, _ = parsePHC(hash) // as cheap as claire's
	return d
}

func (d *desk) login(login, password string, from netip.Addr) error {
	_, err := d.Login(d.t.Context(), Attempt{Login: login, Password: password, Address: from})
	return err
}

// want checks the code that a login is answered; 0: it succeeds.
func (d *desk) want(code int, login, password string, from netip.Addr) {
	d.t.Helper()
	err := d.login(login, password, from)
	if code == 0 && err == nil {
		return
	}
	var f *gateway.Fault
	if !errors.As(err, &f) || f.Code != code {
		d.t.Fatalf("%s from %s: want %d, got %v", login, from, code, err)
	}
	if permanent := f.Class == gateway.Permanent; permanent != (code == 535) {
		d.t.Fatalf("%d has class %v", code, f.Class)
	}
}

func (d *desk) outcome(name string) float64 {
	return testutil.ToFloat64(d.metrics.logins.WithLabelValues(name))
}

func TestLogin(t *testing.T) {
	d := newDesk(t, Options{})
	d.want(0, "claire", password, office)
	d.want(0, " Claire ", password, office) // as people type it
	d.want(0, "claire", "une phrase assez longue, e\u0301te\u0301 compris", office)
	d.want(535, "claire", password+" ", office)
	d.want(535, "claire", strings.ToUpper(password), office)
	d.want(535, "claire", "", office)
	d.want(535, "claire", password+"\x00", office)
	d.want(535, "personne", password, office)
	d.want(535, "", password, office)
	d.want(535, strings.Repeat("a", 300), password, office)
	d.store.change("claire", func(a *gateway.Agent) { a.Disabled = true })
	d.want(535, "claire", password, office)
	d.store.change("claire", func(a *gateway.Agent) { a.Disabled, a.Password = false, "" })
	d.want(535, "claire", password, abroad)
	if strings.Contains(d.log.String(), "phrase") {
		t.Error("a password is in the log")
	}
}

func TestAnAddressStandsForTheLoginWhenItIsNobodyElses(t *testing.T) {
	d := newDesk(t, Options{LockAfter: 3})
	d.store.change("claire", func(a *gateway.Agent) { a.Addresses = []string{"claire@ville.example", "marches@ville.example"} })
	d.store.change("marc", func(a *gateway.Agent) { a.Addresses = []string{"marches@ville.example"} })
	if err := d.login("Claire@Ville.example", password, office); err != nil {
		t.Error(err)
	}
	for _, nobodys := range []string{"marches@ville.example", "autre@ville.example", "claire@"} {
		if gateway.FaultOf(d.login(nobodys, password, office)).Code != 535 {
			t.Errorf("%s opens something", nobodys)
		}
	}
	for i, typed := range []string{"claire", "claire@ville.example", "claire"} {
		if d.login(typed, fmt.Sprint("faux", i), abroad) == nil {
			t.Fatal("a wrong password opens")
		}
	}
	if f := gateway.FaultOf(d.login("claire@ville.example", password, abroad)); f.Code != 454 {
		t.Errorf("failures by the address are not the account's: %v", f)
	}
}

func TestAnOutageIsNoWrongPassword(t *testing.T) {
	d := newDesk(t, Options{})
	d.store.down = errors.New("database gone")
	d.want(454, "claire", password, office)
	d.store.down = nil
	d.store.change("claire", func(a *gateway.Agent) { a.Password = "$argon2id$broken" })
	d.want(454, "claire", password, office)
	if d.outcome(outcomeUnavailable) != 2 || len(d.waited) != 0 {
		t.Errorf("unavailable %v, waited %v", d.outcome(outcomeUnavailable), d.waited)
	}
}

func TestAVerifiedPasswordIsRemembered(t *testing.T) {
	d := newDesk(t, Options{Remember: time.Minute})
	d.want(0, "claire", password, office)
	for range 3 {
		d.want(0, "claire", password, abroad)
	}
	if v, r := d.outcome(outcomeVerified), d.outcome(outcomeRemembered); v != 1 || r != 3 {
		t.Fatalf("verified %v, remembered %v", v, r)
	}
	d.want(535, "marc", "autre chose", office) // what is remembered is claire's
	d.now = d.now.Add(time.Minute)
	d.want(0, "claire", password, office)
	if v := d.outcome(outcomeVerified); v != 2 {
		t.Errorf("remembered for too long: verified %v", v)
	}
}

func TestWhatIsRememberedDiesWithTheRow(t *testing.T) {
	d := newDesk(t, Options{})
	d.want(0, "claire", password, office)
	other, err := hashAt(Cost{Memory: 64, Time: 1, Threads: 1}, "un autre mot de passe")
	if err != nil {
		t.Fatal(err)
	}
	d.store.change("claire", func(a *gateway.Agent) { a.Password = other })
	d.want(535, "claire", password, office)
	d.want(0, "claire", "un autre mot de passe", office)
	d.store.change("claire", func(a *gateway.Agent) { a.Disabled = true })
	d.want(535, "claire", "un autre mot de passe", office)
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	d := newDesk(t, Options{Remembered: 2, Tracked: 3})
	for i := range 20 {
		d.store.change("claire", func(*gateway.Agent) {}) // a new version each time
		d.want(0, "claire", password, office)
		d.want(535, fmt.Sprintf("inconnu%d", i), password, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	for name, n := range map[string]int{
		"remembered": d.memory.verified.len() - 2, "strangers": d.guesses.strangers.len() - 3, "addresses": d.guesses.addresses.len() - 3,
	} {
		if n != 0 {
			t.Errorf("%s: %+d over its bound", name, n)
		}
	}
}

func TestAppPasswords(t *testing.T) {
	d := newDesk(t, Options{})
	shown, kept := NewAppPassword()
	claire := d.store.agents["claire"].ID
	d.store.apps = []gateway.AppPassword{{ID: gateway.NewID(epoch), Agent: claire, Label: "téléphone", Hash: kept}}
	d.want(0, "claire", shown, office)
	d.want(0, "claire", strings.ToUpper(strings.ReplaceAll(shown, "-", " ")), office)
	d.want(535, "marc", shown, office) // another's
	if d.outcome(outcomeApp) != 2 || d.store.used != 1 {
		t.Errorf("logins %v, recorded %d: once an hour is enough", d.outcome(outcomeApp), d.store.used)
	}
	d.now = d.now.Add(touchEvery)
	d.want(0, "claire", shown, office)
	if d.store.used != 2 {
		t.Errorf("recorded %d", d.store.used)
	}
	d.store.apps[0].Revoked = d.now
	d.want(535, "claire", shown, office)
	d.want(0, "claire", password, office)
	if !strings.HasPrefix(kept, "$sha256$") || strings.Contains(kept, shown) {
		t.Errorf("kept as %q", kept)
	}
	if _, ok := AppHash("correct horse battery"); ok {
		t.Error("a phrase was taken for an app password")
	}
}

func TestGuessingIsSlowedThenLocked(t *testing.T) {
	d := newDesk(t, Options{LockAfter: 4, LockFor: time.Hour, Delay: time.Second, LongestDelay: 3 * time.Second})
	for i := range 4 {
		d.want(535, "claire", fmt.Sprint("essai ", i), abroad)
	}
	want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}
	if fmt.Sprint(d.waited) != fmt.Sprint(want) {
		t.Errorf("waited %v, want %v", d.waited, want)
	}
	d.want(454, "claire", password, abroad) // the right one learns nothing either
	d.want(0, "marc", password, abroad)     // others are not concerned
	if by := testutil.ToFloat64(d.metrics.locks.WithLabelValues("account")); by != 1 {
		t.Errorf("locks %v", by)
	}
	d.now = d.now.Add(time.Hour)
	d.want(0, "claire", password, abroad)
	d.waited = nil
	d.want(535, "claire", "essai", office) // a new count, after a success
	if d.waited[0] != time.Second {
		t.Errorf("waited %v", d.waited)
	}
}

func TestUnknownLoginsAreAnsweredAndLockedAlike(t *testing.T) {
	d := newDesk(t, Options{LockAfter: 3})
	for i := range 6 {
		var codes [2]string
		for j, login := range []string{"marc", "inconnu"} {
			err := d.login(login, fmt.Sprint("essai ", i), netip.AddrFrom4([4]byte{10, byte(j), 0, byte(i)}))
			codes[j] = gateway.FaultOf(err).Error()
		}
		if codes[0] != codes[1] {
			t.Errorf("try %d: %q for an account, %q for nobody", i, codes[0], codes[1])
		}
	}
}

func TestAStrangerCannotLockAnAgentOutOfTheOffice(t *testing.T) {
	d := newDesk(t, Options{LockAfter: 3})
	d.want(0, "claire", password, office)
	for i := range 3 {
		d.want(535, "claire", fmt.Sprint("essai ", i), abroad)
	}
	d.want(454, "claire", password, abroad)
	d.want(0, "claire", password, office)
	d.now = d.now.Add(homeFor)
	for i := range 3 {
		d.want(535, "claire", fmt.Sprint("essai ", i), abroad)
	}
	d.want(454, "claire", password, office) // not there for a month
}

func TestAnAddressThatGuessesIsLocked(t *testing.T) {
	d := newDesk(t, Options{LockAddress: 5})
	one := netip.MustParseAddr("2001:db8:1:2::1")
	same := netip.MustParseAddr("2001:db8:1:2:ffff::1") // the same /64
	for i := range 5 {
		d.want(535, fmt.Sprint("inconnu", i), "essai", []netip.Addr{one, same}[i%2])
	}
	d.want(454, "claire", password, one)
	d.want(0, "claire", password, netip.MustParseAddr("2001:db8:1:3::1"))
	if by := testutil.ToFloat64(d.metrics.locks.WithLabelValues("address")); by != 1 {
		t.Errorf("locks %v", by)
	}
}

func TestTheSameWrongPasswordIsOneGuess(t *testing.T) {
	d := newDesk(t, Options{LockAfter: 3, LockAddress: 3})
	for range 20 {
		d.want(535, "claire", "l'ancien mot de passe", abroad)
	}
	d.want(0, "claire", password, abroad)
}

// aDirectory is a directory in memory.
type aDirectory struct {
	asked int
	err   error
}

func (d *aDirectory) Authenticate(_ context.Context, login, text string) (bool, error) {
	d.asked++
	return login == "claire" && text == password, d.err
}

func TestAccountsOfADirectory(t *testing.T) {
	dir := &aDirectory{}
	d := newDesk(t, Options{Directory: dir, LockAfter: 3, Remember: time.Minute})
	d.store.change("claire", func(a *gateway.Agent) { a.Password = "" })
	d.want(0, "claire", password, office)
	d.want(0, "claire", password, office) // remembered
	d.want(535, "claire", "faux", office)
	d.want(535, "claire", "", office)
	d.want(0, "marc", password, office)      // has a password here
	d.want(535, "inconnu", password, office) // the directory is not asked about strangers
	if dir.asked != 2 {
		t.Errorf("asked %d times", dir.asked)
	}
	dir.err = errors.New("directory gone")
	d.now = d.now.Add(time.Minute)
	d.want(454, "claire", password, office)
	dir.err = nil
	d.store.change("claire", func(a *gateway.Agent) { a.Disabled = true })
	d.want(535, "claire", password, office)
	for i := range 3 {
		d.want(535, "claire", fmt.Sprint("essai", i), abroad)
	}
	d.want(454, "claire", password, abroad)
}

// Sixteen sessions that open at once with one password compute it once or twice, and no more
// hashes than allowed run at a time.
func TestSessionsThatOpenAtOnceShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Options{Hashing: 2, LockAfter: 3})
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { d.want(0, "claire", password, office) })
		}
		wg.Wait()
		if v := d.outcome(outcomeVerified); v > 2 {
			t.Errorf("hashed %v times", v)
		}
	})
}

func TestWaitingForAHasherEndsWithTheContext(t *testing.T) {
	d := newDesk(t, Options{Hashing: 1})
	d.hashers <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Login(ctx, Attempt{Login: "claire", Password: password, Address: office})
	if f := gateway.FaultOf(err); f.Code != 454 {
		t.Errorf("answered %v", err)
	}
}

func TestTheRealWaitEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wait(ctx, time.Hour)
	wait(t.Context(), time.Nanosecond)
}

func TestUnknownLoginsCostAHash(t *testing.T) {
	if n := nobodys(); n.check() != nil || n.Cost != DefaultCost {
		t.Errorf("%+v", n)
	}
	if _, err := New(Options{Hashing: -1}, nil); err == nil {
		t.Error("a negative bound was taken")
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	r := prometheus.NewRegistry()
	newMetrics(r)
	if problems, err := testutil.GatherAndLint(r); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
