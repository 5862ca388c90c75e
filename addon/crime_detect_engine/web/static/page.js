// Owns what every page does: times in the viewer's zone, the menu of the rest, and signing out.

import { attempt, call } from "./api.js";
import { localize } from "./times.js";

const more = document.querySelector(".more");
const close = () => more?.removeAttribute("open");
document.addEventListener("click", (event) => more?.contains(event.target) || close());
more?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  close();
  more.querySelector("summary").focus();
});
localize();
setInterval(localize, 30000);

document.getElementById("sign-out")?.addEventListener("click", () =>
  attempt(async () => {
    await call("DELETE", "session");
    location.assign(new URL("login", document.baseURI));
  }),
);
