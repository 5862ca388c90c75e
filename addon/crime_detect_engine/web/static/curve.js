// Owns the score curve: probability over time with the threshold, as SVG that reads out its peak.

import { node } from "./svg.js";
import { percent } from "./words.js";

const HEIGHT = 220;
const LEFT = 44;
const RIGHT = 12;
const TOP = 14;
const BOTTOM = 28;

const drawn = new WeakMap();
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const { width, redraw } = drawn.get(target);
    if (Math.abs(contentRect.width - width) > 1) redraw();
  }
});

/** `points` are `{s, value}` in seconds and 0..1, in order; `threshold` may be null. */
export function drawCurve(figure, points, threshold, what) {
  figure.replaceChildren();
  const width = Math.max(figure.clientWidth, 240); // drawn at its real size, so that text keeps its own
  drawn.set(figure, { width, redraw: () => drawCurve(figure, points, threshold, what) });
  sizes.observe(figure);
  if (points.length === 0) {
    const empty = document.createElement("p");
    empty.className = "muted";
    empty.textContent = "No scores are kept for this one.";
    figure.append(empty);
    return;
  }
  const peak = points.reduce((best, point) => (point.value > best.value ? point : best));
  const first = points[0].s;
  const span = Math.max(points.at(-1).s - first, 0.5);
  const x = (s) => LEFT + ((s - first) / span) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value) * (HEIGHT - TOP - BOTTOM);
  const limit = threshold === null ? "" : `; alerts at ${percent(threshold)}`;
  const svg = node("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: "img",
    "aria-label": `${what}: peak ${percent(peak.value)} after ${peak.s.toFixed(1)} s${limit}`,
  });
  drawAxes(svg, width, first, span, x, y);
  drawScores(svg, points, peak, x, y);
  if (threshold !== null) drawThreshold(svg, width, y(threshold));
  figure.append(svg);
}

function drawAxes(svg, width, first, span, x, y) {
  for (const value of [0, 0.5, 1]) {
    svg.append(
      node("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      node("text", { class: "tick", x: LEFT - 8, y: y(value) + 5, "text-anchor": "end" }, percent(value)),
    );
  }
  const step = [0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800].find((size) => (span / size) * 64 <= width - LEFT) ?? 3600;
  for (let s = Math.ceil(first / step) * step; s <= first + span + 0.001; s += step) {
    svg.append(node("text", { class: "tick", x: x(s), y: HEIGHT - 8, "text-anchor": "middle" }, `${Number(s.toFixed(1))} s`));
  }
}

function drawScores(svg, points, peak, x, y) {
  const line = points.map((point) => `${x(point.s).toFixed(1)},${y(point.value).toFixed(1)}`).join(" ");
  if (points.length > 1) {
    const ends = [x(points[0].s), x(points.at(-1).s)];
    svg.append(
      node("polygon", { class: "area", points: `${ends[0]},${y(0)} ${line} ${ends[1]},${y(0)}` }),
      node("polyline", { class: "line", points: line }),
    );
  }
  for (const point of points) {
    const [kind, r] = point === peak ? ["dot peak", 5] : ["dot", 3];
    const dot = node("circle", { class: kind, cx: x(point.s), cy: y(point.value), r });
    dot.append(node("title", {}, `${percent(point.value)} at ${point.s.toFixed(1)} s`));
    svg.append(dot);
  }
}

function drawThreshold(svg, width, y) {
  svg.append(
    node("line", { class: "threshold", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
    node("text", { class: "threshold-text", x: width - RIGHT, y: y - 6, "text-anchor": "end" }, "alerts here"),
  );
}
