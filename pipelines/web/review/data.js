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
 * @typedef {object} Data
 * @property {string} id - Tells pages of review apart.
 * @property {string} title
 * @property {string} batch
 * @property {boolean} settles - Two people differed on these fields.
 * @property {Record<string, {kind: string, digits: number | null, gaps: boolean,
 *   signs: boolean}>} fields - In those with gaps, a value has a GAP for each empty box; in
 *   those with signs it may have points, minus signs and the like.
 * @property {ScanPage[]} pages
 * @property {Item[]} items
 * @property {Sheet[]} sheets
 * @property {Sum[]} sums
 * @property {Counts} summary
 */

/** What stands for an empty box: between two digits, or anywhere where gaps are ordinary. */
export const GAP = "_";

/**
 * Say where a field is.
 *
 * @param {ScanPage} page
 * @returns {string}
 */
export function describePlace(page) {
  return page.nPages > 1 ? `${page.document}, page ${page.page}` : page.document;
}
