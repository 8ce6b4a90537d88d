// The page of an answer works without this script. With it, files go up as they are chosen or dropped, in pieces that go on
// after a cut, the words are saved as they are written, and the time left is counted by the server's clock.
"use strict";
(() => {
  const left = document.getElementById("left");
  if (left) {
    const began = performance.now(), clock = Number(left.dataset.clock), until = Number(left.dataset.until);
    const words = left.dataset.words.split("|");
    const some = (n, i) => n + " " + words[n > 1 ? i + 1 : i];
    const tick = () => {
      const rest = until - clock - (performance.now() - began);
      if (rest <= 0) { left.textContent = "(" + left.dataset.over + ")"; return; }
      const m = Math.floor(rest / 60000), d = Math.floor(m / 1440), h = Math.floor(m / 60) % 24;
      const said = (d > 0 ? [[d, 0], [h, 2]] : [[h, 2], [m % 60, 4]]).filter(([n]) => n > 0).map(([n, i]) => some(n, i));
      left.textContent = "(" + words[6].replace("{}", said.join(words[7]) || words[8]) + ")";
      setTimeout(tick, Math.min(60000, rest % 60000 + 50));
    };
    tick();
  }

  const form = document.getElementById("answer");
  if (!form) return;
  const at = form.dataset.at, token = form.elements.form.value, piece = Number(form.dataset.chunk);
  const text = document.getElementById("text"), state = document.getElementById("save"), saves = form.elements.saves;
  const choose = document.getElementById("files"), coming = document.getElementById("coming"), spoken = document.getElementById("progress");
  const drop = document.querySelector(".drop");
  document.querySelectorAll(".noscript").forEach(e => { e.hidden = true; });

  const ask = (method, path, headers = {}, body) =>
    fetch(at + path + "?lang=" + form.dataset.lang, { method, body, headers: { "Form-Token": token, ...headers }, credentials: "same-origin" });
  const pause = ms => new Promise(done => setTimeout(done, ms));

  // The words, saved a moment after the last key.
  let saved = text.value, timer = 0, saving = Promise.resolve(), writing = 0;
  const save = () => {
    clearTimeout(timer);
    writing++;
    saving = saving.then(async () => {
      if (text.value === saved) return;
      const value = text.value;
      state.textContent = form.dataset.saving;
      try {
        const answer = await ask("PUT", "/texte", { Saves: saves.value }, value);
        if (answer.ok) {
          saved = value;
          saves.value = answer.headers.get("Saves");
          state.textContent = form.dataset.saved;
        } else {
          state.textContent = answer.status < 500 ? await answer.text() : form.dataset.unsaved;
        }
      } catch {
        state.textContent = form.dataset.unsaved;
        timer = setTimeout(save, 10000);
      }
    }).finally(() => { writing--; });
    return saving;
  };
  text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(save, 1500); });
  text.addEventListener("blur", save);

  // The files, one after the other.
  const missing = file => [...document.querySelectorAll("[data-file]")].find(e => e.dataset.name === file.name && Number(e.dataset.size) === file.size);
  const sign = name => document.getElementById("sign-" + name).content.firstElementChild.cloneNode(true);
  const row = file => {
    const item = document.createElement("li"), body = document.createElement("div"), name = document.createElement("strong");
    const said = document.createElement("span"), bar = document.createElement("progress"), stop = document.createElement("button");
    name.textContent = file.name;
    name.id = "file-" + Math.random().toString(36).slice(2);
    said.className = "meta";
    bar.max = file.size;
    bar.value = 0;
    bar.setAttribute("aria-labelledby", name.id);
    stop.type = "button";
    stop.className = "second";
    stop.textContent = form.dataset.stop;
    stop.setAttribute("aria-describedby", name.id);
    body.append(name, said, bar, stop);
    item.append(sign("file"), body);
    coming.append(item);
    coming.hidden = false;
    return { item, said, bar, stop };
  };

  class Refused extends Error {}
  const refuse = async answer => {
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 409 && answer.status !== 429) throw new Refused(await answer.text());
    return answer;
  };

  const send = async (file, view) => {
    const known = missing(file);
    let path = known ? "/fichiers/" + known.dataset.file : "", from = 0, wait = 1000, stopped = false, running = new AbortController();
    view.stop.addEventListener("click", () => { stopped = true; running.abort(); });
    while (!stopped) {
      try {
        if (!path) {
          const begun = await refuse(await ask("POST", "/fichiers", {}, JSON.stringify({ name: file.name, type: file.type, size: file.size })));
          if (!begun.ok) throw new Error(begun.status);
          path = "/fichiers/" + begun.headers.get("Location").split("/").pop();
        } else {
          const known = await refuse(await ask("HEAD", path));
          if (!known.ok) throw new Error(known.status);
          from = Number(known.headers.get("Upload-Offset"));
        }
        for (;;) {
          view.bar.value = from;
          view.said.textContent = form.dataset.sending.replace("{}", Math.floor(100 * from / file.size));
          running = new AbortController();
          const answer = await refuse(await fetch(at + path + "?lang=" + form.dataset.lang, {
            method: "PATCH", body: file.slice(from, from + piece), signal: running.signal, headers: { "Form-Token": token, "Upload-Offset": String(from) },
          }));
          if (!answer.ok) throw new Error(answer.status);
          from = Number(answer.headers.get("Upload-Offset"));
          wait = 1000;
          if (from >= file.size) return true;
        }
      } catch (why) {
        if (why instanceof Refused) { view.said.textContent = why.message; view.item.classList.add("wrong"); view.item.firstChild.replaceWith(sign("missing")); view.stop.remove(); view.bar.remove(); spoken.textContent = file.name + " : " + why.message; return false; }
        if (stopped) break;
        view.said.textContent = form.dataset.waiting;
        await pause(wait);
        wait = Math.min(2 * wait, 30000);
      }
    }
    if (path) await ask("DELETE", path).catch(() => {});
    view.item.remove();
    return false;
  };

  // What the server holds is shown as the server shows it.
  const refresh = async () => {
    const answer = await fetch(at + "?lang=" + form.dataset.lang);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("here").replaceWith(page.getElementById("here"));
  };

  let under = 0, line = Promise.resolve();
  const take = files => {
    for (const file of files) {
      const view = row(file);
      under++;
      line = line.then(async () => {
        if (await send(file, view)) {
          view.item.remove();
          spoken.textContent = form.dataset.arrived.replace("{}", file.name);
        }
        under--;
        if (!coming.children.length) coming.hidden = true;
        await refresh().catch(() => {});
      });
    }
  };
  choose.addEventListener("change", () => { take([...choose.files]); choose.value = ""; });
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, e => { e.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, e => { e.preventDefault(); drop.classList.remove("over"); });
  drop.addEventListener("drop", e => take([...e.dataTransfer.files]));

  // Nothing leaves the page while files are under way, nor while words are: the answer to these says over which the form's come.
  form.addEventListener("submit", async e => {
    if (e.submitter && e.submitter.name === "remove") {
      e.preventDefault();
      await ask("DELETE", "/fichiers/" + e.submitter.value).catch(() => {});
      await refresh().catch(() => {});
      choose.focus();
      return;
    }
    if (under > 0) { e.preventDefault(); spoken.textContent = form.dataset.busy; spoken.className = "alert info"; return; }
    clearTimeout(timer);
    if (form.hasAttribute("aria-busy")) { e.preventDefault(); return; } // pressed again meanwhile
    if (writing > 0) {
      e.preventDefault();
      form.setAttribute("aria-busy", "true");
      await saving;
      form.removeAttribute("aria-busy");
      form.requestSubmit(e.submitter);
    }
  });
  addEventListener("beforeunload", e => { if (under > 0) e.preventDefault(); });
})();
