package compose

import (
	"container/list"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"vaguemestre/gateway"
)

// What a shelf keeps at most: so many octets of letters, none of more than so many, none longer than so.
const (
	shelfRoom   = 4 << 20
	shelfLength = 64 << 10
	shelfLife   = time.Minute
)

// Shelf keeps letters that were made before their courier was accepted, until they are sent: most are within a second, and
// need then be neither read from the store nor made a second time. A letter that is not there is made again, to the same
// bytes: composing is pure. Safe for concurrent use; the zero value is an empty shelf.
type Shelf struct {
	mu   sync.Mutex
	kept map[gateway.ID]*list.Element // by recipient
	line list.List                    // of placed, in the order in which they came
	size int
}

// Kept is a letter with what it was made of.
type Kept struct {
	Courier   gateway.Courier
	Recipient gateway.Recipient
	Letter    []byte // whole, as Letter writes it
}

type placed struct {
	Kept
	at time.Time
}

// Make has a letter written, and keeps it. It keeps none when there is no room: those that came before are sent before. Nor does
// it when the store could not give back as they are here what the letter is made of: made from what is stored, it would
// be another. The error is that of write.
func (s *Shelf) Make(now time.Time, c gateway.Courier, r gateway.Recipient, write func(io.Writer) error) error {
	b := beginnings.Get().(*beginning)
	defer func() {
		*b = beginning{text: b.text[:0]}
		beginnings.Put(b)
	}()
	if err := write(b); err != nil {
		return err
	}
	if !b.cut && storable(c, r) {
		s.put(now, Kept{c, r, slices.Clone(b.text)})
	}
	return nil
}

// beginning takes a letter, of which it holds no more than a shelf keeps: memory does not grow with the message.
type beginning struct {
	text []byte
	cut  bool
}

var beginnings = sync.Pool{New: func() any { return &beginning{text: make([]byte, 0, shelfLength)} }}

// Write implements io.Writer. It never fails.
func (b *beginning) Write(p []byte) (int, error) {
	b.cut = b.cut || len(b.text)+len(p) > shelfLength
	if !b.cut {
		b.text = append(b.text, p...)
	}
	return len(p), nil
}

func (s *Shelf) put(now time.Time, k Kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy(now)
	if s.kept[k.Recipient.ID] != nil || s.size+len(k.Letter) > shelfRoom {
		return
	}
	if s.kept == nil {
		s.kept = map[gateway.ID]*list.Element{}
	}
	s.kept[k.Recipient.ID] = s.line.PushBack(placed{k, now})
	s.size += len(k.Letter)
}

// Take gives the letter of a courier to a recipient, once. One that was made of another courier is none: a message that comes
// twice joins the courier that it made first.
func (s *Shelf) Take(courier, recipient gateway.ID) (Kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.kept[recipient]
	if at == nil || at.Value.(placed).Courier.ID != courier {
		return Kept{}, false
	}
	return s.drop(at), true
}

func (s *Shelf) drop(at *list.Element) Kept {
	k := s.line.Remove(at).(placed).Kept
	delete(s.kept, k.Recipient.ID)
	s.size -= len(k.Letter)
	return k
}

// tidy forgets those that nobody took in time: of couriers that were not accepted, or that wait for their smarthost.
func (s *Shelf) tidy(now time.Time) {
	for first := s.line.Front(); first != nil; first = s.line.Front() {
		if age := now.Sub(first.Value.(placed).at); age >= 0 && age < shelfLife { // a clock that is set back ages all
			return
		}
		s.drop(first)
	}
}

// storable tells that the store gives back, as they are, the texts of which a letter is made: it puts U+FFFD for what is not UTF-8,
// and for NUL.
func storable(c gateway.Courier, r gateway.Recipient) bool {
	b, m := c.Context, c.Composition
	for _, text := range [...]string{
		c.AuthorName, c.AuthorAddr, string(c.Door), string(c.Type), c.TypeLabel, c.Subject, c.Excerpt, c.MessageID,
		b.Reference, b.Title, b.Object, b.PublicBody, b.PurchasingEntity, b.Zone, b.Language, m.BaseURL, m.Domain, m.Boundary, m.Model,
		r.Address, r.CompanyName, string(r.Register), r.MessageID,
	} {
		if !isText(text) {
			return false
		}
	}
	return !slices.ContainsFunc(c.Files, func(f gateway.File) bool { return !isText(f.Name) || !isText(f.MediaType) || !isText(f.Part) })
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
