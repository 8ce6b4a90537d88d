// Package message is the gateway's only MIME reader and splicer, and makes HTML safe to show.
//
// It promises that whatever bytes it is given are read in time linear in their number, within
// bounds set beforehand (Limits), without a body ever being loaded whole, and that what a reader
// hands out as raw is the source, byte for byte. Mail that breaks the rules is read as well as can
// be, each breach noted as a Defect; only a bound that is passed or a source that cannot be read is
// an error. Splice puts words around those of a message and copies all other parts as they are.
//
// A Message is a set of offsets into its source: it stays usable as long as the source does, and
// may be used by several goroutines at once. Nothing is written anywhere; a crash leaves nothing.
package message
