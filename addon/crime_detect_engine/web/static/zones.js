// Owns the page where zones and lines are drawn or looked at: the list, who is in view, saving.

import { ApiError, call, say } from "./api.js";
import { Canvas } from "./canvas.js";
import { AREA, Drawing, LINE } from "./drawing.js";
import { PlaceForm, freshPlace } from "./place_form.js";
import { bindTools, watchPicture } from "./stage.js";
import { watchView } from "./view.js";
import { readable } from "./words.js";

const MOST = 16;
const MAX_CORNERS = 32;
const WAYS = { both: ["left", "right"], left_to_right: ["right"], right_to_left: ["left"] };
const SECTIONS = { area: "zones", line: "lines" };
const page = document.getElementById("zones");
const camera = `cameras/${page.dataset.camera}`;
const mayChange = page.dataset.mayChange === "yes";
const keepable = mayChange && page.dataset.fixed !== "yes";
const error = document.getElementById("error");
const save = document.getElementById("save");
const detector = document.getElementById("detector");
const picture = document.getElementById("picture");
const drawing = new Drawing({ most: { area: MOST, line: MOST }, corners: MAX_CORNERS, made: freshPlace });
const canvas = new Canvas(document.getElementById("drawing"), drawing, update, look);
const form = new PlaceForm((edit) =>
  canvas.act(() => {
    if (!drawing.chosen) return;
    drawing.remember();
    problems.delete(drawing.chosen);
    edit(drawing.chosen);
  }),
);
let problems = new Map(); // of a shape: what the engine says of it, by key
let savedDetector = detector.value;
let occupied = new Map(); // names of zones → how many are in them
let standing = ""; // the engine's zones and lines as they were read
let loaded = false;
let saving = false;

function look({ kind, name, rules }) {
  return { style: kind === LINE ? "crossing" : "zone", name: readable(name), ways: WAYS[rules.direction] ?? [] };
}

function ratio() {
  return picture.naturalWidth ? picture.naturalWidth / picture.naturalHeight : 16 / 9;
}

function changed() {
  return drawing.changed || detector.value !== savedDetector;
}

// --- what the page says ---

function hint() {
  const { draft, kind, shapes, adding } = drawing;
  if (!mayChange) return shapes.length ? "" : "Nobody has drawn a zone or line here.";
  if (kind === LINE && draft.length) return "Now press where the line ends.";
  if (draft.length >= 3) return "Press the first corner, double-click or choose “Close shape” when it is complete.";
  if (draft.length) return `Go on: a zone needs at least three corners, and has up to ${MAX_CORNERS}.`;
  if (drawing.chosen?.kind === LINE) return "Drag an end to move it. The arrows show which way counts.";
  if (drawing.chosen) return "Drag a corner to move it, or a small dot between two to make a new one.";
  if (adding && kind === LINE) return "Press where the line begins.";
  if (drawing.full(AREA)) return `There are ${MOST} zones, and no more are possible. Choose one to change or delete it.`;
  if (shapes.length && !adding) return "Choose a zone or line to change it, or press beside them to begin another zone.";
  return "Press on the corners of an area of the ground that shall be watched.";
}

function chip(shape, index) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const note = document.createElement("span");
  button.type = "button";
  button.dataset.kind = shape.kind;
  button.append(readable(shape.name), note);
  button.setAttribute("aria-pressed", index === drawing.selected);
  const inside = shape.kind === AREA ? occupied.get(shape.name) : 0;
  note.className = problems.has(shape) ? "badge critical" : inside ? "badge alert" : "muted";
  note.textContent = problems.has(shape) ? "Look again" : inside ? "Occupied" : shape.kind === LINE ? "line" : "zone";
  button.addEventListener("click", () =>
    canvas.act(() => {
      if (drawing.draft.length) drawing.endDraft();
      drawing.select(index);
    }),
  );
  item.append(button);
  return item;
}

function updateList() {
  const focused = [...document.querySelectorAll("#list button")].indexOf(document.activeElement);
  document.getElementById("list").replaceChildren(...drawing.shapes.map(chip));
  document.querySelectorAll("#list button")[focused]?.focus();
  document.getElementById("none").hidden = drawing.shapes.length > 0;
}

function update() {
  updateList();
  document.getElementById("hint").textContent = hint();
  form.show(drawing.chosen, problems.get(drawing.chosen) ?? {}, ratio());
  if (!mayChange) return;
  document.getElementById("close").disabled = !drawing.closable;
  document.getElementById("undo").disabled = drawing.past.length === 0;
  document.getElementById("remove").disabled = drawing.selected === null;
  document.getElementById("add-area").disabled = drawing.full(AREA) || !loaded;
  document.getElementById("add-line").disabled = drawing.full(LINE) || !loaded;
  document.getElementById("pending").textContent = loaded && changed() ? "Not saved yet." : "";
  save.disabled = saving || !loaded || !changed() || !keepable;
  error.textContent = "";
  document.getElementById("detector-error").textContent = "";
}

