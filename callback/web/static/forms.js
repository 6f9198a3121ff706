// What is wrong with a field, in the page's words and language instead of the browser's bubble, at the field. The browser still
// decides what is wrong (required, min, type, …) and holds the form back; without this file its own bubble says so.
// data-most="2000" is a longest text that may be typed over: it is counted, said, and nothing is cut.
(() => {
  "use strict";
  const words = document.querySelector("#faults").dataset;
  let made = 0, first = null;
  const told = new Set(); // groups of which it has been said, in this round: all of them are wrong at once

  const place = (field) => (field.type === "radio" ? field.closest("fieldset:not([hidden]), .field") : field.closest(".field, label")) ?? field.parentElement;
  const group = (field) => (field.type === "radio" && field.form ? [...field.form.elements].filter((one) => one.name === field.name) : [field]);
  const shown = (field) => group(field).find((one) => one.checkVisibility()) ?? field;
  const plain = (value) => value.replace("T", " ");
  function sentence(field) {
    const state = field.validity;
    if (state.customError) return field.validationMessage;
    if (state.valueMissing) {
      if (field.type === "file") return words.file;
      return field.matches("select, [type=radio], [type=checkbox]") ? words.choose : words.missing;
    }
    if (state.rangeUnderflow) return words.least.replace("%s", plain(field.min));
    if (state.rangeOverflow) return words.most.replace("%s", plain(field.max));
    return words.wrong;
  }
  function clear(field) {
    const said = group(field).map((one) => one.dataset.fault).find(Boolean);
    if (!said) return;
    document.getElementById(said)?.remove();
    for (const one of group(field)) {
      const left = (one.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== said).join(" ");
      if (left) one.setAttribute("aria-describedby", left); else one.removeAttribute("aria-describedby");
      one.removeAttribute("aria-invalid");
      delete one.dataset.fault;
    }
  }
  function tell(field) {
    clear(field);
    const line = document.createElement("span");
    line.id = `fault-${++made}`;
    line.className = "field-fault";
    line.setAttribute("aria-hidden", "true"); // in the label it would be part of the field's name; the field is described by it
    line.textContent = sentence(field);
    place(shown(field)).append(line);
    for (const one of group(field)) {
      one.dataset.fault = line.id;
      one.setAttribute("aria-invalid", "true");
      one.setAttribute("aria-describedby", `${one.getAttribute("aria-describedby") ?? ""} ${line.id}`.trim());
    }
  }

  // One event for each field that is wrong, in their order, before the form is held back.
  document.addEventListener("invalid", (event) => {
    const field = event.target;
    event.preventDefault();
    if (field.type === "radio" && told.has(field.name)) return;
    if (field.type === "radio") told.add(field.name);
    tell(field);
    if (first) return;
    first = field;
    field.closest("details:not([open])")?.setAttribute("open", "");
    setTimeout(() => { first = null; told.clear(); });
    shown(field).focus();
    place(shown(field)).scrollIntoView({ block: "nearest" });
  }, true);

  // ── Longest texts ──
  const length = (text) => [...text].length;
  function count(field) {
    const most = Number(field.dataset.most), now = length(field.value);
    const long = now > most;
    field.setCustomValidity(long ? words.long.replace("%n", String(now)).replace("%m", String(most)) : "");
    let counter = field.parentElement.querySelector(".counter");
    if (!counter) {
      counter = document.createElement("small");
      counter.className = "counter num";
      counter.setAttribute("aria-hidden", "true");
      field.after(counter);
    }
    counter.textContent = `${now} / ${most}`;
    counter.hidden = now < most * 0.8;
    counter.classList.toggle("is-late", long);
    if (long) tell(field); else clear(field);
  }

  const changed = (event) => {
    const field = event.target;
    if (field.dataset?.most) count(field); else if (field.dataset?.fault && field.validity?.valid) clear(field);
  };
  document.addEventListener("input", changed);
  document.addEventListener("change", changed);
})();
