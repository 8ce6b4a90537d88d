// Package notice composes the mails of the gateway that are not letters: a company's answer and
// a failure, to the agent; a read receipt; acknowledgements to companies; stored messages sent on.
//
// It promises that:
//   - a notice is a pure function of its job and of what is stored: each attempt sends the same bytes;
//   - a company's answer reaches the agent with its body and files byte for byte, threaded under the
//     agent's own letter, and can simply be answered;
//   - nothing of a sealed answer shows but that it is there and when it opens;
//   - no notice ever answers a machine, another notice, or a list (RFC 3834 §2), none asks for a
//     report, and all go with the null sender, so that none can loop.
//
// The Scheduler makes the jobs that no event calls for: notices of unread letters, daily digests, and the reminders to companies
// (Policy), each once whatever crashes.
//
// The sentences stand in templates/, one file for each language. Nothing is written here: a crash
// leaves nothing.
package notice
