// Owns requests to the engine: addresses relative to the page's base, CSRF token, errors as text for people.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

export class ApiError extends Error {
  constructor(status, code, message, details = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details; // what is wrong, by key
  }
}

export async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`api/v1/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, "unreachable", "The engine cannot be reached.");
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  throw await errorOf(response);
}

export async function errorOf(response) {
  if (response.status === 401 && !location.pathname.endsWith("/login")) signIn();
  const answer = await response.json().catch(() => null);
  const error = answer?.error;
  const message = error?.message ?? "The engine could not answer.";
  return new ApiError(response.status, error?.code ?? "failed", message, error?.details);
}

export function signIn() {
  const base = new URL(document.baseURI).pathname;
  const here = location.pathname.startsWith(base) ? location.pathname.slice(base.length) : "";
  location.assign(new URL(`login?next=${encodeURIComponent(here)}`, document.baseURI));
}

export function csrfToken() {
  return csrf;
}

let hiding;
export function say(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("shown"), 5000);
}

/** Runs what a button started; a failure is told, not thrown. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message);
    return undefined;
  }
}
