package ledger

import (
	"context"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway/store"
)

// tree is the log's right edge: all that adding a leaf and giving the root needs. It holds the
// complete subtrees from left to right, each smaller than the one before it.
type tree struct {
	size     int64
	subtrees []subtree
}

type subtree struct {
	level int
	hash  tlog.Hash
}

// add adds a leaf and gives the hashes to store: the leaf's, and those of the subtrees that it
// completes (as tlog.StoredHashes does).
func (t *tree) add(leaf tlog.Hash) []store.StoredHash {
	position := t.size
	t.size++
	t.subtrees = append(t.subtrees, subtree{0, leaf})
	stored := []store.StoredHash{{Index: tlog.StoredHashIndex(0, position), Hash: leaf}}
	for n := len(t.subtrees); n > 1 && t.subtrees[n-1].level == t.subtrees[n-2].level; n-- {
		left, right := t.subtrees[n-2], t.subtrees[n-1]
		merged := subtree{left.level + 1, tlog.NodeHash(left.hash, right.hash)}
		t.subtrees = append(t.subtrees[:n-2], merged)
		stored = append(stored, store.StoredHash{Index: tlog.StoredHashIndex(merged.level, position>>merged.level), Hash: merged.hash})
	}
	return stored
}

// root is the tree's root; that of an empty tree is the hash of nothing (RFC 6962 §2.1).
func (t *tree) root() tlog.Hash {
	n := len(t.subtrees)
	if n == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing
		return empty
	}
	h := t.subtrees[n-1].hash
	for i := n - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.subtrees[i].hash, h)
	}
	return h
}

func (t *tree) clone() *tree {
	return &tree{t.size, append([]subtree(nil), t.subtrees...)}
}

// loadTree reads the right edge of the log of this size.
func loadTree(ctx context.Context, s hashes, size int64) (*tree, error) {
	t := &tree{size: size}
	var indexes []int64
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
			t.subtrees = append(t.subtrees, subtree{level: level})
		}
	}
	read, err := s.LedgerHashes(ctx, indexes)
	if err != nil {
		return nil, fmt.Errorf("load the ledger's edge: %w", err)
	}
	for i := range read {
		t.subtrees[i].hash = read[i]
	}
	return t, nil
}

// hashes is where the tree's hashes are stored.
type hashes interface {
	LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
}
