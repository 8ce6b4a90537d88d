// Helps to write a courier: saves what is typed, sends files as they are dropped, shows the rules of each type, and gives a few
// tools to set text. Without it the form does everything by its buttons, but rich text.
(() => {
  "use strict";
  const form = document.getElementById("courrier");
  if (!form) return;
  const $ = (id) => document.getElementById(id);
  const state = $("etat"), version = form.elements.version;
  const token = () => form.elements.form.value;

  // Rich text. The server makes it safe again whatever comes.
  const text = $("texte"), rich = $("riche"), box = $("editeur"), tools = document.querySelector(".tools");
  let editor = null;
  const paragraphs = (plain) => plain.split("\n").map((line) => {
    const p = document.createElement("div");
    if (line) p.textContent = line; else p.append(document.createElement("br"));
    return p.outerHTML;
  }).join("");
  if (window.Squire && window.DOMPurify && !text.readOnly) {
    editor = new Squire(box, {
      blockTag: "DIV",
      sanitizeToDOMFragment: (html) => DOMPurify.sanitize(html, {
        RETURN_DOM_FRAGMENT: true, ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel):/i,
        ALLOWED_TAGS: ["a", "b", "strong", "i", "em", "u", "s", "br", "div", "p", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "table", "thead", "tbody", "tr", "th", "td", "sub", "sup", "span"],
        ALLOWED_ATTR: ["href", "colspan", "rowspan"],
      }),
    });
    editor.setHTML(rich.value === "1" ? text.value : paragraphs(text.value));
    box.hidden = tools.hidden = false;
    text.hidden = true;
    box.setAttribute("role", "textbox");
    box.setAttribute("aria-multiline", "true");
    box.setAttribute("aria-labelledby", "texte-nom");
    box.setAttribute("aria-describedby", "texte-aide");
    $("texte-nom").addEventListener("click", () => editor.focus());
    editor.addEventListener("input", () => { write(); changed(); });
    const marks = () => tools.querySelectorAll("[data-tag]").forEach((b) => b.setAttribute("aria-pressed", String(editor.hasFormat(b.dataset.tag))));
    editor.addEventListener("pathChange", marks);
    editor.addEventListener("select", marks);
    tools.addEventListener("click", (e) => {
      const b = e.target.closest("[data-do]");
      if (!b) return;
      const on = b.getAttribute("aria-pressed") === "true";
      if (on && b.dataset.undo) editor[b.dataset.undo]();
      else if (on && b.dataset.tag) editor.changeFormat(null, { tag: b.dataset.tag });
      else editor[b.dataset.do]();
      editor.focus();
      marks();
    });
  }
  // The text stays plain until something in it is more than lines.
  const write = () => {
    if (!editor) return;
    const plain = [...box.childNodes].every((n) => n.nodeName === "DIV" && [...n.childNodes].every((c) => c.nodeType === Node.TEXT_NODE || c.nodeName === "BR"));
    rich.value = plain ? "" : "1";
    text.value = plain ? [...box.childNodes].map((n) => n.textContent).join("\n") : editor.getHTML();
  };

  // Saving. One request at a time; what is typed meanwhile is saved next.
  let dirty = false, saving = null, timer = 0;
  const say = (word) => { state.textContent = word; };
  const put = () => {
    write();
    const data = new FormData(form);
    data.delete("fichiers");
    data.set("faire", "enregistrer");
    return fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "error" });
  };
  const save = async () => {
    clearTimeout(timer);
    if (saving) { await saving; if (!dirty) return; }
    dirty = false;
    saving = (async () => {
      try {
        let answer = await put(), said = await answer.json();
        if (answer.status === 403 && said.form) { // another session since this page was shown: it goes on under that one's token
          form.elements.form.value = said.form;
          answer = await put();
          said = await answer.json();
        }
        if (answer.status === 401) dirty = true; // tried again when the page is come back to
        if (!answer.ok) { say(said.text || state.dataset.failed); return false; }
        version.value = said.version;
        if (!form.action.endsWith(said.draft)) {
          form.action = said.draft;
          history.replaceState(null, "", said.draft);
        }
        if (!dirty) say(state.dataset.saved + " " + new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }));
        return true;
      } catch {
        dirty = true;
        say(state.dataset.failed);
        return false;
      }
    })();
    const done = await saving;
    saving = null;
    return done;
  };
  const changed = () => {
    dirty = true;
    say(state.dataset.unsaved);
    clearTimeout(timer);
    timer = setTimeout(save, 1500);
  };
  form.addEventListener("input", (e) => { if (e.target.name && e.target.name !== "fichiers") changed(); });
  document.addEventListener("visibilitychange", () => { if (dirty) save(); });
  let leaving = false, ready = false;
  form.addEventListener("submit", async (e) => {
    write();
    clearTimeout(timer);
    if (leaving && !ready) { e.preventDefault(); return; } // pressed again meanwhile
    if (saving && !ready) { // its answer bears the version that this form has to name
      e.preventDefault();
      leaving = true;
      form.setAttribute("aria-busy", "true");
      await saving;
      ready = true;
      form.requestSubmit(e.submitter);
      leaving = ready = false;
      form.removeAttribute("aria-busy");
      return;
    }
    dirty = false;
  });
  addEventListener("beforeunload", (e) => { if (dirty) e.preventDefault(); });

  // The rules of each type.
  const rules = JSON.parse(form.dataset.rules), offer = $("modele-offre");
  const apply = () => {
    const rule = rules[form.elements.type.value] || {};
    const mode = form.elements.modalite, other = rule.acknowledged ? "simple" : "ar";
    for (const radio of mode) radio.disabled = rule.locked && radio.value === other;
    if (rule.locked) for (const radio of mode) radio.checked = radio.value !== other;
    $("modalite-regle").hidden = !rule.locked;
    const answers = form.elements.repondre.value === "oui";
    for (const part of form.querySelectorAll(".answers")) {
      part.hidden = !answers;
      for (const field of part.querySelectorAll("input")) field.disabled = !answers;
    }
    $("limite").required = answers && (rule.deadline || form.elements.sceller.value === "oui");
    sums();
  };
  form.addEventListener("change", (e) => {
    apply();
    if (e.target.name === "type") offer.classList.add("offered");
  });

  // Recipients by typing.
  const adding = document.querySelector(".adding"), typing = $("ajouter"), addresses = $("adresses");
  adding.hidden = false;
  const add = () => {
    const one = typing.value.trim();
    if (!one) return;
    const lines = addresses.value.split("\n").map((l) => l.trim()).filter(Boolean);
    if (!lines.includes(one)) lines.push(one);
    addresses.value = lines.join("\n");
    typing.value = "";
    typing.focus();
    changed();
  };
  $("ajouter-adresse").addEventListener("click", add);
  typing.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === ",") { e.preventDefault(); add(); } });

  // Files.
  const input = $("fichiers"), drop = $("depot"), sending = $("envois"), total = $("total");
  const max = Number(form.dataset.max), plainMax = Number(form.dataset.maxPlain);
  let sum = Number(total.dataset.total);
  const units = document.documentElement.lang === "en" ? ["bytes", "kB", "MB"] : ["octets", "ko", "Mo"];
  const size = (n) => { // as the server writes it
    const [value, unit] = n >= 999950 ? [n / 1e6, units[2]] : n >= 1000 ? [n / 1e3, units[1]] : [n, n === 1 ? units[0].slice(0, -1) : units[0]];
    return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1, useGrouping: false }) + "\u00a0" + unit;
  };
  const sums = () => {
    const most = form.elements.modalite.value === "simple" ? plainMax : max;
    total.textContent = total.dataset.words.replace("{}", size(sum)).replace("{}", size(most));
    total.classList.toggle("over", sum > most);
  };
  $("joindre").hidden = true;
  document.querySelector(".dropped").hidden = false;
  const send = async (file) => {
    const row = sending.appendChild(document.createElement("li"));
    const name = document.createElement("span"), bar = document.createElement("progress");
    name.textContent = file.name;
    bar.max = file.size || 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    row.append(name, bar);
    if (form.elements.version.value === "0" && !(await save())) { name.textContent += " – " + sending.dataset.failed; bar.remove(); return; }
    const request = new XMLHttpRequest();
    request.open("POST", form.action + "/fichiers?nom=" + encodeURIComponent(file.name));
    request.setRequestHeader("Vaguemestre-Form", token());
    request.setRequestHeader("Accept", "application/json");
    if (file.type) request.setRequestHeader("Content-Type", file.type);
    request.upload.addEventListener("progress", (e) => { bar.value = e.loaded; });
    await new Promise((done) => {
      request.addEventListener("loadend", done);
      request.send(file);
    });
    let said = {};
    try { said = JSON.parse(request.responseText); } catch { /* no answer */ }
    bar.remove();
    if (request.status !== 200) { name.textContent += " – " + (said.text || sending.dataset.failed); row.classList.add("failed"); return; }
    sum += said.size;
    const link = document.createElement("a");
    link.href = said.path;
    link.textContent = said.name;
    const meta = document.createElement("span");
    meta.className = "meta";
    meta.textContent = size(said.size);
    const out = document.createElement("button");
    out.type = "button";
    out.className = "plain";
    out.textContent = sending.dataset.remove;
    out.setAttribute("aria-label", sending.dataset.remove + " " + said.name);
    out.addEventListener("click", async () => {
      const body = new URLSearchParams({ form: token() });
      const answer = await fetch(said.path + "/retirer", { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) return;
      sum -= said.size;
      row.remove();
      sums();
      input.focus();
    });
    name.replaceWith(link);
    row.append(meta, out);
    sums();
  };
  const sendAll = async (files) => { for (const file of files) await send(file); };
  input.addEventListener("change", () => { const files = [...input.files]; input.value = ""; sendAll(files); });
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (e) => { e.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (e) => { e.preventDefault(); sendAll([...e.dataTransfer.files]); });
  apply();
})();
