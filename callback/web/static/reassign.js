// The list of /reassign: how many are chosen, ranges with the shift key, all of the filter; and its two dialogs.
(() => {
  "use strict";
  const one = (selector) => document.querySelector(selector);
  const boxes = () => [...document.querySelectorAll("#choose input[name=chosen]")];
  let last = null;

  function count() {
    const form = one("#choose");
    if (!form) return;
    const all = form.elements.everything;
    const number = all?.checked ? Number(all.dataset.count) : form.querySelectorAll("input[name=chosen]:checked").length;
    const told = one("#chosen-count");
    told.textContent = told.dataset.text.replace("%s", number);
    one("#choose-next").disabled = number === 0 || number > Number(form.dataset.most);
    form.classList.toggle("is-all", Boolean(all?.checked));
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("#choose input[name=chosen]");
    if (!box) return;
    if (event.shiftKey && last?.isConnected) {
      const row = boxes();
      const [from, to] = [row.indexOf(last), row.indexOf(box)].sort((a, b) => a - b);
      for (const between of row.slice(from, to + 1)) if (!between.disabled) between.checked = box.checked;
    }
    last = box;
    count();
  });
  document.addEventListener("change", (event) => { if (event.target.closest?.("#choose")) count(); });
  // Text must not be selected when a range of boxes is.
  document.addEventListener("mousedown", (event) => { if (event.shiftKey && event.target.closest?.("#choose label")) event.preventDefault(); });

  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (["take-body", "who-body", "absent-body"].includes(target.id)) {
      const dialog = target.closest("dialog");
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
      target.querySelector("h2")?.focus();
    }
    count();
  });
  const again = () => { if (one("#filters")) htmx.trigger("#filters", "submit"); };
  one("#take")?.addEventListener("close", () => { if (one("#take [data-done]")) again(); });
  document.addEventListener("moves:undone", again);
  document.addEventListener("moves:done", () => { document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()); again(); });
  count();
})();
