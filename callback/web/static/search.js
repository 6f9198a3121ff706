// From the field down to the people that were found, and back up, without the mouse.
(() => {
  "use strict";
  const field = document.getElementById("q");
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
    const people = [...document.querySelectorAll("#found .person")];
    const here = people.indexOf(document.activeElement);
    if (document.activeElement !== field && here < 0) return;
    if (event.key === "Enter" && (here >= 0 || people.length !== 1)) return;
    event.preventDefault();
    if (event.key === "Enter") people[0].click();
    else (people[here + (event.key === "ArrowDown" ? 1 : -1)] ?? (event.key === "ArrowUp" ? field : people.at(-1)))?.focus();
  });
  // What was typed while the network was gone was not looked for, and the people of an earlier search stand there still.
  window.addEventListener("online", () => { if (field?.value) htmx.trigger(field.form, "submit"); });
})();
