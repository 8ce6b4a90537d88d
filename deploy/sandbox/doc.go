// Package sandbox is the world around the gateway, for the demo and for tests; nothing that serves
// real mail imports it.
//
// World is a whole small world in one process, on real loopback sockets: a smarthost that delivers into
// the companies' mailboxes and returns delivery reports (RFC 3464), the gateway's own IMAP mailbox, and a
// page that shows what the companies received. The Start functions start the real programs instead
// (Postfix, Dovecot, PostgreSQL, Thunderbird) in temporary folders on free ports, with the recipes of deploy/; Kit
// starts all of those that an end-to-end test needs.
//
// It promises that everything listens on loopback only, that what was started has answered before Start
// returns, and that Stop ends every goroutine, process and file of it. A crash of the caller leaves
// a temporary folder, and at worst the child processes, which the kernel ends with their parent (Linux).
// Nothing here is durable.
package sandbox
