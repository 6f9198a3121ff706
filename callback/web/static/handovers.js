// A handover can be printed: whoever wants it on paper gets it without the menu (handovers.css).
document.addEventListener("click", (event) => { if (event.target.closest("[data-prints]")) window.print(); });
