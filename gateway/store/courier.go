package store

import (
	"context"
	"math/bits"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"vaguemestre/gateway"
)

const courierColumns = `id, consultation, author, author_name, author_addr, door, type, type_label, subject, excerpt, message_id,
	thread, content, size, options, files, context, composition, accepted, receipt_asked, dsn`

func scanCourier(row scanner) (c gateway.Courier, err error) {
	err = row.Scan(courierDest(&c)...)
	return c, err
}

func courierDest(c *gateway.Courier) []any {
	return []any{&c.ID, &c.Consultation, &c.Author, &c.AuthorName, &c.AuthorAddr, &c.Door, &c.Type, &c.TypeLabel, &c.Subject,
		&c.Excerpt, &c.MessageID, &c.Thread, &c.Content, &c.Size, object{&c.Options}, object{&c.Files}, object{&c.Context},
		object{&c.Composition}, when{&c.Accepted}, flag{&c.ReceiptAsked}, object{&c.DSN}}
}

const insertCourier = `INSERT INTO courier (` + courierColumns + `, search)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`

func courierArgs(c gateway.Courier) []any {
	return []any{c.ID.String(), c.Consultation.String(), c.Author.String(), c.AuthorName, c.AuthorAddr, string(c.Door), string(c.Type), c.TypeLabel,
		c.Subject, c.Excerpt, c.MessageID, c.Thread.String(), digest(c.Content), c.Size, text(c.Options), text(c.Files), text(c.Context),
		text(c.Composition), micros(c.Accepted), bit(c.ReceiptAsked), text(c.DSN), words(c.Subject, c.AuthorName, c.AuthorAddr, c.Context.Reference)}
}

// words folds text for searching: lower case, no accents.
func words(parts ...string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(strings.Join(parts, " "))) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Courier gives one by its ID.
func (s *Store) Courier(ctx context.Context, id gateway.ID) (gateway.Courier, error) {
	return get(ctx, s, "read a courier", scanCourier, "SELECT "+courierColumns+" FROM courier WHERE id = $1", id.String())
}

// CourierByMessageID gives the newest one that bore this Message-ID, with its angle brackets, of those accepted with a key.
func (s *Store) CourierByMessageID(ctx context.Context, messageID string) (gateway.Courier, error) {
	if messageID == "" {
		return gateway.Courier{}, gateway.ErrNotFound
	}
	first, last := filedUnder(messageID)
	return get(ctx, s, "read a courier", scanCourier,
		"SELECT "+courierColumns+` FROM courier WHERE id IN (SELECT courier FROM dedupe WHERE key >= $1 AND key <= $2) AND message_id = $3
			ORDER BY accepted DESC LIMIT 1`, first[:], last[:], messageID)
}

// CourierFilter chooses couriers; a zero field chooses nothing out.
type CourierFilter struct {
	Consultations []gateway.ID // any of them; nil: all; empty: none
	Author        gateway.ID
	Type          gateway.TypeCode
	Thread        gateway.ID
	States        []gateway.State // some recipient is in one of them
	Since, Until  time.Time       // accepted at or after; before
	Search        string          // every word is in its subject, author, reference, or a recipient; without case or accents
	Before        gateway.ID      // the last of the page before; zero: the first page
	Limit         int             // 0: 100
}

// DefaultPage is the length of a page when a filter gives none.
const DefaultPage = 100

// Couriers gives those that the filter chooses, newest first.
func (s *Store) Couriers(ctx context.Context, f CourierFilter) ([]gateway.Courier, error) {
	q := newFilter("SELECT " + courierColumns + " FROM courier WHERE true")
	if f.Consultations != nil {
		q.among("consultation", f.Consultations)
	}
	q.id("author =", f.Author)
	q.id("thread =", f.Thread)
	if f.Type != "" {
		q.and("type =", string(f.Type))
	}
	if !f.Since.IsZero() {
		q.and("accepted >=", micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.and("accepted <", micros(f.Until))
	}
	if len(f.States) > 0 {
		q.raw(" AND EXISTS (SELECT 1 FROM recipient WHERE recipient.courier = courier.id")
		q.states(f.States)
		q.raw(")")
	}
	for word := range strings.FieldsSeq(words(f.Search)) {
		like := "%" + escapeLike.Replace(word) + "%"
		q.raw(" AND (search LIKE " + q.arg(like) + ` ESCAPE '!' OR EXISTS (SELECT 1 FROM recipient
			WHERE recipient.courier = courier.id AND recipient.search LIKE ` + q.arg(like) + " ESCAPE '!'))")
	}
	if !f.Before.IsZero() {
		q.raw(" AND (accepted, id) < (SELECT accepted, id FROM courier WHERE id = " + q.arg(f.Before.String()) + ")")
	}
	q.page("accepted DESC, id DESC", f.Limit)
	return all(ctx, s, "list couriers", scanCourier, q.text.String(), q.args...)
}

var escapeLike = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// filter builds the few queries whose conditions vary.
type filter struct {
	text strings.Builder
	args []any
}

func newFilter(query string) *filter {
	f := &filter{}
	f.raw(query)
	return f
}

func (f *filter) raw(text string) { f.text.WriteString(text) }

// arg adds an argument and gives its place in the text.
func (f *filter) arg(v any) string {
	f.args = append(f.args, v)
	return "$" + strconv.Itoa(len(f.args))
}

// and adds a condition on a column: "type =".
func (f *filter) and(condition string, v any) { f.raw(" AND " + condition + " " + f.arg(v)) }

// id adds a condition unless the ID is zero.
func (f *filter) id(condition string, id gateway.ID) {
	if !id.IsZero() {
		f.and(condition, id.String())
	}
}

func (f *filter) in(column string, n int, value func(int) any) {
	if n == 0 {
		f.raw(" AND false")
		return
	}
	f.raw(" AND " + column + " IN (")
	for i := range n {
		if i > 0 {
			f.raw(", ")
		}
		f.raw(f.arg(value(i)))
	}
	f.raw(")")
}

// among keeps to some of many. Lists of most lengths share a text, which is prepared once: the last is said again until
// there are as many as a power of two.
func (f *filter) among(column string, ids []gateway.ID) {
	f.in(column, shared(len(ids)), func(i int) any { return ids[min(i, len(ids)-1)].String() })
}

// maxShared is up to which length lists share their texts; longer ones are seldom.
const maxShared = 1024

// shared is the length of the text that a list of this length shares.
func shared(n int) int {
	if n == 0 || n > maxShared {
		return n
	}
	return 1 << bits.Len(uint(n-1))
}

func (f *filter) states(states []gateway.State) {
	f.in("state", len(states), func(i int) any { return int64(states[i]) })
}

// after goes on behind a row, in the order of a time and the ID.
func (f *filter) after(table, time string, id gateway.ID) {
	if !id.IsZero() {
		f.raw(" AND (" + time + ", id) > (SELECT " + time + ", id FROM " + table + " WHERE id = " + f.arg(id.String()) + ")")
	}
}

func (f *filter) page(order string, limit int) {
	if limit <= 0 {
		limit = DefaultPage
	}
	f.raw(" ORDER BY " + order + " LIMIT " + f.arg(limit))
}
