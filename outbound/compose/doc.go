// Package compose writes the message that one recipient of an accepted courier gets.
//
// It promises that:
//   - it is a pure function: the same courier, recipient, content and addresses give the same
//     bytes, of this version of the composer and of every later one (Version, editions.go);
//   - the message says nothing of other recipients, of the addresses by which the agent gave orders,
//     of the agent's machine or mail client: its header is made of nothing but the fields that
//     header.go lists, and nothing of the agent's header is copied;
//   - the agent's words arrive unchanged once decoded and the files byte for byte, with the contextual
//     block added, or the courier is refused with a sentence that names what to change.
//
// An acknowledged letter is a notification, without content or files. A plain letter is the agent's
// message with the block behind its text and HTML (message.Splice); one that is signed or encrypted
// is wrapped whole beneath the block. An attached message is a file: its bytes are not touched. So are an invitation and a
// piece of a message that the agent's client cut up.
//
// No field names the courier beside Message-ID: whoever has that finds it, and nobody else needs it.
// Auto-Submitted is not set: a person wrote the letter (RFC 3834 §5).
//
// Nothing is kept or opened: a crash leaves nothing.
package compose
