/** Inputs for what the file of a form says of a field, with what is wrong beside them. */

import { make } from "../shared/dom.js";
import { isColumn } from "./checks.js";
import { SCHEMES } from "./checkdigits.js";
import { isObject, typedNumber, wholeNumber, writeJson } from "./json.js";

/** @typedef {import("./json.js").Json} Json */
/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {Record<string, Json | undefined>} Changes */
/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Control */

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {HTMLElement} element
 * @property {HTMLElement} input - Where to begin to type.
 * @property {(field: JsonObject) => void} show
 * @property {(text: string) => void} complain
 */

/**
 * @typedef {object} Hands - What becomes of what is typed.
 * @property {(changes: Changes) => void} change - It is done.
 * @property {(changes: Changes) => void} consider - It is being typed.
 */

let count = 0;

/**
 * Put inputs into a row, with a label and room for what is wrong.
 *
 * @param {string} key
 * @param {string} label
 * @param {string} hint
 * @param {Control[]} inputs - Those after the first have labels of their own.
 * @returns {{ element: HTMLElement, complain: (text: string) => void }}
 */
export function makeRow(key, label, hint, inputs) {
  count += 1;
  const [id, told] = [`entry-${count}`, `told-${count}`];
  const [first] = inputs;
  first.id = id;
  const wrong = make("span", { class: "bad" });
  const hinted = hint ? [make("span", { class: "faint" }, hint)] : [];
  const said = make("p", { id: told, class: "said" }, ...hinted, wrong);
  const element = make(
    "div",
    { class: "row", "data-key": key },
    make("label", { for: id }, label),
    make("div", { class: "inputs" }, ...inputs),
    said,
  );
  for (const input of inputs) input.setAttribute("aria-describedby", told);
  return {
    element,
    complain(text) {
      wrong.textContent = text;
      for (const input of inputs) input.setAttribute("aria-invalid", String(Boolean(text)));
    },
  };
}

/**
 * Listen to inputs that say one thing together.
 *
 * @param {Control[]} inputs
 * @param {() => Changes} read
 * @param {Hands} hands
 */
function listen(inputs, read, hands) {
  for (const input of inputs) {
    input.addEventListener("input", () => hands.consider(read()));
    input.addEventListener("change", () => hands.change(read()));
  }
}

/**
 * Set what an input shows, unless that is what somebody just types.
 *
 * @param {Control} input
 * @param {string} value
 */
export function setValue(input, value) {
  if (input.value !== value) input.value = value;
}

/**
 * Make an entry of one line of text, or of more.
 *
 * @param {object} of
 * @param {string} of.key
 * @param {string} of.label
 * @param {string} [of.hint]
 * @param {boolean} [of.isLong]
 * @param {(text: string) => Json | undefined} [of.read]
 * @param {Hands} hands
 * @returns {Entry}
 */
export function makeText({ key, label, hint = "", isLong = false, read = typedText }, hands) {
  const plain = { autocomplete: "off", spellcheck: "false" };
  const input = isLong
    ? make("textarea", { ...plain, rows: 3 })
    : make("input", { ...plain, type: "text" });
  const row = makeRow(key, label, hint, [input]);
  listen([input], () => ({ [key]: read(input.value) }), hands);
  return { key, ...row, input, show: (field) => setValue(input, showValue(field[key])) };
}

/** @param {string} text */
function typedText(text) {
  return text.trim() || undefined;
}

/**
 * @param {Json | undefined} value
 * @returns {string}
 */
function showValue(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : writeJson(value);
}

/**
 * Make the entry of how many digits there are: one number, or the least and the most.
 *
 * @param {Hands} hands
 * @returns {Entry}
 */
export function makeLength(hands) {
  const digits = { type: "text", inputmode: "numeric", class: "short", autocomplete: "off" };
  const least = make("input", digits);
  const most = make("input", { ...digits, "aria-label": "Most digits" });
  const row = makeRow("length", "Digits written", "One number, or the least and the most", [
    least,
    most,
  ]);
  row.element.querySelector(".inputs")?.insertBefore(make("span", {}, "to"), most);
  const read = () => {
    const [a, b] = [typedNumber(least.value), typedNumber(most.value)];
    if (b === undefined || writeJson(a ?? null) === writeJson(b)) return { length: a };
    return { length: [a ?? 1, b] };
  };
  listen([least, most], read, hands);
  /** @param {JsonObject} field */
  function show({ length }) {
    const isPair = Array.isArray(length) && length.length === 2;
    // A value has one digit at least; who takes that away means no limit.
    const isFree = isPair && wholeNumber(length[0]) === 1n;
    setValue(least, isFree ? "" : showValue(isPair ? length[0] : length));
    setValue(most, isPair ? showValue(length[1]) : "");
  }
  return { key: "length", ...row, input: least, show };
}

