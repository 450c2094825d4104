/** The page with the boxes of the fields on it, at any size. */

import { make, makeShape, visible } from "../shared/dom.js";
import { HANDLES, asBox, clamp, cutPlaces, handlePlace } from "./geometry.js";
import { wholeNumber } from "./json.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Point} Point */
/** @typedef {import("./json.js").JsonObject} JsonObject */

const ZOOMS = [0.5, 0.75, 1, 1.5, 2, 3, 4];

// In pixels of the screen.
const TEXT = 11;
const GRIP = 9;
const MARGIN = 48;

// What is said covers so much of the view, below.
const COVERED = 64;

const HELP = "Page. Arrows move the field that is chosen, Escape leads to the list";

/** A page, and what is drawn on it. */
export class View {
  /**
   * @param {{ picture: string, height: number, width: number }} page
   * @param {(zoom: number) => void} zoomed - Is told how large the page is.
   */
  constructor(page, zoomed) {
    const { height, width } = page;
    this.page = page;
    this.zoomed = zoomed;
    this.zoom = 1;
    this.isFitting = true;
    /** @type {{ fields: JsonObject[], chosen: number, wrong: Set<number> }} */
    this.shown = { fields: [], chosen: -1, wrong: new Set() };
    this.layer = makeShape("g");
    this.grips = makeShape("g", { class: "grips" });
    const image = makeShape("image", { href: page.picture, width, height });
    const attributes = { viewBox: `0 0 ${width} ${height}`, class: "sheet" };
    const parts = [image, this.layer, this.grips];
    this.sheet = makeShape("svg", { ...attributes, "aria-hidden": "true" }, ...parts);
    const region = { tabindex: 0, role: "application", "aria-label": HELP };
    this.element = make("div", { class: "scroller", ...region }, this.sheet);
    new ResizeObserver(() => this.followSize()).observe(this.element);
  }

  /**
   * @param {JsonObject[]} fields
   * @param {number} chosen
   * @param {Set<number>} wrong - Numbers of those with a mistake.
   */
  show(fields, chosen, wrong) {
    this.shown = { fields, chosen, wrong };
    this.draw();
  }

  draw() {
    const { fields, chosen } = this.shown;
    const shapes = fields.map((field, n) => this.drawField(field, asBox(field.box), n));
    this.layer.replaceChildren(...shapes);
    this.drawGrips(asBox(fields[chosen]?.box));
  }

  /**
   * Show a box that is being moved, or drawn.
   *
   * @param {number} n - Of its field; one more than there are is a new one.
   * @param {Box} box
   */
  preview(n, box) {
    const drawn = this.drawField(this.shown.fields[n] ?? {}, box, n);
    const old = this.layer.children[n];
    if (old) old.replaceWith(drawn);
    else this.layer.append(drawn);
    this.drawGrips(n === this.shown.chosen ? box : null);
  }

  /**
   * @param {JsonObject} field
   * @param {Box | null} box
   * @param {number} n
   */
  drawField(field, box, n) {
    const { chosen, wrong } = this.shown;
    const marks = [n === chosen && "chosen", wrong.has(n) && "wrong"];
    const names = ["field", kindOf(field), ...marks].filter(Boolean).join(" ");
    return makeShape("g", { class: names }, ...(box ? drawBox(field, box, this.zoom) : []));
  }

  /** @param {Box | null} box */
  drawGrips(box) {
    const side = GRIP / this.zoom;
    const size = { width: side, height: side };
    const places = box ? Object.keys(HANDLES).map((name) => handlePlace(box, name)) : [];
    this.grips.replaceChildren(
      ...places.map(({ x, y }) =>
        makeShape("rect", { x: x - side / 2, y: y - side / 2, ...size }),
      ),
    );
  }

  /**
   * Return where on the page the mouse is.
   *
   * @param {{ clientX: number, clientY: number }} event
   * @returns {Point}
   */
  toPage({ clientX, clientY }) {
    const { left, top } = this.sheet.getBoundingClientRect();
    return { x: (clientX - left) / this.zoom, y: (clientY - top) / this.zoom };
  }

  /** Return the middle of what is seen, on the page. */
  middle() {
    const { left, top } = this.element.getBoundingClientRect();
    const { clientWidth, clientHeight } = this.element;
    const at = { clientX: left + clientWidth / 2, clientY: top + clientHeight / 2 };
    const { x, y } = this.toPage(at);
    return { x: clamp(x, 0, this.page.width), y: clamp(y, 0, this.page.height) };
  }

  fit() {
    this.isFitting = true;
    this.setZoom(this.fittingZoom());
  }

