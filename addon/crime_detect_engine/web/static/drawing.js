// Owns the masks while they are drawn: polygons of relative points, the one that is not closed yet, and undo.

export const MAX_MASKS = 16;
export const MAX_POINTS = 32;
const MIN_POINTS = 3;
const PAST = 200;

function round(value) {
  return Math.round(Math.min(1, Math.max(0, value)) * 10000) / 10000;
}

export class Drawing {
  constructor(masks) {
    this.past = [];
    this.begin(masks);
  }

  /** From here on these masks are the saved ones. */
  begin(masks) {
    this.masks = structuredClone(masks);
    this.draft = [];
    this.selected = null;
    this.adding = masks.length === 0;
    this.saved = structuredClone(masks);
    this.past = [];
  }

  get changed() {
    return this.draft.length > 0 || JSON.stringify(this.masks) !== JSON.stringify(this.saved);
  }

  get closable() {
    return this.draft.length >= MIN_POINTS;
  }

  get full() {
    return this.masks.length >= MAX_MASKS;
  }

  /** Whether the next press on the picture sets a corner, also inside a mask. */
  get setting() {
    return this.draft.length > 0 || this.adding;
  }

  remember() {
    const { masks, draft, selected, adding } = this;
    this.past.push(JSON.stringify({ masks, draft, selected, adding }));
    if (this.past.length > PAST) this.past.shift();
  }

  undo() {
    if (this.past.length) Object.assign(this, JSON.parse(this.past.pop()));
  }

  select(index) {
    this.selected = index;
    this.adding = false;
  }

  /** Begins a mask; one that is not closed yet is closed or given up. */
  startMask() {
    if (this.draft.length) this.endDraft();
    this.selected = null;
    this.adding = !this.full;
  }

  endDraft() {
    if (this.closable) this.close();
    else this.giveUp();
  }

  addPoint([x, y]) {
    if (this.full) return;
    this.remember();
    this.selected = null;
    this.draft.push([round(x), round(y)]);
    if (this.draft.length === MAX_POINTS) this.closeDraft();
  }

  close() {
    if (!this.closable) return;
    this.remember();
    this.closeDraft();
  }

  closeDraft() {
    this.masks.push(this.draft);
    this.draft = [];
    this.select(this.masks.length - 1);
  }

  giveUp() {
    if (this.draft.length) this.remember();
    this.draft = [];
    this.select(null);
  }

  /** `mask` is an index, or "draft". */
  points(mask) {
    return mask === "draft" ? this.draft : this.masks[mask];
  }

  move(mask, point, [x, y]) {
    this.points(mask)[point] = [round(x), round(y)];
  }

  removePoint(mask, point) {
    const points = this.points(mask);
    if (mask !== "draft" && points.length <= MIN_POINTS) return this.removeMask(mask);
    this.remember();
    points.splice(point, 1);
    return undefined;
  }

  removeMask(index) {
    this.remember();
    this.masks.splice(index, 1);
    this.select(null);
  }

  /** What Delete means: the last corner of the draft, else the chosen mask. */
  remove() {
    if (this.draft.length) this.removePoint("draft", this.draft.length - 1);
    else if (this.selected !== null) this.removeMask(this.selected);
  }
}
