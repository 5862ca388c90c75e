// Owns the page about people: accounts are added and changed, tokens made and revoked.

import { ApiError, attempt, call, say } from "./api.js";

/** Runs what a form sends; what is wrong stands beside its button. */
function onSubmit(form, send) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const message = form.querySelector("[role=alert]");
    message.textContent = "";
    try {
      await send(form);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      message.textContent = error.message;
    }
  });
}

/** The cameras of a form: null for all, else a role or null by camera. */
function grantsOf(form) {
  const field = form.querySelector("[data-grants]");
  if (field.querySelector("[data-all]").checked) return null;
  const chosen = [...field.querySelectorAll("[data-camera]")].filter((one) => one.value !== "-");
  return Object.fromEntries(chosen.map((one) => [one.dataset.camera, one.value || null]));
}

function scopesOf(form) {
  const field = form.querySelector("[data-scopes]");
  if (field.querySelector("[data-all]").checked) return null;
  return [...field.querySelectorAll("[data-some] input:checked")].map((one) => one.value);
}

for (const all of document.querySelectorAll("[data-all]")) {
  all.addEventListener("change", () => {
    all.closest("fieldset").querySelector("[data-some]").hidden = all.checked;
  });
}

/** Shows the page anew with the same person open. */
function again(user) {
  if (user) sessionStorage.setItem("open", user);
  location.reload();
}

for (const person of document.querySelectorAll("[data-user]")) {
  const id = person.dataset.user;
  onSubmit(person.querySelector("[data-change]"), async (form) => {
    const { display_name: shown, role } = form.elements;
    await call("PATCH", `users/${id}`, { display_name: shown.value || null, role: role.value, cameras: grantsOf(form) });
    again(id);
  });
  onSubmit(person.querySelector("[data-password]"), async (form) => {
    await call("PATCH", `users/${id}`, { password: form.elements.password.value, must_change: true });
    again(id);
  });
  const button = (name) => person.querySelector(`[data-${name}]`);
  button("disable").addEventListener("click", (event) =>
    attempt(async () => {
      await call("PATCH", `users/${id}`, { disabled: event.target.dataset.disable === "yes" });
      again(id);
    }),
  );
  button("sign-out").addEventListener("click", () =>
    attempt(async () => {
      await call("DELETE", `users/${id}/sessions`);
      again(id);
    }),
  );
  button("delete").addEventListener("click", (event) => {
    if (event.target.dataset.sure !== "yes") {
      event.target.dataset.sure = "yes";
      event.target.textContent = "Really delete";
      return;
    }
    attempt(async () => {
      await call("DELETE", `users/${id}`);
      again();
    });
  });
}

onSubmit(document.querySelector("#add-user form"), async (form) => {
  const { name, password, role } = form.elements;
  await call("POST", "users", { name: name.value, password: password.value, role: role.value, cameras: grantsOf(form) });
  again();
});

onSubmit(document.querySelector("#add-token form"), async (form) => {
  const { name, role, days } = form.elements;
  const ends = days.value ? new Date(Date.now() + days.value * 86400000).toISOString() : null;
  const made = await call("POST", "tokens", {
    name: name.value,
    role: role.value,
    cameras: grantsOf(form),
    scopes: scopesOf(form),
    expires_at: ends,
  });
  document.getElementById("secret-text").textContent = made.token;
  const shown = document.getElementById("secret");
  shown.hidden = false;
  shown.scrollIntoView({ block: "center" });
  form.reset();
});

document.getElementById("copy")?.addEventListener("click", async () => {
  const text = document.getElementById("secret-text");
  try {
    await navigator.clipboard.writeText(text.textContent);
    say("Copied.");
  } catch {
    getSelection().selectAllChildren(text); // without HTTPS there is no clipboard for pages
    say("Marked: copy it with the keyboard.");
  }
});

for (const button of document.querySelectorAll("[data-revoke]")) {
  button.addEventListener("click", () =>
    attempt(async () => {
      await call("DELETE", `tokens/${button.dataset.revoke}`);
      button.closest("li").remove();
    }),
  );
}

const open = sessionStorage.getItem("open");
sessionStorage.removeItem("open");
if (open) document.querySelector(`[data-user="${open}"]`)?.setAttribute("open", "");
