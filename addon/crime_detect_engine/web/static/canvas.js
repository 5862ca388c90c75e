// Owns the picture that masks are drawn on: shapes and corners as SVG, pointers and keys.

const SVG = "http://www.w3.org/2000/svg";
const NEAR_PX = 8;
const STEP = 0.01;
const FAR = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function node(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export class Canvas {
  /** `changed` is called after everything a person did to `drawing`. */
  constructor(svg, drawing, changed) {
    this.svg = svg;
    this.drawing = drawing;
    this.changed = changed;
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
      this.draw();
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
    this.byKeys = false;
    const grip = event.target.closest("[data-point]");
    if (grip) {
      const mask = grip.dataset.mask === "draft" ? "draft" : Number(grip.dataset.mask);
      const point = Number(grip.dataset.point);
      if (mask === "draft" && point === 0 && drawing.closable) {
        this.act(() => drawing.close());
        return;
      }
      this.drag = { mask, point, moved: false };
      this.svg.setPointerCapture(event.pointerId);
      return;
    }
    const shape = event.target.closest("[data-shape]");
    if (shape && !drawing.setting) {
      this.act(() => drawing.select(Number(shape.dataset.shape)));
      return;
    }
    const at = this.place(event);
    const last = drawing.draft.at(-1);
    if (last && this.near(at, last)) return; // the second press of a double click
    this.act(() => drawing.addPoint(at));
  }

  pull(event) {
    if (!this.drag) return;
    const { mask, point, moved } = this.drag;
    if (!moved) this.drawing.remember();
    this.drag.moved = true;
    this.act(() => this.drawing.move(mask, point, this.place(event)));
  }

  release() {
    this.drag = null;
  }

  // --- keys ---

  key(event) {
    const { drawing } = this;
    const grip = event.target.closest("[data-point]");
    const arrow = ARROWS[event.key];
    if (arrow) {
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

  named(grip) {
    return [grip.dataset.mask === "draft" ? "draft" : Number(grip.dataset.mask), Number(grip.dataset.point)];
  }

  nudge(grip, moved) {
    const [mask, point] = this.named(grip);
    this.drawing.remember();
    this.drawing.move(mask, point, moved(this.drawing.points(mask)[point]));
  }

  // --- drawing ---

  draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width || !height) return;
    const focused = document.activeElement?.dataset?.key;
    const px = ([x, y]) => [x * width, y * height];
    const line = (points) => points.map((point) => px(point).map((value) => value.toFixed(1)).join(",")).join(" ");
    const { masks, draft, selected } = this.drawing;
    const parts = masks.map((points, index) =>
      node("polygon", { class: index === selected ? "mask selected" : "mask", points: line(points), "data-shape": index }),
    );
    if (draft.length) {
      parts.push(node("polygon", { class: "draft", points: line(draft) }), ...this.grips("draft", draft, px));
    } else if (selected !== null) {
      parts.push(...this.grips(selected, masks[selected], px));
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

  grips(mask, points, px) {
    return points.map((point, index) => {
      const [cx, cy] = px(point);
      const first = mask === "draft" && index === 0 && points.length > 2;
      const attributes = {
        class: first ? "grip first" : "grip",
        tabindex: 0,
        role: "button",
        "aria-label": `Corner ${index + 1} of ${points.length}`,
        "data-mask": mask,
        "data-point": index,
        "data-key": `${mask}-${index}`,
      };
      return node("g", attributes, node("circle", { class: "hit", cx, cy }), node("circle", { class: "dot", cx, cy, r: 6 }));
    });
  }
}
