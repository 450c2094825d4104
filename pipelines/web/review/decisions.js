/** What a person has decided so far, and what follows from it for each field. */

import { GAP, findMistake } from "./data.js";

/** @typedef {"confirmed" | "corrected" | "unreadable"} Verdict */

/**
 * @typedef {object} Decision
 * @property {string} value - "" where nothing is written.
 * @property {Verdict} verdict
 * @property {string} when - ISO 8601, in UTC.
 */

/**
 * @typedef {object} State
 * @property {string} who
 * @property {Record<string, Decision | null>} fields - By the numbers of items; null
 *   for one that was decided and is to be seen again, whatever its digits say.
 * @property {Record<string, string>} sheets - When each was confirmed, by its number.
 * @property {Record<string, string>} cells - Corrected digits, by item and glyph.
 * @property {{kind: "field" | "sheet", at: number}[]} done - What can be undone.
 */

/** Stands for a digit that is left to the view of fields. */
export const UNSURE = "?";

/** @returns {State} */
export function emptyState() {
  return { who: "", fields: {}, sheets: {}, cells: {}, done: [] };
}

/**
 * Tell whether something that was stored is a state.
 *
 * @param {any} stored
 * @returns {stored is State}
 */
export function isState(stored) {
  const isDecision = (/** @type {any} */ one) =>
    one === null || [one.value, one.verdict, one.when].every(isText);
  return (
    isText(stored?.who) &&
    Array.isArray(stored.done) &&
    stored.done.every((/** @type {any} */ one) => isText(one?.kind)) &&
    hasOnly(stored.fields, isDecision) &&
    hasOnly(stored.sheets, isText) &&
    hasOnly(stored.cells, isText)
  );
}

/** @param {unknown} value */
function isText(value) {
  return typeof value === "string";
}

/** @param {unknown} record @param {(value: any) => boolean} isRight */
function hasOnly(record, isRight) {
  return record instanceof Object && Object.values(record).every(isRight);
}

/** @param {number} item @param {number} glyph */
function cellKey(item, glyph) {
  return `${item}.${glyph}`;
}

/** Decisions about the fields of a page of review. */
export class Decisions {
  /**
   * @param {import("./data.js").Data} data
   * @param {State} state - It is changed.
   * @param {() => void} changed - Called after every change.
   */
  constructor(data, state, changed) {
    this.data = data;
    this.state = state;
    this.changed = changed;
    /** @type {Map<string, number>} */
    this.sheetOf = new Map();
    data.sheets.forEach((sheet, at) => {
      for (const [item, glyph] of sheet.cells) this.sheetOf.set(cellKey(item, glyph), at);
    });
  }

  /** @param {State} state - What takes the place of all that was decided. */
  replace(state) {
    this.state = state;
    this.changed();
  }

  /** @param {string} who */
  setName(who) {
    this.state.who = who;
    this.changed();
  }

  /**
   * Correct one digit. A field that was decided and does not say so is left again.
   *
   * @param {number} item
   * @param {number} glyph
   * @param {string} text - A digit, "" for none, or UNSURE.
   */
  setCell(item, glyph, text) {
    const key = cellKey(item, glyph);
    if (text === this.data.items[item].glyphs[glyph]) delete this.state.cells[key];
    else this.state.cells[key] = text;
    const decided = this.state.fields[item];
    const isUnreadable = decided?.verdict === "unreadable";
    if (decided && (isUnreadable || this.assemble(item) !== decided.value)) {
      this.state.fields[item] = null;
    }
    this.changed();
  }

  /**
   * @param {number} item
   * @param {number} glyph
   * @returns {string | undefined} What it was corrected to.
   */
  correction(item, glyph) {
    return this.state.cells[cellKey(item, glyph)];
  }

  /** @param {number} sheet - All its digits are as they are shown now. */
  confirmSheet(sheet) {
    this.state.sheets[sheet] = now();
    this.note("sheet", sheet);
  }

  /** @param {number} sheet */
  isConfirmed(sheet) {
    return sheet in this.state.sheets;
  }

  /**
   * Decide what a field says.
   *
   * @param {number} item
   * @param {string} value
   * @param {boolean} [readable]
   */
  decide(item, value, readable = true) {
    const { value: read } = this.data.items[item];
    const verdict = value === read ? "confirmed" : "corrected";
    this.state.fields[item] = {
      value: readable ? value : "",
      verdict: readable ? verdict : "unreadable",
      when: now(),
    };
    this.note("field", item);
  }

