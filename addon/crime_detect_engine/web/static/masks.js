// Owns the page where masks are drawn: the list, what is said about them, saving.

import { ApiError, call, say } from "./api.js";
import { Canvas } from "./canvas.js";
import { AREA, Drawing } from "./drawing.js";
import { bindTools, renewPicture, watchPicture } from "./stage.js";

const MAX_MASKS = 16;
const MAX_POINTS = 32;
const page = document.getElementById("masks");
const camera = `cameras/${page.dataset.camera}`;
const error = document.getElementById("error");
const save = document.getElementById("save");
const drawing = new Drawing({ most: { area: MAX_MASKS }, corners: MAX_POINTS });
const canvas = new Canvas(document.getElementById("drawing"), drawing, update, () => ({ style: "mask" }));
let loaded = false;
let saving = false;

function begin(masks) {
  drawing.begin(masks.map((points) => ({ kind: AREA, points })));
}

// --- what the page says ---

function hint() {
  if (drawing.draft.length >= 3) return "Press the first corner, double-click or choose “Close shape” when it is complete.";
  if (drawing.draft.length) return `Go on: a mask needs at least three corners, and has up to ${MAX_POINTS}.`;
  if (drawing.selected !== null) {
    return "Drag a corner to move it, or a small dot between two to make a new one. “Delete mask” takes the whole mask away.";
  }
  if (drawing.full()) return `There are ${MAX_MASKS} masks, and no more are possible. Choose one to change or delete it.`;
  if (drawing.shapes.length && !drawing.adding) return "Choose a mask to change it, or press beside the masks to begin another one.";
  return "Press on the corners of an area that shall never be seen.";
}

function chip({ points }, index) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Mask ${index + 1} · ${points.length} corners`;
  button.setAttribute("aria-pressed", index === drawing.selected);
  button.addEventListener("click", () =>
    canvas.act(() => {
      if (drawing.draft.length) drawing.endDraft();
      drawing.select(index);
    }),
  );
  item.append(button);
  return item;
}

function update() {
  const focused = [...document.querySelectorAll("#list button")].indexOf(document.activeElement);
  document.getElementById("list").replaceChildren(...drawing.shapes.map(chip));
  document.querySelectorAll("#list button")[focused]?.focus();
  document.getElementById("hint").textContent = hint();
  document.getElementById("close").disabled = !drawing.closable;
  document.getElementById("undo").disabled = drawing.past.length === 0;
  document.getElementById("remove").disabled = drawing.selected === null;
  document.getElementById("add").disabled = drawing.full() || !loaded;
  const fewer = drawing.saved.length - drawing.shapes.length - (drawing.closable ? 1 : 0);
  document.getElementById("warning").textContent =
    fewer > 0 ? "Where no mask lies any more, everything is seen and stored again." : "";
  save.disabled = saving || !loaded || !drawing.changed || page.dataset.fixed === "yes";
  error.textContent = "";
}

// --- what people do ---

function reason(problem) {
  const parts = Object.entries(problem.details ?? {}).map(([key, text]) => {
    const number = /^masks\.(\d+)/.exec(key);
    return number ? `Mask ${Number(number[1]) + 1}: ${text}.` : `${text}.`;
  });
  return parts.length ? parts.join(" ") : problem.message;
}

async function keep() {
  if (drawing.draft.length && !drawing.closable) {
    error.textContent = "The shape that you are drawing has fewer than three corners: go on, or undo it.";
    return;
  }
  if (drawing.draft.length) canvas.act(() => drawing.close());
  saving = true;
  update();
  try {
    const { settings } = await call("PATCH", camera, { masks: drawing.shapes.map(({ points }) => points) });
    renewPicture("Saved. Waiting for the next picture…");
    begin(settings.masks);
    say(settings.masks.length ? "Saved: what the masks cover is seen no more." : "Saved: no mask covers this picture.");
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    saving = false;
    update();
    error.textContent = reason(problem);
    return;
  }
  saving = false;
  canvas.draw();
  update();
}

bindTools(
  canvas,
  {
    close: () => drawing.close(),
    undo: () => drawing.undo(),
    remove: () => drawing.remove(),
    add: () => drawing.start(AREA),
  },
  () => drawing.changed && page.dataset.fixed !== "yes",
);
save.addEventListener("click", keep);

async function load() {
  try {
    begin((await call("GET", camera)).settings.masks ?? []);
    loaded = true;
    canvas.draw();
    update();
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    error.textContent = problem.message;
  }
}

update();
load();
watchPicture(camera);
