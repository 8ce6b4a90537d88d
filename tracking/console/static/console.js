// Keeps the follow-up of couriers up to date. Without it the page says what was true when it was asked for.
(() => {
  "use strict";
  const list = document.querySelector("[data-live]");
  if (!list || !window.EventSource) return;
  const said = document.getElementById("live-said");
  const opened = () => [...list.querySelectorAll("details[open][id]")].map((d) => d.id);
  const says = (part) => part.textContent.replace(/\s+/g, " ");
  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html", "Vaguemestre-Live": "1" }, credentials: "same-origin", redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    if (!fresh) return;
    if (says(fresh) === says(list)) return;
    const before = opened();
    const focus = document.activeElement && list.contains(document.activeElement) ? document.activeElement.id : "";
    list.replaceChildren(...fresh.childNodes);
    for (const id of before) document.getElementById(id)?.setAttribute("open", "");
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    if (said) said.textContent = said.dataset.word;
  };
  const source = new EventSource(list.dataset.live);
  let busy = false, again = false, asking = 0;
  const changed = async () => {
    if (busy) { again = true; return; }
    busy = true;
    do { again = false; try { await refresh(); } catch { /* the next change tries again */ } } while (again);
    busy = false;
  };
  source.addEventListener("change", changed);
  // The gateway had no room for one more live page: it is asked from time to time instead.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED && !asking) asking = setInterval(changed, Number(list.dataset.every) * 1000);
  });
  source.addEventListener("end", () => source.close());
  addEventListener("pagehide", () => { source.close(); clearInterval(asking); });
})();
