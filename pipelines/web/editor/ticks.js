/** Inputs for what may be ticked: the options of a choice, and what filled boxes mean. */

import { make } from "../shared/dom.js";
import { makeRow, makeText, setValue } from "./entries.js";
import { isObject } from "./json.js";
import { kindOf } from "./view.js";

/** @typedef {import("./json.js").Json} Json */
/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./entries.js").Hands} Hands */
/** @typedef {import("./entries.js").Entry} Entry */

const FILLED = [
  ["", "not said: never accepted"],
  ["ticked", "ticked"],
  ["corrected", "a tick was taken back"],
];
const SEVERAL = [
  ["", "one"],
  ["true", "several"],
];

/**
 * @param {Hands} hands
 * @returns {Entry[]}
 */
export function makeTicks(hands) {
  const filled = makeSelect("filled", "Filled is", FILLED, hands, (value) => value || undefined);
  const several = makeSelect("several", "Ticked is", SEVERAL, hands, (value) =>
    value ? true : undefined,
  );
  return [
    makeOptions(hands),
    shownFor(["choice"], several),
    shownFor(["mark", "choice"], filled),
  ];
}

/**
 * Show an entry for fields of some kinds, and where a field of another one says it.
 *
 * @param {string[]} kinds
 * @param {Entry} entry
 * @returns {Entry}
 */
function shownFor(kinds, entry) {
  /** @param {JsonObject} field */
  function show(field) {
    const isSaid = (field[entry.key] ?? null) !== null;
    entry.element.hidden = !isSaid && !kinds.includes(kindOf(field));
    entry.show(field);
  }
  return { ...entry, show };
}

/**
 * Make the entry of the options, which keep their places.
 *
 * @param {Hands} hands
 * @returns {Entry}
 */
function makeOptions(hands) {
  /** @type {Json[]} */
  let before = [];
  const read = (/** @type {string} */ text) => {
    const values = text.split("\n").map((line) => line.trim()).filter(Boolean);
    const options = values.map((value, n) => withValue(before[n], value));
    return options.length ? options : undefined;
  };
  const hint = "A line for each, in their order";
  const entry = makeText({ key: "options", label: "Options", hint, isLong: true, read }, hands);
  const input = /** @type {HTMLTextAreaElement} */ (entry.input);
  /** @param {JsonObject} field */
  function show({ options }) {
    before = Array.isArray(options) ? options : [];
    setValue(input, before.map(valueOf).join("\n"));
  }
  return shownFor(["choice"], { ...entry, show });
}

/**
 * @param {Json | undefined} option
 * @param {string} value
 * @returns {Json}
 */
function withValue(option, value) {
  return isObject(option) && option.box ? { ...option, value } : value;
}

/**
 * Return what the table says if an option is ticked.
 *
 * @param {Json} option
 * @returns {string}
 */
function valueOf(option) {
  return String((isObject(option) ? option.value : option) ?? "");
}

/**
 * @param {string} key
 * @param {string} label
 * @param {string[][]} choices - Values and what they are called.
 * @param {Hands} hands
 * @param {(value: string) => Json | undefined} read
 * @returns {Entry}
 */
function makeSelect(key, label, choices, hands, read) {
  const options = choices.map(([value, text]) => make("option", { value }, text));
  const select = make("select", {}, ...options);
  select.addEventListener("change", () => hands.change({ [key]: read(select.value) }));
  const row = makeRow(key, label, "", [select]);
  // `several` is false where nothing is said.
  const show = (/** @type {JsonObject} */ field) => setValue(select, String(field[key] || ""));
  return { key, ...row, input: select, show };
}
