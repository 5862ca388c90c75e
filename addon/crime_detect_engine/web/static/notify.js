// Owns notifications of this computer: of incidents that people are to be told of, while a page is open in some tab.

import { call } from "./api.js";
import { shortTime } from "./times.js";
import { percent, readable } from "./words.js";

const KEPT = "crime_detect.notify";
const GRADES = ["detection", "alert", "critical"];
const shown = new Map();

/** Whether somebody wants to be told here, and the browser lets us. */
export function notifies() {
  try {
    return localStorage.getItem(KEPT) === "on" && Notification.permission === "granted";
  } catch {
    return false; // no storage, or no notifications: nobody can have switched them on
  }
}

/** Asks the browser and shows that it works. Throws an Error whose message is for people. */
export async function startNotifying() {
  if (!window.isSecureContext) throw new Error("Browsers allow this only over HTTPS, or on the engine's own machine.");
  if (!("Notification" in window)) throw new Error("This browser cannot. The app of Home Assistant can.");
  if ((await Notification.requestPermission()) !== "granted") {
    throw new Error("The browser refuses notifications of this page: allow them beside its address.");
  }
  try {
    new Notification("You will be told here", { body: "While a page of crime_detect is open in a tab.", tag: KEPT });
    localStorage.setItem(KEPT, "on");
  } catch {
    throw new Error("This browser cannot. The app of Home Assistant can."); // browsers of phones refuse it here
  }
}

export function stopNotifying() {
  localStorage.removeItem(KEPT);
}

/** Of a message about an incident: tells it as SMS and mail do, once for each grade, and takes back what is answered. */
export async function announce({ data: { type, before, after } }) {
  if (!notifies()) return;
  const id = (after ?? before).incident_id;
  if (type === "deleted" || after.acknowledged || after.verdict) {
    takeBack(id);
    return;
  }
  if (type === "end" || !isForPeople(before, after)) return;
  const title = `${readable(after.label)} · ${await nameOf(after.camera)}`;
  takeBack(id);
  const notification = new Notification(title, {
    body: `Confidence ${percent(after.confidence)} · ${shortTime(new Date(after.started_at))}`,
    tag: `${id}.${after.severity}`, // the same in another tab takes its place
    requireInteraction: after.severity === "critical",
  });
  shown.set(id, notification);
  notification.onclick = () => {
    window.focus();
    location.assign(new URL(`incidents/${id}`, document.baseURI));
  };
}

function isForPeople(before, after) {
  const grade = GRADES.indexOf(after.severity);
  if (!after.notify || grade < 1) return false;
  return !before?.notify || grade > GRADES.indexOf(before.severity);
}

function takeBack(id) {
  shown.get(id)?.close();
  shown.delete(id);
}

async function nameOf(camera) {
  const { items } = await call("GET", "cameras").catch(() => ({ items: [] }));
  return items.find((one) => one.id === camera)?.name ?? readable(camera);
}
