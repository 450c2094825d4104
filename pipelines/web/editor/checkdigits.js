/** Check digits: every scheme reads digits from the right, with one state at a time. */

import { isObject, wholeNumber } from "./json.js";

/**
 * @typedef {object} Automaton
 * @property {number} start - State before the last digit.
 * @property {(state: number, digit: number, place: number) => number} step
 * @property {number} accepted - State after the first digit of a confirmed value.
 */

const VERHOEFF_PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

// Row by what came before, column by the digit.
const DAMM = [
  "0317598642",
  "7092154863",
  "4206871359",
  "1750983426",
  "6123045978",
  "3674209581",
  "5869720134",
  "8945362017",
  "9438617205",
  "2581436790",
];

/** @type {Record<string, Automaton>} */
const AUTOMATA = {
  luhn: {
    start: 0,
    step: (state, digit, place) =>
      (state + (place % 2 ? Math.floor((2 * digit) / 10) + ((2 * digit) % 10) : digit)) % 10,
    accepted: 0,
  },
  mod11: {
    start: 0,
    step: (state, digit, place) => (state + (place + 1) * digit) % 11,
    accepted: 0,
  },
  "mod11,10": {
    start: 0,
    // The product after is twice the sum modulo 11; 6 is the inverse of 2.
    step: (after, digit, place) =>
      modulo((place ? (6 * after) % 11 : 1) - digit, 10) || 10,
    accepted: 10,
  },
  "mod97-10": {
    start: 0,
    step: (state, digit, place) => (state + tenToThe(place, 97) * digit) % 97,
    accepted: 1,
  },
  verhoeff: { start: 0, step: stepVerhoeff, accepted: 0 },
  damm: {
    start: 0,
    step: (after, digit) => DAMM.findIndex((row) => row[digit] === String(after)),
    accepted: 0,
  },
};

/** What the schemes are called in a form. */
export const SCHEMES = Object.keys(AUTOMATA);

/**
 * Return the automaton of a scheme, or of weights; null for what is neither.
 *
 * @param {import("./json.js").Json | undefined} scheme
 * @returns {Automaton | null}
 */
export function checkAutomaton(scheme) {
  if (typeof scheme === "string") {
    return SCHEMES.includes(scheme) ? AUTOMATA[scheme] : null;
  }
  if (!isObject(scheme) || Object.keys(scheme).some((key) => !WEIGHT_KEYS.includes(key))) {
    return null;
  }
  const modulus = Number(wholeNumber(scheme.modulus));
  const list = Array.isArray(scheme.weights) ? scheme.weights.map(wholeNumber) : [];
  if (![10, 11].includes(modulus) || !list.length || list.includes(null)) return null;
  const weights = list.map((each) => modulo(Number((each ?? 0n) % BigInt(modulus)), modulus));
  return {
    start: 0,
    step: (state, digit, place) =>
      (state + (place ? weights[(place - 1) % weights.length] : 1) * digit) % modulus,
    accepted: 0,
  };
}

const WEIGHT_KEYS = ["weights", "modulus"];

/**
 * Return whether the last digit of a value confirms the others.
 *
 * @param {string} value
 * @param {Automaton} automaton
 */
export function hasCheckDigit(value, automaton) {
  let state = automaton.start;
  for (let place = 0; place < value.length; place += 1) {
    state = automaton.step(state, Number(value[value.length - 1 - place]), place);
  }
  return state === automaton.accepted;
}

/**
 * @param {number} state
 * @param {number} digit
 * @param {number} place
 */
function stepVerhoeff(state, digit, place) {
  let turned = digit;
  // The permutation has order 8.
  for (let n = 0; n < place % 8; n += 1) turned = VERHOEFF_PERMUTATION[turned];
  // The product in the group of the pentagon: 0 to 4 turn it, 5 to 9 mirror it.
  const turn = modulo(state >= 5 ? state - turned : state + turned, 5);
  return turn + 5 * Number(state >= 5 !== turned >= 5);
}

/**
 * @param {number} value
 * @param {number} modulus
 */
function modulo(value, modulus) {
  return ((value % modulus) + modulus) % modulus;
}

/**
 * @param {number} place
 * @param {number} modulus
 */
function tenToThe(place, modulus) {
  let power = 1;
  for (let n = 0; n < place; n += 1) power = (power * 10) % modulus;
  return power;
}
