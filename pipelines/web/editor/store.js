/** The form as it is being edited, with what it was before; kept when a tab closes. */

import { isObject, parseJson, writeFile } from "./json.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {{ content: JsonObject, chosen: number }} Moment - The field chosen, or -1. */

// More steps back than anybody goes.
const MOST_STEPS = 500;

/** A form that changes, and can be changed back. */
export class Store {
  /**
   * @param {Moment} first
   * @param {(moment: Moment) => void} changed - Is told how the form is now.
   */
  constructor(first, changed) {
    this.now = first;
    this.changed = changed;
    this.step = "";
    /** @type {Moment[]} */
    this.past = [];
    /** @type {Moment[]} */
    this.future = [];
  }

  /**
   * @param {JsonObject} content
   * @param {number} [chosen]
   * @param {string} [step] - Changes of one name after each other are undone at once.
   */
  change(content, chosen = this.now.chosen, step = "") {
    const isSame = step && step === this.step;
    if (!isSame) this.past = [...this.past, this.now].slice(-MOST_STEPS);
    this.future = [];
    this.show({ content, chosen }, step);
  }

  /** @param {number} chosen */
  choose(chosen) {
    this.show({ ...this.now, chosen });
  }

  undo() {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.future = [this.now, ...this.future];
    this.show(before);
  }

  redo() {
    const [after, ...rest] = this.future;
    if (!after) return;
    this.past = [...this.past, this.now];
    this.future = rest;
    this.show(after);
  }

  /** @param {Moment} moment */
  begin(moment) {
    this.past = [];
    this.future = [];
    this.show(moment);
  }

  /**
   * @param {Moment} moment
   * @param {string} [step]
   */
  show({ content, chosen }, step = "") {
    const most = Array.isArray(content.fields) ? content.fields.length - 1 : -1;
    this.step = step;
    this.now = { content, chosen: Math.min(chosen, most) };
    this.changed(this.now);
  }
}

/**
 * Read what the tab of this page kept.
 *
 * @param {string} id - Of the form and its page.
 * @returns {(Moment & { saved: string }) | null} Null if there is nothing, or no room.
 */
export function recall(id) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(id)) ?? "null");
    const content = parseJson(kept.content);
    if (!isObject(content) || !isListOfFields(content.fields)) return null;
    return { content, chosen: Number(kept.chosen), saved: String(kept.saved) };
  } catch {
    return null;
  }
}

/**
 * @param {string} id
 * @param {Moment} moment
 * @param {string} saved - The file that was saved last.
 * @returns {boolean} Whether there was room.
 */
export function keep(id, { content, chosen }, saved) {
  try {
    const kept = { content: writeFile(content), chosen, saved };
    localStorage.setItem(keyOf(id), JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

/** @param {string} id */
export function forget(id) {
  try {
    localStorage.removeItem(keyOf(id));
  } catch {
    // Nothing is kept where nothing can be.
  }
}

/** @param {string} id */
function keyOf(id) {
  return `lenet form editor ${id}`;
}

/**
 * @param {import("./json.js").Json | undefined} value
 * @returns {boolean}
 */
export function isListOfFields(value) {
  return Array.isArray(value) && value.every(isObject);
}
