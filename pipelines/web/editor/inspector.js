/** The panel of the field that is chosen: its name, kind and place, and its rules. */

import { make } from "../shared/dom.js";
import { checkField } from "./checks.js";
import { withChanges } from "./edits.js";
import { makeCheckDigit, makeChoices, makeLength, makeRow, makeText, setValue } from "./entries.js";
import { asBox } from "./geometry.js";
import { typedNumber, wholeNumber, writeJson } from "./json.js";
import { kindOf } from "./view.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./entries.js").Changes} Changes */
/** @typedef {import("./checks.js").Finding} Finding */

const KIND_LABELS = [
  ["comb", "comb: a box for each digit"],
  ["line", "line: a free string"],
  ["box", "box: a single free box"],
];

const SIDES = ["Top", "Left", "Height", "Width"];

const RULES = ["length", "mask", "minimum", "maximum", "choices", "check_digit", "date", "earliest", "latest"];

/**
 * @typedef {object} Tasks - What the panel can have done.
 * @property {(changes: Changes) => void} change
 * @property {() => void} fit
 * @property {() => void} place
 */

/**
 * Make the panel.
 *
 * @param {Tasks} tasks
 */
export function makeInspector(tasks) {
  /** @type {JsonObject} */
  let field = {};
  const hands = {
    change: tasks.change,
    /** @param {Changes} changes */
    consider: (changes) => complain(checkField(withChanges(field, changes)), changes),
  };
  const entries = [
    makeText({ key: "name", label: "Name", read: (text) => text.trim() }, hands),
    makeKind(hands),
    makeDigits(hands),
    makePlace(hands, tasks),
    ...makeRules(hands),
  ];
  const isRule = (/** @type {{ key: string }} */ { key }) => RULES.includes(key);
  const rules = make(
    "details",
    {},
    make("summary", {}, "Rules"),
    ...entries.filter(isRule).map((entry) => entry.element),
  );
  const own = entries.filter((entry) => !isRule(entry));
  const body = make("div", {}, ...own.map((entry) => entry.element), rules);
  const none = make("p", { class: "faint" }, "Choose a field, or draw a box on the page.");
  const element = make("section", { class: "inspector" }, make("h2", {}, "Field"), none, body);

  /**
   * @param {{ key: string, text: string }[]} mistakes
   * @param {Changes} [changes] - Of these keys only.
   */
  function complain(mistakes, changes) {
    for (const entry of entries) {
      if (changes && !(entry.key in changes)) continue;
      entry.complain(mistakes.find(({ key }) => key === entry.key)?.text ?? "");
    }
  }

  return {
    element,

    /**
     * @param {JsonObject | undefined} chosen
     * @param {Finding[]} findings - Of this field.
     */
    show(chosen, findings) {
      none.hidden = chosen !== undefined;
      body.hidden = chosen === undefined;
      if (!chosen) return;
      field = chosen;
      for (const entry of entries) entry.show(field);
      complain(findings);
      const isRuled = RULES.some((key) => (field[key] ?? null) !== null);
      rules.open = rules.open || isRuled;
    },

    /**
     * @param {string} key
     */
    focus(key) {
      const entry = entries.find((each) => each.key === key) ?? entries[0];
      if (isRule(entry)) rules.open = true;
      entry.input.focus();
      if (entry.input instanceof HTMLInputElement) entry.input.select();
    },
  };
}

/** @param {import("./entries.js").Hands} hands */
function makeRules(hands) {
  const read = typedNumber;
  const day = "As 2020-01-31";
  return [
    makeLength(hands),
    makeText({ key: "mask", label: "Mask", hint: "# for any digit, as in 20##" }, hands),
    makeText({ key: "minimum", label: "Minimum", read }, hands),
    makeText({ key: "maximum", label: "Maximum", read }, hands),
    makeChoices(hands),
    makeCheckDigit(hands),
    makeText({ key: "date", label: "Date", hint: "As DDMMYYYY or MMYY" }, hands),
    makeText({ key: "earliest", label: "Earliest", hint: day }, hands),
    makeText({ key: "latest", label: "Latest", hint: day }, hands),
  ];
}

