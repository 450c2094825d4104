/**
 * Elements of a page, made without any HTML: what a file or a field is called is text.
 */

/** @typedef {Record<string, string | number | boolean | EventListener | undefined>} Attributes */

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag - Such as "button".
 * @param {Attributes} [attributes] - Listeners by names such as "onclick"; true stands
 *   for an attribute without a value, false and undefined for none.
 * @param {...(Node | string)} children - What is in it; strings are text.
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children);
  return element;
}

/**
 * Make an element of SVG.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function makeShape(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Show names as they are: letters that turn the direction, or cannot be seen, by their
 * numbers.
 *
 * @param {string} text
 * @returns {string}
 */
export function visible(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (letter) => `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Show a name that may be long, and may run from right to left, among other text.
 *
 * @param {string} name
 * @returns {HTMLElement}
 */
export function makeName(name) {
  const shown = visible(name);
  return make("bdi", { class: "name", title: shown }, shown);
}

/**
 * Find an element that is there.
 *
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(root, selector) {
  const element = root.querySelector(selector);
  if (!(element instanceof HTMLElement)) {
    throw new Error(`the page has no ${selector}`);
  }
  return element;
}

/**
 * Read the data that the page was made with.
 *
 * @returns {any}
 */
export function readData() {
  return JSON.parse(find(document, "#data").textContent ?? "");
}
