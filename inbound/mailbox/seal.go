package mailbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
)

// sealed gives what is stored in the place of a mail that is under seal, and says in the mail's row when it opens; nil: it is stored as it came. It
// looks only while some seal is open.
func (s *Service) sealed(ctx context.Context, in *gateway.Inbound, raw *store.Spool) (*store.Spool, error) {
	now := s.o.Now()
	until, err := s.store.SealedUntil(ctx, gateway.ID{}, now)
	if err != nil || until.IsZero() {
		return nil, err
	}
	if in.Opens, err = s.opens(ctx, *in, raw, until); err != nil || in.Opens.IsZero() {
		return nil, err
	}
	return s.encrypt(raw.ReaderAt(), raw.Size())
}

// opens tells until when a mail that just came in is under seal. What will wait in quarantine beside no letter, since it cannot be read or
// placed, may answer any: it opens with the last of the seals that are open now, and nobody can answer those to come. The errors are ours.
func (s *Service) opens(ctx context.Context, in gateway.Inbound, raw *store.Spool, until time.Time) (opens time.Time, err error) {
	defer func() {
		if recover() != nil { // understanding it will fail alike, and be counted and told there
			opens, err = until, nil
		}
	}()
	if in.State == gateway.InboundQuarantined {
		return until, nil
	}
	mail, _, err := s.look(ctx, in, raw.ReaderAt(), raw.Size())
	var ours *outage
	if err != nil && !errors.As(err, &ours) {
		return until, nil
	}
	if opens = mail.Opens(); err != nil || !opens.IsZero() {
		return opens, err
	}
	step, err := s.o.Rules.Understand(mail)
	if err == nil && step.Inbound.State == gateway.InboundQuarantined && step.Inbound.Recipient.IsZero() {
		opens = until
	}
	return opens, err
}

// fingerprint is by what a mail is known when it is met again.
func (s *Service) fingerprint(raw *store.Spool) gateway.Hash {
	if s.o.Vault == nil {
		return gateway.Hash{} // the store has its own
	}
	return s.o.Vault.Fingerprint(raw.Hash())
}

func (s *Service) encrypt(raw io.ReaderAt, size int64) (*store.Spool, error) {
	if s.o.Vault == nil {
		return nil, errors.New("a sealed answer, and nothing to seal it with")
	}
	sealed := s.store.Spool()
	w, err := s.o.Vault.Writer(sealed)
	if err == nil {
		if _, err = io.Copy(w, io.NewSectionReader(raw, 0, size)); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		sealed.Discard()
		return nil, fmt.Errorf("seal a mail: %w", err)
	}
	return sealed, nil
}

// seal encrypts a mail that is stored as it came, once it is known that it is under seal.
func (s *Service) seal(ctx context.Context, in gateway.Inbound, opens time.Time) (gateway.Inbound, error) {
	content, err := s.store.OpenContent(ctx, in.Content)
	if err != nil {
		return in, &outage{err}
	}
	defer content.Close()
	sealed, err := s.encrypt(content, content.Size())
	if err != nil {
		return in, err
	}
	defer sealed.Discard()
	in, err = s.store.SealInbound(ctx, in, opens, sealed)
	if err != nil {
		return in, &outage{err}
	}
	return in, nil
}

// open opens a stored mail for reading, sealed or not. The caller closes it.
func (s *Service) open(ctx context.Context, in gateway.Inbound) (store.Content, error) {
	content, err := s.store.OpenContent(ctx, in.Content)
	if err != nil || in.Opens.IsZero() {
		return content, err
	}
	if s.o.Vault == nil {
		return nil, errors.Join(errors.New("a sealed mail, and nothing to open it with"), content.Close())
	}
	plain, err := s.o.Vault.Reader(content, content.Size())
	if err != nil {
		return nil, errors.Join(err, content.Close())
	}
	return unsealed{plain, content}, nil
}

// unsealed is a sealed content that is read by its key.
type unsealed struct {
	*seal.Plain
	sealed io.Closer
}

// Close closes both.
func (u unsealed) Close() error { return errors.Join(u.Plain.Close(), u.sealed.Close()) }

// plainHash is the hash of a mail as it came.
func plainHash(in gateway.Inbound, raw store.Content) (gateway.Hash, error) {
	if in.Opens.IsZero() {
		return in.Content, nil
	}
	sum := sha256.New()
	_, err := io.Copy(sum, io.NewSectionReader(raw, 0, raw.Size()))
	return gateway.Hash(sum.Sum(nil)), err
}