  /**
   * Remember what was decided last, each but once.
   *
   * @param {"field" | "sheet"} kind
   * @param {number} at
   */
  note(kind, at) {
    const { done } = this.state;
    this.state.done = done.filter((one) => one.kind !== kind || one.at !== at);
    this.state.done.push({ kind, at });
    this.changed();
  }

  /**
   * Undo what was decided last, of fields or of sheets. The field is left then, even if
   * all its digits are confirmed.
   *
   * @param {"field" | "sheet"} kind
   * @returns {number | undefined} Which one it was.
   */
  undo(kind) {
    const place = this.state.done.findLastIndex((one) => one.kind === kind);
    if (place < 0) return undefined;
    const [{ at }] = this.state.done.splice(place, 1);
    if (kind === "field") this.state.fields[at] = null;
    else delete this.state.sheets[at];
    this.changed();
    return at;
  }

  /**
   * Put the digits of a field together, as they are read or corrected.
   *
   * @param {number} item
   * @returns {string | undefined} Undefined if one of them is unsure, or is missing
   *   between two others.
   */
  assemble(item) {
    const { glyphs } = this.data.items[item];
    const digits = glyphs.map((text, glyph) => this.correction(item, glyph) ?? text);
    if (digits.includes(UNSURE)) return undefined;
    const text = digits.map((digit) => digit || GAP).join("");
    const value = text.replace(/^_+|_+$/g, "");
    if (this.hasGaps(item)) return value && text;
    return value.includes(GAP) ? undefined : value;
  }

  /**
   * @param {number} item
   * @returns {boolean} Whether empty boxes are ordinary in it, as in a puzzle.
   */
  hasGaps(item) {
    const { fields, items } = this.data;
    return fields[items[item].name]?.gaps ?? false;
  }

  /**
   * @param {number} item
   * @returns {boolean} Whether points, minus signs and the like may stand in it.
   */
  hasSigns(item) {
    const { fields, items } = this.data;
    return fields[items[item].name]?.signs ?? false;
  }

  /**
   * @param {number} item
   * @param {string} value
   * @returns {boolean} Whether this can be written in it.
   */
  isPossible(item, value) {
    const { fields, items } = this.data;
    return findMistake(fields[items[item].name], value) === "";
  }

  /**
   * @param {number} item
   * @returns {Decision | undefined} Undefined for a field that is left to be seen.
   */
  decision(item) {
    const decided = this.state.fields[item];
    return decided === undefined ? this.decisionByDigits(item) : (decided ?? undefined);
  }

  /**
   * @param {number} item
   * @returns {Decision | undefined}
   */
  decisionByDigits(item) {
    const { whole, glyphs, value: read } = this.data.items[item];
    if (!whole) return undefined;
    let when = "";
    for (const glyph of glyphs.keys()) {
      const sheet = this.sheetOf.get(cellKey(item, glyph));
      const confirmed = sheet === undefined ? undefined : this.state.sheets[sheet];
      if (confirmed === undefined) return undefined;
      if (confirmed > when) when = confirmed;
    }
    const value = this.assemble(item);
    if (value === undefined) return undefined;
    return { value, verdict: value === read ? "confirmed" : "corrected", when };
  }

  /**
   * @param {number} item
   * @returns {boolean} Whether one of its digits was corrected, or is unsure.
   */
  isCorrected(item) {
    const { glyphs } = this.data.items[item];
    return glyphs.some((_, glyph) => this.correction(item, glyph) !== undefined);
  }

  /** @returns {number[]} The fields that are left, in their order. */
  left() {
    return [...this.data.items.keys()].filter((item) => !this.decision(item));
  }

  /** @returns {number | undefined} The first sheet that is not confirmed. */
  nextSheet() {
    const at = this.data.sheets.findIndex((_, sheet) => !this.isConfirmed(sheet));
    return at < 0 ? undefined : at;
  }

  /**
   * Count the accepted fields that were chosen by chance.
   *
   * @returns {{seen: number, wrong: number}} Those that were reviewed, and of these
   *   those that say something else.
   */
  sampled() {
    let seen = 0;
    let wrong = 0;
    this.data.items.forEach(({ sampled }, item) => {
      const decision = sampled ? this.decision(item) : undefined;
      if (!decision || decision.verdict === "unreadable") return;
      seen += 1;
      if (decision.verdict === "corrected") wrong += 1;
    });
    return { seen, wrong };
  }
}

/** @returns {string} */
function now() {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
