/** What the browser keeps of a review when its tab is closed. */

import { emptyState, isState } from "./decisions.js";

/** @typedef {import("./decisions.js").State} State */

/** Keeps the state of one page of review. */
export class Store {
  /** @param {string} id - Of the page. */
  constructor(id) {
    this.key = `lenet-review-${id}`;
    /** Whether the browser keeps anything. */
    this.works = true;
  }

  /** @returns {State} */
  load() {
    try {
      const stored = JSON.parse(localStorage.getItem(this.key) ?? "null");
      return isState(stored) ? stored : emptyState();
    } catch {
      this.works = false;
      return emptyState();
    }
  }

  /** @param {State} state */
  save(state) {
    try {
      localStorage.setItem(this.key, JSON.stringify(state));
      this.works = true;
    } catch {
      this.works = false;
    }
  }
}

/**
 * Write a state as a file.
 *
 * @param {string} id - Of the page.
 * @param {State} state
 * @returns {string}
 */
export function packState(id, state) {
  return `${JSON.stringify({ review: id, ...state }, null, 1)}\n`;
}

/**
 * Read a file that {@link packState} wrote.
 *
 * @param {string} id - Of the page that wants it.
 * @param {string} content
 * @returns {State}
 * @throws {Error} If it is of something else.
 */
export function unpackState(id, content) {
  /** @type {any} */
  let packed;
  try {
    packed = JSON.parse(content);
  } catch {
    packed = null;
  }
  if (!isState(packed)) throw new Error("This file holds no state of a review.");
  const { review, who, fields, sheets, cells, done } =
    /** @type {State & {review?: string}} */ (packed);
  if (review !== id) throw new Error("This file is of another page of review.");
  return { who, fields, sheets, cells, done };
}
