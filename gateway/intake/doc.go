// Package intake decides what may be sent: it alone turns a message with its envelope, from
// whichever door (SMTP, console, API), into a courier, a draft, a trial, a model or a proof.
//
// It promises that
//
//   - a submission that is answered without error is durable, and one that is refused left nothing;
//   - what cannot be sent is refused with a permanent *gateway.Fault whose sentence names what to change;
//     a failure of ours is temporary;
//   - a client's retry of the same message is the same courier, joined by the recipients it has not yet (promise 3);
//   - an agent sends as themselves only, for consultations they are entitled to only, and what they may not
//     see answers exactly as what does not exist (promise 11);
//   - a courier that was accepted can be composed: its first message was, before the answer.
//
// Every rule stands in the list rules and says one thing. Submit stops at the first that refuses; Check and
// the trial (the word essai) say all of them.
//
// One transaction stores a courier, its recipients, events and jobs: a crash leaves all of it or nothing.
// A trial or a model is stored, then its job: a crash between leaves a content that nothing names, which the store sweeps.
package intake
