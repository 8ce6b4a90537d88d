// Package correlate finds which letter an incoming mail is about, with what strength, and
// decides what is to be recorded of it.
//
// It promises that nothing is recorded of a recipient unless a token of ours, an identifier of ours or
// a Message-ID of ours names it; that a report about somebody else than the letter's recipient
// is not counted; that each claim is graded by what proves it, since a token proves which letter is meant
// and not who wrote; that our own automatic mail is never answered; and that whatever cannot be placed is quarantined with
// a reason. Finding asks the store (Finder); deciding is pure (Understand): the same mail and the same
// facts give the same Step, whose events bear keys that make a second recording a no-op.
// A crash leaves nothing: the step is applied whole or not at all.
//
// The ways of finding, strongest first: a token in an address to which the mail was sent or in
// the headers that a report returns; the ENVID of a report (RFC 3461); our Message-ID in
// References, In-Reply-To or the returned headers.
package correlate
