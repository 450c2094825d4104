/** What is wrong with a form, by the same words as when it is read; and what is doubtful. */

import { checkAutomaton } from "./checkdigits.js";
import { isDatePattern, isDay } from "./dates.js";
import { asBox, sharedArea } from "./geometry.js";
import { isObject, shorten, wholeNumber } from "./json.js";
import { MOST_BOXES, checkValue, isPossible, lengthsOf, readRules } from "./rules.js";

/** @typedef {import("./json.js").Json} Json */
/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {{ key: string, text: string }} Mistake */
/**
 * @typedef {object} Finding
 * @property {boolean} isMistake - With one, a form cannot be read; else it is doubtful.
 * @property {number} field - Its number; -1 for none.
 * @property {string} key
 * @property {string} text
 */
/**
 * @typedef {object} Blank
 * @property {string} blank - Its path from the form.
 * @property {number} height
 * @property {number} width
 * @property {import("./geometry.js").Printed[]} printed
 */

// The columns of the results that are no fields.
const RESERVED_NAMES = ["document", "page", "status", "error"];

const NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_ -]*[\p{L}\p{N}_])?$/u;

const KINDS = ["comb", "line", "box"];

const FORM_KEYS = ["version", "blank", "fields", "sums"];
const SUM_KEYS = ["total", "parts"];

/** @type {Record<string, (value: Json) => string>} */
const CHECKS = {
  kind: (value) =>
    KINDS.includes(String(value)) ? "" : wants("'comb', 'line' or 'box'", value),
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
};

/** What the editor knows of a field. */
export const FIELD_KEYS = ["name", ...Object.keys(CHECKS)];

/**
 * @param {string} wanted
 * @param {Json} value
 */
