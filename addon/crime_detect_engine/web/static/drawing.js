// Owns shapes while they are drawn: areas and lines of relative points, the one that is not finished, and undo.

export const AREA = "area";
export const LINE = "line";
const LEAST = { area: 3, line: 2 };
const PAST = 200;

function round(value) {
  return Math.round(Math.min(1, Math.max(0, value)) * 10000) / 10000;
}

/** A shape is `{ kind, points }` and whatever else its page keeps with it. */
export class Drawing {
  /** `most` shapes by kind, `corners` of an area at most; `made(kind, shapes)` is what else a new shape has. */
  constructor({ most, corners, made = () => ({}) }) {
    this.most = most;
    this.corners = corners;
    this.made = made;
    this.locked = false; // looked at, not changed
    this.begin([]);
  }

  /** From here on these shapes are the saved ones. */
  begin(shapes) {
    this.shapes = structuredClone(shapes);
    this.draft = [];
    this.kind = AREA; // of the draft, or of the shape that comes next
    this.selected = null;
    this.adding = shapes.length === 0;
    this.saved = structuredClone(shapes);
    this.past = [];
  }

  get changed() {
    return this.draft.length > 0 || JSON.stringify(this.shapes) !== JSON.stringify(this.saved);
  }

  get closable() {
    return this.kind === AREA && this.draft.length >= LEAST.area;
  }

  get chosen() {
    return this.selected === null ? undefined : this.shapes[this.selected];
  }

  full(kind = this.kind) {
    return this.shapes.filter((shape) => shape.kind === kind).length >= this.most[kind];
  }

  /** Whether the next press on the picture sets a point, also inside a shape. */
  get setting() {
    return !this.locked && (this.draft.length > 0 || this.adding);
  }

  remember() {
    const { shapes, draft, kind, selected, adding } = this;
    this.past.push(JSON.stringify({ shapes, draft, kind, selected, adding }));
    if (this.past.length > PAST) this.past.shift();
  }

  undo() {
    if (this.past.length) Object.assign(this, JSON.parse(this.past.pop()));
  }

  select(index) {
    this.selected = index;
    this.adding = false;
    this.kind = AREA;
  }

  /** Begins a shape; one that is not finished yet is closed or given up. */
  start(kind) {
    if (this.draft.length) this.endDraft();
    this.select(null);
    this.kind = kind;
    this.adding = !this.full();
  }

  endDraft() {
    if (this.closable) this.close();
    else this.giveUp();
  }

  addPoint([x, y]) {
    if (this.locked || this.full()) return;
    this.remember();
    this.selected = null;
    this.draft.push([round(x), round(y)]);
    if (this.draft.length === (this.kind === LINE ? LEAST.line : this.corners)) this.closeDraft();
  }

  close() {
    if (!this.closable) return;
    this.remember();
    this.closeDraft();
  }

  closeDraft() {
    const { kind, draft } = this;
    this.shapes.push({ kind, points: draft, ...this.made(kind, this.shapes) });
    this.draft = [];
    this.select(this.shapes.length - 1);
  }

  giveUp() {
    if (this.draft.length) this.remember();
    this.draft = [];
    this.select(null);
  }

  /** `shape` is an index, or "draft". */
  points(shape) {
    return shape === "draft" ? this.draft : this.shapes[shape].points;
  }

  move(shape, point, [x, y]) {
    this.points(shape)[point] = [round(x), round(y)];
  }

  /** A corner more, between `point` and the next one; false where an area has all it may have. */
  insertPoint(shape, point, [x, y]) {
    if (this.points(shape).length >= this.corners) return false;
    this.remember();
    this.points(shape).splice(point + 1, 0, [round(x), round(y)]);
    return true;
  }

  removePoint(shape, point) {
    const points = this.points(shape);
    if (shape !== "draft" && points.length <= LEAST[this.shapes[shape].kind]) return this.removeShape(shape);
    this.remember();
    points.splice(point, 1);
    return undefined;
  }

  removeShape(index) {
    this.remember();
    this.shapes.splice(index, 1);
    this.select(null);
  }

  /** What Delete means: the last point of the draft, else the chosen shape. */
  remove() {
    if (this.draft.length) this.removePoint("draft", this.draft.length - 1);
    else if (this.selected !== null) this.removeShape(this.selected);
  }
}
