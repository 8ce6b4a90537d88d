// Package ledger keeps the events in a Merkle log, so that nothing of what
// happened can be rewritten unnoticed (promise 8).
//
// Each event is a leaf: gateway.Event.Leaf, which holds hashes in the place of
// details, so that details can be erased and the log stays valid (promise 14).
// One sequencer at a time, held by a lease and fenced by its epoch, gives the
// events their positions in batches. A batch is one transaction: the positions, the
// hashes of the tree (golang.org/x/mod/sumdb/tlog, RFC 6962 §2.1) and a checkpoint
// signed in the form of a sumdb/note. Where a time-stamping authority is configured,
// checkpoints are stamped by it (RFC 3161).
//
// A checkpoint's time is the greatest Recorded that it contains, and the store sees to it that
// no event outside it, of any node, is recorded before that time (store.AppendLedger).
// So an event that stands after a checkpoint and claims to have been recorded before its time was
// back-dated; honest events never are, however late they come.
//
// What it cannot show by itself: whoever holds the database and the key can write a
// whole new log. That is seen by anyone who holds an earlier checkpoint, be it in a
// proof or printed by `vaguemestre ledger`: the new log is not an extension of it.
//
// A crash leaves events without a position, never half a batch: the next sequencer
// goes on after the last checkpoint. A stamp that was not stored is asked for again.
package ledger
