// Owns one's own account: another password, and ending sessions.

import { ApiError, attempt, call } from "./api.js";

const form = document.getElementById("password");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = form.querySelector("[role=alert]");
  const { current, new: wanted, again } = form.elements;
  message.textContent = "";
  if (wanted.value !== again.value) {
    message.textContent = "The new password is not the same twice.";
    again.focus();
    return;
  }
  try {
    await call("POST", "users/me/password", { current: current.value, new: wanted.value });
    const due = document.querySelector(".banner");
    if (due) location.assign(new URL("./", document.baseURI));
    else location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    message.textContent = error.message;
    (error.details.current ? current : wanted).focus();
  }
});

for (const button of document.querySelectorAll("[data-end]")) {
  button.addEventListener("click", () =>
    attempt(async () => {
      await call("DELETE", `users/me/sessions/${button.dataset.end}`);
      button.closest("li").remove();
    }),
  );
}

document.getElementById("everywhere")?.addEventListener("click", () =>
  attempt(async () => {
    await call("DELETE", "users/me/sessions");
    location.reload();
  }),
);
