package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// batch is how many mails one FETCH asks for: their spools, of at most the inline size of the store
// in memory each, wait for one another.
const batch = 20

// settleEvery is after how many batches of a long backlog the copies are settled.
const settleEvery = 25

// The class and reasons of what cannot be read.
const (
	classUnreadable = "unreadable"
	whyUnfetchable  = "the server lists this mail and does not give it"
	whyTooLarge     = "longer than %d bytes: kept up to there"
)

// receiveAll receives these mails in their order: nothing is behind the last UID without being stored.
func (s *session) receiveAll(ctx context.Context, uids []imap.UID) error {
	received := 0
	for asked := range slices.Chunk(uids, batch) {
		if ctx.Err() != nil {
			return nil
		}
		if err := s.receiveBatch(ctx, asked); err != nil {
			return err
		}
		if received++; received%settleEvery == 0 {
			if err := s.settle(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) receiveBatch(ctx context.Context, asked []imap.UID) error {
	until, err := s.service.store.SealedUntil(ctx, gateway.ID{}, s.service.o.Now())
	if err != nil {
		return at(stageStore, err)
	}
	s.secret = !until.IsZero()
	got, err := s.fetch(asked)
	defer func() {
		for _, f := range got {
			f.spool.Discard()
		}
	}()
	if err != nil && !refused(err) {
		return at(stageFetch, err)
	}
	for _, uid := range asked {
		f, ok := got[uid]
		if !ok {
			if f, err = s.fetchAlone(uid); err != nil {
				return err
			}
			if f.spool == nil { // removed meanwhile by somebody else
				s.last = max(s.last, uint32(uid))
				continue
			}
			defer f.spool.Discard()
		}
		if err := s.receive(ctx, uid, f); err != nil {
			return at(stageStore, err)
		}
	}
	return nil
}

// refused tells the server's NO or BAD from a broken connection: the connection goes on.
func refused(err error) bool {
	var no *imap.Error
	return errors.As(err, &no) && no.Type != imap.StatusResponseTypeBye
}

// fetched is one mail, as far as it was given.
type fetched struct {
	spool   *store.Spool
	problem string // why it is quarantined at once
}

// fetchAlone asks for one mail that did not come among others. One that does not come alone either, and
// is still listed, stands in quarantine as a note of where it is: it must be looked at, and must not stop the others.
// The spool is nil when the mail is not listed any more.
func (s *session) fetchAlone(uid imap.UID) (fetched, error) {
	got, err := s.fetch([]imap.UID{uid})
	if f, ok := got[uid]; ok && err == nil {
		return f, nil
	} else if ok {
		f.spool.Discard()
	}
	if err != nil && !refused(err) {
		return fetched{}, at(stageFetch, err)
	}
	listed, lost := s.search(&imap.SearchCriteria{UID: []imap.UIDSet{imap.UIDSetNum(uid)}})
	if lost != nil || len(listed) == 0 {
		return fetched{}, at(stageFetch, lost)
	}
	s.service.metrics.missing.WithLabelValues(s.account.Name).Inc()
	s.log.Error("mail cannot be fetched", "uid", uint32(uid), "uidvalidity", s.validity, "err", err)
	f := fetched{spool: s.service.store.Spool(), problem: whyUnfetchable}
	_, err = fmt.Fprintf(f.spool, "Subject: Mail that cannot be fetched\r\n\r\nMailbox %s, folder %s, UIDVALIDITY %d, UID %d.\r\n", s.account.Name, s.account.Folder, s.validity, uid)
	if err != nil {
		f.spool.Discard()
		return fetched{}, at(stageStore, err)
	}
	return f, nil
}

// fetch asks for the raw mails and spools them as they come. Only UID and BODY.PEEK[] are asked: other
// items of real servers end the library's connection. The caller discards the spools, on errors too.
func (s *session) fetch(uids []imap.UID) (map[imap.UID]fetched, error) {
	got := map[imap.UID]fetched{}
	err := s.wire.watch(func(touch func()) error {
		command := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
		var failed error
		for data := command.Next(); data != nil; data = command.Next() {
			touch()
			uid, f, err := s.take(data, touch)
			if errors.Is(err, errCut) {
				f.spool.Discard()
				_ = s.wire.conn.Close()
				return err
			}
			if f.spool == nil {
				continue
			}
			if _, twice := got[uid]; err != nil || uid == 0 || twice {
				failed = errors.Join(failed, err)
				f.spool.Discard()
				continue
			}
			got[uid] = f
		}
		return errors.Join(command.Close(), failed)
	})
	return got, err
}

// take spools one message of a FETCH answer; the spool is nil when it holds no body.
func (s *session) take(data *imapclient.FetchMessageData, touch func()) (uid imap.UID, f fetched, err error) {
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || f.spool != nil {
				continue
			}
			f.spool = s.spool()
			cut, failed := copyAtMost(f.spool, item.Literal, s.service.o.MaxSize, touch)
			if cut {
				f.problem = fmt.Sprintf(whyTooLarge, s.service.o.MaxSize)
			}
			if errors.Is(failed, errCut) {
				return uid, f, failed
			}
			err = errors.Join(err, failed)
		}
	}
	return uid, f, err
}

// spool is where a mail goes whose seal is not known yet.
func (s *session) spool() *store.Spool {
	if s.secret {
		return s.service.store.SecretSpool()
	}
	return s.service.store.Spool()
}

// errCut: the connection ended within a mail. The library takes that for the mail's end, and nothing more
// may be read from it.
var errCut = errors.New("the connection ended within a mail")

// copyAtMost copies up to most bytes of a literal and reads the rest away.
func copyAtMost(w io.Writer, l imap.LiteralReader, most int64, touch func()) (cut bool, err error) {
	r := &progress{r: l, touch: touch}
	_, err = io.CopyN(w, r, min(l.Size(), most))
	if r.ended {
		return false, errCut
	}
	if _, rest := io.CopyN(io.Discard, r, l.Size()-r.read); rest != nil {
		return false, errCut
	}
	return l.Size() > most, err
}

// progress counts what is read and tells that something is.
type progress struct {
	r     io.Reader
	touch func()
	read  int64
	ended bool
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	p.ended = p.ended || err != nil
	p.touch()
	return n, err
}

// receive is transaction 1.
func (s *session) receive(ctx context.Context, uid imap.UID, f fetched) error {
	in := gateway.Inbound{
		Account: s.account.Name, Mailbox: s.account.Folder, UIDValidity: s.validity, UID: uint32(uid), Received: gateway.Micros(s.service.o.Now()),
	}
	if f.problem != "" {
		in.State, in.Class, in.Reason = gateway.InboundQuarantined, classUnreadable, f.problem
	}
	raw := f.spool
	in.Fingerprint = s.service.fingerprint(raw)
	if f.problem != whyUnfetchable { // which is a note of ours
		sealed, err := s.service.sealed(ctx, &in, raw)
		if err != nil {
			return err
		}
		if sealed != nil {
			defer sealed.Discard()
			raw = sealed
		}
	}
	stored, fresh, err := s.service.store.Receive(ctx, in, raw)
	if err != nil {
		return err
	}
	s.last = max(s.last, uint32(uid))
	if f.problem != whyUnfetchable {
		s.pending[uid] = received{stored.ID, f.problem != ""}
	}
	if fresh {
		s.service.metrics.received.WithLabelValues(s.account.Name).Inc()
		s.log.Info("mail stored", "inbound", stored.ID.String(), "uid", uint32(uid), "bytes", stored.Size)
	}
	return nil
}
