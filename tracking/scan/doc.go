// Package scan asks a virus scanner (ClamAV's clamd) about the files that pass through the pages, before they are
// handed out or taken in.
//
// It promises that a content is called clean only when the scanner said so of its whole bytes; that an outage of the
// scanner is always an error, never a verdict; and that a content that was judged is not sent again for a while (Keeper).
// Memory does not grow with the content: it streams. Verdicts are kept in memory only: the signatures of yesterday
// prove nothing for ever, and a crash leaves nothing but the need to ask again.
package scan