const OWN_WEIGHTS = "weights";
const OTHER = "other";

/**
 * Make the entry of the check digit: a scheme by its name, or weights.
 *
 * @param {Hands} hands
 * @returns {Entry}
 */
export function makeCheckDigit(hands) {
  const named = SCHEMES.map((name) => make("option", { value: name }, name));
  const other = make("option", { value: OTHER, disabled: true }, "as in the file");
  const select = make(
    "select",
    {},
    make("option", { value: "" }, "none"),
    ...named,
    make("option", { value: OWN_WEIGHTS }, "weights of your own"),
    other,
  );
  const weights = make("input", { type: "text", "aria-label": "Weights, from the right" });
  const modulus = make(
    "select",
    { "aria-label": "Modulus" },
    make("option", { value: "10" }, "modulo 10"),
    make("option", { value: "11" }, "modulo 11"),
  );
  const inputs = [select, weights, modulus];
  const row = makeRow("check_digit", "Check digit", "", inputs);
  /** @type {Json | undefined} */
  let raw;
  const read = () => {
    if (select.value === OTHER) return { check_digit: raw };
    if (select.value !== OWN_WEIGHTS) return { check_digit: select.value || undefined };
    return { check_digit: readWeights(raw, weights.value, modulus.value) };
  };
  listen(inputs, read, hands);
  /** @param {JsonObject} field */
  function show({ check_digit: scheme }) {
    raw = scheme;
    const value = optionOf(scheme);
    other.hidden = value !== OTHER;
    weights.hidden = modulus.hidden = value !== OWN_WEIGHTS;
    setValue(select, value);
    if (!isObject(scheme)) return;
    const list = Array.isArray(scheme.weights) ? scheme.weights : [];
    setValue(weights, list.map(showValue).join(" "));
    setValue(modulus, String(wholeNumber(scheme.modulus) ?? ""));
  }
  return { key: "check_digit", ...row, input: select, show };
}

/**
 * @param {Json | undefined} raw - What it was, whose other keys are kept.
 * @param {string} text - Of the weights.
 * @param {string} modulus
 */
function readWeights(raw, text, modulus) {
  const list = text.split(/[\s,;]+/).map(typedNumber);
  const weights = list.filter((each) => each !== undefined);
  const kept = isObject(raw) ? raw : {};
  // Those of a bar code are as good to begin with as any.
  return { ...kept, weights: weights.length ? weights : [3, 1], modulus: Number(modulus) };
}

/**
 * @param {Json | undefined} scheme
 * @returns {string} What is chosen where it is shown.
 */
function optionOf(scheme) {
  if (isObject(scheme)) return OWN_WEIGHTS;
  if ((scheme ?? null) === null) return "";
  return typeof scheme === "string" && SCHEMES.includes(scheme) ? scheme : OTHER;
}

/**
 * Make the entry of the only values there are: a list, or a column that stays as it is.
 *
 * @param {Hands} hands
 * @returns {Entry}
 */
export function makeChoices(hands) {
  const hint = "The only values there are, between spaces or on lines";
  const read = (/** @type {string} */ text) => {
    const list = text.split(/[\s,;]+/).filter(Boolean);
    return list.length ? list : undefined;
  };
  const list = makeText({ key: "choices", label: "Choices", hint, isLong: true, read }, hands);
  const column = make("p", { class: "column" });
  const drop = make(
    "button",
    { type: "button", onclick: () => hands.change({ choices: undefined }) },
    "Take it away",
  );
  const named = make("div", {}, column, drop);
  list.element.append(named);
  const input = /** @type {HTMLTextAreaElement} */ (list.input);
  /** @param {JsonObject} field */
  function show({ choices }) {
    const isNamed = isColumn(choices);
    named.hidden = !isNamed;
    input.hidden = isNamed;
    column.textContent = isNamed
      ? `The column ${writeJson(choices.column)} of ${writeJson(choices.file)}, which is looked` +
        " up when the form is used."
      : "";
    if (isNamed) return;
    const isList = Array.isArray(choices);
    setValue(input, isList ? choices.map(showValue).join(" ") : showValue(choices));
  }
  return { ...list, show };
}
