// What every page of the desks does in the browser: the CSRF token, notices, keys, clocks, drafts, and staying where one is when
// the session or the network is lost. No page depends on anything else of this file than the data-… attributes named here.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const meta = (name) => one(`meta[name="${name}"]`);
  const skew = Date.parse(meta("now").content) - Date.now(); // the server's clock decides, not the office computer's
  const now = () => Date.now() + skew;

  // ── Requests ──
  document.addEventListener("htmx:configRequest", (event) => { event.detail.headers["X-CSRF-Token"] = meta("csrf").content; });
  // A click that is under way is not sent again.
  const buttonsOf = (element) => (element.matches("form") ? all("button", element) : element.matches("button") ? [element] : []);
  let pressed = null; // a button that is switched off loses the focus, which is given back with it: the keyboard goes on from there
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.verb === "get") return;
    if (buttonsOf(event.detail.elt).includes(document.activeElement)) pressed = document.activeElement;
    for (const button of buttonsOf(event.detail.elt)) { if (!button.disabled) { button.disabled = true; button.dataset.waits = ""; } }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const waiting = buttonsOf(event.detail.elt).filter((button) => "waits" in button.dataset);
    const enable = () => {
      waiting.forEach((button) => { button.disabled = false; delete button.dataset.waits; });
      if (!waiting.includes(pressed)) return;
      if (document.activeElement === document.body) pressed.focus({ preventScroll: true });
      pressed = null;
    };
    // An answer that leads to another page takes a moment to get there, in which nothing is sent a second time.
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) setTimeout(enable, 3000); else enable();
    const status = event.detail.xhr.status; // of an answer that leads to another page htmx does not say `successful`
    if (status >= 200 && status < 300) {
      all("#problem, .dialog-problem").forEach((place) => place.replaceChildren());
      one("#offline").hidden = true;
      if (event.detail.requestConfig.verb !== "get") {
        const { elt, xhr } = event.detail;
        // A second button of a form ("save and close") sends the form's fields, and leads on once they are kept.
        forget(elt.matches("button") && elt.form && xhr.getResponseHeader("HX-Redirect") ? elt.form : elt);
      }
    }
  });
  document.addEventListener("htmx:sendError", () => { one("#offline").hidden = false; });
  window.addEventListener("online", () => { one("#offline").hidden = true; refresh(); });
  // A dialog covers the page: what went wrong in it is told in it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const dialog = one("dialog[open]");
    if (event.detail.target.id !== "problem" || !dialog) return;
    let told = one(".dialog-problem", dialog);
    if (!told) {
      told = document.createElement("div");
      told.className = "dialog-problem";
      told.setAttribute("role", "alert");
      (one(".dialog-head", dialog) ?? dialog.firstElementChild).after(told);
    }
    event.detail.target = told;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "problem") event.detail.target.scrollIntoView({ block: "nearest" });
    for (const told of all(".fault [data-field]")) name(told);
    prepare(document);
  });

  // A fault names its input as the page does, and the input says that it is meant.
  function name(told) {
    const field = one(`[name="${CSS.escape(told.dataset.field)}"]`, one("dialog[open]") ?? document);
    delete told.dataset.field;
    const label = field?.closest("label")?.querySelector("span")?.textContent ?? field?.labels?.[0]?.textContent ?? field?.getAttribute("aria-label");
    if (!label) return;
    told.prepend(`${label.trim()}: `);
    field.setAttribute("aria-invalid", "true");
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
  }

  // ── The page brings itself up to date: <div hx-get=… hx-trigger="desk:refresh from:body" hx-swap="morph:innerHTML"> ──
  const refresh = () => { if (!document.hidden && !one("dialog[open]")) document.body.dispatchEvent(new CustomEvent("desk:refresh")); };
  setInterval(refresh, 20_000);
  document.addEventListener("visibilitychange", refresh);

  // ── Notices ──
  const notices = one("#notices");
  function notice({ text, undo }) {
    const line = document.createElement("p");
    line.className = "notice";
    const words = document.createElement("span");
    words.textContent = text;
    line.append(words);
    if (undo) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = notices.dataset.undo;
      button.setAttribute("hx-post", undo);
      button.setAttribute("hx-swap", "none");
      button.addEventListener("htmx:afterRequest", () => line.remove()); // not before: what the answer says is heard through it
      line.append(button);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", notices.dataset.close);
    close.addEventListener("click", () => line.remove());
    line.append(close);
    notices.append(line);
    htmx.process(line);
    setTimeout(() => { if (!line.contains(document.activeElement)) line.remove(); }, undo ? 15_000 : 7_000);
  }
  document.addEventListener("desk:notice", (event) => notice(event.detail));
  all(".notice", notices).forEach((line) => { const told = { text: line.textContent, undo: line.dataset.undoAt }; line.remove(); notice(told); });

  // ── Logged out in the middle of something: the password on the spot, the page stays ──
  document.addEventListener("desk:logged-out", () => { const asks = one("#login-again"); if (!asks.open) asks.showModal(); });
  one("#login-again-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" } });
    const told = await answer.json();
    const fault = one(".fault", form);
    fault.hidden = answer.ok;
    if (!answer.ok) { fault.textContent = told.detail; return; }
    meta("csrf").content = told.csrf;
    form.elements.password.value = "";
    one("#login-again").close();
    document.body.dispatchEvent(new CustomEvent("desk:back", { bubbles: true }));
  });

  // ── Keys: data-key="1", "Enter", "/", "g d" (one after the other), "ctrl+Enter" (also while typing); data-key-also for a second one ──
  let first = "";
  const typing = (element) => element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
  const visible = (element) => element.offsetParent !== null && !element.disabled;
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.metaKey) return; // an input method is composing Chinese
    const name = (event.ctrlKey ? "ctrl+" : "") + event.key;
    if (!event.ctrlKey && typing(event.target)) return;
    const root = one("dialog[open]") ?? document;
    const sequence = first ? `${first} ${name}` : name;
    first = "";
    const bound = all("[data-key]", root).filter(visible);
    const found = bound.find((element) => element.dataset.key === sequence || element.dataset.keyAlso === sequence);
    if (found) {
      if (event.repeat || (name === "Enter" && event.target.closest("button, a, summary"))) return;
      event.preventDefault();
      if (typing(found)) { found.focus(); found.select?.(); } else found.click();
    } else if (bound.some((element) => element.dataset.key.startsWith(`${sequence} `))) {
      first = sequence;
      setTimeout(() => { first = ""; }, 1_500);
    }
  });
  function listKeys() {
    const list = one("#keys-list");
    list.replaceChildren(...all("[data-key][data-key-label]").filter(visible).flatMap((element) => {
      const keys = document.createElement("dt");
      element.dataset.key.split(" ").forEach((part, place) => {
        if (place) keys.append(` ${list.dataset.then} `);
        const key = document.createElement("kbd");
        key.textContent = part.replace("ctrl+", "Ctrl ");
        keys.append(key);
      });
      if (element.dataset.keyAlso) {
        const also = document.createElement("kbd");
        also.textContent = element.dataset.keyAlso;
        keys.append(" ", also);
      }
      const label = document.createElement("dd");
      label.textContent = element.dataset.keyLabel;
      return [keys, label];
    }));
  }

  // ── Opening and closing ──
  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-opens]");
    if (opens) { if (opens.dataset.opens === "#keys") listKeys(); one(opens.dataset.opens).showModal(); }
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
    const toggles = event.target.closest("[data-toggles]");
    if (toggles) toggles.setAttribute("aria-expanded", String(document.getElementById(toggles.dataset.toggles).classList.toggle("is-open")));
    const checks = event.target.closest("[data-checks]"); // one box for all boxes of that name
    if (checks) all(`input[type=checkbox][name="${checks.dataset.checks}"]`).forEach((box) => { if (!box.disabled && box.checked !== checks.checked) { box.checked = checks.checked; box.dispatchEvent(new Event("change", { bubbles: true })); } });
  });

  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && !one("dialog[open]") && one("[data-toggles][aria-expanded=true]");
    if (open) { open.click(); open.focus(); }
  });

  // ── Clocks: data-until counts down; data-since counts up, and turns amber and red at data-amber and data-red ──
  const two = (value) => String(Math.trunc(value)).padStart(2, "0");
  const short = (ms) => {
    const seconds = Math.abs(ms) / 1000;
    if (seconds < 3600) return `${Math.trunc(seconds / 60)}:${two(seconds % 60)}`;
    return `${Math.trunc(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  };
  function tick() {
    for (const clock of all("[data-until]")) {
      const left = Date.parse(clock.dataset.until) - now();
      // Hours and days stand as the server wrote them: seconds that run everywhere are no calm screen.
      // What is late is told in minutes: "late 5:00" would read like a time of the day.
      if (left <= 0 && left > -600_000) clock.textContent = clock.dataset.late.replace("%s", Math.max(1, Math.round(-left / 60_000)));
      if (left > 0 && left < 600_000) clock.textContent = clock.dataset.left.replace("%s", short(left));
      clock.classList.toggle("is-late", left < 0);
    }
    for (const clock of all("[data-since]")) {
      const at = now();
      clock.textContent = short(at - Date.parse(clock.dataset.since));
      const amber = at >= Date.parse(clock.dataset.amber), red = at >= Date.parse(clock.dataset.red);
      clock.classList.toggle("is-amber", amber && !red);
      clock.classList.toggle("is-red", red);
    }
  }
  setInterval(tick, 1_000);

  // ── Editors: what is in data-guard and not kept by the server yet is not left without a question ──
  const change = (within) => within?.closest?.("[data-guard]")?.classList.add("is-changed");
  document.addEventListener("input", (event) => change(event.target));
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig, target } = event.detail;
    if (requestConfig.verb === "get" || xhr.status >= 300) return;
    if (xhr.getResponseHeader("HX-Redirect")) all(".is-changed").forEach((editor) => editor.classList.remove("is-changed"));
    else if (target.matches("[data-guard]")) change(target); // a step or a question more or less
  });
  window.addEventListener("beforeunload", (event) => { if (one("[data-guard].is-changed")) event.preventDefault(); });

  // ── Drafts: data-draft="key" survives a reload, a crash and a lost network, until the server has it ──
  // They are the person's own: at a shared computer nobody finds what a colleague began. Beside each is what the server had when it was begun: what somebody else has written since is never covered by it.
  const kept = (field) => `callback:draft:${document.body.dataset.me}:${field.dataset.draft}`, begun = (field) => `${kept(field)}:begun`;
  const served = (field) => (field.matches("select") ? ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value ?? "" : field.defaultValue);
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.dataset?.draft) return;
    try {
      if (localStorage.getItem(kept(field)) === null) localStorage.setItem(begun(field), served(field));
      localStorage.setItem(kept(field), field.value);
    } catch { /* full: the page still has it */ }
  });
  const drop = (field) => { localStorage.removeItem(kept(field)); localStorage.removeItem(begun(field)); };
  // True when somebody else has written there meanwhile: of texts theirs comes first, of choices theirs stands.
  function restore(field) {
    const draft = localStorage.getItem(kept(field)), was = localStorage.getItem(begun(field)), present = served(field);
    if (draft === null) return false;
    const theirs = was !== null && was !== present && draft !== present;
    const text = field.matches("textarea");
    if (draft === field.value || (theirs && (!text || present.includes(draft)))) { drop(field); return theirs && !text; }
    const both = theirs && text && present.trim() !== "" && !draft.includes(present);
    field.value = both ? `${present}\n${draft}` : draft;
    if (both) localStorage.setItem(begun(field), present);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return both;
  }
  function forget(sent) {
    const included = sent.getAttribute?.("hx-include"); // a button that sends a whole form
    const fields = all("[data-draft]", included?.startsWith("#") ? one(included) : sent);
    if (sent.dataset?.draft) fields.push(sent);
    fields.forEach(drop);
  }

  function prepare(root) {
    all("[data-share]", root).forEach((bar) => bar.style.setProperty("--share", bar.dataset.share));
    const fresh = all("[data-draft]", root).filter((field) => !("restored" in field.dataset));
    fresh.forEach((field) => { field.dataset.restored = ""; });
    if (fresh.map(restore).includes(true)) notice({ text: notices.dataset.merged });
    tick();
  }
  prepare(document);
})();
