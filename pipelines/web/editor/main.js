/** An editor of forms: fields are drawn on the blank page, named, and given rules. */

import { find, make, makeName, readData, visible } from "../shared/dom.js";
import { openFile, saveFile } from "../shared/files.js";
import { checkForm, listFields } from "./checks.js";
import { ask, showHelp } from "./dialogs.js";
import { addSum, changeField, changeSum, choosePart, duplicateField, freeName, insertField, removeField, removeSum, renameField } from "./edits.js";
import { asBox, clamp, findPrinted, moveBox, resizeBox } from "./geometry.js";
import { makeInspector } from "./inspector.js";
import { isObject, parseJson, wholeNumber, writeFile } from "./json.js";
import { followKeys } from "./keys.js";
import { makeFindings, makeList } from "./list.js";
import { followPointer } from "./pointer.js";
import { cutRegion, readPrint } from "./print.js";
import { forget, isListOfFields, keep, makeStore, recall } from "./store.js";
import { makeSums } from "./sums.js";
import { kindOf, makeView } from "./view.js";

/** @typedef {import("./json.js").JsonObject} JsonObject */
/** @typedef {import("./geometry.js").Box} Box */

/**
 * What the page was made with.
 *
 * @typedef {object} Data
 * @property {string} id
 * @property {string} name - Of the form's file.
 * @property {string} page - Of the file of this page.
 * @property {string} form - JSON.
 * @property {string} picture
 * @property {number} height
 * @property {number} width
 * @property {import("./geometry.js").Printed[]} printed
 */

/** @type {Data} */
const data = readData();
const given = parseJson(data.form);
if (!isObject(given)) throw new Error("the page was made without a form");
const blank = { ...data, blank: typeof given.blank === "string" ? given.blank : "" };
const picture = make("img", { src: data.picture });
const first = { content: given, chosen: listFields(given).length ? 0 : -1 };
const kept = recall(data.id);

let saved = kept ? kept.saved : writeFile(given);
/** @type {import("./checks.js").Finding[]} */
let findings = [];
let isKept = true;

const store = makeStore(kept ?? first, show);
const zoomShown = make("span", { class: "zoom" });
const view = makeView(data, (zoom) => {
  zoomShown.textContent = `${Math.round(100 * zoom)} %`;
});
const list = makeList(choose);
const checks = makeFindings(goTo);
const inspector = makeInspector({ change: changeChosen, fit, place });
const sums = makeSums({
  add: () => store.change(addSum(store.get().content, String(chosenField()?.name ?? ""))),
  remove: (n) => store.change(removeSum(store.get().content, n)),
  setTotal: (n, total) => store.change(changeSum(store.get().content, n, { total })),
  setPart: (n, name, isPart) => store.change(choosePart(store.get().content, n, name, isPart)),
});
const said = make("p", { class: "status", role: "status" });
const state = make("span", { class: "faint" });

const actions = {
  move: (/** @type {number} */ down, /** @type {number} */ right) =>
    reshape("move", (box) => moveBox(box, down, right, data)),
  grow: (/** @type {number} */ down, /** @type {number} */ right) =>
    reshape("grow", (box) => resizeBox(box, "se", down, right, data)),
  add,
  duplicate,
  rename: () => inspector.focus("name"),
  fit,
  remove,
  undo: () => store.undo(),
  redo: () => store.redo(),
  save,
  zoomIn: () => view.step(1),
  zoomOut: () => view.step(-1),
  zoomFit: () => view.fit(),
  help: showHelp,
  toPage: () => view.element.focus(),
  toList: () => list.focus(),
};

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

const undoButton = makeButton("Undo", actions.undo, "Ctrl+Z");
const redoButton = makeButton("Redo", actions.redo, "Ctrl+Shift+Z");
const removeButton = makeButton("Delete", remove, "Delete");
const duplicateButton = makeButton("Duplicate", duplicate, "D");

