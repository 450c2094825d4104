/** The list of all keys. */

import { make } from "../shared/dom.js";

const KEYS = [
  ["Digits", [
    ["arrows", "move to another digit; Home and End to the first and the last"],
    ["0 to 9", "the digit is this one"],
    ["- or Delete", "the box holds no digit"],
    ["Space", "leave it to the view of fields, or take that back"],
    ["Enter", "confirm the sheet: all else is as it was read"],
    ["Page up, Page down", "look at another sheet"],
  ]],
  ["Fields", [
    ["0 to 9", "type what is written"],
    ["Enter", "confirm what is shown; that nothing is written has to be said"],
    ["arrow up and down", "choose what else it may say"],
    ["-", "nothing is written"],
    ["U", "nobody can read it"],
    ["P", "show the whole page, or hide it"],
  ]],
  ["Everywhere", [
    ["B", "back: undo the last sheet or field"],
    ["D, F, S", "digits, fields, summary"],
    ["Ctrl+S", "save the corrections"],
  ]],
];

/** @returns {HTMLDialogElement} */
export function makeHelp() {
  const dialog = make("dialog", { "aria-labelledby": "help-title" });
  const parts = KEYS.flatMap(([title, rows]) => [
    make("h3", {}, String(title)),
    make("table", {}, make("tbody", {}, ...[...rows].map(([key, what]) =>
      make("tr", {}, make("th", { scope: "row" }, make("kbd", {}, key)), make("td", {}, what))))),
  ]);
  dialog.append(
    make("h2", { id: "help-title" }, "Keys"),
    ...parts,
    make("form", { method: "dialog" }, make("button", { class: "main" }, "Close")),
  );
  return dialog;
}
