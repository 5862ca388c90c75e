// Owns the list of incidents: the filter's times, and word of new incidents while it is open.

import { follow } from "./cards.js";
import { listen } from "./feed.js";

const filters = document.getElementById("filters");
const list = document.getElementById("incidents");
const news = document.getElementById("news");
const form = filters.querySelector("form");
let arrived = 0;

if (matchMedia("(min-width: 60rem)").matches) filters.open = true;

// The form shows the viewer's own time; the engine gets UTC.
for (const input of form.querySelectorAll("[data-utc]")) {
  const hidden = form.elements[input.dataset.utc];
  if (hidden.value) {
    const at = new Date(hidden.value);
    input.value = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
  input.addEventListener("change", () => {
    hidden.value = input.value ? new Date(input.value).toISOString() : "";
  });
}
form.addEventListener("submit", () => {
  for (const field of form.elements) if (field.name && !field.value) field.disabled = true; // a clean address
});
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});

listen({
  reset: () => location.reload(),
  incident: (message) => {
    follow(list, message, false);
    if (message.data.type !== "new" || !news) return;
    arrived += 1;
    news.hidden = false;
    news.textContent = arrived === 1 ? "1 new incident · show" : `${arrived} new incidents · show`;
  },
});
news?.addEventListener("click", () => location.reload());
