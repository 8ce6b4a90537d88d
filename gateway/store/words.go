package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"vaguemestre/gateway"
)

// CourierWords are the words by which a courier is found.
type CourierWords struct {
	Courier    gateway.Courier
	Text       string              // what it says, as much as is worth searching
	Answers    string              // likewise, what those answers say that may be read
	Recipients []gateway.Recipient // all of them
}

// Words in the indexes are folded. Those of recipients bear a mark, so that they can be searched alone; and the
// consultation is part of them, so that the index itself keeps to it. Folded words hold no underscore.
const (
	mark     = "_"
	ofType   = "__"
	anywhere = "___"     // a recipient's, whatever the consultation
	maxWord  = 60        // octets
	maxWords = 800 << 10 // octets of one courier's words: PostgreSQL takes 1 MB
)

// scope is what the words of a consultation begin with: enough of a hash that two of them seldom share one, and who
// searches looks at the consultation too.
func scope(consultation gateway.ID) string {
	return gateway.HashOf([]byte(consultation.String())).String()[:10] + mark
}

// split gives the folded words of a text: runs of letters and digits.
func split(s string) []string {
	return strings.FieldsFunc(words(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// indexed are the words of a courier as the index has them, each once.
func (w CourierWords) indexed() []string {
	c := w.Courier
	seen := map[string]bool{}
	var list []string
	size, begin := 0, scope(c.Consultation)
	add := func(marks, text string) {
		for _, word := range split(text) {
			word = marks + strings.ToValidUTF8(word[:min(len(word), maxWord)], "")
			if !seen[word] && size < maxWords {
				seen[word] = true
				size += len(word) + 8
				list = append(list, word)
			}
		}
	}
	list = append(list, begin+ofType+string(c.Type))
	add(begin, c.Subject)
	add(begin, c.TypeLabel+" "+c.AuthorName+" "+c.AuthorAddr)
	for _, r := range w.Recipients {
		add(begin+mark, r.Address+" "+r.CompanyName)
		add(anywhere, r.Address+" "+r.CompanyName)
	}
	for _, f := range c.Files {
		add(begin, f.Name)
	}
	add(begin, w.Text)
	add(begin, w.Answers)
	return list
}

// asked are the words of a search, each as the beginnings of the words of the index that it may mean.
func (f FollowFilter) asked() (all [][]string) {
	begin := scope(f.Consultation)
	for _, word := range wanted(f.Recipient) {
		all = append(all, []string{begin + mark + word})
	}
	for _, word := range wanted(f.Search) {
		all = append(all, []string{begin + word, begin + mark + word})
	}
	if f.Type != "" {
		all = append(all, []string{begin + ofType + string(f.Type)})
	}
	return all
}

// maxAsked bounds the words of one search.
const maxAsked = 12

// wanted are the words of a search, folded and shortened as those of the index.
func wanted(search string) []string {
	asked := split(search)
	for i, word := range asked {
		asked[i] = strings.ToValidUTF8(word[:min(len(word), maxWord)], "")
	}
	return asked[:min(len(asked), maxAsked)]
}

// Unfound is what the ledger tells that lists do not know yet.
type Unfound struct {
	New      []gateway.ID // couriers whose words are to be written: they are new, or an answer came that may be read
	Moved    []gateway.ID // others, whose recipients may have got further
	From, To int64        // the positions that this is of; equal: there is nothing new
}

// Unfound gives what is to be written from the place where the follower of that name is, at most n positions on.
func (s *Store) Unfound(ctx context.Context, name string, n int64) (u Unfound, err error) {
	const op = "look for couriers without words"
	var head int64
	if err = value(ctx, s.engine.reader(), []any{&u.From, &head}, `SELECT coalesce((SELECT position FROM follower WHERE name = $1), 0),
		coalesce((SELECT max(position) FROM event WHERE position >= 0), -1) + 1`, name); err != nil {
		return u, fault(op, err)
	}
	u.To = max(u.From, min(u.From+n, head))
	if u.To == u.From {
		return u, nil
	}
	err = eachRow(ctx, s.engine.reader(), func(row scanner) (struct{}, error) {
		var id gateway.ID
		var words int64
		err := row.Scan(&id, &words)
		if words > 0 {
			u.New = append(u.New, id)
		} else {
			u.Moved = append(u.Moved, id)
		}
		return struct{}{}, err
	}, func(struct{}) error { return nil }, `SELECT courier, max(CASE WHEN kind IN ($1, $2, $3) THEN 1 ELSE 0 END) FROM event
		WHERE position >= $4 AND position < $5 AND courier <> '' GROUP BY courier ORDER BY courier`,
		string(gateway.Submitted), string(gateway.Replied), string(gateway.Unsealed), u.From, u.To)
	return u, fault(op, err)
}

// WriteWords stores the words and the places of couriers, the states of those that moved, and moves the follower on, in
// one transaction. gateway.ErrFenced when another moved it meanwhile.
func (s *Store) WriteWords(ctx context.Context, name string, rows []CourierWords, u Unfound) error {
	return s.write(ctx, "write the words of couriers", func(t *tx) error {
		err := t.must(gateway.ErrFenced, `INSERT INTO follower (name, position) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET position = excluded.position WHERE follower.position = $3`, name, u.To, u.From)
		if err != nil {
			return err
		}
		t.topics |= onLists
		if err := t.d.words(t, rows); err != nil {
			return err
		}
		return t.restateAll(rows, u.Moved)
	})
}

// wordsSQLite writes words under the courier's place.
func wordsSQLite(t *tx, rows []CourierWords) error {
	v := vocabulary{}
	for _, w := range rows {
		place, err := t.place(w)
		if err != nil {
			return err
		}
		list := v.learn(w.indexed())
		if _, err := t.exec("INSERT OR REPLACE INTO courier_words (rowid, words) VALUES ($1, $2)", place, strings.Join(list, " ")); err != nil {
			return err
		}
	}
	return v.write(t)
}

// vocabulary is the words of some couriers, each once.
type vocabulary map[string]bool

func (v vocabulary) learn(list []string) []string {
	for _, word := range list {
		v[word] = true
	}
	return list
}

func (v vocabulary) write(t *tx) error {
	rows := make([][]any, 0, len(v))
	for _, word := range slices.Sorted(maps.Keys(v)) { // one order of locks
		rows = append(rows, []any{word})
	}
	_, err := t.many("INSERT INTO courier_word (word) VALUES ($1) ON CONFLICT (word) DO NOTHING", rows)
	return err
}

// place is the courier's, given once: the microsecond of its acceptance, or the next one free.
func (t *tx) place(w CourierWords) (place int64, err error) {
	err = t.value([]any{&place}, "SELECT place FROM courier_order WHERE courier = $1", w.Courier.ID.String())
	if !errors.Is(err, gateway.ErrNotFound) {
		return place, err
	}
	row := w.orderArgs()
	for place = micros(w.Courier.Accepted); ; place++ {
		row[1] = place
		n, err := t.exec(putOrder, row...)
		if err != nil || n == 1 {
			return place, err
		}
	}
}

// maxMeant bounds the words that one beginning is replaced by. SQLite's index reads whole words from its newest end, but
// beginnings by gathering all that they mean; PostgreSQL's planner knows how often whole words are there.
const maxMeant = 40

// terms is how a database writes what is searched in its index.
type terms struct{ or, and, whole, begins string }

var (
	termsSQLite   = terms{" OR ", " AND ", `"%s"`, `"%s"*`}
	termsPostgres = terms{" | ", " & ", "'%s'", "'%s':*"}
)

// meant are the words that begin so, as terms of the index: whole words, or whatever begins so where there are many.
func (x terms) meant(ctx context.Context, r runner, beginnings []string) ([]string, error) {
	var all []string
	for _, begin := range beginnings {
		found, err := list(ctx, r, func(row scanner) (word string, err error) {
			err = row.Scan(&word)
			return word, err
		}, "SELECT word FROM courier_word WHERE word >= $1 AND word < $2 LIMIT $3", begin, begin+"\U0010FFFF", maxMeant+1)
		if err != nil {
			return nil, err
		}
		if len(found) > maxMeant {
			all = append(all, fmt.Sprintf(x.begins, begin))
			continue
		}
		for _, word := range found {
			all = append(all, fmt.Sprintf(x.whole, word))
		}
	}
	return all, nil
}

// match is the question to the index: each word of the search is one of its terms. It is empty when a word means none.
func (x terms) match(ctx context.Context, r runner, asked [][]string) (string, error) {
	var match []string
	for _, beginnings := range asked {
		all, err := x.meant(ctx, r, beginnings)
		if err != nil || len(all) == 0 {
			return "", err
		}
		match = append(match, "("+strings.Join(all, x.or)+")")
	}
	return strings.Join(match, x.and), nil
}

// nothing is the search of words that are nowhere.
const nothing = "SELECT '' AS courier, 0 AS accepted WHERE false"

// findSQLite reads the index from its newest end, or from its oldest.
func findSQLite(ctx context.Context, r runner, q *filter, f FollowFilter) error {
	match, err := termsSQLite.match(ctx, r, f.asked())
	if err != nil {
		return err
	}
	if match == "" {
		q.raw(nothing)
		return nil
	}
	q.raw(`SELECT courier_order.courier AS courier, courier_order.place AS accepted
		FROM courier_words JOIN courier_order ON courier_order.place = courier_words.rowid WHERE courier_words MATCH `)
	q.raw(q.arg(match))
	if !f.Since.IsZero() {
		q.and("courier_words.rowid >=", micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.and("courier_words.rowid <", micros(f.Until))
	}
	if after := f.after(); !after.courier.IsZero() {
		q.raw(" AND courier_words.rowid " + f.beyond() + " (SELECT place FROM courier_order WHERE courier = " + q.arg(after.courier.String()) + ")")
	}
	if err := f.inStates(ctx, r, q); err != nil {
		return err
	}
	q.page(f.order("courier_words.rowid"), f.Limit)
	return nil
}

// amongSQLite lets words drive the query when they are found in few couriers; else the order does.
func amongSQLite(ctx context.Context, r runner, q *filter, f FollowFilter) (among, error) {
	match, err := termsSQLite.match(ctx, r, f.asked())
	if err != nil || match == "" {
		return among{where: " AND false"}, err
	}
	found, err := few(ctx, r, "courier_words MATCH $1", match)
	rows := "place IN (SELECT rowid FROM courier_words WHERE courier_words MATCH " + q.arg(match) + ")"
	if found {
		return among{table: " NOT INDEXED", where: " AND " + rows}, err // but by its rowid (SQLite, "The INDEXED BY Clause")
	}
	return among{where: " AND +" + rows}, err // no term of an index (SQLite, "The SQLite Query Optimizer Overview", §7)
}

// fewInStates is up to how many couriers the index of states drives a search; beyond, the index of words does.
const fewInStates = 500

// inStates keeps to couriers that some recipient's state chooses.
func (f FollowFilter) inStates(ctx context.Context, r runner, q *filter) error {
	if len(f.States) == 0 {
		return nil
	}
	chosen := func(q *filter) {
		q.raw("SELECT courier FROM recipient WHERE true")
		q.id("consultation =", f.Consultation)
		q.states(f.States)
		f.ofType(q, "type")
	}
	count := newFilter("SELECT count(*) FROM (")
	chosen(count)
	count.raw(" LIMIT " + count.arg(int64(fewInStates+1)) + ") AS chosen")
	var n int
	if err := value(ctx, r, []any{&n}, count.text.String(), count.args...); err != nil {
		return err
	}
	if n <= fewInStates {
		q.raw(" AND courier_words.rowid IN (SELECT place FROM courier_order WHERE courier IN (")
		chosen(q)
		q.raw("))")
		return nil
	}
	f.besides(q, "courier_order.courier", "(SELECT accepted FROM courier WHERE id = courier_order.courier)")
	return nil
}

func wordsPostgres(t *tx, rows []CourierWords) error {
	v, places, args := vocabulary{}, make([][]any, len(rows)), make([][]any, len(rows))
	for i, w := range rows {
		places[i] = w.orderArgs()
		args[i] = []any{w.Courier.ID.String(), w.Courier.Consultation.String(), micros(w.Courier.Accepted), v.learn(w.indexed())}
	}
	if _, err := t.many(putOrder, places); err != nil {
		return err
	}
	_, err := t.many(`INSERT INTO courier_words (courier, consultation, accepted, words) VALUES ($1, $2, $3, array_to_tsvector($4::text[]))
		ON CONFLICT (courier) DO UPDATE SET words = excluded.words`, args)
	if err != nil {
		return err
	}
	return v.write(t)
}

// fewFound is up to how many couriers the words' own index drives a search; beyond, the dates' index does.
const fewFound = 2000

// matchingPostgres is the condition of a search.
const matchingPostgres = "words @@ $1::text::tsquery"

// few tells whether a search finds few couriers. The planner has no statistics of rare words, and would look for them in
// all couriers by date.
func few(ctx context.Context, r runner, matching, match string) (bool, error) {
	var n int
	err := value(ctx, r, []any{&n}, "SELECT count(*) FROM (SELECT 1 FROM courier_words WHERE "+matching+" LIMIT $2) AS found", match, int64(fewFound+1))
	return n <= fewFound, err
}

// amongPostgres does as amongSQLite. Of words it has no statistics of, the planner believes that they leave little, and would
// look at every courier; of a CASE it believes that it leaves half (PostgreSQL, clausesel.c), and walks in order.
func amongPostgres(ctx context.Context, r runner, q *filter, f FollowFilter) (among, error) {
	match, err := termsPostgres.match(ctx, r, f.asked())
	if err != nil || match == "" {
		return among{where: " AND false"}, err
	}
	found, err := few(ctx, r, matchingPostgres, match)
	question := q.arg(match) + "::text::tsquery"
	if found {
		return among{where: " AND courier IN (SELECT courier FROM courier_words WHERE words @@ " + question + " OFFSET 0)"}, err
	}
	return among{where: " AND CASE WHEN (SELECT words FROM courier_words WHERE courier_words.courier = courier_order.courier) @@ " + question + " THEN true ELSE false END"}, err
}

// findPostgres goes by the words' own index for what is rare, which OFFSET 0 keeps the planner to, and by the dates' for what
// is everywhere.
func findPostgres(ctx context.Context, r runner, q *filter, f FollowFilter) error {
	match, err := termsPostgres.match(ctx, r, f.asked())
	if err != nil {
		return err
	}
	if match == "" {
		q.raw(nothing)
		return nil
	}
	found, err := few(ctx, r, matchingPostgres, match)
	if err != nil {
		return err
	}
	if found {
		q.raw("SELECT courier, accepted FROM (SELECT courier, accepted, consultation FROM courier_words WHERE words @@ " + q.arg(match) +
			"::text::tsquery OFFSET 0) AS courier_words WHERE true")
	} else {
		q.raw("SELECT courier, accepted FROM courier_words WHERE words @@ " + q.arg(match) + "::text::tsquery")
	}
	q.id("consultation =", f.Consultation)
	f.span(q, "accepted", "courier")
	f.besides(q, "courier_words.courier", "courier_words.accepted")
	q.page(f.order("accepted", "courier"), f.Limit)
	return nil
}
