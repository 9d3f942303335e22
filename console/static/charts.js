/* Draws the charts of a page. What each shows is in its `data-chart`, and in the table below it. */
"use strict";
(() => {
  const HEIGHT = 220, DAY = 86400;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  /* Each contrasts with the page by 3 to 1 or more; the dashes tell lines apart without their colours. */
  const COLOURS = {
    light: ["#0b5394", "#b45309", "#15803d", "#be123c", "#6d28d9", "#0e7490", "#4b5563", "#a16207"],
    dark: ["#7ab8f5", "#f5b05c", "#6fd08c", "#ff8fa3", "#c4a7ff", "#67d4e8", "#c3c9d2", "#e3c04f"],
  };
  const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 5], [1, 2], [16, 4], [4, 2, 1, 2]];
  const isUtc = () => { try { return localStorage.getItem("remedy.times") === "utc"; } catch { return false; } };

  const span = (seconds) => {
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
    return seconds < 2 * DAY ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / DAY)} d`;
  };
  const WORDS = { count: (value) => value.toLocaleString("en"), percent: (value) => `${value} %`, span };

  const SPANS = [1, 10, 60, 600, 3600, 6 * 3600, DAY, 3 * DAY];
  const spansTo = (high) => SPANS.slice(0, 1 + Math.max(1, SPANS.findIndex((each) => each >= Math.min(high ?? 0, 3 * DAY))));
  const scaleOf = (kind) => kind === "span"
    ? { distr: 3, range: (_, low, high) => [1, spansTo(high).at(-1)] }
    : { range: (_, low, high) => [0, kind === "percent" ? 100 : Math.max(4, high * 1.05)] };

  const optionsOf = (data, width) => {
    const colours = dark.matches ? COLOURS.dark : COLOURS.light, words = WORDS[data.kind];
    const ink = dark.matches ? "#c3c9d2" : "#4b5563", grid = { stroke: dark.matches ? "#2b323c" : "#e3e6eb", width: 1 };
    const axis = { stroke: ink, grid, ticks: grid };
    const days = [DAY, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1];
    const hours = [3600, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1];
    const splits = data.kind === "span" ? { splits: (_, axisNumber, low, high) => spansTo(high), filter: (_, all) => all } : {};
    const told = (_, value) => value === null || value === undefined ? "–" : words(value);
    return {
      width, height: HEIGHT, tzDate: (at) => isUtc() ? uPlot.tzDate(new Date(at * 1e3), "Etc/UTC") : new Date(at * 1e3),
      scales: { x: { time: true }, y: scaleOf(data.kind) },
      axes: [{ ...axis, space: 64, values: [days, hours] }, { ...axis, ...splits, size: 64, values: (_, values) => values.map((each) => each === null ? "" : words(each)) }],
      series: [{ label: "From", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...data.lines.map((line, place) => ({
        label: line.label, stroke: colours[place % colours.length], dash: DASHES[place % DASHES.length], width: 2,
        value: told, points: { size: 5 },
      }))],
    };
  };
  const valuesOf = (data) => [data.times, ...data.lines.map((line) => data.kind === "span"
    ? line.values.map((value) => value === null ? null : Math.max(1, value)) : line.values)];

  const drawn = new Map();
  const draw = (element) => {
    const data = JSON.parse(element.dataset.chart);
    drawn.get(element)?.destroy();
    drawn.set(element, new uPlot(optionsOf(data, element.clientWidth), valuesOf(data), element));
  };
  const drawAll = () => { for (const each of document.querySelectorAll("[data-chart]")) draw(each); };
  const begin = () => {
    drawAll();
    const resized = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const chart = drawn.get(target);
        if (chart && chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: HEIGHT });
      }
    });
    for (const each of drawn.keys()) resized.observe(each);
    dark.addEventListener("change", drawAll);
    document.addEventListener("click", (event) => { if (event.target.closest("[data-switch=times]")) drawAll(); });
  };
  document.addEventListener("DOMContentLoaded", begin);
})();
