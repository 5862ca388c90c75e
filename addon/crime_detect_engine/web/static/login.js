// Owns signing in: a token from the form, or from the fragment of a link, which leaves the address bar at once.

import { ApiError, call } from "./api.js";

const form = document.getElementById("login");
const message = document.getElementById("login-error");

async function signIn(token) {
  message.textContent = "";
  form.querySelector("button").disabled = true;
  try {
    await call("POST", "session", { token });
    location.replace(new URL(form.dataset.next || "./", document.baseURI));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    message.textContent = error.message;
    form.querySelector("button").disabled = false;
    form.elements.token.select();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(form.elements.token.value.trim());
});

/** Whether the address carried a token. */
function useFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  history.replaceState(null, "", location.pathname + location.search);
  signIn(token);
  return true;
}

addEventListener("hashchange", useFragment); // a link pasted while this page is open loads nothing
if (!useFragment()) form.elements.token.focus();
