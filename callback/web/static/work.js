// Lists of work: a filter takes effect when it is chosen. The story: why somebody may not be given the call, when they are chosen.
(() => {
  "use strict";
  document.addEventListener("change", (event) => {
    event.target.closest("form[data-sends]")?.requestSubmit();
    if (!event.target.matches("[data-shows-reason]")) return;
    const against = event.target.selectedOptions[0]?.dataset.against;
    const form = event.target.form, hint = form.querySelector("[data-why-not]");
    hint.hidden = !against;
    hint.textContent = against ?? "";
    form.elements.reason.required = Boolean(against);
  });
})();