  /**
   * @param {number} direction - 1 for larger, -1 for smaller.
   * @param {Point} [at] - What stays where it is: a place in the view; else the field
   *   that is chosen, if it is seen, or the middle.
   */
  step(direction, at) {
    const fit = this.fittingZoom();
    const levels = [...(fit < ZOOMS[0] ? [fit] : []), ...ZOOMS];
    // What fits is off by the bar to scroll by.
    const next =
      direction > 0
        ? levels.find((level) => level > this.zoom * 1.02)
        : levels.filter((level) => level < this.zoom / 1.02).at(-1);
    if (next === undefined) return;
    this.isFitting = next === fit;
    this.setZoom(next, at ?? this.placeOfChosen());
  }

  /**
   * @param {number} zoom
   * @param {Point} [at]
   */
  setZoom(zoom, at) {
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = this.element;
    const { x, y } = at ?? { x: clientWidth / 2, y: clientHeight / 2 };
    const ratio = zoom / this.zoom;
    this.zoom = zoom;
    this.sheet.setAttribute("width", String(Math.round(this.page.width * zoom)));
    this.sheet.setAttribute("height", String(Math.round(this.page.height * zoom)));
    this.element.scrollTo((scrollLeft + x) * ratio - x, (scrollTop + y) * ratio - y);
    this.draw();
    this.zoomed(zoom);
  }

  fittingZoom() {
    return clamp((this.element.clientWidth - 2) / this.page.width, 0.05, 4);
  }

  followSize() {
    const off = Math.abs(this.fittingZoom() - this.zoom) * this.page.width;
    // A bar to scroll by, which comes and goes, would have it go back and forth.
    if (this.isFitting && off > 1) this.setZoom(this.fittingZoom());
  }

  /** @param {Box} box */
  isSeen(box) {
    const [top, left, rows, columns] = box.map((each) => each * this.zoom);
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.element;
    return (
      top >= scrollTop &&
      left >= scrollLeft &&
      top + rows <= scrollTop + clientHeight - COVERED &&
      left + columns <= scrollLeft + clientWidth
    );
  }

  /** Return where in the view the middle of the chosen field is, if it is seen. */
  placeOfChosen() {
    const box = asBox(this.shown.fields[this.shown.chosen]?.box);
    if (!box || !this.isSeen(box)) return undefined;
    const [top, left, rows, columns] = box.map((each) => each * this.zoom);
    const { scrollLeft, scrollTop } = this.element;
    return { x: left + columns / 2 - scrollLeft, y: top + rows / 2 - scrollTop };
  }

  /** @param {Box | null} box - What is to be seen. */
  reveal(box) {
    if (!box || this.isSeen(box)) return;
    const [top, left, rows, columns] = box.map((each) => each * this.zoom);
    const { clientWidth, clientHeight } = this.element;
    const isWide = columns > clientWidth;
    const x = isWide ? left - MARGIN : left + columns / 2 - clientWidth / 2;
    this.element.scrollTo(x, top + rows / 2 - clientHeight / 2);
  }
}

/**
 * @param {JsonObject} field
 * @returns {string}
 */
export function kindOf(field) {
  const others = ["line", "box", "code", "mark", "choice"];
  return others.includes(String(field.kind)) ? String(field.kind) : "comb";
}

/**
 * @param {JsonObject} field
 * @param {Box} box
 * @param {number} zoom
 * @returns {SVGElement[]}
 */
function drawBox(field, box, zoom) {
  const [top, left, height, width] = box;
  const digits = clamp(Number(wholeNumber(field.digits) ?? 1), 1, 100);
  const cuts = kindOf(field) === "comb" ? cutPlaces(box, digits) : [];
  const walls = cuts.map((x) => `M${x} ${top}v${height}`).join("");
  const name = visible(String(field.name ?? ""));
  const label = name.length > 60 ? `${name.slice(0, 60)}...` : name;
  // Letters are about half as wide as high; they shrink until they can hardly be read.
  const size = (TEXT / zoom) * clamp((zoom * width) / (0.6 * TEXT * label.length), 0.7, 1);
  // In the box, for beside it is printed what it is for; above it where it is too low.
  const isHigh = height > 1.3 * size;
  const y = isHigh ? top + (height + 0.7 * size) / 2 : top - size / 3;
  const letters = { "font-size": size, "stroke-width": size / 4 };
  return [
    makeShape("rect", { class: "area", x: left, y: top, width, height }),
    makeShape("path", { class: "walls", d: walls }),
    makeShape("text", { x: left + size / 3, y, ...letters }, label),
  ];
}
