// The sandbox: new messages come by themselves, the newest is in sight, and what was sent leaves the field.
(() => {
  "use strict";
  const one = (id) => document.getElementById(id);
  const screen = () => one("screen");
  const toEnd = (box) => { if (box) box.scrollTop = box.scrollHeight; };
  const refresh = () => document.body.dispatchEvent(new CustomEvent("sandbox:refresh"));

  setInterval(() => {
    if (document.hidden || document.querySelector("dialog[open]")) return;
    if (document.querySelector("[data-live-page]")) { fetch("/sandbox", { headers: { Accept: "text/html" } }).then((answer) => answer.text()).then((text) => { if (text.includes('id="screen"')) location.reload(); }).catch(() => {}); return; }
    refresh();
  }, 1_500);

  // Whoever has scrolled back to read stays where they are.
  let atEnd = true;
  document.addEventListener("htmx:beforeRequest", () => { const box = screen(); atEnd = !box || box.scrollHeight - box.scrollTop - box.clientHeight < 60; });
  document.addEventListener("htmx:afterRequest", (event) => {
    const sent = event.detail.requestConfig;
    if (sent.verb === "post" && event.detail.successful) {
      if (event.detail.elt.id === "reply") { const field = one("reply-text"); field.value = ""; field.focus(); atEnd = true; }
      refresh();
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (atEnd) toEnd(screen());
    const transcript = one("transcript");
    toEnd(transcript);
    if (event.detail.target?.id === "call" && transcript) transcript.focus();
  });
  document.addEventListener("htmx:oobAfterSwap", () => { if (atEnd) toEnd(screen()); });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-puts-away]")) return;
    one("call").replaceChildren();
    screen()?.focus();
    refresh();
  });
  toEnd(screen());
})();
