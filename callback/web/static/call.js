// The call: keys that are the call's own, notes that are never lost, the fields of a choice, and what a screen reader hears.
// Everything else (requests, clocks, drafts, keys by data-key) is desk.js.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = one("#call");
  const over = one("[data-call-over]");
  if (over) forgetCall(over.dataset.callOver);
  if (!root) return;
  const name = root.dataset.call, base = `/calls/${name}`;
  const live = one("#call-live");
  const tell = (text, lang = document.documentElement.lang) => { live.textContent = ""; live.lang = lang; setTimeout(() => { live.textContent = text; }, 50); };

  function forgetCall(handle) {
    try { Object.keys(localStorage).filter((key) => key.includes(`call:${handle}:`)).forEach((key) => localStorage.removeItem(key)); } catch { /* nothing is kept there */ }
  }
  const post = (path, values = {}) => fetch(base + path, {
    method: "POST", body: new URLSearchParams(values),
    headers: { "X-CSRF-Token": one('meta[name="csrf"]').content, Accept: "application/json" },
  });
  const loggedOut = () => document.body.dispatchEvent(new CustomEvent("desk:logged-out", { bubbles: true }));

  // ── Notes: typed here, kept in this browser at once and at the server soon; two windows are merged, never overwritten ──
  const field = one("#notes"), status = one("#notes-status"), key = `callback:call:${name}:notes`;
  let known = field.value, saving = null, soon = 0;
  const limit = Number(field.dataset.limit);
  const show = (text, bad = false) => { if (status.textContent !== text) status.textContent = text; status.classList.toggle("is-bad", bad); };
  const length = (text) => [...text].length;
  const keep = () => {
    try {
      if (field.value === known) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify({ base: known, text: field.value }));
    } catch { /* full: the page still has it */ }
  };
  function restore() {
    try {
      const kept = JSON.parse(localStorage.getItem(key) ?? "null");
      if (kept && kept.text !== field.value) { known = kept.base; field.value = kept.text; }
    } catch { /* nothing to bring back */ }
  }
  const tooLong = () => {
    const long = length(field.value);
    if (long > limit) show(field.dataset.tooLong.replace("%n", String(long)), true);
    return long > limit;
  };
  function take(text) { // the caret stays in the words where it was
    const before = field.value, { selectionStart: start, selectionEnd: end } = field;
    const moved = (place) => (text.startsWith(before.slice(0, place)) ? place : Math.max(0, text.length - (before.length - place)));
    field.value = text;
    if (document.activeElement === field) field.setSelectionRange(moved(start), moved(end));
  }
  async function save() {
    clearTimeout(soon);
    if (!root.dataset.mine || field.value === known || tooLong()) return;
    if (saving) { await saving; return save(); }
    const sent = field.value;
    show(field.dataset.saving);
    saving = post("/notes", { notes: sent, base: known }).then(async (answer) => {
      if (answer.status === 401) { show(field.dataset.loggedOut, true); return loggedOut(); }
      const told = await answer.json();
      if (!answer.ok) return show(told.detail, true);
      const untouched = field.value === sent;
      // What is being typed is never touched: the next save is based on what was sent now, and the server merges again.
      known = untouched ? told.notes : sent;
      if (untouched && told.notes !== sent) { // another window has written too
        take(told.notes);
        show(field.dataset.merged);
      } else if (untouched) show(field.dataset.saved);
      keep();
      if (field.value !== known) later();
    }, () => { show(field.dataset.kept, true); soon = setTimeout(save, 5_000); });
    await saving;
    saving = null;
  }
  const later = () => { clearTimeout(soon); soon = setTimeout(save, 700); };
  field.addEventListener("input", () => { keep(); if (!tooLong()) later(); });
  field.addEventListener("blur", save);
  window.addEventListener("online", save);
  document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
  restore();
  if (field.value !== known) { tooLong(); later(); }
  setInterval(() => { if (root.dataset.mine) post("/alive").catch(() => {}); }, 240_000); // the lease goes on while the page is open

  // ── The end takes the notes as they stand on the page, with what another window has written since ──
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.matches("[data-close-form]")) Object.assign(event.detail.parameters, { notes: field.value, notes_base: known });
  });
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.elt.matches("[data-close-form]")) return;
    if (tooLong()) { event.preventDefault(); field.focus(); tell(status.textContent); return; }
    if (field.value !== known) { event.preventDefault(); save().then(() => event.detail.issueRequest(true)); }
  });

  // ── Logged out in the middle: what was being done is done once the password is given ──
  let undone = null;
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status === 401) undone = event.detail.elt; });
  document.addEventListener("desk:back", () => {
    const element = undone;
    undone = null;
    save();
    if (!element?.isConnected) return;
    if (element.matches("form")) element.requestSubmit(); else if (element.matches("button")) element.click(); else htmx.trigger(element, "change");
  });

  // The second half of a double click falls on what has come in the place of the first: it is not meant.
  window.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("#call-script button, #call-bar button")) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  // ── The fields of a choice ──
  const opened = (button) => document.getElementById(button.getAttribute("aria-controls"));
  function open(button) {
    for (const other of all("[data-asks][aria-expanded=true]")) if (other !== button) shut(other);
    button.setAttribute("aria-expanded", "true");
    const form = opened(button);
    form.hidden = false;
    fill();
    one("textarea", form)?.focus();
  }
  // The customer's calendar is asked for when its frame opens, and again until it is there: without it nothing can be chosen.
  const isEmpty = (part) => !one("fieldset", part);
  const ready = (form) => { const go = one(".acts .btn-primary", form); if (go) go.disabled = all(".moments", form).some(isEmpty); };
  function fill() {
    for (const part of all("form.answer-fields:not([hidden]) .moments")) {
      ready(part.closest("form"));
      if (isEmpty(part) && !part.classList.contains("htmx-request")) htmx.trigger(part, "call:opened");
    }
  }
  window.addEventListener("online", fill);
  document.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.matches(".moments")) return;
    const told = one("[data-offline]", event.detail.elt);
    if (told) told.hidden = false;
    setTimeout(fill, 5_000);
  });
  const shut = (button) => { button.setAttribute("aria-expanded", "false"); opened(button).hidden = true; };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-asks]");
    if (button) { if (button.getAttribute("aria-expanded") === "true") { shut(button); button.focus(); } else open(button); }
  });
  document.addEventListener("change", (event) => {
    const day = event.target.dataset?.day;
    if (!day) return;
    for (const times of all(`[data-times^="${day}-"]`)) times.hidden = times.dataset.times !== `${day}-${event.target.value}`;
  });

  // ── Quick replies: into the notes, or copied ──
  function insert(text) {
    const gap = field.value && !field.value.endsWith("\n") ? "\n" : "";
    field.value = `${field.value}${gap}${text}`;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); } catch { // without TLS there is no clipboard but this one
      const box = document.createElement("textarea");
      box.value = text;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    document.dispatchEvent(new CustomEvent("desk:notice", { detail: { text: one("#replies").dataset.copied } }));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert], [data-copy]");
    if (!button) return;
    const text = one(button.dataset.insert ?? button.dataset.copy).textContent;
    if (button.dataset.insert) insert(text); else copy(text);
  });
  one("[data-find]").addEventListener("submit", (event) => {
    event.preventDefault();
    const first = one("#replies .reply");
    if (first?.open) insert(one(".reply-body", first).textContent); else if (first) first.open = true;
  });

  // ── Keys of the call's own. In the capturing phase: before desk.js reads the key ──
  let armed = null;
  const typing = (element) => element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
  const disarm = () => { if (armed) { clearTimeout(armed.timer); armed.button.classList.remove("is-armed"); armed = null; } };
  window.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.metaKey || one("dialog[open]")) return;
    const stop = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    const target = event.target;
    if (event.key === "Escape" && (typing(target) || target.closest("form.answer-fields"))) {
      const button = target.closest("form.answer-fields")?.parentElement.querySelector("[data-asks]");
      if (button) shut(button);
      target.blur();
      return stop();
    }
    if (event.key === "Enter" && event.ctrlKey) {
      const resume = one("[data-resume]");
      if (resume) { stop(); resume.click(); }
      return;
    }
    if (event.key === "Enter" && target.matches("textarea[data-enter]") && !event.shiftKey) {
      stop();
      if (!event.repeat) target.form.requestSubmit();
      return;
    }
    if (typing(target) || event.ctrlKey) return;
    const ten = one("[data-ten]");
    if (armed && event.key === "0") { disarm(); stop(); one("[data-key='x']", ten)?.click(); return; }
    if (ten && event.key === "1" && !event.repeat) { // perhaps the beginning of 10
      disarm();
      const button = one("[data-key='1']", ten);
      if (!button || button.disabled) return;
      stop();
      button.classList.add("is-armed");
      armed = { button, timer: setTimeout(() => { disarm(); button.click(); }, 650) };
      return;
    }
    disarm();
  }, true);

  // ── After a step: the reader is at the script again, and hears what to say ──
  let spot = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const active = document.activeElement;
    spot = event.detail.target.contains(active) && active.name ? { within: event.detail.target.id, name: active.name } : null;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const target = event.detail.target;
    if (target.id === "call-script") {
      all("[data-asks]").filter((button) => all("textarea", opened(button)).some((text) => text.value)).slice(0, 1).forEach(open);
      const first = one("[data-first]", target) ?? (one(".call-paused", target) ? field : null);
      if (first) first.focus(); else if (!target.contains(document.activeElement) || document.activeElement === document.body) target.focus({ preventScroll: true });
      if (window.matchMedia("(max-width: 56rem)").matches) window.scrollTo({ top: 0 });
      const words = one("#say", target);
      if (words) tell(words.textContent, words.lang);
    } else if (target.classList.contains("moments")) {
      ready(target.closest("form"));
      (one("input[data-day]:checked", target) ?? one("button", target))?.focus();
    } else if (spot?.within === target.id) {
      one(`[name="${spot.name}"]`, target)?.focus();
    } else if (target.id === "dialling") {
      const link = one("[data-dials]", target);
      if (link && !link.dataset.opened) { link.dataset.opened = ""; link.focus(); link.click(); }
    }
  });

  // ── The clock is told once ──
  setInterval(() => {
    const clock = one("#call-bar [data-amber]:not(.is-second [data-amber])");
    if (!clock) return;
    for (const tone of ["red", "amber"]) {
      const told = `call:${name}:told-${tone}`;
      if (clock.classList.contains(`is-${tone}`) && !sessionStorage.getItem(told)) { sessionStorage.setItem(told, "1"); tell(live.dataset[tone]); break; }
    }
  }, 1_000);
  all("[data-asks]").filter((button) => all("textarea", opened(button)).some((text) => text.value)).slice(0, 1).forEach(open);
  one("[data-first]")?.focus();
})();
