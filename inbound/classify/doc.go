// Package classify says what an incoming mail is: a delivery report, a read receipt, a
// complaint, an automatic answer, an anti-spam challenge, bulk mail, or a person's reply.
//
// It promises that a report is never called a reply nor a person's words a report without a
// named rule that decided so (Result.Why), that a warning of delay is never a failure, that
// what a report says of each recipient is kept apart, and that any input gives an
// answer in bounded time and memory: no error, no panic. It is pure: a crash leaves nothing.
//
// The rules are tables, one file each: signs.go (what betrays a report), lists.go (refusals of mailing lists), prose.go (where
// reports without fields name their recipients), codes.go and reasons.go (what providers' codes and words mean), absence.go
// (automatic answers), visible.go (where quoted text begins). The clauses are RFC 3464 and
// RFC 6533 for reports, RFC 8098 for receipts, RFC 5965 for complaints, RFC 3834 for automatic
// answers, RFC 3463 for status codes.
package classify
