// Package web is what the sites of this gateway share: the companies' pages and the agents' console.
//
// A Site makes pages of templates, sentences of gateway/catalog and one theme. It promises that a page is
// written whole or not at all; that every answer bears the headers that keep a page from being framed, sniffed,
// indexed, leaked by a referrer or made to run what it did not bring (Policy: no inline code, no outside
// request); that pages read in French and English, work without JavaScript or cookies and pass RGAA 4.1 AA
// as far as the shared parts go; and that static files have the hash of their bytes in their names, so that they
// can be kept for ever and never be stale.
//
// Beside pages stand what doors on the web need: a Limiter whose memory is bounded, the visitor's address
// behind trusted proxies (ClientAddress), and Forms, whose tokens prove that a page was shown, for what, and when.
//
// How a site is written: one file per page in its templates folder, which defines "main" (and, if it likes, "head"
// for its scripts and "nav" for its header); files whose name begins with "_" are parts that every page of
// the site may use. A page's title is the sentence PREFIX.PAGE.title. Sentences that a site does not have are
// looked up under "web.". The parts in templates/ of this package (alert, errors, pages…) are there for all.
//
// Nothing is stored; a crash leaves nothing.
package web
