// Draws every <canvas data-chart> from the JSON beside it, in the colours of the theme.
(() => {
  "use strict";
  const charts = new Map();
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const numbers = new Intl.NumberFormat(document.documentElement.lang);

  const options = (canvas) => {
    const stacked = canvas.hasAttribute("data-stacked");
    const round = canvas.dataset.chart === "doughnut" || canvas.dataset.chart === "pie";
    const axis = { stacked, border: { display: false }, ticks: { color: token("--text-muted") } };
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 350 },
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: {
          position: "bottom",
          labels: { color: token("--text-muted"), usePointStyle: true, pointStyle: "circle", boxHeight: 7, padding: 16 },
        },
        tooltip: { callbacks: { label: (item) => `${item.dataset.label || item.label} : ${numbers.format(item.raw)}` } },
      },
      ...(round
        ? { cutout: "68%", interaction: { mode: "nearest", intersect: true } }
        : {
            scales: {
              x: { ...axis, grid: { display: false } },
              y: { ...axis, beginAtZero: true, grid: { color: token("--border") },
                ticks: { ...axis.ticks, precision: 0, maxTicksLimit: 6, callback: (value) => numbers.format(value) } },
            },
          }),
    };
  };

  const coloured = (canvas, dataset, index) => {
    const palette = [1, 2, 3, 4, 5, 6].map((n) => token(`--chart-${n}`));
    const colour = palette[index % palette.length];
    if (canvas.dataset.chart === "doughnut" || canvas.dataset.chart === "pie") {
      return { ...dataset, backgroundColor: dataset.data.map((_, n) => palette[n % palette.length]), borderWidth: 2,
        borderColor: token("--surface") };
    }
    const line = canvas.dataset.chart === "line";
    return { ...dataset, backgroundColor: line ? `${colour}22` : colour, borderColor: colour, borderWidth: line ? 2.5 : 0,
      fill: line, tension: .3, pointRadius: line ? 2.5 : 0, borderRadius: 4, maxBarThickness: 34 };
  };

  const draw = (canvas) => {
    charts.get(canvas)?.destroy();
    const data = JSON.parse(document.getElementById(canvas.dataset.source).textContent);
    data.datasets = data.datasets.map((dataset, index) => coloured(canvas, dataset, index));
    window.Chart.defaults.font.family = token("--font");
    charts.set(canvas, new window.Chart(canvas, { type: canvas.dataset.chart, data, options: options(canvas) }));
  };
  const drawAll = () => {
    charts.forEach((chart, canvas) => {
      if (canvas.isConnected) return;
      chart.destroy();
      charts.delete(canvas);
    });
    document.querySelectorAll("canvas[data-chart]").forEach((canvas) => charts.has(canvas) || draw(canvas));
  };
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("atoosync:theme", () => [...charts.keys()].forEach(draw));
})();
