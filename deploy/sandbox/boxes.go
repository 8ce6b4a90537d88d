package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// inMemory is how much of a mail stays in memory; what is longer goes to a file.
const inMemory = 64 << 10

// Mail is one message as a company's mailbox keeps it. It does not change.
type Mail struct {
	Number   int64  // grows with every delivery
	Box      string // the mailbox: the recipient's address, lower case, without extension
	From, To string // the envelope
	Received time.Time
	Size     int64
	Subject  string // decoded
	// Trace is what the receiving server put before the message: Return-Path and Received. The message
	// itself is kept octet for octet as it came over SMTP, dot-stuffing undone.
	Trace string

	body *content
}

// content is the octets of a mail, shared by those who hold it: the delivery under way and the mailboxes.
type content struct {
	small []byte
	path  string // when it did not stay small
	users atomic.Int32
}

func newContent(small []byte, path string) *content {
	c := &content{small: small, path: path}
	c.users.Store(1)
	return c
}

func (c *content) share() *content {
	c.users.Add(1)
	return c
}

// release drops one holder; the last one removes the file.
func (c *content) release() {
	if c.users.Add(-1) == 0 && c.path != "" {
		_ = os.Remove(c.path)
	}
}

// Open reads the message from its first octet.
func (m *Mail) Open() (io.ReadCloser, error) {
	if m.body.path == "" {
		return io.NopCloser(bytes.NewReader(m.body.small)), nil
	}
	f, err := os.Open(m.body.path)
	if err != nil {
		return nil, fmt.Errorf("open mail %d: %w", m.Number, err)
	}
	return f, nil
}

// Raw is the message whole.
func (m *Mail) Raw() ([]byte, error) {
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read mail %d: %w", m.Number, err)
	}
	return raw, nil
}

// spool takes a message of unknown size.
func spool(dir string, r io.Reader) (*content, int64, error) {
	var head bytes.Buffer
	n, err := io.Copy(&head, io.LimitReader(r, inMemory+1))
	if err != nil || n <= inMemory {
		return newContent(head.Bytes(), ""), n, err
	}
	f, err := os.CreateTemp(dir, "mail-*.eml")
	if err != nil {
		return nil, 0, fmt.Errorf("spill a mail: %w", err)
	}
	n, err = io.Copy(f, io.MultiReader(&head, r))
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return nil, 0, err
	}
	return newContent(nil, f.Name()), n, nil
}

func (c *content) open() (io.ReadCloser, error) { return (&Mail{body: c}).Open() }

// boxes are the companies' mailboxes: the last `keep` mails over all of them.
type boxes struct {
	keep int
	now  func() time.Time

	mu      sync.Mutex
	last    int64
	mails   []*Mail // oldest first
	arrived chan struct{}
}

func newBoxes(keep int, now func() time.Time) *boxes {
	return &boxes{keep: keep, now: now, arrived: make(chan struct{})}
}

// put delivers to one mailbox, which shares the body, and wakes those who wait.
func (b *boxes) put(m Mail) *Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m.Number, m.Received, m.Box = b.last, b.now(), boxOf(m.To)
	m.body.share()
	b.mails = append(b.mails, &m)
	if len(b.mails) > b.keep {
		b.mails[0].body.release()
		b.mails[0] = nil
		b.mails = b.mails[1:]
	}
	close(b.arrived)
	b.arrived = make(chan struct{})
	return &m
}

// in lists a mailbox, oldest first; an empty name lists them all.
func (b *boxes) in(box string) ([]*Mail, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if box == "" {
		return slices.Clone(b.mails), b.arrived
	}
	var found []*Mail
	for _, m := range b.mails {
		if m.Box == box {
			found = append(found, m)
		}
	}
	return found, b.arrived
}

func (b *boxes) number(n int64) *Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := sort.Search(len(b.mails), func(i int) bool { return b.mails[i].Number >= n })
	if i < len(b.mails) && b.mails[i].Number == n {
		return b.mails[i]
	}
	return nil
}

// wait gives the first mail of a mailbox that pleases, present or to come.
func (b *boxes) wait(ctx context.Context, box string, pleases func(*Mail) bool) (*Mail, error) {
	var seen int64
	var subjects []string
	for {
		mails, arrived := b.in(box)
		for _, m := range mails {
			if m.Number <= seen {
				continue
			}
			seen = m.Number
			if pleases == nil || pleases(m) {
				return m, nil
			}
			subjects = append(subjects, m.Subject)
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a mail to %s (came: %q): %w", box, subjects, ctx.Err())
		}
	}
}

// boxOf is the mailbox of an address: lower case, without extension (RFC 5233).
func boxOf(address string) string {
	local, domain := split(address)
	local, _, _ = strings.Cut(local, "+")
	return strings.ToLower(local + "@" + domain)
}

func split(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, ""
	}
	return address[:at], address[at+1:]
}
