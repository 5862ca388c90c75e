// Owns signing in: by name and password, by a token, or by one in the fragment of a link, which leaves the address bar at once.

import { ApiError, call } from "./api.js";

const form = document.getElementById("login");
const byToken = document.getElementById("token-login");

async function signIn(from, body) {
  const message = from.querySelector("[role=alert]");
  const buttons = document.querySelectorAll("button");
  message.textContent = "";
  for (const button of buttons) button.disabled = true;
  try {
    const { must_change_password: due } = await call("POST", "session", body);
    location.replace(new URL(due ? "account" : form.dataset.next || "./", document.baseURI));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    message.textContent = error.message;
    for (const button of buttons) button.disabled = false;
    const field = from.querySelector("input[type=password]");
    field.focus();
    field.select();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(form, { username: form.elements.username.value, password: form.elements.password.value });
});

byToken.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(byToken, { token: byToken.elements.token.value.trim() });
});

/** Whether the address carried a token. */
function useFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("by-token").open = true;
  signIn(byToken, { token });
  return true;
}

addEventListener("hashchange", useFragment); // a link pasted while this page is open loads nothing
if (!useFragment()) form.elements.username.focus();
