package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// flagDone marks the copies that are settled.
const flagDone imap.Flag = "$Vaguemestre"

// session is one connection, logged in and with its folder selected.
type session struct {
	*reader
	client   *imapclient.Client
	wire     *wire
	validity uint32
	last     uint32 // the UID up to which the folder was read
	keywords bool   // the folder keeps flags of our own
	arrived  chan struct{}
	secret   bool                  // some seal is open: what comes may have to be encrypted
	pending  map[imap.UID]received // stored, their copies not settled yet
}

// received is a mail that is stored.
type received struct {
	mail gateway.ID
	part bool // of it: the copy alone is whole
}

// farewell is how long LOGOUT may take.
const farewell = 5 * time.Second

// session connects and reads until something fails (the error), or the context ends (nil).
func (r *reader) session(ctx context.Context) error {
	s := &session{reader: r, arrived: make(chan struct{}, 1), pending: map[imap.UID]received{}}
	options := &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				s.wake()
			}
		},
	}}
	var err error
	if s.client, s.wire, err = dial(ctx, r.account, r.service.o.CommandTimeout, options); err != nil {
		return at(stageConnect, err)
	}
	defer func() { _ = s.client.Close() }()
	defer s.hurry(ctx)()
	connected := r.service.metrics.connected.WithLabelValues(r.account.Name)
	if err := s.open(ctx); err != nil {
		return s.unlessOver(ctx, err)
	}
	connected.Set(1)
	defer connected.Set(0)
	r.log.Info("mailbox opened", "folder", r.account.Folder, "uidvalidity", s.validity, "read_to", s.last)
	err = s.read(ctx)
	if ctx.Err() != nil || err == nil {
		s.logout()
		return nil
	}
	return err
}

// hurry closes the connection a moment after the context ends, so that a stop does not wait for a slow server.
func (s *session) hurry(ctx context.Context) (release func()) {
	var timer *time.Timer
	ready := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer = time.AfterFunc(farewell, func() { _ = s.wire.conn.Close() })
		close(ready)
	})
	return func() {
		if !stop() {
			<-ready
			timer.Stop()
		}
	}
}

func (s *session) unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *session) wake() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// open logs in and selects the folder.
func (s *session) open(ctx context.Context) error {
	err := s.wire.watch(func(func()) error { return login(ctx, s.client, s.account) })
	if err != nil {
		return at(stageLogin, err)
	}
	var selected *imap.SelectData
	err = s.wire.watch(func(func()) error {
		if s.account.Done != "" {
			_ = s.client.Create(s.account.Done, nil).Wait() // it is there already, or moving will say why not
		}
		selected, err = s.client.Select(s.account.Folder, nil).Wait()
		return err
	})
	if err != nil {
		return at(stageSelect, err)
	}
	s.validity = selected.UIDValidity
	s.keywords = slices.Contains(selected.PermanentFlags, imap.FlagWildcard) || slices.Contains(selected.PermanentFlags, flagDone)
	return s.resume(ctx)
}

// resume finds out how far the folder was read. Under another UIDVALIDITY its numbers mean nothing any more
// (RFC 9051 §2.3.1.1): it is read again from the beginning, and contents that are known stay what they are.
func (s *session) resume(ctx context.Context) error {
	validity, last, err := s.service.store.LastUID(ctx, s.account.Name, s.account.Folder)
	if err != nil {
		return at(stageStore, err)
	}
	switch validity {
	case s.validity:
		s.last = last
	case 0:
	default:
		s.log.Warn("UIDVALIDITY changed: reading the folder again", "was", validity, "is", s.validity)
	}
	return nil
}

// read looks for mail, settles copies and waits, over and over.
func (s *session) read(ctx context.Context) error {
	woken, cancel := s.service.store.Watch(store.TopicInbound)
	defer cancel()
	if err := s.leftovers(ctx); err != nil {
		return err
	}
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		s.service.looked(s.account.Name)
		s.looked = true
		if err := s.wait(ctx, woken); err != nil {
			return at(stageIdle, err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// search asks for the UIDs that meet the criteria, in ascending order.
func (s *session) search(criteria *imap.SearchCriteria) ([]imap.UID, error) {
	var uids []imap.UID
	err := s.wire.watch(func(func()) error {
		data, err := s.client.UIDSearch(criteria, nil).Wait()
		if err != nil {
			return err
		}
		uids = data.AllUIDs()
		return nil
	})
	slices.Sort(uids)
	return slices.Compact(uids), err
}

// look receives what came since the last look.
func (s *session) look(ctx context.Context) error {
	uids, err := s.search(&imap.SearchCriteria{UID: []imap.UIDSet{{imap.UIDRange{Start: imap.UID(s.last + 1), Stop: 0}}}})
	if err != nil {
		return at(stageFetch, err)
	}
	// RFC 9051 §6.4.4: n:* always includes the last message, even when its number is below n.
	uids = slices.DeleteFunc(uids, func(u imap.UID) bool { return uint32(u) <= s.last })
	return s.receiveAll(ctx, uids)
}

// leftovers takes up the copies of mail that was stored and not settled when an earlier
// connection ended. They are known by their content; where the folder keeps no flag of ours nothing tells them.
func (s *session) leftovers(ctx context.Context) error {
	if s.last == 0 || !s.keywords {
		return nil
	}
	uids, err := s.search(unsettled(s.last))
	if err != nil {
		return at(stageFetch, err)
	}
	return s.receiveAll(ctx, uids)
}

// unsettled finds the copies up to a UID that are neither marked nor about to go.
func unsettled(last uint32) *imap.SearchCriteria {
	return &imap.SearchCriteria{
		UID: []imap.UIDSet{{imap.UIDRange{Start: 1, Stop: imap.UID(last)}}}, NotFlag: []imap.Flag{flagDone, imap.FlagDeleted},
	}
}

// wait ends when mail arrives, when a mail was understood, at the next poll, or with the context.
func (s *session) wait(ctx context.Context, woken <-chan struct{}) error {
	timer := time.NewTimer(s.account.Poll)
	defer timer.Stop()
	idle, err := s.idle()
	if err != nil {
		return err
	}
	select {
	case <-s.arrived:
	case <-woken:
	case <-timer.C:
	case <-ctx.Done():
	case <-s.client.Closed():
		err = errors.New("the server closed the connection")
	}
	if idle == nil {
		return s.noop(err)
	}
	ended := s.wire.watch(func(func()) error { return errors.Join(idle.Close(), idle.Wait()) })
	if err == nil && ended != nil {
		err = fmt.Errorf("end idling: %w", ended)
	}
	return err
}

// idle begins to idle (RFC 2177); nil where the server cannot.
func (s *session) idle() (idle *imapclient.IdleCommand, err error) {
	err = s.wire.watch(func(func()) error {
		if !s.client.Caps().Has(imap.CapIdle) {
			return nil
		}
		idle, err = s.client.Idle()
		return err
	})
	return idle, err
}

// noop has a server without IDLE tell what arrived, and shows that it lives.
func (s *session) noop(before error) error {
	if before != nil {
		return before
	}
	return s.wire.watch(func(func()) error { return s.client.Noop().Wait() })
}

// logout says goodbye; it does not matter whether anybody answers.
func (s *session) logout() {
	last := &wire{conn: s.wire.conn, timeout: farewell}
	_ = last.watch(func(func()) error { return s.client.Logout().Wait() })
}
