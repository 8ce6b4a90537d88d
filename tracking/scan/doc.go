// Package scan asks a virus scanner (ClamAV's clamd) about the files that pass through the pages, before they are
// handed out or taken in.
//
// It promises that a content is called clean only when the scanner said so of its whole bytes; that an outage of the
// scanner is always an error, never a verdict; and that a content that was judged is not sent again for a while (Keeper).
// Memory does not grow with the content: it streams.
//
// Verdicts are kept in memory only, on purpose: a file is judged by the signatures of now, those of yesterday prove nothing for ever, and a verdict
// kept in the store would be one more thing to end in time. So after a restart, which also follows most updates of signatures, a file is scanned again when
// it is next fetched. What that costs is bounded: each file once for each node and each [clamd] again_after, however often it is fetched; four scans
// at the same time, the others wait; 10,000 verdicts, some 2 MB.
package scan
