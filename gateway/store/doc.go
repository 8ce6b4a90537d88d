// Package store keeps what the gateway must not lose: consultations, couriers, events,
// jobs, inbound mail, the ledger, and the contents they name. SQLite is the embedded
// default, PostgreSQL serves several nodes; one set of queries serves both.
//
// # What it promises
//
// A method that returns without error has its effect on disk (fsync). Each method is one
// transaction: a crash at any instant leaves either all of it or nothing. Beside that, a
// crash may leave a content that nothing names, which [Store.Sweep] removes later.
//
// No method checks first and writes then: what must be unique is a UNIQUE constraint, what
// must still be ours is a conditional UPDATE whose row count is read. So every operation
// may race with itself, from another goroutine, handle, process or node.
//
// Events are append-only: the database itself refuses any other change than the place in
// the ledger, given once, and the erasure of details (promise 14).
//
// # Failures
//
// [gateway.ErrNotFound], [gateway.ErrRecorded], [gateway.ErrFenced] and the errors of this
// package answer the question that was asked. Any other failure (the database locked, gone,
// read-only, the disk full) is a temporary [gateway.Fault], 451 4.3.0, that wraps its cause.
//
// # Time
//
// Times are stored as UTC microseconds, 0 for none. No query asks the database's clock:
// Options.Now is the only one. Recorded, the time of an event by this gateway, never goes
// backwards, whatever that clock does.
package store
