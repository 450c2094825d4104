/** The entry of where a field is: four numbers, or nowhere in particular. */

import { make } from "../shared/dom.js";
import { setValue } from "./entries.js";
import { boundOptions } from "./geometry.js";
import { typedNumber, writeJson } from "./json.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./entries.js").Entry} Entry */

const SIDES = ["Top", "Left", "Height", "Width"];

/** @implements {Entry} */
export class PlaceEntry {
  /**
   * @param {import("./entries.js").Hands} hands
   * @param {{ fit: () => void, place: () => void }} tasks
   */
  constructor(hands, tasks) {
    this.key = "box";
    this.hands = hands;
    this.inputs = SIDES.map((side) =>
      make("input", { type: "number", min: 0, "aria-label": side }),
    );
    const [first] = this.inputs;
    this.input = first;
    this.wrong = make("p", { class: "bad", id: "wrong-place" });
    const look = () => hands.change({ box: undefined });
    this.fit = makePush("Fit to the print", tasks.fit);
    this.drop = makePush("Look for it on each page", look);
    this.place = makePush("Give it a place", tasks.place);
    this.placeless = make("p", { class: "faint" });
    const labels = SIDES.map((side, n) =>
      make("label", {}, make("span", {}, side), this.inputs[n]),
    );
    this.sides = make("div", { class: "sides" }, ...labels);
    this.element = make(
      "fieldset",
      { class: "row", "data-key": "box" },
      make("legend", {}, "Place, in pixels"),
      this.sides,
      this.placeless,
      make("div", { class: "inputs" }, this.fit, this.drop, this.place),
      this.wrong,
    );
    for (const input of this.inputs) {
      input.setAttribute("aria-describedby", this.wrong.id);
      input.addEventListener("change", () => this.read());
    }
  }

  read() {
    const numbers = this.inputs.map((each) => typedNumber(each.value) ?? null);
    // What is no number is shown as it was.
    this.hands.change(numbers.includes(null) ? {} : { box: numbers });
  }

  /** @param {JsonObject} field */
  show({ box, options, kind = "comb" }) {
    const sides = Array.isArray(box) ? box : [];
    const isPlaced = (box ?? null) !== null;
    this.sides.hidden = this.fit.hidden = !isPlaced;
    this.drop.hidden = !isPlaced || kind !== "comb";
    const isOfOptions = boundOptions(options) !== null;
    this.placeless.hidden = isPlaced;
    this.placeless.textContent = isOfOptions
      ? "It is where its options are, of which the file has the places."
      : "It is looked for on each page.";
    // What is no box at all can be replaced by one.
    this.place.hidden = sides.length === SIDES.length || isOfOptions;
    for (const [n, input] of this.inputs.entries()) {
      setValue(input, sides[n] === undefined ? "" : writeJson(sides[n]));
    }
  }

  /** @param {string} text */
  complain(text) {
    this.wrong.textContent = text;
    for (const input of this.inputs) {
      input.setAttribute("aria-invalid", String(Boolean(text)));
    }
  }
}

/**
 * @param {string} label
 * @param {() => void} action
 */
function makePush(label, action) {
  return make("button", { type: "button", onclick: action }, label);
}
