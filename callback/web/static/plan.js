// The grid of /plan. A chip is taken with the mouse, the pen, or a finger that rests on it; what the server says about where it may
// go is shown while it is in the air, and the server decides again when it is let go. A click, Enter or a tap opens the dialog that
// does the same.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const narrow = matchMedia("(max-width: 56rem)");
  const CELLS = "#plan tbody td";
  const RESTS = 350, MOVED = 6;
  let drag = null; // {chip, pointer, x, y, timer, ghost, told, over}
  let justDragged = false;

  // ── Opening the dialog ──
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("#plan button.chip");
    if (!chip) return;
    if (justDragged) { justDragged = false; return; }
    const day = new URLSearchParams(one("#plan").dataset.view).get("day");
    htmx.ajax("GET", `/plan/chip/${chip.id.slice(2)}?day=${day}`, { target: "#chip-body", source: chip });
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const body = event.detail.target;
    if (body.id === "chip-body" || body.id === "absent-body") {
      const dialog = body.closest("dialog");
      const first = !dialog.open;
      if (first) dialog.showModal();
      if (first) (one("[name=agent], button.btn-primary", body) ?? one("h2", body)).focus();
    }
    if (body.id === "plan") toNow();
  });
  document.addEventListener("moves:done", () => {
    all("dialog[open]").forEach((dialog) => dialog.close());
    document.body.dispatchEvent(new CustomEvent("desk:refresh"));
  });
  // What a dialog asks may be refused: the word about it stands on the page, so the dialog makes way.
  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status >= 400 && requestConfig.verb === "post") { all("dialog[open]:not(#login-again)").forEach((dialog) => { if (xhr.status !== 401) dialog.close(); }); document.body.dispatchEvent(new CustomEvent("desk:refresh")); }
  });
  // Nothing is swapped under a chip that is in the air.
  document.addEventListener("htmx:beforeRequest", (event) => { if (drag?.ghost && event.detail.elt.id === "plan") event.preventDefault(); });

  // ── Dragging ──
  document.addEventListener("pointerdown", (event) => {
    const chip = event.target.closest("#plan button.chip:not(.is-calling)");
    if (!chip || event.button !== 0 || !event.isPrimary || narrow.matches) return;
    justDragged = false;
    drag = { chip, pointer: event.pointerId, x: event.clientX, y: event.clientY };
    if (event.pointerType === "touch") drag.timer = setTimeout(lift, RESTS);
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    const apart = Math.hypot(event.clientX - drag.x, event.clientY - drag.y);
    if (!drag.ghost) {
      if (apart < MOVED) return;
      if (drag.timer) { drop(); return; } // a finger that moves at once scrolls
      lift();
    }
    carry(event.clientX, event.clientY);
  });
  document.addEventListener("pointerup", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (drag.ghost) { justDragged = true; setTimeout(() => { justDragged = false; }, 50); }
    const { chip, over, ghost } = drag, told = over ? why(over) : "";
    drop();
    if (ghost && over && !over.contains(chip)) put(chip, over, told);
  });
  document.addEventListener("pointercancel", drop);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag?.ghost) { event.preventDefault(); drop(); } });
  document.addEventListener("touchmove", (event) => { if (drag?.ghost) event.preventDefault(); }, { passive: false });
  document.addEventListener("contextmenu", (event) => { if (drag) event.preventDefault(); });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.("#plan")) event.preventDefault(); });

  async function lift() {
    const mine = drag;
    clearTimeout(mine.timer);
    mine.timer = null;
    mine.ghost = document.createElement("div");
    mine.ghost.id = "ghost";
    const copy = mine.chip.cloneNode(true);
    copy.removeAttribute("id");
    mine.ghost.append(copy, document.createElement("p"));
    document.body.append(mine.ghost);
    document.body.classList.add("is-dragging");
    mine.chip.classList.add("is-lifted");
    carry(mine.x, mine.y);
    const answer = await fetch(`/plan/targets/${mine.chip.id.slice(2)}?${one("#plan").dataset.view}`, { headers: { Accept: "application/json" } });
    if (!answer.ok || drag !== mine) return;
    mine.told = await answer.json();
    if (drag !== mine) return;
    for (const cell of all(CELLS)) cell.classList.add(why(cell) ? "is-no" : "is-yes");
    if (mine.over) explain(mine.over);
  }
  // Why it may not stand in this cell; empty when it may, or when the server has not answered yet.
  function why(cell) {
    if (!drag.told) return "";
    const agent = cell.parentElement.id.slice(2);
    if (!cell.dataset.at) return drag.told.stuck || drag.told.off[agent] || "";
    return drag.told.stuck || drag.told.who[agent] || drag.told.when[cell.dataset.at] || "";
  }
  function carry(x, y) {
    drag.at = [x, y];
    drag.ghost.style.transform = `translate(${Math.min(x + 10, innerWidth - 200)}px, ${y + 8}px)`;
    const scroller = one("#plan-scroll"), box = scroller?.getBoundingClientRect();
    if (box && y > box.top && y < box.bottom) {
      if (x > box.right - 40) scroller.scrollLeft += 16;
      if (x < box.left + 220 && x > box.left + 180) scroller.scrollLeft -= 16;
    }
    const cell = document.elementFromPoint(x, y)?.closest(CELLS) ?? null;
    if (cell === drag.over) return;
    drag.over?.classList.remove("is-over");
    drag.over = cell;
    cell?.classList.add("is-over");
    explain(cell);
  }
  function explain(cell) {
    const told = cell ? why(cell) : "";
    one("p", drag.ghost).textContent = told;
    one("#drag-why").textContent = told;
  }
  function put(chip, cell, told) {
    if (!cell.dataset.at) { if (told) refuse(told); return; } // there is no slot that the server could be asked about
    const values = { handle: chip.id.slice(2), version: chip.dataset.v, agent: cell.parentElement.id.slice(2), at: cell.dataset.at };
    if (!told) cell.append(chip); // seen at once; the server's answer brings the grid up to date
    htmx.ajax("POST", "/plan/move", { values, swap: "none", source: document.body });
  }
  function refuse(told) {
    const fault = document.createElement("div"), word = document.createElement("p");
    fault.className = "fault";
    word.textContent = told;
    fault.append(word);
    one("#problem").replaceChildren(fault);
    one("#problem").scrollIntoView({ block: "nearest" });
  }
  function drop() {
    if (!drag) return;
    clearTimeout(drag.timer);
    drag.ghost?.remove();
    drag.chip.classList.remove("is-lifted");
    document.body.classList.remove("is-dragging");
    for (const cell of all("#plan td.is-yes, #plan td.is-no, #plan td.is-over")) cell.classList.remove("is-yes", "is-no", "is-over");
    drag = null;
  }

  // ── Beginning where now is ──
  let seen = false;
  function toNow() {
    const now = one("#plan th.is-now"), scroller = one("#plan-scroll");
    if (seen || !now || !scroller || narrow.matches) return;
    seen = true;
    scroller.scrollLeft = Math.max(0, now.offsetLeft - 184 - now.offsetWidth);
  }
  toNow();
})();
