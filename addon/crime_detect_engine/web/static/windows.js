// Owns the times of the week in a form: windows of days, from and to.

const DAYS = { mon: "Monday", tue: "Tuesday", wed: "Wednesday", thu: "Thursday", fri: "Friday", sat: "Saturday", sun: "Sunday" };
const NIGHT = { days: Object.keys(DAYS), from: "22:00", to: "06:00" };
const list = document.getElementById("windows");
const template = document.getElementById("window");
const add = document.getElementById("add-window");

/** What is not to be seen from the two times. */
function meaning({ from = "00:00", to = "24:00" }) {
  if (to === "24:00") return from === "00:00" ? "The whole day." : "Until midnight.";
  return to < from ? "Until the next morning; the days are those on which it begins." : "";
}

export class Windows {
  /** `changed(schedule)` gets all windows; null is around the clock. */
  constructor(changed) {
    this.changed = changed;
    this.windows = [];
    add?.addEventListener("click", () => {
      this.changed([...this.windows, structuredClone(NIGHT)]);
      list.lastElementChild?.querySelector("input")?.focus();
    });
  }

  alter(index, values) {
    this.changed(this.windows.map((window, at) => (at === index ? { ...window, ...values } : window)));
  }

  /** `problems` has the engine's words by keys like `schedule.0.from`. */
  show(windows, problems) {
    const focused = document.activeElement?.dataset?.key;
    this.windows = windows;
    list.replaceChildren(...windows.map((window, index) => this.row(window, index, problems)));
    document.getElementById("always").hidden = windows.length > 0;
    if (add) add.textContent = windows.length ? "More times" : "Only at certain times";
    if (focused) list.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  row(window, index, problems) {
    const item = template.content.cloneNode(true).firstElementChild;
    item.querySelector(".days").append(...Object.keys(DAYS).map((day) => this.day(window, index, day)));
    for (const field of item.querySelectorAll("[data-time]")) {
      const which = field.dataset.time;
      field.value = window[which] === "24:00" ? "" : (window[which] ?? "");
      field.dataset.key = `${index}-${which}`;
      // An empty end is the end of the day; an empty beginning its start.
      field.addEventListener("change", () => this.alter(index, { [which]: field.value || (which === "to" ? "24:00" : "00:00") }));
    }
    item.querySelector("[data-note]").textContent = meaning(window);
    item.querySelector("[data-drop]")?.addEventListener("click", () => {
      const others = this.windows.filter((_, at) => at !== index);
      this.changed(others.length ? others : null);
    });
    const found = Object.entries(problems).filter(([key]) => key === `schedule.${index}` || key.startsWith(`schedule.${index}.`));
    item.querySelector("[data-window-error]").textContent = found.map(([, text]) => text).join(" ");
    return item;
  }

  day(window, index, day) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = window.days.includes(day);
    box.dataset.key = `${index}-${day}`;
    box.setAttribute("aria-label", DAYS[day]);
    box.addEventListener("change", () =>
      this.alter(index, { days: Object.keys(DAYS).filter((one) => (one === day ? box.checked : window.days.includes(one))) }),
    );
    const short = document.createElement("span");
    short.textContent = DAYS[day].slice(0, 2);
    label.append(box, short);
    return label;
  }
}
