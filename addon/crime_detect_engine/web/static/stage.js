// Owns what pages share on which something is drawn over a camera's picture: the newest picture, tools, undo, leaving.

import { errorOf } from "./api.js";

const PICTURE_MS = 1000;
const RETRY_MS = 2000;
const stage = document.getElementById("stage");
const picture = document.getElementById("picture");
const note = document.getElementById("no-picture");
let renewals = 0;

async function show(camera) {
  const asked = renewals;
  const response = await fetch(`api/v1/${camera}/live.jpg`).catch(() => null);
  if (asked !== renewals) return 0; // taken before: it may show what is hidden now
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
  if (asked !== renewals) return 0;
  stage.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight);
  picture.hidden = false;
  note.hidden = true;
  return PICTURE_MS;
}

/** Shows the newest picture for as long as the page is looked at. */
export async function watchPicture(camera) {
  for (;;) {
    const wait = document.visibilityState === "visible" ? await show(camera) : PICTURE_MS;
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** No picture that was taken until now is shown any more. */
export function renewPicture(text) {
  renewals += 1;
  picture.hidden = true;
  note.hidden = false;
  note.textContent = text;
}

/** Buttons by id, Ctrl+Z, and a word of warning before drawn shapes are lost. `pending` tells whether any would be. */
export function bindTools(canvas, actions, pending) {
  for (const [id, action] of Object.entries(actions)) {
    document.getElementById(id).addEventListener("click", () => {
      canvas.act(action);
      if (canvas.drawing.setting) canvas.svg.focus(); // what comes next is drawn, by keys too
    });
  }
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
    if (event.target.matches("input:not([type=checkbox])")) return; // what is being typed has an undo of its own
    event.preventDefault();
    canvas.act(() => canvas.drawing.undo());
  });
  addEventListener("beforeunload", (event) => {
    if (pending()) event.preventDefault();
  });
}
