// Package seal keeps companies' sealed answers unreadable until their date, and opens them then.
//
// It promises that a sealed answer is on no disk of ours in a form that can be read: its content, its
// words, the names of its files are encrypted (age, X25519 and ChaCha20-Poly1305, in chunks of 64 KiB) before they are
// stored, each with a key of its own, wrapped by the key of the installation. That one is a file of data_dir/keys and in no
// database: a dump or a backup of the database and of the contents shows of a sealed answer that it is there, whose, when it came, when
// it opens and how long it is, and nothing else. What the events publish of it is salted (gateway.Commitment), and what tells a mail again is made
// under a key (Vault.Fingerprint).
//
// What may say a sealed answer is sealed as one: an automatic answer to such a letter, of which the event tells at once that it came; and mail that
// could not be placed or read while some seal was open, until the last of those seals.
//
// Nothing of the gateway decrypts an answer before its date, except the page on which a company is still writing it, for
// that company, the receipt that the company gets as it sends, and the header of what waits in quarantine beside no letter. Whoever holds both the key file and the contents can:
// the date is kept by the gateway, not by mathematics. Without the key file, what is still sealed is lost.
//
// At the date the Opener decrypts each answer, and in one transaction stores it as any other answer, records the event
// `unsealed` and has the agent told, with the content. Mail that is no answer becomes what it would have been without the seal. A crash leaves the answer sealed, to be opened at the
// next round, or open; two nodes never open one twice.
package seal
