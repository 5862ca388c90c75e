// Owns the list of incidents: its filter, and word of new incidents while it is open.

import { follow } from "./cards.js";
import { listen } from "./feed.js";
import "./filters.js";

const list = document.getElementById("incidents");
const news = document.getElementById("news");
let arrived = 0;

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
