// Package mailbox fetches the gateway's mail by IMAP and has it understood.
//
// It promises that a mail is stored raw and durably before anything is understood of it and before the
// server's copy is touched; that it is recorded once, whatever crashes, re-reads or changes of UIDVALIDITY
// happen; that one bad mail, or one that the server cannot give, never stops the next; that a silent, gone or
// mad server delays mail and never loses it; and that nothing grows with a mail's size.
//
// Two transactions, two loops. The first stores the raw mail with its place (account, folder, UIDVALIDITY,
// UID) and fingerprint, encrypted when it is or may be a sealed answer. The second classifies, correlates and applies the step. The server's copy is marked (\Seen and
// $Vaguemestre) or moved once the mail is understood or quarantined; the copy of what is sealed is
// expunged, unless it alone is whole. A crash between any two of these leaves a mail that is stored and whose copy is not marked: at the
// next connection it is fetched again, known by its content, and its copy is settled. A mail that fails twice to be
// understood is quarantined.
//
// One node reads an account at a time, by a lease of the store.
package mailbox
