// Owns the event feed: one WebSocket that comes back by itself and resumes after the last event seen.

import { call } from "./api.js";
import { announce } from "./notify.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

/** `on` has optional functions hello, incident, camera, engine, reset; each gets the message. */
export function listen(on) {
  const indicator = document.getElementById("connection");
  let socket = null;
  let seen = null;
  let epoch = null;
  let wait = FIRST_WAIT_MS;
  let timer = 0;

  function show(state, text) {
    if (!indicator) return;
    indicator.hidden = false;
    indicator.dataset.state = state;
    indicator.textContent = text;
  }

  function connect() {
    clearTimeout(timer);
    const address = new URL("api/v1/events", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    if (seen !== null) address.search = new URLSearchParams({ since: seen, epoch }).toString();
    socket = new WebSocket(address);
    socket.onmessage = (event) => receive(JSON.parse(event.data));
    socket.onclose = reconnect;
  }

  function receive(message) {
    if (message.kind === "hello") {
      wait = FIRST_WAIT_MS;
      show("on", "Live");
      if (seen === null) [seen, epoch] = [message.seq, message.epoch];
    } else {
      [seen, epoch] = [message.seq, message.epoch];
    }
    if (message.kind === "incident") announce(message);
    on[message.kind]?.(message);
  }

  function reconnect() {
    show("off", "Reconnecting…");
    timer = setTimeout(async () => {
      try {
        await call("GET", "info"); // a socket does not say why it was refused; this leads to the sign-in page
      } catch {
        // still away: the next attempt tells
      }
      connect();
    }, wait * (0.7 + Math.random() * 0.6));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && socket?.readyState === WebSocket.CLOSED) {
      wait = FIRST_WAIT_MS;
      connect();
    }
  });
  connect();
}
