package mailbox

import (
	"context"
	"maps"
	"slices"

	"github.com/emersion/go-imap/v2"

	"vaguemestre/gateway"
)

// settle marks or moves the copies of mail that is understood or quarantined, and expunges those of
// sealed answers.
func (s *session) settle(ctx context.Context) error {
	var done, sealed []imap.UID
	waiting := 0
	for _, uid := range slices.Sorted(maps.Keys(s.pending)) {
		settled, secret, err := s.settled(ctx, s.pending[uid])
		if err != nil {
			return at(stageStore, err)
		}
		if !settled {
			waiting++
		}
		if waiting > batch { // mails are understood in their order, nearly
			break
		}
		switch {
		case !settled:
		case secret:
			sealed = append(sealed, uid)
		default:
			done = append(done, uid)
		}
	}
	if err := s.file(done); err != nil {
		return at(stageSettle, err)
	}
	if err := s.expunge(sealed); err != nil {
		return at(stageSettle, err)
	}
	for _, uid := range append(done, sealed...) {
		delete(s.pending, uid)
	}
	return nil
}

// settled tells whether a mail is understood or quarantined, and whether its copy must not stay since it is sealed, or may be, and is ours whole.
func (s *session) settled(ctx context.Context, r received) (settled, secret bool, err error) {
	in, err := s.service.store.Inbound(ctx, r.mail)
	if err != nil || in.State == gateway.InboundNew {
		return false, false, err
	}
	return true, !in.Opens.IsZero() && !r.part, nil
}

// file flags copies where they are, or moves them.
func (s *session) file(uids []imap.UID) error {
	if len(uids) == 0 {
		return nil
	}
	flags := []imap.Flag{imap.FlagSeen}
	if s.keywords {
		flags = append(flags, flagDone)
	}
	set := imap.UIDSetNum(uids...)
	if err := s.flag(set, flags...); err != nil || s.account.Done == "" {
		return err
	}
	return s.wire.watch(func(func()) error {
		_, err := s.client.Move(set, s.account.Done).Wait()
		return err
	})
}

func (s *session) flag(set imap.UIDSet, flags ...imap.Flag) error {
	return s.wire.watch(func(func()) error {
		return s.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: flags}, nil).Close()
	})
}

// expunge removes copies for good. Without UIDPLUS (RFC 4315), EXPUNGE also takes what others have marked as deleted: a
// sealed answer weighs more.
func (s *session) expunge(uids []imap.UID) error {
	if len(uids) == 0 {
		return nil
	}
	set := imap.UIDSetNum(uids...)
	if err := s.flag(set, imap.FlagSeen, imap.FlagDeleted); err != nil {
		return err
	}
	return s.wire.watch(func(func()) error {
		if s.client.Caps().Has(imap.CapUIDPlus) {
			return s.client.UIDExpunge(set).Close()
		}
		return s.client.Expunge().Close()
	})
}
