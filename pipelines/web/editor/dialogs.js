/** Questions to the user, and the list of keys. */

import { make } from "../shared/dom.js";

/**
 * Ask something that can be declined.
 *
 * @param {string} question
 * @param {string} explanation
 * @param {string} yes - What the button says that agrees.
 * @returns {Promise<boolean>}
 */
export function ask(question, explanation, yes) {
  const dialog = make(
    "dialog",
    { "aria-label": question },
    make("h2", {}, question),
    make("p", {}, explanation),
    make(
      "form",
      { method: "dialog", class: "answers" },
      make("button", { value: "" }, "Cancel"),
      make("button", { value: "yes", class: "primary" }, yes),
    ),
  );
  return openDialog(dialog).then((answer) => answer === "yes");
}

/** @type {[string[], string][]} */
const KEY_MEANINGS = [
  [["Up", "Down"], "in the list: choose a field"],
  [["Enter"], "from the list to the page"],
  [["Esc"], "back to the list"],
  [["Left", "Right", "Up", "Down"], "on the page: move the field by a pixel; with Shift, by 10"],
  [["Alt", "arrows"], "make it larger or smaller; with Shift, by 10"],
  [["N"], "add a field in the middle of what is seen"],
  [["D"], "duplicate the field"],
  [["R"], "rename it"],
  [["F"], "fit it to the comb that is printed there"],
  [["Delete"], "delete it"],
  [["Ctrl", "Z"], "undo; with Shift, redo"],
  [["Ctrl", "S"], "save the form"],
  [["+", "-", "0"], "larger, smaller, fit the width"],
  [["?"], "these keys"],
];

/** Show which keys there are. */
export function showHelp() {
  const rows = KEY_MEANINGS.map(([keys, meaning]) =>
    make(
      "tr",
      {},
      make("td", { class: "keys" }, ...keys.map((key) => make("kbd", {}, key))),
      make("td", {}, meaning),
    ),
  );
  const dialog = make(
    "dialog",
    { "aria-label": "Keys" },
    make("h2", {}, "Keys"),
    make("p", {}, "With the mouse: click a field to choose it, drag it or its handles, and" +
      " drag on free paper to add one."),
    make("table", {}, ...rows),
    make("form", { method: "dialog", class: "answers" }, make("button", {}, "Close")),
  );
  void openDialog(dialog);
}

/**
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>}
 */
function openDialog(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
