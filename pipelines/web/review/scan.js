/** The whole page that a field is on, with the field marked. */

import { make, makeName, makeShape } from "../shared/dom.js";
import { pictureAddress } from "../shared/files.js";
import { describePlace } from "./data.js";

/**
 * Show the page of a field.
 *
 * @param {import("./data.js").Item} item
 * @param {import("./data.js").ScanPage} page
 * @returns {HTMLElement}
 */
export function makeScan(item, page) {
  const place = makeName(describePlace(page));
  if (!page.picture) {
    const why = page.error || "There is no picture of this page here. Open the scan.";
    return make("figure", { class: "scan" }, make("p", {}, why), make("figcaption", {}, place));
  }
  const [width, height] = page.size;
  const picture = make("img", { src: pictureAddress(page.picture), alt: "The page" });
  const frame = make("div", { class: "paper" }, picture);
  frame.style.setProperty("--width", String(2 * width));
  if (item.quad) {
    const points = item.quad.map((corner) => corner.join(",")).join(" ");
    const view = { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" };
    frame.append(makeShape("svg", view, makeShape("polygon", { points })));
  }
  const caption = make("figcaption", {}, place);
  // Keys scroll what has the focus.
  const figure = make("figure", { class: "scan", tabindex: 0 }, frame, caption);
  picture.addEventListener("load", () => {
    if (!item.quad) return;
    const middle = item.quad.reduce((sum, [, y]) => sum + y, 0) / item.quad.length;
    figure.scrollTop = (middle / height) * frame.clientHeight - figure.clientHeight / 2;
  });
  return figure;
}
