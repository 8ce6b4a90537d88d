package account

import "container/list"

// table is a bounded map: when full it forgets the entry that was put or used longest ago.
// It is not safe for concurrent use.
type table[K comparable, V any] struct {
	max     int
	entries map[K]*list.Element
	order   *list.List // most recent first; values are *row[K, V]
}

type row[K comparable, V any] struct {
	key   K
	value V
}

func newTable[K comparable, V any](max int) *table[K, V] {
	return &table[K, V]{max: max, entries: map[K]*list.Element{}, order: list.New()}
}

func (t *table[K, V]) get(key K) (value V, ok bool) {
	e, ok := t.entries[key]
	if !ok {
		return value, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*row[K, V]).value, true
}

func (t *table[K, V]) put(key K, value V) {
	if e, ok := t.entries[key]; ok {
		e.Value.(*row[K, V]).value = value
		t.order.MoveToFront(e)
		return
	}
	if len(t.entries) >= t.max {
		t.forget(t.order.Back().Value.(*row[K, V]).key)
	}
	t.entries[key] = t.order.PushFront(&row[K, V]{key, value})
}

func (t *table[K, V]) forget(key K) {
	if e, ok := t.entries[key]; ok {
		t.order.Remove(e)
		delete(t.entries, key)
	}
}

func (t *table[K, V]) len() int { return len(t.entries) }
