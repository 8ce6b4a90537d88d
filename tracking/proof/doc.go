// Package proof issues the proof of a courier's exchanges, and verifies one without
// trusting the gateway that issued it.
//
// A proof is a PDF for people. Its pages are drawn from evidence.json and nothing else,
// and evidence.json is attached to it, with what it rests on: the message as submitted,
// the raw reports, the checkpoint of the ledger and its time stamp, and the proof that each event
// stands in the ledger. All of it is under one seal (a PAdES signature, ETSI EN 319 142-1,
// in the shape of level B-T when a time-stamping authority is configured, without a claim of
// conformity). A bundle is a zip of the same files and the PDF.
//
// It promises that every claim says what proves it and how strongly (promise 7), that a
// proof for one recipient shows that recipient only, in hashes as well (promise 14), that
// nothing of a sealed reply shows before its date but that it exists (promise 9), and that Verify sees any
// byte changed after issue. Large contents stream: memory does not grow with their size.
//
// The words of the pages stand in texts/*.toml rather than in the common catalogue: they
// are part of the proof's format, since Verify draws the pages again and compares.
//
// Issuing a proof records `proof-issued` once it is wholly written; a crash before that leaves a
// proof that is as true as the others, and no event. Nothing else is kept.
package proof
