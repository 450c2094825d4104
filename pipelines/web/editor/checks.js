/** What is wrong with a field by itself, by the same words as when a form is read. */

import { checkAutomaton } from "./checkdigits.js";
import { isDatePattern, isDay } from "./dates.js";
import { asBox, boundOptions } from "./geometry.js";
import { isObject, shorten, wholeNumber } from "./json.js";
import { MOST_BOXES, checkValue, isPossible, lengthsOf, readRules } from "./rules.js";

/** @typedef {import("./json.js").Json} Json */
/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {{ key: string, text: string }} Mistake */
// The columns of the results that are no fields.
const RESERVED_NAMES = ["document", "page", "status", "error"];

const NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_ -]*[\p{L}\p{N}_])?$/u;

const KINDS = ["comb", "line", "box", "code", "mark", "choice"];

// What is ticked has none of these.
const OF_DIGITS = [
  ...["digits", "length", "mask", "minimum", "maximum", "choices", "check_digit"],
  ...["date", "earliest", "latest"],
];

/** @type {Record<string, (value: Json) => string>} */
const CHECKS = {
  kind: (value) =>
    KINDS.includes(String(value))
      ? ""
      : wants("'comb', 'line', 'box', 'code', 'mark' or 'choice'", value),
  digits: (value) =>
    isBetween(value, 1, MOST_BOXES)
      ? ""
      : wants(`the number of boxes, a whole number from 1 to ${MOST_BOXES}`, value),
  box: (value) =>
    asBox(value)
      ? ""
      : wants(
          "four whole numbers of pixels, [top, left, height, width], of which the last" +
            " two are above 0",
          value,
        ),
  length: (value) =>
    (Array.isArray(value) && value.length === 2 ? value : [value]).every((each) =>
      isBetween(each, 1, Infinity),
    )
      ? ""
      : wants("a number of digits above 0, or a list of the least and the most", value),
  mask: (value) =>
    typeof value === "string" && /^[#0-9]+$/.test(value)
      ? ""
      : "must be made of '#' for any digit and of digits that stand for themselves," +
        " such as '20##'",
  minimum: (value) => (wholeNumber(value) === null ? wants("a whole number", value) : ""),
  maximum: (value) => (wholeNumber(value) === null ? wants("a whole number", value) : ""),
  choices: checkChoices,
  check_digit: (value) =>
    checkAutomaton(value)
      ? ""
      : wants(
          "'luhn', 'mod11', 'mod11,10', 'mod97-10', 'verhoeff' or 'damm', or a list of" +
            " weights and a modulus, which is 10 or 11",
          value,
        ),
  date: (value) =>
    typeof value === "string" && isDatePattern(value)
      ? ""
      : "must be DD, MM and YYYY or YY in the order in which they are written, such as" +
        " 'DDMMYYYY' or 'MMYY'",
  earliest: (value) => (isDayOf(value) ? "" : wants("a date such as '2020-01-31'", value)),
  latest: (value) => (isDayOf(value) ? "" : wants("a date such as '2029-12-31'", value)),
  options: (value) =>
    Array.isArray(value) && value.every((one) => typeof one === "string" || isObject(one))
      ? ""
      : wants(
          "a list of values, or of objects with a 'value' and a 'box', which is" +
            " [top, left, height, width]",
          value,
        ),
  several: (value) => (typeof value === "boolean" ? "" : wants("true or false", value)),
  filled: (value) =>
    ["ticked", "corrected"].includes(String(value))
      ? ""
      : wants("'ticked' or 'corrected'", value),
};

/** What the editor knows of a field. */
export const FIELD_KEYS = ["name", ...Object.keys(CHECKS)];

/**
 * @param {string} wanted
 * @param {Json} value
 */
export function wants(wanted, value) {
  return `must be ${wanted}. Got ${shorten(value)}`;
}

/**
 * @param {Json} value
 * @param {number} least
 * @param {number} most
 */
function isBetween(value, least, most) {
  const number = wholeNumber(value);
  return number !== null && Number(number) >= least && Number(number) <= most;
}

/** @param {Json} value */
function isDayOf(value) {
  return typeof value === "string" && isDay(value);
}

/** @param {Json} value */
function checkChoices(value) {
  if (isColumn(value)) return "";
  const isList =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => typeof each === "string" && /^[0-9]+$/.test(each));
  return isList ? "" : "must be a list of strings of digits, such as '07'";
}

/**
 * Return whether choices are a column of a file, which is not looked into here.
 *
 * @param {Json | undefined} value
 * @returns {value is JsonObject}
 */
export function isColumn(value) {
  return (
    isObject(value) &&
    Object.keys(value).sort().join() === "column,file" &&
    Object.values(value).every((each) => typeof each === "string")
  );
}

/**
 * List what is wrong with a field by itself.
 *
 * @param {JsonObject} field
 * @returns {Mistake[]}
 */
export function checkField(field) {
  const mistakes = [...checkName(field.name)];
  for (const [key, check] of Object.entries(CHECKS)) {
    // Null stands for what is not there; a kind there must be.
    if (!(key in field) || (field[key] === null && key !== "kind")) continue;
    const text = check(field[key]);
    if (text) mistakes.push({ key, text });
  }
  return mistakes.length ? mistakes : [...checkTogether(field)].slice(0, 1);
}

/**
 * @param {Json | undefined} name
 * @returns {Generator<Mistake>}
 */
function* checkName(name) {
  if (typeof name !== "string" || !NAME.test(name)) {
    const text =
      "must be letters, digits, '_', and between them '-' or spaces, because it heads a" +
      " column of the results";
    yield { key: "name", text: name === undefined ? "is missing" : text };
  } else if (RESERVED_NAMES.includes(name)) {
    yield { key: "name", text: "is already the name of a column of the results" };
  }
}

