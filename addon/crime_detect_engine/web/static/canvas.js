// Owns the picture that shapes are drawn on: areas, lines and corners as SVG, pointers and keys.

import { LINE } from "./drawing.js";
import { node } from "./svg.js";

const NEAR_PX = 8;
const STEP = 0.01;
const FAR = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ARROW_PX = 26;

function middle([x, y], [otherX, otherY]) {
  return [(x + otherX) / 2, (y + otherY) / 2];
}

/** Across a line, to the right of who stands at its start and looks at its end; lengths in pixels. */
function across([x, y], [otherX, otherY]) {
  const length = Math.hypot(otherX - x, otherY - y) || 1;
  return [(y - otherY) / length, (otherX - x) / length];
}

export class Canvas {
  /** `changed` is called after everything a person did to `drawing`; `look(shape)` is its `{ style, name, ways }`:
   * the class, what is written beside it, and for a line which of "right" and "left" count. */
  constructor(svg, drawing, changed, look) {
    this.svg = svg;
    this.drawing = drawing;
    this.changed = changed;
    this.look = look;
    this.cross = [0.5, 0.5];
    this.byKeys = false;
    this.drag = null;
    new ResizeObserver(() => this.draw()).observe(svg);
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.pull(event));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => this.release());
    svg.addEventListener("dblclick", () => this.act(() => drawing.close()));
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("blur", () => {
      this.byKeys = false;
      svg.querySelector(".cross")?.remove(); // drawn anew, the corner that gets the focus would lose it
    });
  }

  act(action) {
    action();
    this.draw();
    this.changed();
  }

  // --- pointers ---

  /** Relative to the picture; a press close to its edge means the edge. */
  place(event) {
    const box = this.svg.getBoundingClientRect();
    const along = (at, start, size) => {
      const px = at - start;
      if (px < NEAR_PX) return 0;
      return px > size - NEAR_PX ? 1 : px / size;
    };
    return [along(event.clientX, box.left, box.width), along(event.clientY, box.top, box.height)];
  }

  near([x, y], [otherX, otherY]) {
    const box = this.svg.getBoundingClientRect();
    return Math.hypot((x - otherX) * box.width, (y - otherY) * box.height) < NEAR_PX;
  }

  press(event) {
    if (!event.isPrimary || event.button !== 0) return;
    const { drawing } = this;
    // What is being typed belongs to the shape that is chosen until now.
    if (!this.svg.contains(document.activeElement)) document.activeElement?.blur();
    this.byKeys = false;
    const grip = event.target.closest("[data-point]");
    if (grip) {
      this.take(event, grip);
      return;
    }
    const shape = event.target.closest("[data-shape]");
    if (shape && !drawing.setting) {
      this.act(() => drawing.select(Number(shape.dataset.shape)));
      return;
    }
    if (drawing.selected !== null && !drawing.setting) {
      this.act(() => drawing.select(null)); // beside the chosen one: it is left, nothing is begun by mistake
      return;
    }
    const at = this.place(event);
    const last = drawing.draft.at(-1);
    if (last && this.near(at, last)) return; // the second press of a double click
    this.act(() => drawing.addPoint(at));
  }

  take(event, grip) {
    const { drawing } = this;
    let [shape, point] = this.named(grip);
    if (shape === "draft" && point === 0 && drawing.closable) {
      this.act(() => drawing.close());
      return;
    }
    const between = "between" in grip.dataset;
    if (between) {
      if (!drawing.insertPoint(shape, point, this.place(event))) return;
      point += 1;
    }
    this.drag = { shape, point, moved: between };
    this.svg.setPointerCapture(event.pointerId);
    if (between) this.act(() => {});
  }

  pull(event) {
    if (!this.drag) return;
    const { shape, point, moved } = this.drag;
    if (!moved) this.drawing.remember();
    this.drag.moved = true;
    this.act(() => this.drawing.move(shape, point, this.place(event)));
  }

  release() {
    this.drag = null;
  }

  // --- keys ---

  key(event) {
    const { drawing } = this;
    if (drawing.locked) return;
    const grip = event.target.closest("[data-point]");
    const between = grip && "between" in grip.dataset;
    const arrow = ARROWS[event.key];
    if (between) {
      if (event.key !== " " && event.key !== "Enter") return;
      this.split(grip);
    } else if (arrow) {
      const step = event.shiftKey ? FAR : STEP;
      const moved = ([x, y]) => [x + arrow[0] * step, y + arrow[1] * step];
      this.act(() => {
        if (grip) this.nudge(grip, moved);
        else this.cross = moved(this.cross).map((value) => Math.min(1, Math.max(0, value)));
        this.byKeys = !grip;
      });
    } else if (event.key === " " && !grip) {
      this.act(() => drawing.addPoint(this.cross));
    } else if (event.key === "Enter") {
      this.act(() => drawing.close());
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.act(() => (grip ? drawing.removePoint(...this.named(grip)) : drawing.remove()));
      if (grip) this.svg.focus();
    } else if (event.key === "Escape") {
      this.act(() => drawing.giveUp());
      this.svg.focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** A new corner where the grip between two corners is; it has the focus then. */
  split(grip) {
    const [shape, point] = this.named(grip);
    const points = this.drawing.points(shape);
    const at = middle(points[point], points[(point + 1) % points.length]);
    this.act(() => this.drawing.insertPoint(shape, point, at));
    this.svg.querySelector(`[data-key="${shape}-${point + 1}"]`)?.focus();
  }

  named(grip) {
    return [grip.dataset.of === "draft" ? "draft" : Number(grip.dataset.of), Number(grip.dataset.point)];
  }

  nudge(grip, moved) {
    const [shape, point] = this.named(grip);
    this.drawing.remember();
    this.drawing.move(shape, point, moved(this.drawing.points(shape)[point]));
  }

  // --- drawing ---

  draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width || !height) return;
    const focused = document.activeElement?.dataset?.key;
    const px = ([x, y]) => [x * width, y * height];
    const { shapes, draft, selected, locked } = this.drawing;
    const parts = shapes.flatMap((shape, index) => this.shape(shape, index, px));
    parts.push(...shapes.flatMap((shape) => this.name(shape, px, width, height)));
    if (draft.length) {
      parts.push(node("polygon", { class: "draft", points: corners(draft, px) }), ...this.grips("draft", draft, px));
    } else if (selected !== null && !locked) {
      const { kind, points } = shapes[selected];
      parts.push(...(kind === LINE ? [] : this.splits(selected, points, px)), ...this.grips(selected, points, px));
    }
    if (this.byKeys) {
      const [x, y] = px(this.cross);
      parts.push(node("path", { class: "cross", d: `M${x - 14} ${y}H${x + 14}M${x} ${y - 14}V${y + 14}` }));
    }
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.classList.toggle("setting", this.drawing.setting);
    this.svg.replaceChildren(...parts);
    if (focused) this.svg.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  shape(shape, index, px) {
    const { style, ways } = this.look(shape);
    const attributes = { class: index === this.drawing.selected ? `${style} selected` : style, "data-shape": index };
    if (shape.kind !== LINE) return [node("polygon", { ...attributes, points: corners(shape.points, px) })];
    const [start, end] = shape.points.map(px);
    const d = `M${start}L${end}`;
    const [x, y] = middle(start, end);
    const [right, down] = across(start, end);
    const arrows = ways.map((way) => {
      const to = way === "right" ? ARROW_PX : -ARROW_PX;
      const tip = [x + right * to, y + down * to];
      const barb = (turn) => [tip[0] - right * to * 0.4 + down * turn, tip[1] - down * to * 0.4 - right * turn];
      return `M${x} ${y}L${tip}M${barb(7)}L${tip}L${barb(-7)}`;
    });
    return [
      node("g", attributes, node("path", { class: "reach", d }), node("path", { d }), node("path", { d: arrows.join("") })),
    ];
  }

  name(shape, px, width, height) {
    const { name } = this.look(shape);
    if (!name) return [];
    const points = shape.points.map(px);
    const sum = points.reduce(([x, y], [otherX, otherY]) => [x + otherX, y + otherY]);
    const half = name.length * 4.2;
    let [x, y] = sum.map((value) => value / points.length);
    if (shape.kind === LINE) {
      const [right, down] = across(...points); // beyond the line's end, where no arrow is
      [x, y] = [points[1][0] + down * (14 + half), points[1][1] - right * 18];
    }
    const inside = (value, room, size) => Math.min(Math.max(value, room), size - room);
    const text = node("text", { class: "place-name", x: inside(x, half, width), y: inside(y, 12, height) + 5 });
    text.textContent = name;
    return [text];
  }

  grips(shape, points, px) {
    return points.map((point, index) => {
      const first = shape === "draft" && index === 0 && points.length > 2;
      const label = points.length === 2 ? `End ${index + 1} of 2` : `Corner ${index + 1} of ${points.length}`;
      return this.grip(first ? "grip first" : "grip", label, shape, index, px(point), { "data-key": `${shape}-${index}` });
    });
  }

  /** Between two corners: pressed or pulled, each becomes a corner. */
  splits(shape, points, px) {
    if (points.length >= this.drawing.corners) return [];
    return points.map((point, index) => {
      const next = points[(index + 1) % points.length];
      const label = `New corner after ${index + 1}`;
      return this.grip("grip between", label, shape, index, px(middle(point, next)), {
        "data-between": "",
        "data-key": `${shape}-${index}-between`,
      });
    });
  }

  grip(style, label, shape, point, [cx, cy], more) {
    const attributes = { class: style, tabindex: 0, role: "button", "aria-label": label, "data-of": shape, "data-point": point };
    const dot = node("circle", { class: "dot", cx, cy, r: 6 });
    return node("g", { ...attributes, ...more }, node("circle", { class: "hit", cx, cy }), dot);
  }
}

function corners(points, px) {
  return points.map((point) => px(point).map((value) => value.toFixed(1)).join(",")).join(" ");
}
