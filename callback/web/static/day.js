// My day: the page brings itself up to date without moving what is being read, and j and k go up and down the list.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("#day .entry")];
  let read = null; // the row under the eyes, and where it stood

  const underEyes = () => {
    const held = document.activeElement?.closest?.(".entry") ?? document.querySelector("#day .entry:hover");
    return held ?? (scrollY > 0 ? rows().find((row) => row.getBoundingClientRect().top >= 0) : null);
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "day") return;
    const row = underEyes();
    read = row ? { id: row.id, top: row.getBoundingClientRect().top } : null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const row = event.detail.target.id === "day" && read ? document.getElementById(read.id) : null;
    if (row) scrollBy({ top: row.getBoundingClientRect().top - read.top, behavior: "instant" });
  });

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey || !["j", "k"].includes(event.key)) return;
    if (event.target.closest("input, textarea, select, dialog")) return;
    const all = rows();
    const here = all.indexOf(document.activeElement?.closest?.(".entry"));
    const next = all[here < 0 ? 0 : Math.min(all.length - 1, Math.max(0, here + (event.key === "j" ? 1 : -1)))];
    next?.querySelector("button")?.focus();
  });
})();
