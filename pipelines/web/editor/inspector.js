/** The panel of the field that is chosen: its name, kind and place, and its rules. */

import { make } from "../shared/dom.js";
import { checkField } from "./checks.js";
import { withChanges } from "./edits.js";
import {
  makeCheckDigit,
  makeChoices,
  makeLength,
  makeRow,
  makeText,
  setValue,
} from "./entries.js";
import { typedNumber, wholeNumber } from "./json.js";
import { PlaceEntry } from "./place.js";
import { makeTicks } from "./ticks.js";
import { kindOf } from "./view.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./entries.js").Changes} Changes */
/** @typedef {import("./formchecks.js").Finding} Finding */

const KIND_LABELS = [
  ["comb", "comb: a box for each digit"],
  ["line", "line: a free string"],
  ["box", "box: a single free box"],
  ["code", "code: a QR code or a bar code"],
  ["mark", "mark: a box to tick"],
  ["choice", "choice: several of which one is ticked"],
];

const RULES = [
  "length",
  "mask",
  "minimum",
  "maximum",
  "choices",
  "check_digit",
  "date",
  "earliest",
  "latest",
];

/**
 * @typedef {object} Tasks - What the panel can have done.
 * @property {(changes: Changes) => void} change
 * @property {() => void} fit
 * @property {() => void} place
 */

/** The panel. */
export class Inspector {
  /** @param {Tasks} tasks */
  constructor(tasks) {
    /** @type {JsonObject} */
    this.field = {};
    const hands = {
      change: tasks.change,
      consider: (/** @type {Changes} */ changes) => this.consider(changes),
    };
    const name = { key: "name", label: "Name", read: (/** @type {string} */ text) => text.trim() };
    const own = [
      makeText(name, hands),
      makeKind(hands),
      makeDigits(hands),
      new PlaceEntry(hands, tasks),
      ...makeTicks(hands),
    ];
    const rules = makeRules(hands);
    this.entries = [...own, ...rules];
    const title = make("summary", {}, "Rules");
    this.rules = make("details", {}, title, ...rules.map((entry) => entry.element));
    this.body = make("div", {}, ...own.map((entry) => entry.element), this.rules);
    this.none = make("p", { class: "faint" }, "Choose a field, or draw a box on the page.");
    const heading = make("h2", {}, "Field");
    this.element = make("section", { class: "inspector" }, heading, this.none, this.body);
  }

  /**
   * @param {JsonObject | undefined} chosen
   * @param {Finding[]} findings - Of this field.
   */
  show(chosen, findings) {
    this.none.hidden = chosen !== undefined;
    this.body.hidden = chosen === undefined;
    if (!chosen) return;
    this.field = chosen;
    for (const entry of this.entries) {
      entry.show(chosen);
      entry.complain(findings.find(({ key }) => key === entry.key)?.text ?? "");
    }
    const isRuled = RULES.some((key) => (chosen[key] ?? null) !== null);
    this.rules.open = this.rules.open || isRuled;
    this.rules.hidden = !isRuled && ["mark", "choice"].includes(kindOf(chosen));
  }

  /**
   * Say what is wrong with what is being typed.
   *
   * @param {Changes} changes
   */
  consider(changes) {
    const mistakes = checkField(withChanges(this.field, changes));
    for (const entry of this.entries.filter(({ key }) => key in changes)) {
      entry.complain(mistakes.find(({ key }) => key === entry.key)?.text ?? "");
    }
  }

  /** @param {string} key - Of what is to be typed. */
  focus(key) {
    const entry = this.entries.find((each) => each.key === key) ?? this.entries[0];
    this.rules.open = this.rules.open || RULES.includes(entry.key);
    entry.input.focus();
    if (entry.input instanceof HTMLInputElement) entry.input.select();
  }
}

/** @param {import("./entries.js").Hands} hands */
function makeRules(hands) {
  const read = typedNumber;
  const day = "As 2020-01-31";
  return [
    makeLength(hands),
    makeText({ key: "mask", label: "Mask", hint: "# for any digit, as in 20##" }, hands),
    makeText({ key: "minimum", label: "Minimum", read }, hands),
    makeText({ key: "maximum", label: "Maximum", read }, hands),
    makeChoices(hands),
    makeCheckDigit(hands),
    makeText({ key: "date", label: "Date", hint: "As DDMMYYYY or MMYY" }, hands),
    makeText({ key: "earliest", label: "Earliest", hint: day }, hands),
    makeText({ key: "latest", label: "Latest", hint: day }, hands),
  ];
}

/**
 * @param {import("./entries.js").Hands} hands
 * @returns {import("./entries.js").Entry}
 */
function makeKind(hands) {
  const options = KIND_LABELS.map(([value, label]) => make("option", { value }, label));
  const select = make("select", {}, ...options);
  select.addEventListener("change", () => {
    // The boxes of a comb are no rule for how much fits on a line.
    const digits = select.value === "comb" ? {} : { digits: undefined };
    hands.change({ kind: select.value, ...digits });
  });
  const row = makeRow("kind", "Kind", "", [select]);
  // A kind that there is not is none of the list, and one of it can be chosen.
  const show = (/** @type {JsonObject} */ { kind }) => setValue(select, String(kind ?? "comb"));
  return { key: "kind", ...row, input: select, show };
}

/**
 * @param {import("./entries.js").Hands} hands
 * @returns {import("./entries.js").Entry}
 */
function makeDigits(hands) {
  const input = make("input", { type: "number", min: 1, max: 100, class: "short" });
  input.addEventListener("change", () => hands.change({ digits: typedNumber(input.value) }));
  const row = makeRow("digits", "Boxes", "", [input]);
  /** @param {JsonObject} field */
  function show(field) {
    // Who says how many digits a line may have, at most, keeps that.
    row.element.hidden = kindOf(field) !== "comb" && (field.digits ?? null) === null;
    setValue(input, String(wholeNumber(field.digits) ?? ""));
  }
  return { key: "digits", ...row, input, show };
}