// --- from and to the engine ---

function drawn({ zones, lines }) {
  return JSON.stringify([zones, lines]);
}

function begin(settings) {
  standing = drawn(settings);
  const shapes = [];
  for (const [name, { polygon, ...rules }] of Object.entries(settings.zones ?? {})) {
    shapes.push({ kind: AREA, points: polygon, name, rules });
  }
  for (const [name, { from, to, ...rules }] of Object.entries(settings.lines ?? {})) {
    shapes.push({ kind: LINE, points: [from, to], name, rules });
  }
  const chosen = drawing.chosen;
  drawing.begin(shapes);
  drawing.adding &&= mayChange;
  problems = new Map();
  const again = shapes.findIndex(({ kind, name }) => kind === chosen?.kind && name === chosen.name);
  if (again >= 0) drawing.select(again);
  detector.value = savedDetector = settings.detector ?? "auto";
}

function body() {
  const sent = { zones: {}, lines: {} };
  for (const { kind, points, name, rules } of drawing.shapes) {
    if (kind === AREA) sent.zones[name] = { polygon: points, ...rules };
    else sent.lines[name] = { from: points[0], to: points[1], ...rules };
  }
  return detector.value === savedDetector ? sent : { ...sent, detector: detector.value };
}

/** Two of one name would become one. */
function sameNames() {
  const seen = new Set();
  for (const shape of drawing.shapes) {
    const key = `${shape.kind} ${shape.name}`;
    if (seen.has(key)) problems.set(shape, { name: "Another one has this name already." });
    seen.add(key);
  }
}

/** What the engine says is meant for the file; a form has boxes to tick for true and false. */
function plain(text) {
  const said = text.replace("expected true, false or", "expected").replace(", or false", "");
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;
}

function blame(problem) {
  const rest = [];
  for (const [key, text] of Object.entries(problem.details ?? {})) {
    const [section, name, ...inner] = key.split(".");
    const shape = drawing.shapes.find((one) => SECTIONS[one.kind] === section && one.name === name);
    if (shape) problems.set(shape, { ...problems.get(shape), [inner.join(".") || "name"]: plain(text) });
    else rest.push(plain(text));
  }
  return rest.length ? rest.join(" ") : problem.message;
}

/** Leads to the first that has to be looked at again. */
function showProblems(text = "") {
  const wrong = drawing.shapes.filter((shape) => problems.has(shape));
  if (wrong.length) drawing.select(drawing.shapes.indexOf(problems.has(drawing.chosen) ? drawing.chosen : wrong[0]));
  canvas.draw();
  update();
  const names = wrong.map(({ name }) => readable(name)).join(", ");
  document.getElementById("pending").textContent = "";
  document.querySelector("#place .error:not(:empty)")?.scrollIntoView({ block: "center" });
  error.textContent = wrong.length ? `Not saved. Look again at ${names}: ${Object.values(problems.get(wrong[0]))[0]}` : text;
}

async function keep() {
  problems = new Map();
  if (drawing.draft.length && !drawing.closable) {
    error.textContent = "The shape that you are drawing is not finished: go on, or undo it.";
    return;
  }
  if (drawing.draft.length) canvas.act(() => drawing.close());
  sameNames();
  if (problems.size) {
    showProblems();
    return;
  }
  saving = true;
  update();
  try {
    if (drawn((await call("GET", camera)).settings) !== standing) {
      saving = false;
      update();
      error.textContent = "Somebody else has changed these zones meanwhile. Reload the page, then draw it again.";
      return;
    }
    begin((await call("PATCH", camera, body())).settings);
    say(drawing.shapes.length ? "Saved: zones and lines are watched from now on." : "Saved: no zone and no line here.");
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    saving = false;
    showProblems(blame(problem));
    return;
  }
  saving = false;
  canvas.draw();
  update();
}

async function load() {
  try {
    begin((await call("GET", camera)).settings);
    loaded = true;
    canvas.draw();
    update();
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    (error ?? document.getElementById("none")).textContent = problem.message;
  }
}

if (mayChange) {
  const actions = {
    close: () => drawing.close(),
    undo: () => drawing.undo(),
    remove: () => drawing.remove(),
    "add-area": () => drawing.start(AREA),
    "add-line": () => drawing.start(LINE),
  };
  bindTools(canvas, actions, () => keepable && loaded && changed());
  detector.addEventListener("change", update);
  save.addEventListener("click", keep);
} else {
  drawing.locked = true;
  document.getElementById("fields").disabled = true;
}
update();
load();
watchPicture(camera);
watchView(camera, {
  reasons: mayChange,
  wanted: () => savedDetector === "on" || (savedDetector === "auto" && drawing.saved.length > 0),
  inside: (counts) => {
    if (JSON.stringify([...counts]) === JSON.stringify([...occupied])) return;
    occupied = counts;
    updateList();
  },
});
