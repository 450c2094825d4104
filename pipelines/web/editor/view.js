/** The page with the boxes of the fields on it, at any size. */

import { make, makeShape, visible } from "../shared/dom.js";
import { HANDLES, asBox, clamp, cutPlaces, handlePlace } from "./geometry.js";
import { wholeNumber } from "./json.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Point} Point */
/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {ReturnType<typeof makeView>} View */

const ZOOMS = [0.5, 0.75, 1, 1.5, 2, 3, 4];

// In pixels of the screen.
const TEXT = 11;
const GRIP = 9;
const MARGIN = 48;

/**
 * Make the view of a page.
 *
 * @param {{ picture: string, height: number, width: number }} page
 * @param {(zoom: number) => void} zoomed - Is told how large the page is.
 */
export function makeView(page, zoomed) {
  const { height, width } = page;
  const image = makeShape("image", { href: page.picture, width, height });
  const layer = makeShape("g");
  const grips = makeShape("g", { class: "grips" });
  const attributes = { viewBox: `0 0 ${width} ${height}`, class: "sheet" };
  const sheet = makeShape("svg", { ...attributes, "aria-hidden": "true" }, image, layer, grips);
  const scroller = make(
    "div",
    {
      class: "scroller",
      tabindex: 0,
      role: "application",
      "aria-label": "Page. Arrows move the field that is chosen, Escape leads to the list",
    },
    sheet,
  );
  let zoom = 1;
  let isFitting = true;
  /** @type {{ fields: JsonObject[], chosen: number, wrong: Set<number> }} */
  let shown = { fields: [], chosen: -1, wrong: new Set() };

  function draw() {
    layer.replaceChildren(
      ...shown.fields.map((field, n) => drawField(field, asBox(field.box), n)),
    );
    drawGrips(asBox(shown.fields[shown.chosen]?.box));
  }

  /**
   * @param {JsonObject} field
   * @param {Box | null} box
   * @param {number} n
   */
  function drawField(field, box, n) {
    const marks = [n === shown.chosen && "chosen", shown.wrong.has(n) && "wrong"];
    const names = ["field", kindOf(field), ...marks].filter(Boolean).join(" ");
    const group = makeShape("g", { class: names });
    if (box) group.append(...drawBox(field, box, zoom));
    return group;
  }

  /** @param {Box | null} box */
  function drawGrips(box) {
    const side = GRIP / zoom;
    const places = box ? Object.keys(HANDLES).map((name) => handlePlace(box, name)) : [];
    grips.replaceChildren(
      ...places.map(({ x, y }) =>
        makeShape("rect", { x: x - side / 2, y: y - side / 2, width: side, height: side }),
      ),
    );
  }

  /**
   * @param {number} wanted
   * @param {Point} [at] - What stays where it is: a place in the view; else its middle.
   */
  function setZoom(wanted, at) {
    const before = zoom;
    zoom = wanted;
    const { x, y } = at ?? { x: scroller.clientWidth / 2, y: scroller.clientHeight / 2 };
    const left = ((scroller.scrollLeft + x) * zoom) / before - x;
    const top = ((scroller.scrollTop + y) * zoom) / before - y;
    sheet.setAttribute("width", String(Math.round(width * zoom)));
    sheet.setAttribute("height", String(Math.round(height * zoom)));
    scroller.scrollTo(left, top);
    draw();
    zoomed(zoom);
  }

  function fitZoom() {
    return clamp((scroller.clientWidth - 2) / width, 0.05, 4);
  }

  new ResizeObserver(() => {
    // A bar to scroll by, which comes and goes, would have it go back and forth.
    if (isFitting && Math.abs(fitZoom() - zoom) * width > 1) setZoom(fitZoom());
  }).observe(scroller);

  return {
    element: scroller,
    sheet,

    /**
     * @param {JsonObject[]} fields
     * @param {number} chosen
     * @param {Set<number>} wrong - Numbers of those with a mistake.
     */
    show(fields, chosen, wrong) {
      shown = { fields, chosen, wrong };
      draw();
    },

    /**
     * Show a box that is being moved, or drawn.
     *
     * @param {number} n - Of its field; one more than there are is a new one.
     * @param {Box} box
     */
    preview(n, box) {
      const drawn = drawField(shown.fields[n] ?? {}, box, n);
      const old = layer.children[n];
      if (old) old.replaceWith(drawn);
      else layer.append(drawn);
      drawGrips(n === shown.chosen ? box : null);
    },

    draw,
    zoom: () => zoom,

    /** @param {{ clientX: number, clientY: number }} event */
    toPage({ clientX, clientY }) {
      const { left, top } = sheet.getBoundingClientRect();
      return { x: (clientX - left) / zoom, y: (clientY - top) / zoom };
    },

    fit() {
      isFitting = true;
      setZoom(fitZoom());
    },

    /**
     * @param {number} direction - 1 for larger, -1 for smaller.
     * @param {Point} [at]
     */
    step(direction, at) {
      const fit = fitZoom();
      const levels = [...(fit < ZOOMS[0] ? [fit] : []), ...ZOOMS];
      // What fits is off by the bar to scroll by.
      const next =
        direction > 0
          ? levels.find((level) => level > zoom * 1.02)
          : levels.filter((level) => level < zoom / 1.02).at(-1);
      if (next === undefined) return;
      isFitting = next === fit;
      setZoom(next, at);
    },

    /** Return the middle of what is seen, on the page. */
    middle() {
      const { left, top } = scroller.getBoundingClientRect();
      const x = left + scroller.clientWidth / 2;
      const point = this.toPage({ clientX: x, clientY: top + scroller.clientHeight / 2 });
      return { x: clamp(point.x, 0, width), y: clamp(point.y, 0, height) };
    },

    /** @param {Box | null} box - What is to be seen. */
    reveal(box) {
      if (!box) return;
      const [top, left, rows, columns] = box.map((each) => each * zoom);
      const { scrollLeft, scrollTop, clientWidth, clientHeight } = scroller;
      const isSeen =
        top >= scrollTop &&
        left >= scrollLeft &&
        top + rows <= scrollTop + clientHeight &&
        left + columns <= scrollLeft + clientWidth;
      if (isSeen) return;
      const x = columns > clientWidth ? left - MARGIN : left + columns / 2 - clientWidth / 2;
      scroller.scrollTo(x, top + rows / 2 - clientHeight / 2);
    },
  };
}

/**
 * @param {JsonObject} field
 * @returns {string}
 */
export function kindOf(field) {
  return ["line", "box"].includes(String(field.kind)) ? String(field.kind) : "comb";
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
  const place = { x: left + size / 3, y };
  return [
    makeShape("rect", { class: "area", x: left, y: top, width, height }),
    makeShape("path", { class: "walls", d: walls }),
    makeShape("text", { ...place, "font-size": size, "stroke-width": size / 4 }, label),
  ];
}
