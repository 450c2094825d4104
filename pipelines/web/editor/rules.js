/** What the rules of a field allow, by the same words as when a form is read. */

import { checkAutomaton, hasCheckDigit } from "./checkdigits.js";
import { EARLIEST, LATEST, isDate, listDates } from "./dates.js";
import { wholeNumber, writeJson } from "./json.js";

/**
 * The rules of a field, each of which is right by itself.
 *
 * @typedef {object} Rules
 * @property {number | null} digits
 * @property {[number, number] | null} length - The least and the most.
 * @property {string | null} mask
 * @property {bigint | null} minimum
 * @property {bigint | null} maximum
 * @property {string[] | null} choices - None if they are in a file.
 * @property {import("./checkdigits.js").Automaton | null} checkDigit
 * @property {string} scheme - What the check digit is called.
 * @property {string | null} date
 * @property {string} earliest
 * @property {string} latest
 */

// Longer combs are not printed, and longer values not looked at.
export const MOST_BOXES = 100;

/**
 * @param {import("./json.js").JsonObject} field - Whose keys are right, one by one.
 * @returns {Rules}
 */
export function readRules(field) {
  const length = Array.isArray(field.length) ? field.length : [field.length, field.length];
  const [least, most] = length.map((each) => Number(wholeNumber(each) ?? 0));
  const digits = wholeNumber(field.digits);
  const scheme = field.check_digit;
  return {
    digits: digits === null ? null : Number(digits),
    length: least ? [least, most] : null,
    mask: textOrNull(field.mask),
    minimum: wholeNumber(field.minimum),
    maximum: wholeNumber(field.maximum),
    choices: Array.isArray(field.choices) ? field.choices.map(String) : null,
    checkDigit: checkAutomaton(scheme),
    scheme: typeof scheme === "string" ? scheme : "weighted",
    date: textOrNull(field.date),
    earliest: textOrNull(field.earliest) ?? EARLIEST,
    latest: textOrNull(field.latest) ?? LATEST,
  };
}

/** @param {import("./json.js").Json | undefined} value */
function textOrNull(value) {
  return typeof value === "string" ? value : null;
}

/**
 * Return the least and the most digits that a value may have; null for any.
 *
 * @param {Rules} rules
 * @returns {[number, number] | null} The least is above the most if there is none.
 */
export function lengthsOf(rules) {
  let [least, most] = rules.length ?? [0, Infinity];
  most = Math.min(most, rules.digits ?? Infinity);
  const listed = rules.date ? [rules.date.length] : (rules.choices ?? []).map((c) => c.length);
  if (listed.length) {
    least = Math.max(least, Math.min(...listed));
    most = Math.min(most, Math.max(...listed));
  }
  return most === Infinity ? null : [Math.max(least, 1), most];
}

/**
 * Describe which rule a value breaks, if any.
 *
 * @param {string} value - Digits.
 * @param {Rules} rules
 * @returns {string}
 */
export function checkValue(value, rules) {
  const [least, most] = rules.length ?? [0, Infinity];
  const { mask, minimum, maximum, date, earliest, latest } = rules;
  if (rules.digits !== null && value.length > rules.digits) {
    return `has ${value.length} digits in ${rules.digits} boxes`;
  }
  if (value.length < least || value.length > most) {
    const wanted = least === most ? least : `${least} to ${most}`;
    return `has ${value.length} digits instead of ${wanted}`;
  }
  if (mask !== null && !fitsMask(value, mask)) return `does not look like ${mask}`;
  if (minimum !== null && BigInt(value) < minimum) return `${value} is less than ${minimum}`;
  if (maximum !== null && BigInt(value) > maximum) return `${value} is more than ${maximum}`;
  if (date !== null && !isDate(value, date, earliest, latest)) {
    return `${value} is no date ${date} from ${earliest} to ${latest}`;
  }
  if (rules.choices && !rules.choices.includes(value)) {
    return `${value} is not one of the ${rules.choices.length} choices`;
  }
  if (rules.checkDigit && !hasCheckDigit(value, rules.checkDigit)) {
    return `its last digit is not the ${rules.scheme} check digit`;
  }
  return "";
}

