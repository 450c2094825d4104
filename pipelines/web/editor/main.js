/** An editor of forms: fields are drawn on the blank page, named, and given rules. */

import { make, makeName, readData } from "../shared/dom.js";
import { showHelp } from "./dialogs.js";
import { Editor } from "./editor.js";
import { asBox } from "./geometry.js";
import { isObject, parseJson } from "./json.js";
import { followKeys } from "./keys.js";
import { Pointer } from "./pointer.js";

/** @type {import("./editor.js").Data} */
const data = readData();
const given = parseJson(data.form);
if (!isObject(given)) throw new Error("the page was made without a form");
start(new Editor(data, given));

/**
 * Put the parts of an editor onto the page, and listen to mouse and keys.
 *
 * @param {Editor} editor
 */
function start(editor) {
  const { view, list, inspector, sums } = editor;
  document.body.append(makeHeader(editor), makeDesk(editor));
  const pointer = new Pointer(view, data, {
    boxes: () => editor.fields.map((field) => asBox(field.box)),
    chosen: () => editor.chosen,
    choose: (n) => editor.choose(n),
    place: (n, box) => editor.placeField(n, box),
    add: (box) => editor.addAt(box),
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !pointer.drag) return;
    event.stopImmediatePropagation();
    pointer.stop();
  });
  const panels = [inspector.element, sums.element];
  followKeys(makeActions(editor), { page: view.element, list: list.element, panels });
  editor.begin();
}

/**
 * Say what keys do.
 *
 * @param {Editor} editor
 * @returns {import("./keys.js").Actions}
 */
function makeActions(editor) {
  const { view, list, inspector } = editor;
  return {
    move: (down, right) => editor.move(down, right),
    grow: (down, right) => editor.grow(down, right),
    add: () => editor.add(),
    duplicate: () => editor.duplicate(),
    rename: () => inspector.focus("name"),
    fit: () => editor.fit(),
    remove: () => editor.remove(),
    undo: () => editor.store.undo(),
    redo: () => editor.store.redo(),
    save: () => editor.save(),
    zoomIn: () => view.step(1),
    zoomOut: () => view.step(-1),
    zoomFit: () => view.fit(),
    help: showHelp,
    toPage: () => view.element.focus(),
    toList: () => list.focus(),
  };
}

/**
 * @param {string} label
 * @param {() => void} action
 * @param {string} [keys]
 * @param {string} [style]
 */
function makeButton(label, action, keys = "", style = "") {
  const title = keys ? `${label} (${keys})` : label;
  return make("button", { type: "button", title, class: style, onclick: action }, label);
}

/** @param {Editor} editor */
function makeHeader(editor) {
  const undo = makeButton("Undo", () => editor.store.undo(), "Ctrl+Z");
  const redo = makeButton("Redo", () => editor.store.redo(), "Ctrl+Shift+Z");
  editor.shown = () => {
    undo.disabled = !editor.store.past.length;
    redo.disabled = !editor.store.future.length;
  };
  return make(
    "header",
    {},
    make("h1", {}, makeName(data.name)),
    editor.state,
    make("span", { class: "space" }),
    undo,
    redo,
    makeButton("Begin anew", () => void editor.beginAnew()),
    makeButton("Open...", () => editor.open()),
    makeButton("Keys", showHelp, "?"),
    makeButton("Save", () => editor.save(), "Ctrl+S", "primary"),
  );
}

/** @param {Editor} editor */
function makeDesk(editor) {
  const { list, view } = editor;
  const changes = [
    makeButton("Add", () => editor.add(), "N"),
    makeButton("Duplicate", () => editor.duplicate(), "D"),
    makeButton("Delete", () => editor.remove(), "Delete"),
  ];
  const listed = [list.none, list.element, make("div", { class: "inputs" }, ...changes)];
  const zooms = [
    makeButton("\u2212", () => view.step(-1), "-"),
    editor.zoomShown,
    makeButton("+", () => view.step(1), "+"),
    makeButton("Fit width", () => view.fit(), "0"),
  ];
  const size = { class: "zooms", role: "group", "aria-label": "Size of the page" };
  return make(
    "main",
    {},
    make(
      "aside",
      { "aria-label": "Fields and mistakes" },
      make("section", { class: "listed" }, make("h2", {}, "Fields"), ...listed),
      editor.checks.element,
    ),
    make("section", { class: "stage" }, make("div", size, ...zooms), view.element, editor.said),
    make(
      "aside",
      { "aria-label": "The field" },
      editor.inspector.element,
      editor.sums.element,
    ),
  );
}