const header = make(
  "header",
  {},
  make("h1", {}, makeName(data.name)),
  state,
  make("span", { class: "space" }),
  undoButton,
  redoButton,
  makeButton("Begin anew", beginAnew),
  makeButton("Open...", openForm),
  makeButton("Keys", showHelp, "?"),
  makeButton("Save", save, "Ctrl+S", "primary"),
);
const left = make(
  "aside",
  { "aria-label": "Fields and mistakes" },
  make(
    "section",
    { class: "listed" },
    make("h2", {}, "Fields"),
    list.none,
    list.element,
    make("div", { class: "inputs" }, makeButton("Add", add, "N"), duplicateButton, removeButton),
  ),
  checks.element,
);
const zoomBar = make(
  "div",
  { class: "zooms", role: "group", "aria-label": "Size of the page" },
  makeButton("\u2212", actions.zoomOut, "-"),
  zoomShown,
  makeButton("+", actions.zoomIn, "+"),
  makeButton("Fit width", actions.zoomFit, "0"),
  said,
);
const right = make("aside", { "aria-label": "The field" }, inspector.element, sums.element);
const desk = make("main", {}, left, make("section", { class: "stage" }, zoomBar, view.element), right);
document.body.append(header, desk);

const drag = followPointer(view, data, {
  boxes: () => fields().map((field) => asBox(field.box)),
  chosen: () => store.get().chosen,
  choose,
  place: (n, box) => placeField(n, box),
  add: addAt,
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drag.isDragging()) {
    event.stopImmediatePropagation();
    drag.stop();
  }
});
followKeys(actions, { page: view.element, list: list.element, panels: [inspector.element, sums.element] });
show(store.get());
view.fit();
if (kept && writeFile(kept.content) !== writeFile(given)) {
  say("Your changes are as you left them; Begin anew takes them back.");
}

function fields() {
  return listFields(store.get().content);
}

/** @returns {JsonObject | undefined} */
function chosenField() {
  return fields()[store.get().chosen];
}

/**
 * Show the form as it is now, everywhere.
 *
 * @param {import("./store.js").Moment} moment
 */
function show({ content, chosen }) {
  const own = listFields(content);
  findings = checkForm(content, blank);
  const wrong = new Set(findings.filter((each) => each.isMistake).map((each) => each.field));
  view.show(own, chosen, wrong);
  list.show(own, chosen, wrong);
  checks.show(findings, own);
  inspector.show(own[chosen], findings.filter((each) => each.isMistake && each.field === chosen));
  sums.show(content, own.flatMap(({ name }) => (typeof name === "string" && name ? [name] : [])));
  undoButton.disabled = !store.hasPast();
  redoButton.disabled = !store.hasFuture();
  removeButton.disabled = duplicateButton.disabled = chosen < 0;
  isKept = keep(data.id, { content, chosen }, saved);
  showState();
}

function showState() {
  const isSaved = writeFile(store.get().content) === saved;
  const room = isKept ? "" : "; this browser keeps nothing when the tab closes";
  state.textContent = `${isSaved ? "no changes" : "not saved yet"}${isSaved ? "" : room}`;
}

/** @param {string} text */
function say(text) {
  said.textContent = text;
}

/** @param {number} n */
function choose(n) {
  say("");
  store.choose(n);
  view.reveal(asBox(fields()[n]?.box));
}

/** @param {import("./checks.js").Finding} finding */
function goTo({ field, key }) {
  if (field < 0) {
    if (key === "sums") sums.focus();
    return;
  }
  choose(field);
  inspector.focus(key);
}

/** @param {import("./entries.js").Changes} changes */
function changeChosen(changes) {
  const { content, chosen } = store.get();
  const field = fields()[chosen];
  if (!field) return;
  if (typeof changes.name === "string" && typeof field.name === "string") {
    if (changes.name !== field.name) store.change(renameField(content, chosen, changes.name));
    return;
  }
  const box = asBox(field.box);
  const isNewComb = changes.kind === "comb" && kindOf(field) !== "comb";
  const found = isNewComb && box ? findPrint(box) : null;
  const digits = found && found.digits > 1 ? { digits: found.digits } : {};
  const next = changeField(content, chosen, { ...changes, ...digits });
  if (writeFile(next) === writeFile(content)) store.choose(chosen);
  else store.change(next);
}

/**
 * Find the comb that is printed where somebody drew a box.
 *
 * @param {Box} box
 * @returns {import("./geometry.js").Printed | null}
 */
function findPrint(box) {
  return findPrinted(box, data.printed) ?? readPrint(cutRegion(picture, data, box), box);
}

/**
 * @param {number} n
 * @param {Box} box
 * @param {string} [step]
 */
function placeField(n, box, step = "") {
  store.change(changeField(store.get().content, n, { box }), n, step);
  sayPlace(box);
}

