// The board: the chart of the day's calls (its figures are the table's beside it), intervals, and teams that stay open.
(() => {
  "use strict";
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  let chart;

  function figures() {
    const rows = all("#hours-table tbody tr").map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
    return { labels: rows.map((row) => row[0]), dialled: rows.map((row) => Number(row[1])), reached: rows.map((row) => Number(row[2])) };
  }

  function draw() {
    const table = one("#hours-table"), canvas = one("#hours-chart canvas");
    if (!table || !canvas) { chart?.destroy(); chart = undefined; return; }
    const { labels, dialled, reached } = figures();
    chart?.destroy(); // the refresh has taken the size from the canvas
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const font = { family: getComputedStyle(document.body).fontFamily, size: 13 };
    chart = new Chart(canvas, {
      type: "bar",
      data: { labels, datasets: [
        { label: table.dataset.dialled, data: dialled, backgroundColor: "#c3cdd5", borderRadius: 4 },
        { label: table.dataset.reached, data: reached, backgroundColor: colour("--calm"), borderRadius: 4 },
      ] },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        scales: { x: { grid: { display: false }, ticks: { font } }, y: { beginAtZero: true, ticks: { precision: 0, font }, grid: { color: colour("--line") } } },
        plugins: { legend: { position: "top", align: "end", labels: { boxWidth: 12, boxHeight: 12, font } } },
      },
    });
  }

  function intervals() {
    for (const bar of all("[data-from]")) for (const name of ["from", "to", "at"]) bar.style.setProperty(`--${name}`, bar.dataset[name]);
  }

  // A refresh writes the page as the server knows it; what the reader has opened or closed stays so. The agents of a team
  // come with the team's first opening: five hundred of them are not sent again every twenty seconds for nobody.
  const chosen = new Map();
  document.addEventListener("click", (event) => {
    const details = event.target.closest("summary")?.parentElement;
    if (!details?.id) return;
    setTimeout(() => {
      chosen.set(details.id, details.open);
      if (details.open && details.dataset.team && !details.querySelector(".agents")) document.body.dispatchEvent(new CustomEvent("desk:refresh"));
    });
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id !== "board") return;
    const open = all("details[data-team][open]").map((details) => details.dataset.team);
    if (open.length) event.detail.parameters.opened = open.slice(0, 200).join("-");
  });
  const reopen = () => chosen.forEach((open, id) => { const details = document.getElementById(id); if (details) details.open = open; });

  const show = () => { draw(); intervals(); reopen(); };
  document.addEventListener("htmx:afterSwap", show);
  document.addEventListener("change", (event) => { event.target.closest("form[data-sends]")?.requestSubmit(); });
  show();
})();
