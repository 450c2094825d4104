/** Boxes on a page, in its pixels. */

import { isObject, wholeNumber } from "./json.js";

/** @typedef {[number, number, number, number]} Box - Top, left, height and width. */
/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ height: number, width: number }} Size */
/** @typedef {{ kind: string, digits: number, box: Box }} Printed */

/** Which sides each handle takes along: rows first, -1 for the top or the left one. */
/** @type {Record<string, [number, number]>} */
export const HANDLES = {
  nw: [-1, -1],
  n: [-1, 0],
  ne: [-1, 1],
  e: [0, 1],
  se: [1, 1],
  s: [1, 0],
  sw: [1, -1],
  w: [0, -1],
};

/**
 * Return a box as a form may have it; null for anything else.
 *
 * @param {import("./json.js").Json | undefined} value
 * @returns {Box | null}
 */
export function asBox(value) {
  if (!Array.isArray(value) || value.length !== 4) return null;
  const [top, left, height, width] = value.map((each) => Number(wholeNumber(each) ?? -1));
  return top >= 0 && left >= 0 && height > 0 && width > 0
    ? [top, left, height, width]
    : null;
}

/**
 * Return the least box that holds those of the options of a choice.
 *
 * @param {import("./json.js").Json | undefined} options
 * @returns {Box | null} Null where one has none.
 */
export function boundOptions(options) {
  if (!Array.isArray(options) || !options.length) return null;
  /** @type {Box[]} */
  const boxes = [];
  for (const option of options) {
    const box = isObject(option) ? asBox(option.box) : null;
    if (!box) return null;
    boxes.push(box);
  }
  const [top, left] = [0, 1].map((side) => Math.min(...boxes.map((box) => box[side])));
  const [bottom, right] = [0, 1].map((side) =>
    Math.max(...boxes.map((box) => box[side] + box[side + 2])),
  );
  return [top, left, bottom - top, right - left];
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
export function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
}

/**
 * Move a box as far as the page goes.
 *
 * @param {Box} box
 * @param {number} down
 * @param {number} right
 * @param {Size} page
 * @returns {Box}
 */
export function moveBox([top, left, height, width], down, right, page) {
  return [
    clamp(Math.round(top + down), 0, Math.max(page.height - height, 0)),
    clamp(Math.round(left + right), 0, Math.max(page.width - width, 0)),
    height,
    width,
  ];
}

/**
 * Move sides of a box, as far as the page and the sides across go.
 *
 * @param {Box} box
 * @param {string} handle - Of `HANDLES`.
 * @param {number} down
 * @param {number} right
 * @param {Size} page
 * @returns {Box}
 */
export function resizeBox([top, left, height, width], handle, down, right, page) {
  const [rows, columns] = HANDLES[handle];
  const bottom = top + height;
  const end = left + width;
  const y = clamp(Math.round(top + down), 0, bottom - 1);
  const x = clamp(Math.round(left + right), 0, end - 1);
  const newTop = rows < 0 ? y : top;
  const newLeft = columns < 0 ? x : left;
  const newBottom = rows > 0 ? clamp(Math.round(bottom + down), top + 1, page.height) : bottom;
  const newEnd = columns > 0 ? clamp(Math.round(end + right), left + 1, page.width) : end;
  return [newTop, newLeft, newBottom - newTop, newEnd - newLeft];
}

/**
 * Return the box that two corners span, on the page.
 *
 * @param {Point} a
 * @param {Point} b
 * @param {Size} page
 * @returns {Box}
 */
export function spanBox(a, b, page) {
  const ys = [a.y, b.y].map((y) => clamp(Math.round(y), 0, page.height));
  const xs = [a.x, b.x].map((x) => clamp(Math.round(x), 0, page.width));
  const top = Math.min(Math.min(...ys), page.height - 1);
  const left = Math.min(Math.min(...xs), page.width - 1);
  return [top, left, Math.max(Math.max(...ys) - top, 1), Math.max(Math.max(...xs) - left, 1)];
}

/**
 * @param {Box} box
 * @param {Point} point
 */
export function holds([top, left, height, width], { x, y }) {
  return y >= top && y <= top + height && x >= left && x <= left + width;
}

/**
 * Return the area that two boxes share.
 *
 * @param {Box} a
 * @param {Box} b
 */
export function sharedArea(a, b) {
  const rows = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const columns = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  return Math.max(rows, 0) * Math.max(columns, 0);
}

/**
 * Name the handle of a box that a point is at.
 *
 * @param {Box} box
 * @param {Point} point
 * @param {number} reach - In pixels of the page.
 * @returns {string | null}
 */
export function handleAt(box, point, reach) {
  const near = Object.keys(HANDLES).map((name) => {
    const { x, y } = handlePlace(box, name);
    return { name, off: Math.max(Math.abs(x - point.x), Math.abs(y - point.y)) };
  });
  near.sort((a, b) => a.off - b.off);
  // In a small box, its middle is still what it is moved by.
  const most = holds(box, point) ? Math.min(reach, box[2] / 4, box[3] / 4) : reach;
  return near[0].off <= most ? near[0].name : null;
}

/**
 * @param {Box} box
 * @param {string} name - Of `HANDLES`.
 * @returns {Point}
 */
export function handlePlace([top, left, height, width], name) {
  const [rows, columns] = HANDLES[name];
  return { x: left + (width * (1 + columns)) / 2, y: top + (height * (1 + rows)) / 2 };
}

/**
 * Return where the cuts between the boxes of a comb are, from left to right.
 *
 * @param {Box} box
 * @param {number} digits
 * @returns {number[]}
 */
export function cutPlaces([, left, , width], digits) {
  return Array.from({ length: digits - 1 }, (_, n) => left + (width * (n + 1)) / digits);
}

/**
 * Find what somebody meant who drew a box by hand: the only thing that is printed there.
 *
 * @param {Box} box
 * @param {Printed[]} printed
 * @returns {Printed | null}
 */
export function findPrinted(box, printed) {
  // Drawn around it, or along its walls.
  const there = printed.filter(
    (each) => sharedArea(box, each.box) >= 0.7 * each.box[2] * each.box[3],
  );
  return there.length === 1 ? there[0] : null;
}
