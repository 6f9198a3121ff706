// What the pages of the set-up do in the browser: faults get the focus, skills are offered, choices show their fields.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A form that came back with faults: to the first of them. What was just made: there.
  document.addEventListener("htmx:afterSettle", (event) => {
    const root = event.detail.elt;
    (root.querySelector?.("[aria-invalid=true]") ?? root.querySelector?.("[data-focus]") ?? (root.matches?.("[data-focus]") ? root : null))?.focus();
    prepare();
  });

  // One choice shows the fields that belong to it.
  function pick(select) {
    for (const part of all("[data-picked]", select.form)) {
      part.hidden = !part.dataset.picked.split(" ").includes(select.value);
    }
  }
  document.addEventListener("change", (event) => { if (event.target.matches("[data-picks]")) pick(event.target); });

  // Skills that are in use already: a button puts one in, or takes it out.
  const words = (field) => field.value.split(/[,;，；、\n]+/).map((word) => word.trim()).filter(Boolean);
  function press(box) {
    const field = box.closest("form").elements[box.dataset.suggests];
    const there = new Set(words(field));
    for (const button of all("button", box)) button.setAttribute("aria-pressed", String(there.has(button.textContent)));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-suggests] button");
    if (button) {
      const box = button.closest("[data-suggests]");
      const field = box.closest("form").elements[box.dataset.suggests];
      const there = words(field);
      const without = there.filter((word) => word !== button.textContent);
      field.value = (without.length < there.length ? without : [...there, button.textContent]).join(", ");
      press(box);
    }
    const copies = event.target.closest("[data-copies]");
    if (copies) {
      navigator.clipboard?.writeText(document.querySelector(copies.dataset.copies).textContent).then(() => {
        document.body.dispatchEvent(new CustomEvent("desk:notice", { bubbles: true, detail: { text: copies.dataset.copied } }));
      }, () => {});
    }
  });
  document.addEventListener("input", (event) => {
    for (const box of all("[data-suggests]", event.target.form ?? document)) if (box.dataset.suggests === event.target.name) press(box);
  });

  // Hours as bars on a track from 6 to 23 o'clock.
  const FIRST = 6 * 60, LAST = 23 * 60;
  const minutes = (text) => { const [hour, minute] = text.split(/[:：.]/).map(Number); return hour * 60 + (minute || 0); };
  function place(bar, from, to) {
    const share = (at) => Math.min(Math.max((at - FIRST) / (LAST - FIRST), 0), 1) * 100;
    bar.style.left = `${share(from)}%`;
    bar.style.width = `${Math.max(share(to) - share(from), 0)}%`;
  }
  const HOURS = /(\d{1,2}(?:[:：.]\d{2})?)\s*(?:-|–|—|~|～|至|到)\s*(\d{1,2}(?:[:：.]\d{2})?)/g;
  function draw(track) {
    const field = document.getElementById(track.dataset.track);
    track.replaceChildren(...[...field.value.matchAll(HOURS)].map(([, from, to]) => {
      const bar = document.createElement("span");
      place(bar, minutes(from), minutes(to));
      return bar;
    }));
  }
  document.addEventListener("input", (event) => { if (event.target.id) all(`[data-track="${event.target.id}"]`).forEach(draw); });

  document.addEventListener("click", (event) => {
    // One day's hours for the days below it.
    const copies = event.target.closest("[data-week-copies]");
    if (copies) {
      const fields = all("input[name^=day_]", copies.closest("[data-week]"));
      const from = fields.findIndex((field) => field.id === copies.dataset.weekCopies);
      for (const field of fields.slice(from + 1)) { field.value = fields[from].value; field.dispatchEvent(new Event("input", { bubbles: true })); }
    }
    // A day of the calendar goes into the form beside it.
    const cell = event.target.closest("[data-day]");
    const form = document.getElementById("day-form");
    if (cell && form) {
      form.elements.first.value = cell.dataset.day;
      form.elements.last.value = "";
      form.elements.what.focus();
      form.scrollIntoView({ block: "nearest" });
    }
    // Spare lines, shown one by one.
    const more = event.target.closest("[data-more]");
    if (more) {
      const spare = document.querySelector(`${more.dataset.more} [data-spare]`);
      if (spare) { delete spare.dataset.spare; spare.hidden = false; spare.querySelector("input:not([type=hidden]), select")?.focus(); }
      more.hidden = !document.querySelector(`${more.dataset.more} [data-spare]`);
    }
  });
  function again(select) {
    for (const part of all("[data-again]", select.closest("fieldset"))) part.hidden = select.value !== "again";
  }
  document.addEventListener("change", (event) => { if (event.target.matches("[data-step]")) again(event.target); });

  function prepare() {
    all("[data-suggests]").forEach(press);
    all("[data-picks]").forEach(pick);
    all("[data-from]").forEach((bar) => place(bar, minutes(bar.dataset.from), minutes(bar.dataset.to)));
    all("[data-track]").forEach(draw);
    all("[data-spare]").forEach((line) => { line.hidden = true; });
  }
  prepare();
})();
