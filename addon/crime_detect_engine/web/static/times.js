// Owns how times read: the viewer's own zone and language, "5 minutes ago" while it is fresh.

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export function shortTime(date) {
  return clock.format(date);
}

export function describe(date, now = new Date()) {
  const seconds = (date - now) / 1000;
  if (Math.abs(seconds) < 45) return relative.format(0, "second");
  if (Math.abs(seconds) < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (date.toDateString() === now.toDateString()) return `today, ${clockWithSeconds.format(date)}`;
  return `${day.format(date)}, ${clockWithSeconds.format(date)}`;
}

export function localize(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    element.textContent = "full" in element.dataset ? exact.format(date) : describe(date);
    element.title = full.format(date);
  }
}
