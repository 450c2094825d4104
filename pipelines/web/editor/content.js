/** What a form holds, as far as it is of the right kind. */

import { isObject } from "./json.js";

/** @typedef {import("./json.js").Json} Json */
/** @typedef {import("./json.js").JsonObject} JsonObject */

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
