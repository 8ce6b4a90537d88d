package mailbox

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Examination is what a mailbox showed of itself. Nothing of it was changed.
type Examination struct {
	Messages uint32   // in its folder
	Settled  uint32   // in the folder for settled mail
	Idle     bool     // RFC 2177: mail is told of at once
	Done     bool     // the folder for settled mail is there, or none is configured
	Flags    bool     // the folder keeps flags of our own
	Used     int64    // kilobytes
	Limit    int64    // kilobytes; 0: no quota is known (RFC 9208)
	AuthServ []string // who wrote the Authentication-Results of its latest mails (RFC 8601 §2.5)
	Stage    string   // where it ended: "", or connect, login, select, fetch
}

// examined is how many of the latest mails are looked at.
const examined = 50

// Examine logs in, opens the folder as the reader does and looks around.
func Examine(ctx context.Context, a Account, timeout time.Duration) (x Examination, err error) {
	err = visit(ctx, a, timeout, func(c *imapclient.Client, w *wire) error {
		x.Idle = c.Caps().Has(imap.CapIdle)
		selected, err := c.Select(folderOf(a), nil).Wait() // EXAMINE would tell of no flags that can be kept
		if err != nil {
			return at(stageSelect, err)
		}
		x.Messages = selected.NumMessages
		x.Flags = slices.Contains(selected.PermanentFlags, imap.FlagWildcard) || slices.Contains(selected.PermanentFlags, flagDone)
		if c.Caps().Has(imap.CapQuota) {
			x.Used, x.Limit = quota(c, folderOf(a))
		}
		if x.AuthServ, err = authServs(c, x.Messages); err != nil {
			return at(stageFetch, err)
		}
		return x.settled(c, a)
	})
	x.Stage = stageOf(err)
	return x, err
}

// settled looks into the folder for settled mail, where the latest mails most often are.
func (x *Examination) settled(c *imapclient.Client, a Account) error {
	if x.Done = a.Done == ""; x.Done {
		return nil
	}
	there, missing := c.Select(a.Done, &imap.SelectOptions{ReadOnly: true}).Wait()
	if x.Done = missing == nil; !x.Done || len(x.AuthServ) > 0 {
		return nil
	}
	x.Settled = there.NumMessages
	ids, err := authServs(c, there.NumMessages)
	x.AuthServ = ids
	return at(stageFetch, err)
}

func folderOf(a Account) string {
	if a.Folder == "" {
		return "INBOX"
	}
	return a.Folder
}

func stageOf(err error) string {
	if s, ok := err.(*stage); ok { //nolint:errorlint // what visit gives is bare
		return s.name
	}
	return ""
}

// visit runs one visit to a mailbox, in all no longer than the time given.
func visit(ctx context.Context, a Account, timeout time.Duration, do func(*imapclient.Client, *wire) error) error {
	c, w, err := dial(ctx, a, timeout, &imapclient.Options{})
	if err != nil {
		return at(stageConnect, err)
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = w.conn.Close() })
	defer stop()
	return w.watch(func(func()) error {
		if err := login(ctx, c, a); err != nil {
			return at(stageLogin, err)
		}
		if err := do(c, w); err != nil {
			return err
		}
		_ = c.Logout().Wait() // whether it says goodbye does not matter
		return nil
	})
}

// quota is the storage of the folder's root that is nearest to its end; none when the server does not say.
func quota(c *imapclient.Client, folder string) (used, limit int64) {
	roots, err := c.GetQuotaRoot(folder).Wait()
	if err != nil {
		return 0, 0
	}
	for _, root := range roots {
		r, ok := root.Resources[imap.QuotaResourceStorage]
		if ok && r.Limit > 0 && (limit == 0 || r.Usage*limit > used*r.Limit) {
			used, limit = r.Usage, r.Limit
		}
	}
	return used, limit
}

// authServs are the identifiers in the topmost Authentication-Results of the latest mails, each once.
func authServs(c *imapclient.Client, messages uint32) (ids []string, err error) {
	if messages == 0 {
		return nil, nil
	}
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Authentication-Results"}, Peek: true}
	var latest imap.SeqSet
	latest.AddRange(messages-min(messages, examined)+1, messages)
	found, err := c.Fetch(latest, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	for _, m := range found {
		for _, b := range m.BodySection {
			if id := authServ(string(b.Bytes)); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, err
}

// authServ is the identifier that an Authentication-Results field begins with; "" without one.
func authServ(fields string) string {
	_, value, ok := strings.Cut(fields, ":")
	id, _, ended := strings.Cut(value, ";")
	words := strings.Fields(id)
	if !ok || !ended || len(words) == 0 || strings.HasPrefix(words[0], "(") || len(words[0]) > 255 {
		return ""
	}
	return words[0]
}

// maxFound bounds what Find gives of a mail, in bytes.
const maxFound = 256 << 10

// Find looks for the latest mail whose To field holds a text, in the folder and in that of settled mail, and gives it as far as
// maxFound; nil when there is none. It changes nothing.
func Find(ctx context.Context, a Account, timeout time.Duration, to string) (mail []byte, err error) {
	err = visit(ctx, a, timeout, func(c *imapclient.Client, w *wire) error {
		for _, folder := range []string{folderOf(a), a.Done} {
			if folder == "" || mail != nil {
				continue
			}
			if _, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil && folder != a.Done {
				return at(stageSelect, err)
			} else if err != nil {
				continue // it is made when the first mail is settled
			}
			if mail, err = find(c, to); err != nil {
				return at(stageFetch, err)
			}
		}
		return nil
	})
	return mail, err
}

func find(c *imapclient.Client, to string) ([]byte, error) {
	found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "To", Value: to}}}, nil).Wait()
	if err != nil || len(found.AllUIDs()) == 0 {
		return nil, err
	}
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: maxFound}}
	fetch := c.Fetch(imap.UIDSetNum(slices.Max(found.AllUIDs())), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}})
	defer func() { _ = fetch.Close() }()
	m := fetch.Next()
	if m == nil {
		return nil, fetch.Close()
	}
	for item := m.Next(); item != nil; item = m.Next() {
		if b, ok := item.(imapclient.FetchItemDataBodySection); ok && b.Literal != nil {
			mail, err := io.ReadAll(io.LimitReader(b.Literal, maxFound))
			if err != nil {
				return nil, fmt.Errorf("read a mail: %w", err)
			}
			return mail, fetch.Close()
		}
	}
	return nil, fetch.Close()
}
