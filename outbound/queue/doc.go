// Package queue delivers the jobs of the store: it leases them, has them composed and relayed,
// and records what came of it.
//
// It promises that:
//   - an outcome and the job's new state are recorded in one transaction, by the worker that
//     holds the lease; one whose lease was taken over records nothing (gateway.ErrFenced);
//   - a temporary refusal is tried again at growing intervals for Options.Lifetime, then given up
//     as `expired`; a permanent one is `failed`; the author hears of both;
//   - a connection lost after the final dot is `uncertain`, never `sent` nor `failed`, and the
//     letter goes again with the same bytes, Message-ID and ENVID, unless a report about it came
//     in meanwhile;
//   - memory holds at most two jobs for each worker, whatever the length of the queue;
//   - while the store does not answer nothing is lost: leasing waits, and what was
//     delivered is recorded as soon as it answers.
//
// When the context ends, deliveries under way have Options.Grace to finish; the others go back to
// the store as they were.
//
// A crash (kill -9) leaves leases that nobody settled; the jobs are leased again, as interrupted. An
// attempt that ended without a word may have reached the smarthost: that is recorded as
// `uncertain` before the same bytes are sent again, so that no letter goes twice unmarked. The
// receiving side sees the same Message-ID and DKIM signature.
package queue
