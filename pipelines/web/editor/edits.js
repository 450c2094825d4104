/** Changes of a form: each gives a new one, and leaves what nobody touched as it is. */

import { listFields, listNames, listSums } from "./content.js";
import { asBox, moveBox } from "./geometry.js";

/** @typedef {import("./json.js").Json} Json */
/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {Record<string, Json | undefined>} Changes - Undefined takes a key away. */

/**
 * @param {JsonObject} object
 * @param {Changes} changes
 * @returns {JsonObject}
 */
export function withChanges(object, changes) {
  const pairs = Object.entries({ ...object, ...changes });
  return Object.fromEntries(
    pairs.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/**
 * @param {JsonObject} content
 * @param {number} n
 * @param {Changes} changes
 */
export function changeField(content, n, changes) {
  const fields = listFields(content);
  return { ...content, fields: exchange(fields, n, withChanges(fields[n], changes)) };
}

/**
 * Rename a field, in the sums too.
 *
 * @param {JsonObject} content
 * @param {number} n
 * @param {string} name
 * @returns {JsonObject}
 */
export function renameField(content, n, name) {
  const old = listFields(content)[n].name;
  const renamed = changeField(content, n, { name });
  const names = listFields(content).map((field) => field.name);
  // A sum may mean the other field of either name.
  const isClear = names.filter((each) => each === old).length === 1 && !names.includes(name);
  if (!isClear || !Array.isArray(content.sums)) return renamed;
  const sums = listSums(content).map((sum) => ({
    ...sum,
    total: sum.total === old ? name : sum.total,
    parts: Array.isArray(sum.parts)
      ? sum.parts.map((part) => (part === old ? name : part))
      : sum.parts,
  }));
  return { ...renamed, sums };
}

/**
 * @param {JsonObject} content
 * @param {JsonObject} field
 * @param {number} n - Its number.
 * @returns {JsonObject}
 */
export function insertField(content, field, n) {
  return { ...content, fields: exchange(listFields(content), n, field, 0) };
}

/**
 * @param {JsonObject} content
 * @param {number} n
 * @returns {JsonObject}
 */
export function removeField(content, n) {
  return { ...content, fields: exchange(listFields(content), n) };
}

/**
 * Put a copy of a field below it, under the next name that is free.
 *
 * @param {JsonObject} content
 * @param {number} n
 * @param {import("./geometry.js").Size} page
 * @returns {JsonObject}
 */
export function duplicateField(content, n, page) {
  const field = listFields(content)[n];
  const name = freeName(content, String(field.name ?? ""));
  const box = asBox(field.box);
  const moved = box && moveBox(box, Math.ceil(1.25 * box[2]), 0, page);
  return insertField(content, { ...field, name, ...(moved && { box: moved }) }, n + 1);
}

/**
 * Return a name that no field has: the next number.
 *
 * @param {JsonObject} content
 * @param {string} like - Such as points_1.
 * @returns {string}
 */
export function freeName(content, like) {
  const names = new Set(listFields(content).map((field) => field.name));
  const found = /^(.*?)(\d{1,9})$/s.exec(like);
  const stem = found ? found[1] : `${like}_`;
  const width = found ? found[2].length : 1;
  let number = found ? Number(found[2]) + 1 : 2;
  while (names.has(stem + String(number).padStart(width, "0"))) number += 1;
  return stem + String(number).padStart(width, "0");
}

/**
 * @param {JsonObject} content
 * @param {number} n
 * @param {Changes} changes - Of a sum.
 * @returns {JsonObject}
 */
export function changeSum(content, n, changes) {
  const sums = listSums(content);
  return { ...content, sums: exchange(sums, n, withChanges(sums[n], changes)) };
}

/**
 * Take a field into the parts of a sum, or out of them.
 *
 * @param {JsonObject} content
 * @param {number} n
 * @param {string} name
 * @param {boolean} isPart
 * @returns {JsonObject}
 */
export function choosePart(content, n, name, isPart) {
  const others = listNames(listSums(content)[n].parts).filter((each) => each !== name);
  return changeSum(content, n, { parts: isPart ? [...others, name] : others });
}

/**
 * @param {JsonObject} content
 * @param {string} total
 * @returns {JsonObject}
 */
export function addSum(content, total) {
  return { ...content, sums: [...listSums(content), { total, parts: [] }] };
}

/**
 * @param {JsonObject} content
 * @param {number} n
 * @returns {JsonObject}
 */
export function removeSum(content, n) {
  const { sums: _, ...others } = content;
  const sums = exchange(listSums(content), n);
  return sums.length ? { ...content, sums } : others;
}

/**
 * Put something in place of an entry, or of none, or nothing in its place.
 *
 * @param {JsonObject[]} list
 * @param {number} n
 * @param {JsonObject | null} [entry]
 * @param {number} [count] - Of the entries that go.
 */
function exchange(list, n, entry = null, count = 1) {
  return [...list.slice(0, n), ...(entry ? [entry] : []), ...list.slice(n + count)];
}
