/** The panel of sums: fields that must be the sum of others. */

import { make, makeName } from "../shared/dom.js";
import { listNames, listSums } from "./checks.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */

/**
 * @typedef {object} SumTasks
 * @property {() => void} add
 * @property {(n: number) => void} remove
 * @property {(n: number, name: string) => void} setTotal
 * @property {(n: number, name: string, isPart: boolean) => void} setPart
 */

/**
 * Make the panel.
 *
 * @param {SumTasks} tasks
 */
export function makeSums(tasks) {
  const list = make("div");
  const add = make("button", { type: "button", onclick: tasks.add }, "Add a sum");
  const element = make(
    "details",
    { class: "sums" },
    make("summary", {}, "Sums"),
    make("p", { class: "faint" }, "A field that must be the sum of others."),
    list,
    add,
  );

  /**
   * @param {JsonObject} content
   * @param {string[]} names - Of the fields.
   */
  function show(content, names) {
    const sums = listSums(content);
    const focused = [...list.querySelectorAll("input, select, button")].indexOf(
      /** @type {Element} */ (document.activeElement),
    );
    list.replaceChildren(...sums.map((sum, n) => makeSum(sum, n, names)));
    const again = list.querySelectorAll("input, select, button")[focused];
    if (again instanceof HTMLElement) again.focus();
    element.open = element.open || sums.length > 0;
  }

  /**
   * @param {JsonObject} sum
   * @param {number} n
   * @param {string[]} names
   */
  function makeSum(sum, n, names) {
    const total = String(sum.total ?? "");
    const select = make(
      "select",
      { "aria-label": `Total of sum ${n + 1}` },
      ...withUnknown(names, total ? [total] : []).map(({ name, note }) =>
        make("option", { value: name, selected: name === total }, name + note),
      ),
    );
    if (!total) select.prepend(make("option", { value: "", selected: true }, "choose"));
    select.addEventListener("change", () => tasks.setTotal(n, select.value));
    const parts = listNames(sum.parts);
    const others = withUnknown(names, parts).filter(
      ({ name }) => name !== total || parts.includes(name),
    );
    return make(
      "fieldset",
      { class: "row sum" },
      make("legend", {}, `Sum ${n + 1}`),
      make("div", { class: "inputs" }, select, make("span", {}, "is the sum of")),
      make("div", { class: "parts" }, ...others.map((other) => makePart(n, other, parts))),
      make(
        "button",
        { type: "button", onclick: () => tasks.remove(n) },
        `Remove sum ${n + 1}`,
      ),
    );
  }

  /**
   * @param {number} n
   * @param {{ name: string, note: string }} other
   * @param {string[]} parts
   */
  function makePart(n, { name, note }, parts) {
    const box = make("input", { type: "checkbox", checked: parts.includes(name) });
    box.addEventListener("change", () => tasks.setPart(n, name, box.checked));
    return make("label", {}, box, makeName(name), note);
  }

  return {
    element,
    show,
    focus() {
      element.open = true;
      (list.querySelector("select") ?? add).focus();
    },
  };
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
