// Package link serves the companies' pages: the landing page of a letter's link, the letter itself
// once acknowledged, and its files.
//
// It promises that only a person's deliberate act acknowledges: a POST of the landing page's own
// form, not sooner than a person could press its button, with the short code when the letter asks for it
// (promise 6). GET and HEAD never do; visits are recorded as what they look like. Nothing depends
// on cookies or JavaScript. The content and files of an acknowledged letter are not served before
// its acknowledgement is durable. A token appears in no log, no referrer and no error; an unknown token
// and one that names nobody get the same page.
//
// A crash leaves nothing: the acknowledgement is one transaction, made before the answer is
// written; a company whose answer was lost presses again and finds the first time kept.
package link
