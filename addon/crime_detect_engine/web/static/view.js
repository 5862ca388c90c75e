// Owns what the page of zones tells of now: boxes of who is in view, counts, and why nobody looks.

import { ApiError, call } from "./api.js";
import { drawBoxes } from "./boxes.js";
import { counted } from "./words.js";

const OBJECTS_MS = 500;
const RETRY_MS = 3000;
const ABOUT_LOOKING = "zones and persons: "; // of the engine's warnings
const picture = document.getElementById("picture");

function unlessRefused(problem) {
  if (!(problem instanceof ApiError)) throw problem;
  return null;
}

async function showObjects(camera, inside) {
  const answer = await call("GET", `${camera}/objects`).catch(unlessRefused);
  const items = answer?.items ?? [];
  drawBoxes(document.getElementById("seen"), picture.hidden ? [] : items, picture.naturalWidth || 16, picture.naturalHeight || 9);
  const counts = new Map();
  const within = new Map();
  for (const { label, zones } of items) {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    for (const name of zones) within.set(name, (within.get(name) ?? 0) + 1);
  }
  const seen = [...counts].map(([label, count]) => counted(label, count)).join(", ");
  document.getElementById("in-view").textContent = seen ? `In view now: ${seen}.` : "";
  inside(within);
  return answer ? OBJECTS_MS : RETRY_MS;
}

/** That nobody looks although somebody should, and why; empty where all is well. */
async function blindness(camera, reasons) {
  const { state } = await call("GET", camera);
  if (!state.online || state.persons !== null) return "";
  if (!reasons) return "Nobody looks now.";
  const { warnings } = await call("GET", "info");
  const why = warnings?.find((warning) => warning.startsWith(ABOUT_LOOKING));
  return why ? `Nobody looks now: ${why.slice(ABOUT_LOOKING.length)}.` : "Nobody looks yet; it takes a few seconds to begin.";
}

async function showBlindness(camera, wanted, reasons) {
  const text = wanted() ? await blindness(camera, reasons).catch(unlessRefused) : "";
  document.getElementById("blind").textContent = text ?? "";
  return RETRY_MS;
}

async function repeat(show) {
  for (;;) {
    const wait = document.visibilityState === "visible" ? await show() : OBJECTS_MS;
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** `wanted()` tells whether somebody should look, `reasons` whether the reader can mend it when nobody does;
 * `inside(counts)` hears how many are in each zone, by name. */
export function watchView(camera, { wanted, reasons, inside }) {
  repeat(() => showObjects(camera, inside));
  setTimeout(() => repeat(() => showBlindness(camera, wanted, reasons)), RETRY_MS);
}
