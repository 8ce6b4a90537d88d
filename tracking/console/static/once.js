// A form goes once, however often its button is pressed while the answer is awaited: what is shown once (a new password, a new key)
// would come in an answer that nobody sees. The form may go again when its page is come back to, or when no answer comes.
(() => {
  "use strict";
  let sent = new WeakSet();
  document.addEventListener("submit", (e) => {
    if (e.defaultPrevented || e.target.getAttribute("method") !== "post") return;
    if (sent.has(e.target)) { e.preventDefault(); return; }
    sent.add(e.target);
    setTimeout(() => sent.delete(e.target), 10000);
  });
  addEventListener("pageshow", () => { sent = new WeakSet(); });
})();
