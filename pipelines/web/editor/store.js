/** The form as it is being edited, with what it was before; kept when a tab closes. */

import { isObject, parseJson, writeFile } from "./json.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {{ content: JsonObject, chosen: number }} Moment - The field chosen, or -1. */

// More steps back than anybody goes.
const MOST_STEPS = 500;

/** @typedef {ReturnType<typeof makeStore>} Store */

/**
 * Keep a form, and tell when it changes.
 *
 * @param {Moment} first
 * @param {(moment: Moment) => void} changed
 */
export function makeStore(first, changed) {
  let now = first;
  let last = "";
  /** @type {Moment[]} */
  let past = [];
  /** @type {Moment[]} */
  let future = [];

  /** @param {Moment} moment */
  function show(moment) {
    const most = Array.isArray(moment.content.fields) ? moment.content.fields.length - 1 : -1;
    now = { ...moment, chosen: Math.min(moment.chosen, most) };
    changed(now);
  }

  return {
    get: () => now,
    hasPast: () => past.length > 0,
    hasFuture: () => future.length > 0,

    /**
     * @param {JsonObject} content
     * @param {number} [chosen]
     * @param {string} [step] - Changes of one name after each other are undone at once.
     */
    change(content, chosen = now.chosen, step = "") {
      if (!step || step !== last) past = [...past, now].slice(-MOST_STEPS);
      last = step;
      future = [];
      show({ content, chosen });
    },

    /** @param {number} chosen */
    choose(chosen) {
      last = "";
      show({ ...now, chosen });
    },

    undo() {
      const before = past.at(-1);
      if (!before) return;
      past = past.slice(0, -1);
      future = [now, ...future];
      last = "";
      show(before);
    },

    redo() {
      const [after, ...rest] = future;
      if (!after) return;
      past = [...past, now];
      future = rest;
      last = "";
      show(after);
    },

    /** @param {Moment} moment */
    begin(moment) {
      past = [];
      future = [];
      last = "";
      show(moment);
    },
  };
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
