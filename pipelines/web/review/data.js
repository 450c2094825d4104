/** What the page was made with: fields, pictures of them, and what was read. */

/**
 * @typedef {object} ScanPage
 * @property {string} document - The scan file.
 * @property {number} page - Counted from 1.
 * @property {number} nPages
 * @property {string} picture - A WebP file in base64; empty where there is none.
 * @property {[number, number]} size - Width and height as it was read, in pixels.
 * @property {string} error - Why there are no pictures of it.
 */

/**
 * @typedef {object} Item
 * @property {number} page - Number of its page in the pages of the data.
 * @property {string} name
 * @property {string} value - What was read.
 * @property {string} status
 * @property {string} reason - Why it is looked at; empty for a low confidence.
 * @property {string} decidedBy - The rule that decided it.
 * @property {string[]} candidates - What it may say, the most probable first.
 * @property {string | null} proposed - What it most likely says, if not what was read.
 * @property {boolean} sampled - It was accepted, and chosen by chance.
 * @property {boolean} whole - Looking at all its digits tells what it says.
 * @property {string[]} glyphs - The digit in each box, "" for none.
 * @property {number | null} doubtful - The glyph that is the least certain.
 * @property {[number, number][]} spans - The columns of each glyph in the picture.
 * @property {[number, number]} size - Of the picture.
 * @property {string} picture - A WebP file in base64.
 * @property {[number, number][] | null} quad - Its corners on the page.
 */

/**
 * Digits that were read alike.
 *
 * @typedef {object} Sheet
 * @property {string} text - The digit, "" for boxes that hold none.
 * @property {number} columns
 * @property {[number, number][]} cells - Item and glyph of each.
 * @property {string} picture - All of them, row by row.
 */

/**
 * @typedef {object} Sum
 * @property {number} page
 * @property {string} total
 * @property {string[]} parts
 * @property {Record<string, string>} values - What was read in all of them.
 */

/**
 * @typedef {object} Counts
 * @property {Record<string, number>} pages
 * @property {Record<string, number>} fields
 * @property {[string, number][]} reasons
 * @property {{document: string, page: number, error: string}[]} failed
 * @property {number} nFailed
 * @property {number} nAccepted
 * @property {[number, number][]} curve - Shares: accepted, and wrong of these.
 */

/**
 * @typedef {object} FormField
 * @property {string} kind
 * @property {number | null} digits
 * @property {boolean} gaps - A value has a GAP for each empty box.
 * @property {boolean} signs - A value may have points, minus signs and the like.
 * @property {string[]} options - What may be ticked; none where digits are written.
 * @property {boolean} several - More than one may be ticked.
 */

/**
 * @typedef {object} Data
 * @property {string} id - Tells pages of review apart.
 * @property {string} title
 * @property {string} batch
 * @property {boolean} settles - Two people differed on these fields.
 * @property {Record<string, FormField>} fields
 * @property {ScanPage[]} pages
 * @property {Item[]} items
 * @property {Sheet[]} sheets
 * @property {Sum[]} sums
 * @property {Counts} summary
 */

/** What stands for an empty box: between two digits, or anywhere where gaps are ordinary. */
export const GAP = "_";

/** What stands between options that are ticked together. */
const JOINT = "+";

/**
 * Tick one option more, or one less; or another, where only one may be ticked.
 *
 * @param {FormField} field
 * @param {string} value - What is ticked.
 * @param {string} option
 * @returns {string}
 */
export function tick(field, value, option) {
  if (!field.several) return option;
  const before = value.split(JOINT);
  const isTicked = (/** @type {string} */ one) => (one === option) !== before.includes(one);
  return field.options.filter(isTicked).join(JOINT);
}

/**
 * Say what is wrong with a value, if anything that must not be.
 *
 * @param {FormField | undefined} field
 * @param {string} value
 * @returns {string}
 */
export function findMistake(field, value) {
  if (!field?.options.length) {
    if (field?.signs && /^[-0-9.,/:=*x+]*$/.test(value)) return "";
    if ((field?.gaps ? /^[0-9_]*$/ : /^[0-9]*$/).test(value)) return "";
    const isGap = value.includes(GAP);
    return isGap ? "A digit is missing: type all of them." : "A value is made of digits.";
  }
  const unknown = value.split(JOINT).find((one) => one && !field.options.includes(one));
  return unknown === undefined ? "" : `There is no option ${unknown}.`;
}

/**
 * Say what is unusual about a value that may be so nevertheless.
 *
 * @param {FormField | undefined} field
 * @param {string} value
 * @returns {string}
 */
export function findDoubt(field, value) {
  const n = value.split(JOINT).length;
  if (field?.options.length) {
    return n > 1 && !field.several ? `${n} are ticked, and one may be: is that so?` : "";
  }
  const digits = field?.digits ?? Infinity;
  if (field?.signs) return ""; // a point stands in no box
  return value.length > digits ? `${value.length} digits in ${digits} boxes: is that so?` : "";
}

/**
 * Say where a field is.
 *
 * @param {ScanPage} page
 * @returns {string}
 */
export function describePlace(page) {
  return page.nPages > 1 ? `${page.document}, page ${page.page}` : page.document;
}
