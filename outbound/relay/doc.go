// Package relay hands one message for one mailbox to a smarthost over SMTP, and signs it (DKIM).
//
// It promises that:
//   - the bytes sent are the composed ones, line ends made CRLF, behind the signatures; their
//     SHA-256 and size are in the outcome, and the same message signed at the same instant gives
//     the same bytes at each attempt;
//   - an outcome is Permanent only when the peer refused this message or this mailbox with 5xx, or
//     when no smarthost can carry it as it is; trouble with the connection, TLS or our own login
//     is Temporary, whatever the code; a connection lost after the final dot is Unknown;
//   - secrets go over TLS only, unless the administrator says otherwise for one host;
//   - memory does not grow with the message: what does not fit in Options.Hold is composed twice,
//     once to measure and sign it, once to send it.
//
// The protocol is spoken here rather than by a library's client, because the evidence needs what
// such clients keep to themselves (the greeting, the words of every reply), because replies must
// be bounded in lines as well as in length, and because pipelining (RFC 2920) saves two round
// trips for each message.
//
// Nothing is kept on disk. A crash leaves at most a transaction that the peer may have taken:
// the queue then sends the same bytes, with the same Message-ID and ENVID, again.
package relay
