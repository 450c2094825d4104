/** What is wrong with a form, by the same words as when it is read; and what is doubtful. */

import { FIELD_KEYS, checkField, wants } from "./checks.js";
import { listFields, listNames, listSums } from "./content.js";
import { asBox, sharedArea } from "./geometry.js";
import { shorten, wholeNumber } from "./json.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./geometry.js").Box} Box */
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

const FORM_KEYS = ["version", "blank", "fields", "sums"];
const SUM_KEYS = ["total", "parts"];

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
    // Options of a choice may have places of their own.
    const isSought = ["comb", "code", "choice"].includes(String(kind));
    if (!box && !isSought && (field.box ?? null) === null) {
      const text = "only combs and codes are looked for on each page; this has no place";
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
