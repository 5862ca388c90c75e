// Owns the page where masks are drawn: the newest picture, the list, saving.

import { ApiError, call, errorOf, say } from "./api.js";
import { Canvas } from "./canvas.js";
import { Drawing, MAX_MASKS, MAX_POINTS } from "./polygons.js";

const PICTURE_MS = 1000;
const RETRY_MS = 2000;
const page = document.getElementById("masks");
const camera = `cameras/${page.dataset.camera}`;
const stage = document.getElementById("stage");
const picture = document.getElementById("picture");
const note = document.getElementById("no-picture");
const error = document.getElementById("error");
const save = document.getElementById("save");
const drawing = new Drawing([]);
const canvas = new Canvas(document.getElementById("drawing"), drawing, update);
let loaded = false;
let saving = false;
let saves = 0;

// --- the picture, anew while the page is looked at ---

async function show() {
  const asked = saves;
  const response = await fetch(`api/v1/${camera}/live.jpg`).catch(() => null);
  if (asked !== saves) return 0; // taken before: it may show what is hidden now
  if (!response?.ok) {
    picture.hidden = true;
    note.hidden = false;
    note.textContent = response ? (await errorOf(response)).message : "The engine cannot be reached.";
    return RETRY_MS;
  }
  const address = URL.createObjectURL(await response.blob());
  const old = picture.src;
  picture.src = address;
  await picture.decode().catch(() => {});
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  if (asked !== saves) return 0;
  stage.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight);
  picture.hidden = false;
  note.hidden = true;
  return PICTURE_MS;
}

async function watch() {
  for (;;) {
    const wait = document.visibilityState === "visible" ? await show() : PICTURE_MS;
    await new Promise((done) => setTimeout(done, wait));
  }
}

// --- what the page says ---

function hint() {
  if (drawing.draft.length >= 3) return "Press the first corner, double-click or choose “Close shape” when it is complete.";
  if (drawing.draft.length) return `Go on: a mask needs at least three corners, and has up to ${MAX_POINTS}.`;
  if (drawing.selected !== null) return "Drag a corner to move it. “Delete mask” takes the whole mask away.";
  if (drawing.full) return `There are ${MAX_MASKS} masks, and no more are possible. Choose one to change or delete it.`;
  if (drawing.masks.length && !drawing.adding) return "Choose a mask to change it, or press beside the masks to begin another one.";
  return "Press on the corners of an area that shall never be seen.";
}

function chip(mask, index) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Mask ${index + 1} · ${mask.length} corners`;
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
  document.getElementById("list").replaceChildren(...drawing.masks.map(chip));
  document.querySelectorAll("#list button")[focused]?.focus();
  document.getElementById("hint").textContent = hint();
  document.getElementById("close").disabled = !drawing.closable;
  document.getElementById("undo").disabled = drawing.past.length === 0;
  document.getElementById("remove").disabled = drawing.selected === null;
  document.getElementById("add").disabled = drawing.full || !loaded;
  const fewer = drawing.saved.length - drawing.masks.length - (drawing.closable ? 1 : 0);
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
    const { settings } = await call("PATCH", camera, { masks: drawing.masks });
    saves += 1;
    picture.hidden = true;
    note.hidden = false;
    note.textContent = "Saved. Waiting for the next picture…";
    drawing.begin(settings.masks);
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

for (const [id, action] of Object.entries({
  close: () => drawing.close(),
  undo: () => drawing.undo(),
  remove: () => drawing.remove(),
  add: () => drawing.startMask(),
})) {
  document.getElementById(id).addEventListener("click", () => canvas.act(action));
}
save.addEventListener("click", keep);
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
  event.preventDefault();
  canvas.act(() => drawing.undo());
});

async function load() {
  try {
    drawing.begin((await call("GET", camera)).settings.masks ?? []);
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
watch();
