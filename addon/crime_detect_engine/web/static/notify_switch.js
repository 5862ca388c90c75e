// Owns the switch that lets this computer tell of incidents.

import { say } from "./api.js";
import { notifies, startNotifying, stopNotifying } from "./notify.js";

const box = document.getElementById("notify");
box.checked = notifies();
box.addEventListener("change", async () => {
  if (!box.checked) {
    stopNotifying();
    return;
  }
  box.disabled = true;
  try {
    await startNotifying();
  } catch (error) {
    say(error.message);
  }
  box.disabled = false;
  box.checked = notifies();
});
