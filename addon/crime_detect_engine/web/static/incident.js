// Owns the page of one incident: its curve, its buttons, and what changes while it is open.

import { attempt, call, say } from "./api.js";
import { drawBoxes } from "./boxes.js";
import { drawCurve } from "./curve.js";
import { listen } from "./feed.js";
import { readable } from "./words.js";

const page = document.getElementById("incident");
const id = page.dataset.incident;
const verdicts = [...page.querySelectorAll("[data-verdict]")];
const toggles = [...page.querySelectorAll("[data-toggle]")];

async function refreshCurve() {
  const { items } = await call("GET", `incidents/${id}/scores`);
  const start = items.length ? Date.parse(items[0].at) : 0;
  const label = page.dataset.label;
  const points = items.map(({ at, probabilities }) => ({
    s: (Date.parse(at) - start) / 1000,
    value: probabilities[label] ?? 0,
  }));
  drawCurve(document.getElementById("curve"), points, Number(page.dataset.threshold), readable(label));
}

function update(incident) {
  for (const button of verdicts) button.setAttribute("aria-pressed", button.dataset.verdict === incident.verdict);
  for (const button of toggles) {
    const on = incident[button.dataset.field];
    button.setAttribute("aria-pressed", on);
    button.textContent = on ? button.dataset.on : button.dataset.off;
  }
}

for (const button of verdicts) {
  button.addEventListener("click", () =>
    attempt(async () => {
      const chosen = button.getAttribute("aria-pressed") === "true" ? null : button.dataset.verdict;
      update(await call("POST", `incidents/${id}/verdict`, { verdict: chosen }));
      say(chosen ? "Thank you: saved." : "Judgement withdrawn.");
    }),
  );
}
for (const button of toggles) {
  button.addEventListener("click", () =>
    attempt(async () => {
      const wanted = button.getAttribute("aria-pressed") !== "true";
      update(await call("POST", `incidents/${id}/${button.dataset.toggle}`, { [button.dataset.field]: wanted }));
    }),
  );
}

const confirmation = document.getElementById("confirm");
document.getElementById("delete")?.addEventListener("click", () => confirmation.showModal());
confirmation?.addEventListener("close", () => {
  if (confirmation.returnValue !== "yes") return;
  attempt(async () => {
    await call("DELETE", `incidents/${id}`);
    location.assign(new URL("incidents", document.baseURI));
  });
});

// --- boxes of the moment of the snapshot: gone as soon as the clip moves ---

const boxes = document.getElementById("boxes");
const clip = document.getElementById("clip");
if (boxes) {
  const shown = document.getElementById("snapshot") ?? new Image();
  const draw = () => drawBoxes(boxes, JSON.parse(boxes.dataset.boxes), shown.naturalWidth || 16, shown.naturalHeight || 9);
  shown.addEventListener("load", draw);
  if (clip) shown.src = clip.poster; // the same picture: its shape is known before the clip's
  new ResizeObserver(draw).observe(boxes);
  clip?.addEventListener("play", () => boxes.remove(), { once: true });
}

listen({
  reset: () => location.reload(),
  incident: ({ data: { type, before, after } }) => {
    if ((after ?? before).incident_id !== id) return;
    if (type === "deleted") {
      say("This incident was deleted.");
      for (const button of [...verdicts, ...toggles]) button.disabled = true;
      return;
    }
    update(after);
    if (type === "end" || Boolean(after.media.clip) !== Boolean(page.dataset.clip)) {
      location.reload(); // the clip is there now
      return;
    }
    if (boxes) boxes.dataset.boxes = JSON.stringify(after.boxes);
    const snapshot = document.getElementById("snapshot");
    if (snapshot && String(after.media.snapshot_rev) !== page.dataset.rev) {
      page.dataset.rev = after.media.snapshot_rev;
      snapshot.src = `api/v1/incidents/${id}/snapshot.jpg?rev=${after.media.snapshot_rev}`;
    }
    if (type === "update" && !after.ended_at) attempt(refreshCurve);
  },
});
if (!page.querySelector(".curve-section").hidden) attempt(refreshCurve);
