// Package link serves the companies' pages: the landing page of a letter's link, the letter itself
// once acknowledged, its files, the company's own receipt, and the way to say that a letter is somebody else's.
//
// It promises that only a person's deliberate act acknowledges: a POST of the landing page's own
// form, bound to that showing of the page and to the browser it was shown to, not sooner than a person could press its button, with
// the short code when the letter asks for it (promise 6). GET and HEAD never do; visits are recorded as what they look like. Nothing
// depends on cookies or JavaScript. A patient robot that does all that a person does passes the button, which is why the evidence says "button";
// only the code claims more. The content and files of an acknowledged letter are not served before
// its acknowledgement is durable. A token appears in no log, no referrer and no error; an unknown token
// and one that names nobody get the same page.
//
// A company answers there, as often as it likes (answers). What the page says that it has is durable: the words as they are saved, a file chunk by
// chunk, so that an upload goes on where a cut, a reload or a crash left it. An answer is sent by the review's button alone, once, whole, and as late or
// sealed as the server's clock says at that instant; a file that was begun before the deadline changes nothing of that. What is under seal is encrypted from
// its first chunk, and shown to whoever has the link until it is sent, then to whoever has the receipt.
//
// A crash leaves nothing but what is being written: the acknowledgement is one transaction, made before the answer is
// written; a company whose answer was lost presses again and finds the first time kept.
package link
