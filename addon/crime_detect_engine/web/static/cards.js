// Owns incident cards in an open page; the engine renders them, so a card looks the same however it came.

import { localize } from "./times.js";

const SETTLE_MS = 400;
const pending = new Map();

/** Follows one incident message: adds, refreshes or removes its card. `add` says whether unknown ones come in. */
export function follow(list, message, add) {
  const { type, before, after } = message.data;
  const id = (after ?? before).incident_id;
  if (type === "deleted") {
    find(list, id)?.remove();
    return;
  }
  if (!find(list, id) && !add) return;
  clearTimeout(pending.get(id));
  pending.set(id, setTimeout(() => refresh(list, id), find(list, id) ? SETTLE_MS : 0));
}

function find(list, id) {
  return list.querySelector(`[data-incident="${CSS.escape(id)}"]`);
}

async function refresh(list, id) {
  pending.delete(id);
  const response = await fetch(`incidents/${encodeURIComponent(id)}/card`).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const holder = document.createElement("template");
  holder.innerHTML = await response.text(); // our own page, rendered with escaping
  const card = holder.content.firstElementChild;
  localize(card);
  const known = find(list, id);
  if (known) {
    known.replaceWith(card);
    return;
  }
  card.classList.add("fresh");
  const next = [...list.children].find((other) => other.dataset.incident < id);
  list.insertBefore(card, next ?? null);
  const limit = Number(list.dataset.limit);
  while (limit && list.children.length > limit) list.lastElementChild.remove();
}
