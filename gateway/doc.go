// Package gateway holds the words of the domain and the rules that need no I/O:
// consultations, couriers, recipients, events, replies, jobs, and the state
// machine that turns the events of a recipient into its state.
//
// It promises that the same events give the same state in whatever order they
// are met, and that no event lowers a state. It imports nothing of ours, keeps
// nothing and opens nothing: a crash leaves nothing behind here.
//
// Times are UTC with microsecond precision; sizes are decoded bytes unless a
// name says otherwise.
package gateway
