/** The picture of a field, with one of its digits marked. */

import { make, makeShape } from "../shared/dom.js";
import { pictureAddress } from "../shared/files.js";

/**
 * Show a field.
 *
 * @param {import("./data.js").Item} item
 * @param {number | null} marked - Number of the digit to mark.
 * @returns {HTMLElement}
 */
export function makeCrop(item, marked) {
  const [width, height] = item.size;
  if (!item.picture) {
    return make("div", { class: "crop none" }, "No picture of this field");
  }
  const picture = make("img", {
    src: pictureAddress(item.picture),
    width,
    height,
    alt: `Field ${item.name}`,
  });
  const frame = make("div", { class: "crop" }, picture);
  frame.style.setProperty("--width", String(width));
  frame.style.setProperty("--height", String(height));
  const span = marked === null ? undefined : item.spans[marked];
  if (span) {
    const box = { x: span[0], y: 1.5, width: span[1] - span[0], height: height - 3, rx: 3 };
    const view = { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" };
    frame.append(makeShape("svg", view, makeShape("rect", box)));
  }
  return frame;
}
