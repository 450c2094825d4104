/** JSON whose numbers come out as they went in, however long they are. */

/**
 * Any value; what is in lists has no type, since in a comment a type cannot hold a list
 * of its own.
 *
 * @typedef {null | boolean | number | string | Exact | any[] | { [key: string]: Json }} Json
 */
/** @typedef {{ [key: string]: Json }} JsonObject */

const STRING_OR_NUMBER =
  /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** A number that would not be written as it was read. */
class Exact {
  /** @param {string} text - As JSON has it. */
  constructor(text) {
    this.text = text;
  }
}

/**
 * Read JSON.
 *
 * @param {string} text
 * @returns {Json}
 * @throws {SyntaxError} If it is none.
 */
export function parseJson(text) {
  // Nobody can have written this into a string of the file.
  const mark = `number ${Math.random()} `;
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || String(Number(token)) === token
      ? token
      : JSON.stringify(mark + token),
  );
  return JSON.parse(marked, (_, value) =>
    typeof value === "string" && value.startsWith(mark)
      ? new Exact(value.slice(mark.length))
      : value,
  );
}

/**
 * Write a value into one line.
 *
 * @param {Json} value
 * @returns {string}
 */
export function writeJson(value) {
  if (value instanceof Exact) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const pairs = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}: ${writeJson(each)}`,
  );
  return `{${pairs.join(", ")}}`;
}

/**
 * Write the file of a form: a field on each line, as `lenet form` does.
 *
 * @param {JsonObject} content
 * @returns {string}
 */
export function writeFile(content) {
  const lines = Object.entries(content).map(([key, value]) => {
    const isList = Array.isArray(value) && value.length;
    const entries = isList ? value.map((each) => `    ${writeJson(each)}`) : [];
    const shown = isList ? `[\n${entries.join(",\n")}\n  ]` : writeJson(value);
    return `  ${JSON.stringify(key)}: ${shown}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

/**
 * @param {Json | undefined} value
 * @returns {value is JsonObject}
 */
export function isObject(value) {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Exact)
  );
}

/**
 * Return a whole number of any length; null for all else.
 *
 * @param {Json | undefined} value
 * @returns {bigint | null}
 */
export function wholeNumber(value) {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : null;
  if (value instanceof Exact && /^-?\d+(\.0+)?$/.test(value.text)) {
    return BigInt(value.text.replace(/\..*/, ""));
  }
  return null;
}

/**
 * Make a value of what was typed for a number: text that is none stays as it is.
 *
 * @param {string} text
 * @returns {Json | undefined} Undefined for nothing.
 */
export function typedNumber(text) {
  const typed = text.trim();
  if (!typed) return undefined;
  if (!/^-?\d{1,1000}$/.test(typed)) return typed;
  const shortest = String(BigInt(typed));
  return String(Number(typed)) === shortest ? Number(typed) : new Exact(shortest);
}

/**
 * Show a value as it was, in a few words.
 *
 * @param {Json | undefined} value
 * @returns {string}
 */
export function shorten(value) {
  const text = writeJson(value ?? null);
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}
