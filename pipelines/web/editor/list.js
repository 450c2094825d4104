/** The list of fields, and the list of what is wrong with them. */

import { make, makeName, visible } from "../shared/dom.js";
import { asBox, boundOptions } from "./geometry.js";
import { wholeNumber } from "./json.js";
import { kindOf } from "./view.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./formchecks.js").Finding} Finding */

/** The list of fields, one of which can be chosen. */
export class FieldList {
  /** @param {(n: number) => void} choose */
  constructor(choose) {
    this.choose = choose;
    const list = { class: "fields", role: "listbox", "aria-label": "Fields" };
    this.element = make("ul", list);
    const hint = "None yet: draw a box on the page, or press N.";
    this.none = make("p", { class: "faint" }, hint);
    this.element.addEventListener("keydown", (event) => this.press(event));
  }

  /**
   * @param {JsonObject[]} fields
   * @param {number} chosen
   * @param {Set<number>} wrong
   */
  show(fields, chosen, wrong) {
    const hadFocus = this.element.contains(document.activeElement);
    const options = fields.map((field, n) => {
      const option = makeOption(field, n === chosen, wrong.has(n));
      option.addEventListener("click", () => this.choose(n));
      return option;
    });
    // One of them can be reached by Tab, and the arrows lead on.
    options[Math.max(chosen, 0)]?.setAttribute("tabindex", "0");
    this.element.replaceChildren(...options);
    this.element.hidden = !fields.length;
    this.none.hidden = fields.length > 0;
    if (hadFocus) this.focus();
    else options[chosen]?.scrollIntoView({ block: "nearest" });
  }

  focus() {
    const options = /** @type {HTMLElement[]} */ ([...this.element.children]);
    options.find((option) => option.tabIndex === 0)?.focus();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const options = [...this.element.children];
    const at = options.indexOf(/** @type {Element} */ (event.target));
    const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey;
    const next = isPlain ? rove(event.key, at, options.length - 1) : null;
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(next);
    this.focus();
  }
}

/**
 * @param {JsonObject} field
 * @param {boolean} isChosen
 * @param {boolean} isWrong
 */
function makeOption(field, isChosen, isWrong) {
  const name = String(field.name ?? "");
  const option = make(
    "li",
    { role: "option", "aria-selected": String(isChosen), tabindex: -1 },
    make("span", { class: `swatch ${kindOf(field)}` }),
    name ? makeName(name) : make("i", {}, "no name"),
    make("span", { class: "faint" }, describeKind(field)),
  );
  if (isWrong) option.append(make("strong", { class: "bad", title: "has a mistake" }, "!"));
  return option;
}

/**
 * @param {string} key
 * @param {number} at
 * @param {number} last
 * @returns {number | null}
 */
function rove(key, at, last) {
  if (key === "ArrowDown") return Math.min(at + 1, last);
  if (key === "ArrowUp") return Math.max(at - 1, 0);
  if (key === "Home") return 0;
  return key === "End" ? last : null;
}

/** @param {JsonObject} field */
function describeKind(field) {
  const kind = kindOf(field);
  const digits = wholeNumber(field.digits);
  const what = kind === "comb" && digits !== null ? `comb, ${digits}` : kind;
  return asBox(field.box) || boundOptions(field.options) ? what : `${what}, no place`;
}

/**
 * Make the list of what is wrong or doubtful, each of which leads to its field.
 *
 * @param {(finding: Finding) => void} goTo
 */
export function makeFindings(goTo) {
  const heading = make("h2", { tabindex: -1 });
  const list = make("ul", { class: "findings" });
  const element = make("section", { class: "checks" }, heading, list);

  /**
   * @param {Finding[]} findings
   * @param {JsonObject[]} fields
   */
  function show(findings, fields) {
    const n = findings.filter((each) => each.isMistake).length;
    heading.textContent = n ? `${n} mistake${n > 1 ? "s" : ""}` : "No mistakes";
    heading.className = n ? "bad" : "good";
    list.replaceChildren(...findings.map((each) => makeFinding(each, fields)));
  }

  /**
   * @param {Finding} finding
   * @param {JsonObject[]} fields
   */
  function makeFinding(finding, fields) {
    const name = String(fields[finding.field]?.name ?? "");
    const named = finding.field < 0 ? [] : name ? [makeName(name), ": "] : ["no name: "];
    const key = finding.key && finding.key !== "sums" ? `${visible(finding.key)}: ` : "";
    const kind = finding.isMistake ? "mistake" : "doubt";
    const text = `${key}${visible(finding.text)}`;
    const button = make(
      "button",
      { type: "button", class: kind, onclick: () => goTo(finding) },
      ...named,
      text,
    );
    return make("li", {}, button);
  }

  return { element, show, focus: () => heading.focus() };
}
