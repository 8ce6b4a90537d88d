package correlate

import (
	"context"
	"errors"
	"fmt"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/token"
	"vaguemestre/inbound/classify"
)

// Store is what finding asks.
type Store interface {
	Recipient(ctx context.Context, id gateway.ID) (gateway.Recipient, error)
	RecipientByMessageID(ctx context.Context, messageID string) (gateway.Recipient, error)
	Courier(ctx context.Context, id gateway.ID) (gateway.Courier, error)
}

// The ways of finding, as recorded with what they found.
const (
	ByToken      = "token"
	ByENVID      = "envid"
	ByReferences = "references"
)

// Match is a letter that a mail is about.
type Match struct {
	Recipient gateway.Recipient
	Courier   gateway.Courier
	How       string     // ByToken, ByENVID, ByReferences
	Kind      token.Kind // of the token; 0 without one
	Where     string     // the field in which it stood
}

// Finder finds the letters that mails are about.
type Finder struct {
	Domain Domain
	Store  Store
}

// maxMatches bounds the letters that one mail can be about.
const maxMatches = 20

// Find gives the letters that a mail is about, the best proved first; none is no error. Errors
// are the store's. The first way that finds somebody ends the search, so that an unproved
// identifier never adds to what a token says.
func (f Finder) Find(ctx context.Context, h message.Header, result classify.Result) ([]Match, error) {
	var returned []string
	if result.Class != classify.ClassReply && result.Class != classify.ClassBulk {
		returned = result.Original.Addresses
	}
	matches, err := f.byToken(ctx, f.Domain.tokens(h, returned))
	if err != nil || len(matches) > 0 {
		return matches, err
	}
	if id, _, _, bad := gateway.ParseEnvelopeID(result.ENVID); bad == nil {
		m, err := f.match(ctx, Match{How: ByENVID, Where: "original-envelope-id"}, id)
		if err != nil || m != nil {
			return m, err
		}
	}
	return f.byMessageID(ctx, result)
}

func (f Finder) byToken(ctx context.Context, tokens []named) ([]Match, error) {
	var matches []Match
	seen := map[gateway.ID]bool{}
	for _, t := range tokens {
		if seen[t.recipient] || len(matches) == maxMatches {
			continue
		}
		seen[t.recipient] = true
		m, err := f.match(ctx, Match{How: ByToken, Kind: t.kind, Where: t.where}, t.recipient)
		if err != nil {
			return nil, err
		}
		matches = append(matches, m...)
	}
	return matches, nil
}

func (f Finder) byMessageID(ctx context.Context, result classify.Result) ([]Match, error) {
	ids := result.Original.References
	if result.Original.MessageID != "" {
		ids = append([]string{result.Original.MessageID}, ids...)
	}
	for _, id := range ids {
		if !f.Domain.owns(messageIDDomain(id)) {
			continue
		}
		r, err := f.Store.RecipientByMessageID(ctx, id)
		if errors.Is(err, gateway.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find a recipient by Message-ID: %w", err)
		}
		return f.match(ctx, Match{How: ByReferences, Where: "message-id"}, r.ID)
	}
	return nil, nil
}

// messageIDDomain is a Message-ID without its brackets: of the form of an address.
func messageIDDomain(id string) string {
	if len(id) > 2 && id[0] == '<' && id[len(id)-1] == '>' {
		return id[1 : len(id)-1]
	}
	return ""
}

// match completes a match; nothing when the recipient is no more.
func (f Finder) match(ctx context.Context, m Match, recipient gateway.ID) ([]Match, error) {
	var err error
	if m.Recipient, err = f.Store.Recipient(ctx, recipient); err == nil {
		m.Courier, err = f.Store.Courier(ctx, m.Recipient.Courier)
	}
	if errors.Is(err, gateway.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find a letter: %w", err)
	}
	return []Match{m}, nil
}