/**
 * @param {import("./entries.js").Hands} hands
 * @returns {import("./entries.js").Entry}
 */
function makeKind(hands) {
  const options = KIND_LABELS.map(([value, label]) => make("option", { value }, label));
  const select = make("select", {}, ...options);
  select.addEventListener("change", () => {
    // The boxes of a comb are no rule for how much fits on a line.
    const digits = select.value === "comb" ? {} : { digits: undefined };
    hands.change({ kind: select.value, ...digits });
  });
  const row = makeRow("kind", "Kind", "", [select]);
  return { key: "kind", ...row, input: select, show: (field) => setValue(select, kindOf(field)) };
}

/**
 * @param {import("./entries.js").Hands} hands
 * @returns {import("./entries.js").Entry}
 */
function makeDigits(hands) {
  const input = make("input", { type: "number", min: 1, max: 100, class: "short" });
  input.addEventListener("change", () => hands.change({ digits: typedNumber(input.value) }));
  const row = makeRow("digits", "Boxes", "", [input]);
  /** @param {JsonObject} field */
  function show(field) {
    // Who says how many digits a line may have, at most, keeps that.
    row.element.hidden = kindOf(field) !== "comb" && (field.digits ?? null) === null;
    setValue(input, String(wholeNumber(field.digits) ?? ""));
  }
  return { key: "digits", ...row, input, show };
}

/**
 * @param {import("./entries.js").Hands} hands
 * @param {Tasks} tasks
 * @returns {import("./entries.js").Entry}
 */
function makePlace(hands, tasks) {
  const inputs = SIDES.map((side) => make("input", { type: "number", min: 0, "aria-label": side }));
  const labels = SIDES.map((side, n) => make("label", {}, make("span", {}, side), inputs[n]));
  const wrong = make("p", { class: "bad", id: "wrong-place" });
  const fit = make(
    "button",
    { type: "button", title: "F", onclick: tasks.fit },
    "Fit to the print",
  );
  const drop = make(
    "button",
    { type: "button", onclick: () => hands.change({ box: undefined }) },
    "Look for it on each page",
  );
  const place = make("button", { type: "button", onclick: tasks.place }, "Give it a place");
  const sides = make("div", { class: "sides" }, ...labels);
  const placeless = make("p", { class: "faint" }, "It is looked for on each page.");
  const element = make(
    "fieldset",
    { class: "row", "data-key": "box" },
    make("legend", {}, "Place, in pixels"),
    sides,
    placeless,
    make("div", { class: "inputs" }, fit, drop, place),
    wrong,
  );
  for (const input of inputs) {
    input.setAttribute("aria-describedby", wrong.id);
    // What is no number is shown as it was.
    input.addEventListener("change", () => {
      const numbers = inputs.map((each) => typedNumber(each.value) ?? null);
      hands.change(numbers.includes(null) ? {} : { box: numbers });
    });
  }
  /** @param {JsonObject} field */
  function show({ box, kind = "comb" }) {
    const sidesOf = Array.isArray(box) ? box : [];
    const isPlaced = (box ?? null) !== null;
    sides.hidden = fit.hidden = !isPlaced;
    drop.hidden = !isPlaced || kind !== "comb";
    placeless.hidden = place.hidden = isPlaced;
    for (const [n, input] of inputs.entries()) {
      setValue(input, sidesOf[n] === undefined ? "" : writeJson(sidesOf[n]));
    }
    // What is no box at all can be replaced by one.
    if (isPlaced && !asBox(box) && sidesOf.length !== 4) place.hidden = false;
  }
  const complain = (/** @type {string} */ text) => {
    wrong.textContent = text;
    for (const input of inputs) input.setAttribute("aria-invalid", String(Boolean(text)));
  };
  return { key: "box", element, input: inputs[0], show, complain };
}
