// Owns what every page does: times in the viewer's zone, and signing out.

import { attempt, call } from "./api.js";
import { localize } from "./times.js";

document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" }); // it may be a long way on a phone
localize();
setInterval(localize, 30000);

document.getElementById("sign-out")?.addEventListener("click", () =>
  attempt(async () => {
    await call("DELETE", "session");
    location.assign(new URL("login", document.baseURI));
  }),
);
