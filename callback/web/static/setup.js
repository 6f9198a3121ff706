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

  function prepare() {
    all("[data-suggests]").forEach(press);
    all("[data-picks]").forEach(pick);
  }
  prepare();
})();