/** @param {Box} box */
function sayPlace([top, left, height, width]) {
  say(`${left} from the left, ${top} from the top, ${width} wide, ${height} high`);
}

/**
 * @param {string} step
 * @param {(box: Box) => Box} change
 */
function reshape(step, change) {
  const { chosen } = store.get();
  const box = asBox(chosenField()?.box);
  if (!box) return;
  const next = change(box);
  placeField(chosen, next, `${step} ${chosen}`);
  view.reveal(next);
}

/**
 * Add a field where somebody drew one, on the print if there is any.
 *
 * @param {Box} drawn
 */
function addAt(drawn) {
  const { content } = store.get();
  const found = findPrint(drawn);
  const isBox = found?.kind === "box";
  const name = freeName(content, `field_${String(fields().length).padStart(2, "0")}`);
  const box = found?.box ?? drawn;
  /** @type {JsonObject} */
  const field = { name, kind: isBox ? "box" : "comb" };
  if (found && !isBox) field.digits = found.digits;
  store.change(insertField(content, { ...field, box }, fields().length), fields().length);
  view.reveal(box);
  if (found) {
    say(isBox ? "a box is printed there" : `${found.digits} boxes are printed there`);
  } else {
    say("How many boxes has it? Or choose another kind.");
    inspector.focus("digits");
  }
}

function add() {
  const like = asBox(chosenField()?.box);
  const height = like?.[2] ?? Math.round(data.height / 35);
  const width = like?.[3] ?? Math.round(data.width / 4);
  const { x, y } = view.middle();
  addAt(moveBox([0, 0, height, width], y - height / 2, x - width / 2, data));
}

/** Give a field that is looked for, or that has no box at all, one. */
function place() {
  const { x, y } = view.middle();
  const digits = clamp(Number(wholeNumber(chosenField()?.digits) ?? 4), 1, 30);
  const height = Math.round(data.height / 35);
  const width = Math.min(digits * height, data.width);
  placeField(
    store.get().chosen,
    moveBox([0, 0, height, width], y - height / 2, x - width / 2, data),
  );
}

function duplicate() {
  const { content, chosen } = store.get();
  if (chosen < 0) return;
  store.change(duplicateField(content, chosen, data), chosen + 1);
  view.reveal(asBox(chosenField()?.box));
}

function remove() {
  const { content, chosen } = store.get();
  if (chosen < 0) return;
  const name = String(chosenField()?.name ?? "");
  store.change(removeField(content, chosen));
  say(`${visible(name)} is deleted`);
}

function fit() {
  const box = asBox(chosenField()?.box);
  if (!box) return;
  const found = findPrint(box);
  if (!found) {
    say("No comb is clear enough here: draw it around one, with a little room.");
    return;
  }
  const isComb = kindOf(chosenField() ?? {}) === "comb";
  const digits = isComb && found.kind === "comb" ? { digits: found.digits } : {};
  store.change(changeField(store.get().content, store.get().chosen, { box: found.box, ...digits }));
  sayPlace(found.box);
}

function save() {
  const mistakes = findings.filter((each) => each.isMistake);
  if (mistakes.length) {
    say("Not saved: no form can be read that has mistakes.");
    checks.focus();
    return;
  }
  saved = writeFile(store.get().content);
  saveFile(data.name, saved, "application/json");
  keep(data.id, store.get(), saved);
  showState();
  const place = `Put it beside ${data.page}: its blank page is ${visible(blank.blank)} from there.`;
  say(`${visible(data.name)} is saved. ${place}`);
}

function openForm() {
  openFile(".json,application/json", (text, name) => {
    const content = readForm(text);
    if (!content) {
      say(`${visible(name)} is no form: it holds no list of fields.`);
      return;
    }
    saved = writeFile(content);
    store.change(content, listFields(content).length ? 0 : -1);
    say(`${visible(name)} is open.`);
  });
}

/**
 * @param {string} text
 * @returns {JsonObject | null}
 */
function readForm(text) {
  try {
    const content = parseJson(text);
    return isObject(content) && isListOfFields(content.fields) ? content : null;
  } catch {
    return null;
  }
}

async function beginAnew() {
  const what = "All that was changed in this page is lost; files that were saved stay.";
  if (!(await ask("Begin anew?", what, "Begin anew"))) return;
  forget(data.id);
  saved = writeFile(first.content);
  store.begin(first);
  say("");
  find(document, "h1").scrollIntoView();
}
