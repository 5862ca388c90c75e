// Owns the page of retention: the rules as a form, what they would delete, saving, and the word that clean-up may go on.

import { ApiError, attempt, call, say } from "./api.js";
import { localize } from "./times.js";

const PAGE = 20;
const inForce = JSON.parse(document.getElementById("retention").dataset.rules);
const form = document.getElementById("rules");
const classes = document.getElementById("classes");
const save = document.getElementById("save");
const error = document.getElementById("error");
let shown = 0;

// --- the form ---

function addClass(label, period) {
  const row = document.getElementById("class-row").content.cloneNode(true).firstElementChild;
  const [select, input, remove] = row.querySelectorAll("select, input, button");
  if (label && ![...select.options].some((one) => one.value === label)) select.add(new Option(label, label));
  if (label) select.value = label;
  input.value = period ?? "";
  remove.addEventListener("click", () => {
    row.remove();
    update();
  });
  classes.append(row);
  return input;
}

function value(name) {
  return form.elements[name].value.trim() || null;
}

function rules() {
  const perClass = {};
  for (const row of classes.children) {
    const period = row.querySelector("input").value.trim();
    if (period) perClass[row.querySelector("select").value] = period;
  }
  const perVerdict = {};
  for (const verdict of ["confirmed", "false_alarm", "none"]) {
    const period = value(`per_verdict.${verdict}`);
    if (period) perVerdict[verdict] = period;
  }
  const path = value("archive.path");
  const plain = ["incidents", "below_threshold", "snapshots", "clips", "originals", "trends", "media_quota"];
  return {
    ...Object.fromEntries(plain.map((key) => [key, value(key)])),
    per_class: perClass,
    per_verdict: perVerdict,
    archive: path && { path, after: value("archive.after"), quota: value("archive.quota") },
  };
}

function same(one, other) {
  const flat = (item) =>
    item !== null && typeof item === "object"
      ? JSON.stringify(Object.entries(item).filter(([, inner]) => inner !== null).sort())
      : JSON.stringify(item);
  return flat(one) === flat(other);
}

function changes() {
  return Object.fromEntries(Object.entries(rules()).filter(([key, now]) => !same(now, inForce[key])));
}

function update() {
  save.disabled = Object.keys(changes()).length === 0;
  document.getElementById("outcome-text").textContent = "Ask what these rules would delete and move, before they are saved.";
  for (const id of ["outcome-sums", "outcome-list"]) document.getElementById(id).replaceChildren();
  document.getElementById("more").hidden = true;
}

function clearErrors() {
  error.textContent = "";
  for (const one of form.querySelectorAll("[data-error]")) one.textContent = "";
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
}

/** What the engine refused, beside the field that it means. */
function showErrors(refusal) {
  let first = null;
  for (const [key, text] of Object.entries(refusal.details)) {
    const places = [key, key.split(".")[0]].map((one) => form.querySelector(`[data-error="${one}"]`));
    const place = places.find(Boolean);
    if (place) place.textContent = text;
    const input = form.elements[key];
    input?.setAttribute?.("aria-invalid", "true");
    first ??= input ?? place;
    if (!place) error.textContent = `${key}: ${text}`;
  }
  if (!Object.keys(refusal.details).length) error.textContent = refusal.message;
  first?.focus?.();
}

// --- what would go ---

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; count >= 1000 && unit < units.length - 1; unit += 1) count /= 1000;
  return `${count.toFixed(unit && count < 10 ? 1 : 0)} ${units[unit]}`;
}

function sentence(plan) {
  const { totals, moves } = plan;
  const parts = [];
  if (totals.deletions) parts.push(`${totals.deletions} deletions, ${bytes(totals.bytes)}`);
  if (moves.files) parts.push(`${moves.files} files to the archive, ${bytes(moves.bytes)}`);
  return parts.length ? `${parts.join("; ")}.` : "Nothing would go.";
}

function sums(title, groups) {
  const list = document.createElement("dl");
  for (const [name, { count, bytes: size }] of Object.entries(groups).slice(0, 12)) {
    const row = list.appendChild(document.createElement("div"));
    row.appendChild(document.createElement("dt")).textContent = name;
    const figure = row.appendChild(document.createElement("dd"));
    figure.className = "number";
    figure.textContent = `${count} · ${bytes(size)}`;
  }
  const head = document.createElement("h3");
  head.textContent = title;
  return list.children.length ? [head, list] : [];
}

function line(item) {
  const row = document.createElement("tr");
  const time = document.createElement("time");
  time.dateTime = item.ended_at;
  time.textContent = item.ended_at;
  const link = document.createElement("a");
  link.href = `incidents/${item.incident_id}`;
  link.append(time);
  for (const content of [link, item.camera, item.what, item.reason, bytes(item.bytes)]) {
    row.appendChild(document.createElement("td")).append(content);
  }
  return row;
}

function table() {
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  for (const title of ["Ended", "Camera", "What", "Why", "Bytes"]) {
    const cell = head.appendChild(document.createElement("th"));
    cell.scope = "col";
    cell.textContent = title;
  }
  made.createTBody();
  return made;
}

async function ask(offset = 0) {
  const plan = await call("POST", `retention/dry-run?limit=${PAGE}&offset=${offset}`, rules());
  const list = document.getElementById("outcome-list");
  if (offset === 0) {
    document.getElementById("outcome-text").textContent = sentence(plan);
    document
      .getElementById("outcome-sums")
      .replaceChildren(
        ...sums("Why", plan.totals.by_reason),
        ...sums("Camera", plan.totals.by_camera),
        ...sums("Class", plan.totals.by_class),
        ...sums("To the archive", plan.moves.by_reason),
      );
    list.replaceChildren(...(plan.items.length ? [table()] : []));
  }
  list.querySelector("tbody")?.append(...plan.items.map(line));
  localize();
  shown = plan.next_offset;
  document.getElementById("more").hidden = plan.next_offset === null;
  return plan;
}

// --- what people do ---

async function careful(action) {
  clearErrors();
  try {
    return await action();
  } catch (refusal) {
    if (!(refusal instanceof ApiError)) throw refusal;
    showErrors(refusal);
    return null;
  }
}

async function confirmed(plan) {
  const dialog = document.getElementById("sure");
  document.getElementById("sure-text").textContent = `At the next clean-up, within the hour: ${sentence(plan)}`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "yes";
}

form.addEventListener("input", update);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const plan = await careful(() => ask());
  if (plan === null || ((plan.totals.deletions || plan.moves.files) && !(await confirmed(plan)))) return;
  const saved = await careful(() => call("PUT", "retention", changes()));
  if (saved === null) return;
  Object.assign(inForce, saved);
  save.disabled = true;
  say("Saved. It is in force now.");
});
document.getElementById("ask").addEventListener("click", () => careful(() => ask()));
document.getElementById("more").addEventListener("click", () => careful(() => ask(shown)));
document.getElementById("add-class").addEventListener("click", () => addClass().focus());
document.getElementById("go-on")?.addEventListener("click", () =>
  attempt(async () => {
    await call("POST", "retention/confirm");
    location.reload();
  }),
);
for (const [label, period] of Object.entries(inForce.per_class)) addClass(label, period);
