/** What is printed under a box that was drawn by hand: the walls of a comb. */

/**
 * A part of the page: its grey values, row by row, and where it lies.
 *
 * @typedef {object} Region
 * @property {Uint8ClampedArray} grey
 * @property {number} top
 * @property {number} left
 * @property {number} height
 * @property {number} width
 */

// Shares of a line or a wall that must be ink: lines end between boxes that stand apart.
const INK_OF_LINE = 0.5;
const INK_OF_WALL = 0.7;

// How far from the grey of the paper to the darkest ink is.
const LIMITS = [0.5, 0.3, 0.15, 0.07];
const LEAST_CONTRAST = 20;

/** @typedef {import("./geometry.js").Box} Box */

/**
 * Cut out what lies around a box, as far as a comb may be off.
 *
 * @param {CanvasImageSource} image - The page.
 * @param {import("./geometry.js").Size} page
 * @param {import("./geometry.js").Box} box
 * @returns {Region}
 */
export function cutRegion(image, page, [top, left, height, width]) {
  const margin = Math.ceil(height / 2) + 4;
  const y = Math.max(top - margin, 0);
  const x = Math.max(left - margin, 0);
  const rows = Math.min(top + height + margin, page.height) - y;
  const columns = Math.min(left + width + margin, page.width) - x;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  context.drawImage(image, -x, -y);
  const { data } = context.getImageData(0, 0, columns, rows);
  const grey = new Uint8ClampedArray(rows * columns).map((_, n) => data[4 * n]);
  return { grey, top: y, left: x, height: rows, width: columns };
}

/**
 * Find the comb that a box was drawn around, by its printed lines and walls.
 *
 * @param {Region} region - What is around the box.
 * @param {Box} box
 * @returns {import("./geometry.js").Printed | null} Null if there is none that is clear.
 */
export function readPrint(region, box) {
  const found = inkLimits(region)
    .map((limit) => readAt(region, box, limit))
    .filter((each) => each !== null);
  // A frame around a comb is a box too; of two combs, what was drawn tells.
  found.sort((a, b) => Number(b.digits > 1) - Number(a.digits > 1) || a.off - b.off);
  if (!found.length) return null;
  const { digits, place } = found[0];
  return { kind: digits > 1 ? "comb" : "box", digits, box: place };
}

/**
 * @param {Region} region
 * @param {Box} box
 * @param {number} limit - Grey of the palest ink.
 * @returns {{ digits: number, place: Box, off: number } | null}
 */
function readAt(region, box, limit) {
  const [top, left, height, width] = box;
  const isInk = (/** @type {number} */ x, /** @type {number} */ y) =>
    region.grey[y * region.width + x] < limit;
  const [begin, end] = [left - region.left, left - region.left + width];
  const lines = findLines(region.height, INK_OF_LINE, (y) =>
    share(begin, end, (x) => isInk(x, y)),
  );
  const upper = nearest(lines, top - region.top, 1, height / 2);
  const lower = nearest(lines, top - region.top + height, -1, height / 2);
  if (!upper || !lower || lower.middle - upper.middle < height / 3) return null;
  const walls = findLines(region.width, INK_OF_WALL, (x) =>
    share(upper.end, lower.begin, (y) => isInk(x, y)),
  );
  const reach = (lower.middle - upper.middle) * 0.6;
  const first = nearest(walls, begin, 1, reach);
  const last = nearest(walls, end, -1, reach);
  if (!first || !last || first.middle >= last.middle) return null;
  const own = walls.slice(walls.indexOf(first), walls.indexOf(last) + 1);
  const digits = countBoxes(own.map((wall) => wall.middle));
  if (!digits) return null;
  const y = region.top + Math.round(upper.middle);
  const x = region.left + Math.round(first.middle);
  const bottom = region.top + Math.round(lower.middle);
  const right = region.left + Math.round(last.middle);
  const off = [y - top, x - left, bottom - top - height, right - left - width];
  return {
    digits,
    place: [y, x, bottom - y, right - x],
    off: off.reduce((sum, each) => sum + Math.abs(each), 0),
  };
}

/**
 * Count the boxes between walls: they share them, or stand apart.
 *
 * @param {number[]} walls - Their places, at least two.
 * @returns {number} 0 if they are no boxes of one width.
 */
function countBoxes(walls) {
  const steps = walls.slice(1).map((place, n) => place - walls[n]);
  if (areAlike(steps)) return steps.length;
  const boxes = steps.filter((_, n) => n % 2 === 0);
  const gaps = steps.filter((_, n) => n % 2 === 1);
  const isApart = steps.length % 2 === 1 && Math.max(...gaps) < Math.min(...boxes);
  return isApart && areAlike(boxes) && areAlike(gaps, 4) ? boxes.length : 0;
}

/**
 * @param {number[]} steps
 * @param {number} [slack] - Pixels by which they may differ in any case.
 */
function areAlike(steps, slack = 3) {
  const least = Math.min(...steps);
  return Math.max(...steps) - least <= Math.max(slack, 0.15 * least);
}

/**
 * Return greys that may tell ink from paper, for walls may be paler than a frame.
 *
 * @param {Region} region
 * @returns {number[]} None where there is nothing but paper.
 */
function inkLimits({ grey }) {
  const sorted = grey.slice().sort();
  const paper = sorted[Math.floor(0.9 * (sorted.length - 1))];
  const dark = sorted[Math.floor(0.01 * (sorted.length - 1))];
  return paper - dark < LEAST_CONTRAST
    ? []
    : LIMITS.map((depth) => paper - depth * (paper - dark));
}

/**
 * @param {number} begin
 * @param {number} end
 * @param {(place: number) => boolean} isInk
 */
function share(begin, end, isInk) {
  let count = 0;
  for (let place = begin; place < end; place += 1) count += Number(isInk(place));
  return end > begin ? count / (end - begin) : 0;
}

/**
 * Find where rows or columns are ink for the most part.
 *
 * @param {number} length
 * @param {number} least
 * @param {(place: number) => number} inkOf
 */
function findLines(length, least, inkOf) {
  const lines = [];
  let begin = -1;
  for (let place = 0; place <= length; place += 1) {
    const isLine = place < length && inkOf(place) >= least;
    if (isLine && begin < 0) begin = place;
    if (!isLine && begin >= 0) {
      lines.push({ begin, end: place, middle: (begin + place - 1) / 2 });
      begin = -1;
    }
  }
  return lines;
}

/**
 * Find the line that a side of a box was drawn for.
 *
 * @template {{ middle: number }} Line
 * @param {Line[]} lines
 * @param {number} place
 * @param {number} inward - 1 if the box is after the line, -1 if it is before.
 * @param {number} reach
 * @returns {Line | undefined}
 */
function nearest(lines, place, inward, reach) {
  const near = lines.map((line) => {
    const off = (line.middle - place) * inward;
    // A box is drawn around a comb rather than within it.
    return { line, off: off > 0 ? off / 2 : -off };
  });
  near.sort((a, b) => a.off - b.off);
  return near[0] && near[0].off <= reach ? near[0].line : undefined;
}
