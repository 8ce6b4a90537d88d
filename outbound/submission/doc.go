// Package submission is the SMTP server by which agents hand in couriers (RFC 6409): port 587
// with STARTTLS, port 465 with TLS from the first byte (RFC 8314).
//
// It promises that
//
//   - `250 2.0.0 <courier id>` is answered only after the intake returned, which is after the
//     courier is durable; and that what the intake is handed is the client's exact bytes, dots
//     unstuffed, nothing added;
//   - nothing is sent unless the client is authenticated, and no password is asked nor read before
//     TLS: until then six commands exist, and none of them reaches the mail library;
//   - no recipient is sent to unless every recipient of the envelope was accepted, and the whole
//     message judged, at the end of DATA;
//   - only CR LF . CR LF ends a message: a CR or LF alone or a NUL is answered 554 and the
//     connection closed, without looking for the end (RFC 5321 §2.3.8, §4.1.1.4);
//   - a refusal is a 5xx with a sentence for the agent, an outage of ours is a 4xx, and the cause
//     is logged, never sent;
//   - connections, sessions, commands, sizes, lines and times are bounded (Options), and each
//     bound that bites is counted.
//
// The library parses commands and keeps the state of the dialogue. It runs inside TLS, on a
// connection of ours (type wire) that gives it one line of commands at a time, so that it never
// holds a byte that follows: messages and TLS are read by this package alone.
//
// A crash leaves nothing behind: what had its 250 is the store's, what had none is not ours, and
// a spool is a file that the store sweeps.
package submission
