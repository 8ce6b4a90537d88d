package mailbox

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Service reads the accounts and understands their mail.
type Service struct {
	o       Options
	store   Store
	metrics *metrics

	mu     sync.Mutex
	status map[string]status
}

// status is how an account fares.
type status struct {
	state string    // "starting", "elsewhere", "connected", or what failed
	ok    bool      // connected, or read by another node
	since time.Time // of the last look through to the end
}

// New makes the service; nothing is opened. It fails on options that can never work.
func New(o Options, s Store) (*Service, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	service := &Service{o: o, store: s, metrics: newMetrics(o.Registerer, o.Accounts), status: map[string]status{}}
	for _, a := range o.Accounts {
		service.status[a.Name] = status{state: "starting"}
	}
	return service, nil
}

// Run reads and understands until the context ends, and returns when everything it started has
// stopped: nil, since whatever fails is tried again.
func (s *Service) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { s.understand(ctx); return nil })
	for _, a := range s.o.Accounts {
		g.Go(func() error { newReader(s, a).run(ctx); return nil })
	}
	return g.Wait()
}

// Healthy tells whether every account is being read, here or by another node; the error names those that
// are not, and why.
func (s *Service) Healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ill []string
	for name, st := range s.status {
		if !st.ok {
			ill = append(ill, fmt.Sprintf("%s: %s", name, st.state))
		}
	}
	if len(ill) == 0 {
		return nil
	}
	sort.Strings(ill)
	return errors.New("mailboxes not read: " + strings.Join(ill, "; "))
}

// LastSuccess is when an account was last looked through to the end; zero: never by this process.
func (s *Service) LastSuccess(account string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status[account].since
}

func (s *Service) fares(account, state string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status[account]
	st.state, st.ok = state, ok
	s.status[account] = st
}

func (s *Service) looked(account string) {
	now := s.o.Now()
	s.metrics.looked(account, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[account] = status{state: "connected", ok: true, since: now}
}

// pause waits for d or the end of the context; false at the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
