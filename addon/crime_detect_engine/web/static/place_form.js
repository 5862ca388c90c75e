// Owns the form of one zone or line: what stands in it, and what of it a person changes.

import { LINE } from "./drawing.js";
import { Windows } from "./windows.js";
import { readable } from "./words.js";

const DEFAULTS = {
  intrusion: "1s",
  loitering: "1m",
  returns: { times: 3, within: "10m" },
  crowd: 5,
  running: true,
  left_object: "1m",
  taken_object: "30s",
};
const COMPASS = ["→ to the right", "↘ down to the right", "↓ downwards", "↙ down to the left", "← to the left", "↖ up to the left", "↑ upwards", "↗ up to the right"];
const form = document.getElementById("place");
const name = document.getElementById("place-name");
const direction = document.getElementById("direction");

/** `back_lawn` of "Back lawn", as the configuration file has it; empty for a text without a letter or number. */
export function slug(text) {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "_").slice(0, 32).replace(/^_+|_+$/g, "");
}

/** What a new zone or line watches for, until somebody says otherwise. */
export function freshPlace(kind, places) {
  const taken = places.filter((place) => place.kind === kind).map((place) => place.name);
  const word = kind === LINE ? "line" : "zone";
  let number = 1;
  while (taken.includes(`${word}_${number}`)) number += 1;
  const rules = kind === LINE ? { direction: "both" } : { intrusion: DEFAULTS.intrusion };
  return { name: `${word}_${number}`, rules: { objects: ["person"], ...rules, schedule: null } };
}

/** Where crossing a line to its right (or left) leads on the picture. */
function heading([[x, y], [otherX, otherY]], ratio, side) {
  const turn = side === "left_to_right" ? 1 : -1;
  const angle = Math.atan2((otherX - x) * turn * ratio, (y - otherY) * turn); // aspect counts: the picture is wide
  return COMPASS[(Math.round(angle / (Math.PI / 4)) + 8) % 8];
}

export class PlaceForm {
  /** `change(edit)` runs `edit(place)` on the chosen place as one step that can be undone. */
  constructor(change) {
    this.change = change;
    this.windows = new Windows((schedule) => this.set("schedule", schedule));
    form.addEventListener("submit", (event) => event.preventDefault());
    name.addEventListener("change", () => {
      const wanted = slug(name.value);
      this.change((place) => (place.name = wanted || place.name));
    });
    direction.addEventListener("change", () => this.set("direction", direction.value));
    for (const box of form.querySelectorAll("[data-on]")) {
      const key = box.dataset.on;
      box.addEventListener("change", () => this.set(key, box.checked ? structuredClone(DEFAULTS[key]) : false));
    }
    for (const field of form.querySelectorAll("[data-amount]")) {
      field.addEventListener("change", () => this.amount(field));
    }
    for (const box of form.querySelectorAll("[data-object]")) {
      box.addEventListener("change", () => this.include([box.dataset.object], box.checked));
    }
    for (const box of form.querySelectorAll("[data-group]")) {
      box.addEventListener("change", () => this.include(box.dataset.group.split(","), box.checked));
    }
  }

  set(key, value) {
    this.change((place) => (place.rules[key] = value));
  }

  amount(field) {
    const [key, inner] = field.dataset.amount.split(".");
    const text = field.value.trim();
    const count = field.type === "number" && text !== "" ? Number(text) : text;
    const value = field.type !== "number" && /^\d+(\.\d+)?$/.test(text) ? `${text}s` : count;
    this.change(({ rules }) => {
      if (inner) rules[key] = { ...rules[key], [inner]: value };
      else rules[key] = value;
    });
  }

  include(labels, wanted) {
    this.change(({ rules }) => {
      const others = rules.objects.filter((label) => !labels.includes(label));
      rules.objects = wanted ? [...others, ...labels] : others;
    });
  }

  /** Shows one place, or nothing; `problems` are the engine's words by key. */
  show(place, problems, ratio) {
    form.hidden = !place;
    if (!place) return;
    const { kind, rules } = place;
    const isLine = kind === LINE;
    document.getElementById("place-title").textContent = isLine ? "Line" : "Zone";
    for (const part of form.querySelectorAll("[data-only]")) part.hidden = part.dataset.only !== kind;
    if (document.activeElement !== name) name.value = readable(place.name);
    document.getElementById("place-id").textContent = `In the configuration file: ${place.name}`;
    if (isLine) this.showDirection(place, ratio);
    this.showRules(rules);
    for (const box of form.querySelectorAll("[data-object]")) box.checked = rules.objects.includes(box.dataset.object);
    for (const box of form.querySelectorAll("[data-group]")) {
      const labels = box.dataset.group.split(",");
      const chosen = labels.filter((label) => rules.objects.includes(label)).length;
      box.checked = chosen === labels.length;
      box.indeterminate = chosen > 0 && chosen < labels.length;
    }
    this.windows.show(rules.schedule ?? [], problems);
    this.showProblems(problems);
  }

  showDirection({ points, rules }, ratio) {
    const ways = { both: "in both directions" };
    for (const way of ["left_to_right", "right_to_left"]) ways[way] = `only ${heading(points, ratio, way)}`;
    direction.replaceChildren(...Object.entries(ways).map(([value, text]) => new Option(text, value)));
    direction.value = rules.direction;
  }

  showRules(rules) {
    for (const box of form.querySelectorAll("[data-on]")) {
      const value = rules[box.dataset.on];
      box.checked = value !== false && value !== undefined && value !== null;
    }
    for (const field of form.querySelectorAll("[data-amount]")) {
      const [key, inner] = field.dataset.amount.split(".");
      const value = inner ? rules[key]?.[inner] : rules[key];
      field.closest("label").hidden = !rules[key] && rules[key] !== "" && rules[key] !== 0;
      if (document.activeElement !== field || field.closest("label").hidden) field.value = value || "";
    }
  }

  showProblems(problems) {
    for (const place of form.querySelectorAll("[data-error]")) {
      const keys = place.dataset.error.split(" ");
      const found = Object.entries(problems).filter(([key]) => keys.includes(key.split(".")[0]) && !/^schedule\.\d/.test(key));
      place.textContent = found.map(([, text]) => text).join(" ");
    }
  }
}
