// Owns how classes, figures and what is in view read, in plain words.

const spoken = JSON.parse(document.querySelector('meta[name="words"]')?.content ?? "{}"); // as the engine's pages say it
const SEVERAL = { person: "people", bus: "buses", sheep: "sheep", scissors: "scissors", knife: "knives" };

export function readable(label) {
  const text = spoken[label] ?? (label ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function percent(value) {
  return `${Math.round((value ?? 0) * 100)} %`;
}

/** "1 person", "3 people", "2 cars". */
export function counted(label, count) {
  const name = readable(label).toLowerCase();
  if (count === 1) return `1 ${name}`;
  return `${count} ${SEVERAL[label] ?? `${name}s`}`;
}

/** Of a camera's state: "2 people, 1 car in view · Yard occupied"; empty where nobody looks. */
export function inView({ persons, objects, zones }) {
  if (persons === null || persons === undefined) return "";
  const counts = Object.entries(objects ?? {}).filter(([, count]) => count > 0);
  const seen = counts.map(([label, count]) => counted(label, count)).join(", ");
  const occupied = Object.keys(zones ?? {}).filter((name) => zones[name].occupied);
  const parts = [seen ? `${seen} in view` : "Nobody in view"];
  if (occupied.length) parts.push(`${occupied.map(readable).join(", ")} occupied`);
  return parts.join(" · ");
}
