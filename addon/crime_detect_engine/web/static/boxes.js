// Owns boxes over a picture: who and what is seen, with a word above each.

import { node } from "./svg.js";
import { percent, readable } from "./words.js";

const TEXT_PX = 13;
const NARROW_PX = 480; // of the picture: figures would cover what it shows

/** `items` are `{ label, box: [left, top, width, height], score, identity? }`, relative to a picture of width x height
 * pixels that `svg` lies over as `object-fit: contain` shows it. */
export function drawBoxes(svg, items, width, height) {
  const shown = svg.getBoundingClientRect();
  const scale = Math.max(width / shown.width, height / shown.height); // of the picture's pixels to the screen's
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (!Number.isFinite(scale)) return;
  const parts = items.flatMap(({ label, box: [left, top, wide, high], score, identity }) => {
    const [x, y] = [left * width, top * height];
    const size = TEXT_PX * scale;
    const above = y > size * 1.6;
    const text = node(
      "text",
      { x: x + size * 0.15, y: above ? y - size * 0.4 : y + size * 1.1, "font-size": size, "stroke-width": size * 0.28 },
      [identity || readable(label), ...(shown.width < NARROW_PX ? [] : [percent(score)])].join(" "),
    );
    return [node("rect", { x, y, width: wide * width, height: high * height }), text];
  });
  svg.replaceChildren(...parts);
}
