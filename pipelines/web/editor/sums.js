/** The panel of sums: fields that must be the sum of others. */

import { make, makeName } from "../shared/dom.js";
import { listNames, listSums } from "./content.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */

/**
 * @typedef {object} SumTasks
 * @property {() => void} add
 * @property {(n: number) => void} remove
 * @property {(n: number, name: string) => void} setTotal
 * @property {(n: number, name: string, isPart: boolean) => void} setPart
 */

/** The panel. */
export class SumsPanel {
  /** @param {SumTasks} tasks */
  constructor(tasks) {
    this.tasks = tasks;
    this.list = make("div");
    this.add = make("button", { type: "button", onclick: tasks.add }, "Add a sum");
    this.element = make(
      "details",
      { class: "sums" },
      make("summary", {}, "Sums"),
      make("p", { class: "faint" }, "A field that must be the sum of others."),
      this.list,
      this.add,
    );
  }

  /**
   * @param {JsonObject} content
   * @param {string[]} names - Of the fields.
   */
  show(content, names) {
    const sums = listSums(content);
    const focused = this.listControls().indexOf(document.activeElement);
    this.list.replaceChildren(...sums.map((sum, n) => this.makeSum(sum, n, names)));
    const again = this.listControls()[focused];
    if (again instanceof HTMLElement) again.focus();
    this.element.open = this.element.open || sums.length > 0;
  }

  focus() {
    this.element.open = true;
    (this.list.querySelector("select") ?? this.add).focus();
  }

  /** @returns {(Element | null)[]} */
  listControls() {
    return [...this.list.querySelectorAll("input, select, button")];
  }

  /**
   * @param {JsonObject} sum
   * @param {number} n
   * @param {string[]} names
   */
  makeSum(sum, n, names) {
    const total = String(sum.total ?? "");
    const parts = listNames(sum.parts);
    const others = withUnknown(names, parts).filter(
      ({ name }) => name !== total || parts.includes(name),
    );
    const remove = { type: "button", onclick: () => this.tasks.remove(n) };
    return make(
      "fieldset",
      { class: "row sum" },
      make("legend", {}, `Sum ${n + 1}`),
      make(
        "div",
        { class: "inputs" },
        this.makeTotal(n, total, names),
        make("span", {}, "is the sum of"),
      ),
      make("div", { class: "parts" }, ...others.map((each) => this.makePart(n, each, parts))),
      make("button", remove, `Remove sum ${n + 1}`),
    );
  }

  /**
   * @param {number} n
   * @param {string} total
   * @param {string[]} names
   */
  makeTotal(n, total, names) {
    const known = withUnknown(names, total ? [total] : []);
    const options = known.map(({ name, note }) =>
      make("option", { value: name, selected: name === total }, name + note),
    );
    const select = make("select", { "aria-label": `Total of sum ${n + 1}` }, ...options);
    if (!total) select.prepend(make("option", { value: "", selected: true }, "choose"));
    select.addEventListener("change", () => this.tasks.setTotal(n, select.value));
    return select;
  }

  /**
   * @param {number} n
   * @param {{ name: string, note: string }} other
   * @param {string[]} parts
   */
  makePart(n, { name, note }, parts) {
    const box = make("input", { type: "checkbox", checked: parts.includes(name) });
    box.addEventListener("change", () => this.tasks.setPart(n, name, box.checked));
    return make("label", {}, box, makeName(name), note);
  }
}

/**
 * List names of fields, and those that no field has.
 *
 * @param {string[]} names
 * @param {string[]} used
 */
function withUnknown(names, used) {
  const unknown = used.filter((name) => !names.includes(name));
  return [
    ...[...new Set(names)].map((name) => ({ name, note: "" })),
    ...[...new Set(unknown)].map((name) => ({ name, note: " (no field)" })),
  ];
}
