// Package account says who may log in: accounts with a password here (argon2id), accounts whose
// password a directory checks (LDAP: package directory), and app passwords, one for each device.
//
// It promises that a password is never kept in clear nor logged; that an unknown login, a
// disabled account and a wrong password cost the same and are answered the same (RFC 4954 §6:
// 535 5.7.8); that guessing is slowed, then locked out, by account and by address; that the
// memory of hashing (9 MiB each) and of every table here is bounded; and that an outage of the
// store is never taken for a wrong password (454 4.7.0).
//
// A verified password is remembered in memory, as a MAC under a key made when the process starts,
// together with the version of the account's row, which is read at every login: a changed or
// disabled account is refused at once. App passwords are read from the store at every login.
//
// A password changed in the directory is known here after Options.Remember at most; how long the
// directory takes may tell its accounts from unknown logins.
//
// Everything counted or remembered is in memory: a crash forgets it and leaves nothing behind.
package account