/**
 * @param {JsonObject} field - Whose keys are right, one by one.
 * @returns {Generator<Mistake>}
 */
function* checkTogether(field) {
  const rules = readRules(field);
  const { digits, minimum, maximum } = rules;
  const box = asBox(field.box);
  yield* checkTicked(field);
  if ((field.kind ?? "comb") === "comb" && digits === null) {
    yield { key: "digits", text: "a comb needs the number of its boxes" };
  }
  if (box && digits && box[3] < digits) {
    const text = `${box[3]} pixels are too narrow for ${digits} boxes`;
    yield { key: "box", text: `${text}. It is [top, left, height, width]` };
  }
  if (rules.length && rules.length[0] > rules.length[1]) {
    yield { key: "length", text: "the least comes first, then the most" };
  }
  if (minimum !== null && maximum !== null && maximum < minimum) {
    yield { key: "maximum", text: "is less than the minimum" };
  }
  if (rules.date === null && ((field.earliest ?? null) || (field.latest ?? null))) {
    yield { key: "date", text: "earliest and latest are the range of a date" };
  }
  if (rules.earliest > rules.latest) {
    yield { key: "latest", text: "is before the earliest" };
  }
  yield* contradictions(rules);
  if (!isPossible(field)) yield { key: "", text: "no value keeps all its rules" };
}

/**
 * Name what does not go with the kind of a field.
 *
 * @param {JsonObject} field - Whose keys are right, one by one.
 * @returns {Generator<Mistake>}
 */
function* checkTicked(field) {
  const kind = String(field.kind ?? "comb");
  const options = Array.isArray(field.options) ? field.options : [];
  const isSaid = (/** @type {string} */ key) => (field[key] ?? null) !== null;
  if (kind === "mark" || kind === "choice") {
    const key = OF_DIGITS.find(isSaid);
    if (key) yield { key, text: `is for digits, and this is a ${kind}` };
  } else if (isSaid("filled")) {
    yield { key: "filled", text: `is for a mark or a choice, and this is a ${kind}` };
  }
  if (kind === "mark" && !isSaid("box")) yield { key: "box", text: "a mark needs its place" };
  if (kind === "choice") {
    const text = doubtOptions(options, asBox(field.box));
    if (text) yield { key: "options", text };
    const bound = boundOptions(options);
    if (bound && isSaid("box") && String(field.box) !== String(bound)) {
      yield { key: "box", text: "the options have places of their own; take this one away" };
    }
  }
  for (const key of ["options", "several"]) {
    if (kind !== "choice" && isSaid(key) && field[key] !== false) {
      yield { key, text: `is for a choice, and this is a ${kind}` };
    }
  }
}

/**
 * Say what is wrong with the options of a choice.
 *
 * @param {Json[]} options - With a value each, or that alone.
 * @param {import("./geometry.js").Box | null} box - Place of the field.
 * @returns {string}
 */
function doubtOptions(options, box) {
  if (options.length < 2) return "a choice needs at least two; a single box is of kind 'mark'";
  const listed = options.map((one) => (isObject(one) ? one : { value: one }));
  const values = listed.map(({ value }) => String(value));
  const wrong = values.find((value) => !isOptionValue(value));
  if (wrong !== undefined) {
    return `the value '${wrong}' must be letters and digits, and between them '-' or a space`;
  }
  const twice = values.find((value, n) => values.indexOf(value) < n);
  if (twice !== undefined) return `there are two of the value '${twice}'`;
  const nPlaced = listed.filter((one) => (one.box ?? null) !== null).length;
  if (nPlaced > 0 && nPlaced < listed.length) return "either all of them have a box, or none has one";
  if (nPlaced) return "";
  if (!box) return "a choice needs its place, or that of each option";
  const [shorter, longer] = [box[2], box[3]].sort((a, b) => a - b);
  return longer < listed.length * shorter
    ? `the box is too short for ${listed.length} options in a row or a column`
    : "";
}

/** @param {string} value */
function isOptionValue(value) {
  if (!/\p{L}/u.test(value)) return /^[0-9]+$/.test(value);
  return /^[\p{L}\p{N}](?:[\p{L}\p{N}]|[ -](?=[\p{L}\p{N}]))*$/u.test(value);
}

/**
 * Name lengths, masks, dates and choices that no value can keep together.
 *
 * @param {import("./rules.js").Rules} rules
 * @returns {Generator<Mistake>}
 */
function* contradictions(rules) {
  const others = { ...rules, choices: null };
  const lengths = lengthsOf(others);
  const { mask, minimum, maximum } = rules;
  if (lengths && lengths[0] > lengths[1]) {
    if (rules.date === null) {
      const text = `${rules.length?.[0]} digits do not fit into ${rules.digits} boxes`;
      yield { key: "length", text };
    }
    yield { key: "date", text: `${rules.date} is of another length than the field` };
  } else if (lengths) {
    if (mask !== null && (mask.length < lengths[0] || mask.length > lengths[1])) {
      const allowed = [...new Set(lengths)].join(" to ");
      yield { key: "mask", text: `has ${mask.length} digits instead of ${allowed}` };
    }
    if (minimum !== null && minimum > 0n && String(minimum).length > lengths[1]) {
      yield { key: "minimum", text: `${minimum} has more digits than ${lengths[1]}` };
    }
  }
  if (maximum !== null && maximum < 0n) {
    yield { key: "maximum", text: `no value is as small as ${maximum}` };
  }
  for (const choice of rules.choices ?? []) {
    const reason = checkValue(choice, others);
    if (reason) yield { key: "choices", text: `'${choice}' can never be read: ${reason}` };
  }
}
