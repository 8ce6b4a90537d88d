// Package console serves the agents' pages: signing in, their consultations, the follow-up of couriers (« Suivi des
// messages »), the details of exchanges, the companies' replies, and what may still be done; and, to administrators, the gateway itself:
// its state, the queue, the quarantine, agents and keys. Being an administrator opens no consultation, and what they do is an event or a line
// of the log that bears their name.
//
// It promises that nothing is shown or done without a session of an account that is open; that an agent sees and acts
// on the consultations they are entitled to only, what they may not see answering exactly as what does not exist
// (promise 11); that every request which changes something bears the token of its page; that a session is a new secret at
// each sign-in, of which the store keeps the hash, and ends by idleness, age, revocation, another password or the closing of
// the account; that signing in never tells whether an address is known; that nobody is led outside (redirects stay
// within the console); and that nothing of a sealed reply but its number and its date shows before that date (promise 9).
//
// Every route stands in one table with its object and its permission (routes.go). One that names none is
// refused when the console is made: whoever adds a page cannot forget to say who may see it.
//
// Pages work without JavaScript, live update apart. What agents do goes through gateway/act and gateway/intake like
// everything else, so that a crash leaves what the store has: all of an act or nothing of it.
package console