/**
 * @param {string} value
 * @param {string} mask
 */
function fitsMask(value, mask) {
  if (value.length !== mask.length) return false;
  return [...mask].every((wanted, n) => wanted === "#" || wanted === value[n]);
}

/** @type {Map<string, boolean>} */
const known = new Map();

/**
 * Return whether any string keeps all rules of a field.
 *
 * @param {import("./json.js").JsonObject} field - Whose keys are right, one by one.
 * @returns {boolean} True for a field of any length, too, of which not all can be tried.
 */
export function isPossible(field) {
  const rules = readRules(field);
  const lengths = lengthsOf(rules);
  if (!lengths || lengths[1] > MOST_BOXES || (field.choices ?? null) !== null) return true;
  const { name: _, box: __, ...others } = field;
  const key = writeJson(others);
  const answer = known.get(key) ?? tryAll(rules, lengths);
  known.set(key, answer);
  return answer;
}

/**
 * @param {Rules} rules
 * @param {[number, number]} lengths
 */
function tryAll(rules, lengths) {
  if (rules.date === null) return hasPath(rules, lengths);
  const others = { ...rules, date: null };
  for (const text of listDates(rules.date, rules.earliest, rules.latest)) {
    if (!checkValue(text, others)) return true;
  }
  return false;
}

/**
 * Follow all strings from the right, told apart by all that decides how they go on: the
 * state of the check digit, and how they compare with the least and the greatest value.
 *
 * @param {Rules} rules
 * @param {[number, number]} lengths
 */
function hasPath(rules, [least, most]) {
  const check = rules.checkDigit ?? { start: 0, step: () => 0, accepted: 0 };
  let states = new Set([encodeState(check.start, 0, 0)]);
  for (let place = 0; place < most && states.size; place += 1) {
    const grown = /** @type {Set<number>} */ (new Set());
    for (const digit of allowedDigits(rules.mask, place)) {
      for (const state of states) {
        const [checked, low, high] = decodeState(state);
        grown.add(
          encodeState(
            check.step(checked, digit, place),
            compareDigit(low, digit, rules.minimum, place),
            compareDigit(high, digit, rules.maximum, place),
          ),
        );
      }
    }
    states = grown;
    const n = place + 1;
    const isLong = n >= least && (rules.mask === null || n === rules.mask.length);
    if (isLong && [...states].some((state) => endsWell(state, n, rules, check.accepted))) {
      return true;
    }
  }
  return false;
}

/**
 * @param {string | null} mask
 * @param {number} place - From the right.
 */
function allowedDigits(mask, place) {
  const wanted = mask === null ? "#" : (mask[mask.length - 1 - place] ?? "");
  return wanted === "#" ? [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] : [...wanted].map(Number);
}

/**
 * @param {number} state
 * @param {number} n - Digits that were read.
 * @param {Rules} rules
 * @param {number} accepted
 */
function endsWell(state, n, { minimum, maximum }, accepted) {
  const [checked, low, high] = decodeState(state);
  // A bound of more digits is greater than any string that is read so far.
  const isLeast =
    minimum === null || minimum <= 0n || (low >= 0 && n >= String(minimum).length);
  const isMost = maximum === null || high <= 0 || n < String(maximum).length;
  return checked === accepted && isLeast && isMost;
}

/**
 * Compare what was read with the last digits of a bound: -1 if it is less.
 *
 * @param {number} sign
 * @param {number} digit
 * @param {bigint | null} bound
 * @param {number} place
 */
function compareDigit(sign, digit, bound, place) {
  if (bound === null || bound < 0n) return 0;
  const text = String(bound);
  return Math.sign(digit - Number(text[text.length - 1 - place] ?? 0)) || sign;
}

/**
 * @param {number} checked - Less than a hundred.
 * @param {number} low
 * @param {number} high
 */
function encodeState(checked, low, high) {
  return checked * 9 + (low + 1) * 3 + high + 1;
}

/** @param {number} state */
function decodeState(state) {
  return [Math.floor(state / 9), (Math.floor(state / 3) % 3) - 1, (state % 3) - 1];
}
