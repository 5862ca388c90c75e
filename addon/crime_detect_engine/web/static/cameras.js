// Owns the cameras page: live pictures while they are looked at, states, switches, new incidents.

import { attempt, call, errorOf, say } from "./api.js";
import { drawBoxes } from "./boxes.js";
import { follow } from "./cards.js";
import { listen } from "./feed.js";
import { shortTime } from "./times.js";
import { inView, percent, readable } from "./words.js";

const PICTURE_MS = 400;
const RETRY_MS = 3000;
const STATES_MS = 2000;
const HEALTH_MS = 15000;
const cameras = new Map([...document.querySelectorAll("[data-camera]")].map((card) => [card.dataset.camera, card]));
const seen = new Set();

function part(card, name) {
  return card.querySelector(`[data-${name}]`);
}

// --- live pictures: asked for one after the other, only for cards on the screen ---

async function show(card) {
  const image = part(card, "live");
  const note = part(card, "note");
  const response = await fetch(image.dataset.live).catch(() => null);
  if (response?.ok) {
    const address = URL.createObjectURL(await response.blob());
    const old = image.src;
    image.src = address;
    await image.decode().catch(() => {});
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
    image.hidden = false;
    note.hidden = true;
    return PICTURE_MS;
  }
  image.hidden = true;
  note.hidden = false;
  note.textContent = response ? (await errorOf(response)).message : "The engine cannot be reached.";
  return RETRY_MS;
}

/** Boxes of who is in view, where somebody looks. */
async function showBoxes(card) {
  const image = part(card, "live");
  const looked = card.dataset.looked === "yes" && !image.hidden;
  const answer = looked ? await call("GET", `cameras/${card.dataset.camera}/objects`).catch(() => null) : null;
  drawBoxes(part(card, "boxes"), answer?.items ?? [], image.naturalWidth || 16, image.naturalHeight || 9);
}

async function watch(card) {
  for (;;) {
    let wait = PICTURE_MS;
    if (seen.has(card) && document.visibilityState === "visible") [wait] = await Promise.all([show(card), showBoxes(card)]);
    await new Promise((done) => setTimeout(done, wait));
  }
}

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) seen.add(entry.target);
    else seen.delete(entry.target);
  }
});

// --- states ---

function speed(state) {
  const facts = [];
  if (state.fps) facts.push(`${state.fps.toFixed(1)} fps`);
  if (state.latency_ms !== null && state.latency_ms !== undefined) facts.push(`${Math.round(state.latency_ms)} ms`);
  return facts.join(" · ");
}

function update(id, state) {
  const card = cameras.get(id);
  if (!card) return;
  card.dataset.state = state.state;
  card.dataset.active = state.active ? "yes" : "";
  card.dataset.looked = state.persons > 0 || Object.keys(state.objects ?? {}).length ? "yes" : "";
  part(card, "in-view").textContent = state.online ? inView(state) : "";
  const tamper = part(card, "tamper");
  tamper.hidden = !state.tampered;
  tamper.textContent = state.tamper ? `Tampered with: ${readable(state.tamper).toLowerCase()}` : "Tampered with";
  const accept = part(card, "accept");
  if (accept) accept.hidden = !state.tampered || state.tamper === "frozen";
  part(card, "badge").textContent = readable(state.state);
  part(card, "speed").textContent = state.online ? speed(state) : "";
  part(card, "label").textContent = !state.online
    ? "Not watching"
    : state.detection === false
      ? "Detection is off"
      : readable(state.label);
  part(card, "confidence").textContent = percent(state.confidence);
  part(card, "limit").textContent = percent(state.threshold);
  part(card, "value").setAttribute("width", (state.confidence ?? 0) * 100);
  part(card, "threshold").setAttribute("x", (state.threshold ?? 0) * 100 - 0.3);
  const alarm = part(card, "alarm");
  alarm.hidden = !state.active;
  alarm.textContent = readable(state.label);
  for (const box of card.querySelectorAll("[data-switch]")) {
    if (!box.disabled) box.checked = Boolean(state[box.dataset.switch]);
  }
  const end = part(card, "unsnooze");
  if (end) {
    end.hidden = !state.snoozed_until;
    part(card, "snooze-choice").hidden = Boolean(state.snoozed_until);
  }
  const snoozed = part(card, "snoozed");
  snoozed.hidden = !state.snoozed_until;
  if (state.snoozed_until) snoozed.textContent = `Snoozed until ${shortTime(new Date(state.snoozed_until))}`;
}

async function refreshStates() {
  if (document.visibilityState !== "visible") return;
  const { items } = await call("GET", "cameras").catch(() => ({ items: [] }));
  for (const camera of items) update(camera.id, camera.state);
}

async function refreshHealth() {
  const response = await fetch("health").catch(() => null);
  const health = await response?.json().catch(() => null);
  const banner = document.getElementById("health");
  banner.hidden = health?.ok ?? false;
  document.getElementById("health-reasons").textContent = health
    ? (health.reasons ?? []).join(" · ")
    : "It does not answer.";
}

// --- what people do ---

for (const [id, card] of cameras) {
  observer.observe(card);
  watch(card);
  part(card, "snooze")?.addEventListener("change", (event) => {
    const minutes = Number(event.target.value);
    event.target.value = "";
    if (minutes) attempt(async () => update(id, (await call("POST", `cameras/${id}/snooze`, { minutes })).state));
  });
  part(card, "unsnooze")?.addEventListener("click", () =>
    attempt(async () => update(id, (await call("POST", `cameras/${id}/snooze`, { minutes: 0 })).state)),
  );
  part(card, "accept-view")?.addEventListener("click", () =>
    attempt(async () => update(id, (await call("POST", `cameras/${id}/accept_view`)).state)),
  );
  for (const box of card.querySelectorAll("[data-switch]")) {
    box.addEventListener("change", async () => {
      const wanted = box.checked;
      box.disabled = true;
      const changed = await attempt(() => call("PATCH", `cameras/${id}`, { [box.dataset.switch]: wanted }));
      box.disabled = false;
      if (changed) update(id, changed.state);
      else box.checked = !wanted;
    });
  }
}

// Who may not change it sees no switch; the answer says what holds, which may be what holds for all cameras.
for (const [id, card] of cameras) {
  const blur = card.querySelector("[data-blur]");
  blur?.addEventListener("change", async () => {
    const wanted = blur.checked;
    blur.disabled = true;
    const changed = await attempt(() => call("PATCH", `cameras/${id}`, { blur_faces: wanted }));
    blur.disabled = false;
    blur.checked = changed ? changed.settings.blurring.faces : !wanted;
  });
}

// --- news ---

const latest = document.getElementById("latest");
listen({
  hello: ({ data }) => Object.entries(data.cameras).forEach(([id, state]) => update(id, state)),
  camera: ({ camera, data }) => update(camera, data),
  reset: () => location.reload(),
  incident: (message) => {
    follow(latest, message, message.data.type !== "deleted" && message.data.before === null);
    if (message.data.type === "new") {
      document.getElementById("no-incidents").hidden = true;
      const { label, camera, notify } = message.data.after;
      const name = cameras.get(camera)?.querySelector("h2").textContent ?? camera;
      if (notify) say(`${readable(label)} · ${name}`);
    }
  },
});
setInterval(refreshStates, STATES_MS);
refreshHealth();
setInterval(refreshHealth, HEALTH_MS);