function wants(wanted, value) {
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

/**
 * List what is wrong with a form, and then what is doubtful.
 *
 * @param {JsonObject} content
 * @param {Blank} blank
 * @returns {Finding[]}
 */
export function checkForm(content, blank) {
  const fields = listFields(content);
  const mistakes = [
    ...checkVersion(content),
    ...checkFields(fields, blank),
    ...checkSums(content, fields),
  ];
  const doubts = [...doubtKeys(content, blank), ...doubtFields(fields, blank)];
  return [
    ...mistakes.map((each) => ({ ...each, isMistake: true })),
    ...doubts.map((each) => ({ ...each, isMistake: false })),
  ];
}

/**
 * @param {JsonObject} content
 * @returns {JsonObject[]}
 */
export function listFields(content) {
  return Array.isArray(content.fields) ? content.fields.filter(isObject) : [];
}

/**
 * @param {JsonObject} content
 * @returns {JsonObject[]}
 */
export function listSums(content) {
  return Array.isArray(content.sums) ? content.sums.filter(isObject) : [];
}

/**
 * @param {Json | undefined} value
 * @returns {string[]}
 */
export function listNames(value) {
  return Array.isArray(value)
    ? value.filter((each) => typeof each === "string").map(String)
    : [];
}

/** @typedef {Omit<Finding, "isMistake">} Told */

/**
 * @param {JsonObject} content
 * @returns {Generator<Told>}
 */
function* checkVersion(content) {
  const version = "version" in content ? wholeNumber(content.version) : 1n;
  if (version === null || version < 1n) {
    yield { field: -1, key: "version", text: wants("1", content.version) };
  }
}

/**
 * @param {JsonObject[]} fields
 * @param {Blank} blank
 * @returns {Generator<Told>}
 */
function* checkFields(fields, blank) {
  if (!fields.length) {
    yield { field: -1, key: "fields", text: "a form has at least one field" };
  }
  const names = new Set();
  for (const [n, field] of fields.entries()) {
    for (const mistake of checkField(field)) yield { field: n, ...mistake };
    if (names.has(field.name)) {
      yield { field: n, key: "name", text: "there are two of this name" };
    }
    names.add(field.name);
    const box = asBox(field.box);
    if (box && (box[0] + box[2] > blank.height || box[1] + box[3] > blank.width)) {
      const size = `which is ${blank.height} high and ${blank.width} wide`;
      yield { field: n, key: "box", text: `reaches beyond the blank page, ${size}` };
    }
  }
}

/**
 * @param {JsonObject} content
 * @param {JsonObject[]} fields
 * @returns {Generator<Told>}
 */
function* checkSums(content, fields) {
  if (!("sums" in content)) return;
  const wanted = "a list of objects with a 'total', which is a name, and 'parts'";
  const sums = listSums(content);
  if (!Array.isArray(content.sums) || sums.length < content.sums.length) {
    yield { field: -1, key: "sums", text: wants(wanted, content.sums) };
  }
  const names = new Set(fields.map((field) => field.name));
  for (const sum of sums) {
    const parts = listNames(sum.parts);
    const { total } = sum;
    const isList = Array.isArray(sum.parts) && sum.parts.length === parts.length;
    if (typeof total !== "string" || !total) {
      yield { field: -1, key: "sums", text: "a sum has no total" };
    } else if (!isList || !parts.length) {
      yield { field: -1, key: "sums", text: `the sum '${total}' has no parts` };
    } else if (parts.includes(total)) {
      yield { field: -1, key: "sums", text: `field '${total}' is among its own parts` };
    } else {
      const unknown = [total, ...parts].find((name) => !names.has(name));
      if (unknown !== undefined) {
        yield { field: -1, key: "sums", text: `no field is named '${unknown}'` };
      }
    }
  }
}

/**
 * Name keys that are kept as they are, since nobody knows them here.
 *
 * @param {JsonObject} content
 * @param {Blank} blank
 * @returns {Generator<Told>}
 */
function* doubtKeys(content, blank) {
  const version = wholeNumber(content.version);
  if (version !== null && version > 1n) {
    const text = `is ${version}, and 1 is the newest that this page knows`;
    yield { field: -1, key: "version", text };
  }
  if (content.blank !== blank.blank) {
    const text = `is ${shorten(content.blank)} in the form; this page shows`;
    yield { field: -1, key: "blank", text: `${text} ${shorten(blank.blank)}` };
  }
  const text = "is no key that this page knows; it is kept. Is it misspelt?";
  for (const key of Object.keys(content)) {
    if (!FORM_KEYS.includes(key)) yield { field: -1, key, text };
  }
  for (const [n, field] of listFields(content).entries()) {
    for (const key of Object.keys(field)) {
      if (!FIELD_KEYS.includes(key)) yield { field: n, key, text };
    }
  }
  for (const key of listSums(content).flatMap((sum) => Object.keys(sum))) {
    if (!SUM_KEYS.includes(key)) yield { field: -1, key: "sums", text: `'${key}' ${text}` };
  }
}

/**
 * @param {JsonObject[]} fields
 * @param {Blank} blank
 * @returns {Generator<Told>}
 */
function* doubtFields(fields, { printed }) {
  for (const [n, field] of fields.entries()) {
    const kind = field.kind ?? "comb";
    const box = asBox(field.box);
    if (!box && kind !== "comb" && (field.box ?? null) === null) {
      const text = "only a comb is looked for on each page; this has no place";
      yield { field: n, key: "box", text };
    }
    if (!box) continue;
    const digits = Number(wholeNumber(field.digits) ?? 0);
    const there = printed.filter((each) => liesOn(box, each));
    if (kind === "comb" && digits && there.length) {
      const counts = there.map((each) => each.digits);
      if (!counts.includes(digits)) {
        const text = `is ${digits}, and ${counts[0]} boxes are printed there`;
        yield { field: n, key: "digits", text };
      }
    } else if (kind === "comb" && digits && printed.length) {
      yield { field: n, key: "box", text: "no such comb was found there on the blank page" };
    }
    for (let m = 0; m < n; m += 1) yield* doubtOverlap(fields, m, n);
  }
}

/**
 * @param {JsonObject[]} fields
 * @param {number} m
 * @param {number} n
 * @returns {Generator<Told>}
 */
function* doubtOverlap(fields, m, n) {
  const [a, b] = [asBox(fields[m].box), asBox(fields[n].box)];
  if (!a || !b) return;
  const share = sharedArea(a, b) / Math.min(a[2] * a[3], b[2] * b[3]);
  // Fields side by side share a wall, and boxes are drawn generously.
  if (share <= 0.15) return;
  const text = `overlaps that of '${fields[m].name}': what is written there is read twice`;
  yield { field: n, key: "box", text };
}

/**
 * Return whether the box of a comb is where boxes are printed.
 *
 * @param {Box} box
 * @param {import("./geometry.js").Printed} printed
 */
function liesOn([top, left, height, width], { box: [y, x, h, w], digits }) {
  const shared = Math.min(top + height, y + h) - Math.max(top, y);
  const covered = Math.max(top + height, y + h) - Math.min(top, y);
  const off = Math.max(Math.abs(left - x), Math.abs(left + width - x - w)) / (w / digits);
  return shared >= 0.6 * covered && off <= 0.35;
}
