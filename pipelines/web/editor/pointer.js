/** The mouse on the page: it chooses, moves and resizes fields, and draws new ones. */

import { handleAt, holds, moveBox, resizeBox, spanBox } from "./geometry.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Point} Point */

// In pixels of the screen: how near a handle is taken, and what is still a click.
const REACH = 6;
const CLICK = 3;

// Nobody draws a field so small; a hand slipped.
const LEAST = 6;

/** @type {Record<string, string>} */
const CURSORS = {
  nw: "nwse-resize",
  n: "ns-resize",
  ne: "nesw-resize",
  e: "ew-resize",
  se: "nwse-resize",
  s: "ns-resize",
  sw: "nesw-resize",
  w: "ew-resize",
};

/**
 * @typedef {object} Desk - What the mouse works on.
 * @property {() => (Box | null)[]} boxes
 * @property {() => number} chosen
 * @property {(n: number) => void} choose
 * @property {(n: number, box: Box) => void} place
 * @property {(box: Box) => void} add
 */

/**
 * Find the field that a point means: the one that is chosen, or the smallest there.
 *
 * @param {(Box | null)[]} boxes
 * @param {number} chosen
 * @param {Point} point
 * @returns {number} -1 for none.
 */
function fieldAt(boxes, chosen, point) {
  const there = boxes.flatMap((box, n) =>
    box && holds(box, point) ? [{ n, area: n === chosen ? 0 : box[2] * box[3] }] : [],
  );
  return there.sort((a, b) => a.area - b.area)[0]?.n ?? -1;
}

/** The mouse, and what it is dragging. */
export class Pointer {
  /**
   * @param {import("./view.js").View} view
   * @param {import("./geometry.js").Size} page
   * @param {Desk} desk
   */
  constructor(view, page, desk) {
    this.view = view;
    this.page = page;
    this.desk = desk;
    /** @type {{ n: number, boxAt: (point: Point) => Box, from: MouseEvent } | null} */
    this.drag = null;
    this.isMoved = false;
    const { sheet } = view;
    sheet.addEventListener("pointerdown", (event) => this.begin(event));
    sheet.addEventListener("pointermove", (event) => this.move(event));
    sheet.addEventListener("pointerup", (event) => this.end(event));
    sheet.addEventListener("pointercancel", () => this.stop());
    const turn = (/** @type {WheelEvent} */ event) => this.turn(event);
    view.element.addEventListener("wheel", turn, { passive: false });
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0 || this.drag) return;
    const { view, desk } = this;
    const task = beginDrag(desk, this.page, view.toPage(event), REACH / view.zoom);
    // A finger on free paper moves the page.
    if (task.n < 0 && event.pointerType === "touch") return;
    event.preventDefault();
    view.element.focus({ preventScroll: true });
    if (task.n !== desk.chosen()) desk.choose(task.n);
    this.drag = { ...task, from: event };
    this.isMoved = false;
    view.sheet.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { drag, view, desk } = this;
    const point = view.toPage(event);
    if (!drag) {
      view.sheet.style.cursor = cursorAt(desk, point, REACH / view.zoom);
      return;
    }
    const { clientX, clientY } = drag.from;
    const off = Math.hypot(event.clientX - clientX, event.clientY - clientY);
    this.isMoved = this.isMoved || off > CLICK;
    const n = drag.n < 0 ? desk.boxes().length : drag.n;
    if (this.isMoved) view.preview(n, drag.boxAt(point));
  }

  /** @param {PointerEvent} event */
  end(event) {
    const { drag, desk } = this;
    this.drag = null;
    if (!drag || !this.isMoved) return;
    const box = drag.boxAt(this.view.toPage(event));
    const side = Math.min(box[2], box[3]) * this.view.zoom;
    if (drag.n >= 0) desk.place(drag.n, box);
    else if (side >= LEAST) desk.add(box);
    else this.stop();
  }

  /** Take a drag back. */
  stop() {
    this.drag = null;
    this.view.draw();
  }

  /** @param {WheelEvent} event */
  turn(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, top } = this.view.element.getBoundingClientRect();
    const at = { x: event.clientX - left, y: event.clientY - top };
    this.view.step(event.deltaY < 0 ? 1 : -1, at);
  }
}

/**
 * Tell what a drag that begins at a point does.
 *
 * @param {Desk} desk
 * @param {import("./geometry.js").Size} page
 * @param {Point} from
 * @param {number} reach
 * @returns {{ n: number, boxAt: (point: Point) => Box }} -1 for a new field.
 */
function beginDrag(desk, page, from, reach) {
  const boxes = desk.boxes();
  const own = boxes[desk.chosen()] ?? null;
  const handle = own && handleAt(own, from, reach);
  if (own && handle) {
    return {
      n: desk.chosen(),
      boxAt: ({ x, y }) => resizeBox(own, handle, y - from.y, x - from.x, page),
    };
  }
  const n = fieldAt(boxes, desk.chosen(), from);
  const box = boxes[n];
  if (box) return { n, boxAt: ({ x, y }) => moveBox(box, y - from.y, x - from.x, page) };
  return { n: -1, boxAt: (point) => spanBox(from, point, page) };
}

/**
 * @param {Desk} desk
 * @param {Point} point
 * @param {number} reach
 */
function cursorAt(desk, point, reach) {
  const own = desk.boxes()[desk.chosen()];
  const handle = own && handleAt(own, point, reach);
  if (handle) return CURSORS[handle];
  return fieldAt(desk.boxes(), desk.chosen(), point) < 0 ? "crosshair" : "move";
}
