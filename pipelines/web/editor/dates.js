/** Calendar dates, as digits in the order that a form asks for. */

export const EARLIEST = "1900-01-01";
export const LATEST = "2099-12-31";

const PARTS = /YYYY|YY|MM|DD/g;

/**
 * @param {string} pattern - Such as DDMMYYYY.
 * @returns {boolean} Whether it says how dates are written.
 */
export function isDatePattern(pattern) {
  const parts = pattern.match(PARTS) ?? [];
  const letters = new Set(parts.map((part) => part[0]));
  const isOnce = letters.size === parts.length && parts.length > 1;
  return parts.join("") === pattern && isOnce && letters.has("M");
}

/**
 * @param {string} text
 * @returns {boolean} Whether it is a day such as 2020-01-31.
 */
export function isDay(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!found || found[1] === "0000") return false;
  const day = new Date(`${text}T00:00:00Z`);
  // The 30th of February is taken for one of March.
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text;
}

/**
 * Yield all dates of a range as a form has them written, some more than once.
 *
 * @param {string} pattern
 * @param {string} earliest - Such as 2020-01-31.
 * @param {string} latest
 * @returns {Generator<string>}
 */
export function* listDates(pattern, earliest, latest) {
  const day = new Date(`${earliest}T00:00:00Z`);
  const last = new Date(`${latest}T00:00:00Z`);
  while (day <= last) {
    yield writeDate(pattern, day.toISOString().slice(0, 10));
    day.setUTCDate(day.getUTCDate() + 1);
  }
}

/**
 * Return whether digits are a date of a range.
 *
 * @param {string} value
 * @param {string} pattern
 * @param {string} earliest
 * @param {string} latest
 * @returns {boolean}
 */
export function isDate(value, pattern, earliest, latest) {
  if (value.length !== pattern.length) return false;
  const { Y = "", M, D = "" } = splitDate(value, pattern);
  const first = Number(earliest.slice(0, 4));
  const last = Number(latest.slice(0, 4));
  for (let year = first; year <= last; year += 1) {
    const shown = String(year).padStart(4, "0");
    if (shown.endsWith(Y) && reaches(shown, M, D, earliest, latest)) return true;
  }
  return false;
}

/**
 * @param {string} pattern
 * @param {string} day - Such as 2020-01-31.
 */
function writeDate(pattern, day) {
  const [year, month, date] = day.split("-");
  return pattern.replace(PARTS, (part) =>
    part === "MM" ? month : part === "DD" ? date : year.slice(-part.length),
  );
}

/**
 * @param {string} value
 * @param {string} pattern
 * @returns {Record<string, string>} Digits by Y, M and D.
 */
function splitDate(value, pattern) {
  const parts = [...pattern.matchAll(PARTS)];
  return Object.fromEntries(
    parts.map(({ 0: part, index = 0 }) => [
      part[0],
      value.slice(index, index + part.length),
    ]),
  );
}

/**
 * Return whether a day of a year, or a month without a day, is in a range.
 *
 * @param {string} year
 * @param {string} month
 * @param {string} day - Empty for any.
 * @param {string} earliest
 * @param {string} latest
 */
function reaches(year, month, day, earliest, latest) {
  if (day) {
    const date = `${year}-${month}-${day}`;
    return isDay(date) && earliest <= date && date <= latest;
  }
  const isMonth = month >= "01" && month <= "12";
  const within = `${year}-${month}`;
  return isMonth && earliest.slice(0, 7) <= within && within <= latest.slice(0, 7);
}
