// Owns the page for requests of people in the picture: look, hand over a copy, erase.

import { ApiError, call, csrfToken, errorOf, say } from "./api.js";
import { localize } from "./times.js";
import { readable } from "./words.js";

const place = document.getElementById("place");
const found = document.getElementById("found");
const erase = document.getElementById("erase");
let asked; // what was looked at: a copy and an erasure are of that, whatever the form says by then
let confirm;

function asIso(value) {
  return new Date(value).toISOString();
}

function question() {
  const chosen = [...place.elements.cameras.selectedOptions].map((one) => one.value);
  const cameras = chosen.includes("") || !chosen.length ? null : chosen;
  return { from: asIso(place.elements.from.value), to: asIso(place.elements.to.value), cameras };
}

/** Runs what a form sends; what is wrong stands in it. */
async function within(form, action) {
  const alert = form.querySelector("[role=alert]");
  const buttons = [...document.querySelectorAll("main button")];
  alert.textContent = "";
  for (const one of buttons) one.disabled = true;
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    alert.textContent = error.message;
  } finally {
    for (const one of buttons) one.disabled = false;
  }
}

function size(bytes) {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function cell(row, content) {
  const made = row.insertCell();
  if (content instanceof Node) made.append(content);
  else made.textContent = content;
}

function timeOf(text) {
  const time = document.createElement("time");
  time.dateTime = text;
  time.dataset.full = "";
  return time;
}

function linkTo(record) {
  const link = document.createElement("a");
  link.href = `incidents/${record.incident_id}`;
  link.textContent = readable(record.label);
  return link;
}

function show(answer) {
  const many = answer.incidents === 1 ? "1 incident" : `${answer.incidents} incidents`;
  document.getElementById("found-title").textContent = answer.incidents ? many : "Nothing is kept";
  const spared = answer.spared ? `; ${answer.spared} on hold or still going on, which cannot be erased` : "";
  document.getElementById("found-what").textContent = `${answer.files} files, ${size(answer.bytes)}${spared}.`;
  const table = document.getElementById("records");
  table.hidden = !answer.items.length;
  document.getElementById("more").hidden = answer.items.length === answer.incidents;
  const body = table.tBodies[0];
  body.replaceChildren();
  for (const one of answer.items) {
    const row = body.insertRow();
    cell(row, timeOf(one.started_at));
    cell(row, one.camera);
    cell(row, linkTo(one));
    cell(row, `${one.files} · ${size(one.bytes)}`);
    cell(row, one.spared ?? "");
  }
  localize(body);
  found.hidden = false;
  document.getElementById("found-title").focus();
}

async function look() {
  const answer = await call("POST", "subjects/find", asked);
  confirm = answer.confirm;
  show(answer);
}

place.addEventListener("submit", (event) => {
  event.preventDefault();
  asked = question();
  within(place, look);
});

place.addEventListener("input", () => {
  found.hidden = true;
});

document.getElementById("copy").addEventListener("click", () =>
  within(place, async () => {
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrfToken() };
    const answer = await fetch("api/v1/subjects/export", { method: "POST", headers, body: JSON.stringify(asked) });
    if (!answer.ok) throw await errorOf(answer);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "kept.zip";
    link.click();
    URL.revokeObjectURL(link.href);
  }),
);

erase?.addEventListener("submit", (event) => {
  event.preventDefault();
  within(erase, async () => {
    const reason = erase.elements.reason.value;
    const done = await call("POST", "subjects/erase", { ...asked, reason, confirm });
    erase.reset();
    say(done.incidents === 1 ? "1 incident was erased." : `${done.incidents} incidents were erased.`);
    await look();
  });
});
