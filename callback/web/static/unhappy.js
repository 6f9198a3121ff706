// The causes as a ring; its figures are the table's beside it.
(() => {
  "use strict";
  const table = document.querySelector("#causes-table"), canvas = document.querySelector("#causes-chart canvas");
  if (!table || !canvas) return;
  const rows = [...table.querySelectorAll("tbody tr")];
  const colours = { service: "#a3231f", misunderstanding: "#c77700", product: "#0b6b5b", unknown: "#c3cdd5" };
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13 };
  new Chart(canvas, {
    type: "doughnut",
    data: {
      labels: rows.map((row) => row.cells[0].firstChild.textContent.trim()),
      datasets: [{ data: rows.map((row) => Number(row.cells[1].textContent)), backgroundColor: rows.map((row) => colours[row.dataset.kind]), borderWidth: 2 }],
    },
    options: { animation: false, responsive: true, maintainAspectRatio: false, cutout: "62%", plugins: { legend: { position: "bottom", labels: { boxWidth: 12, boxHeight: 12, font } } } },
  });
})();
