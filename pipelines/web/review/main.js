/** The page of a review: three views, one of which is shown, and their keys. */

import { make, readData, visible } from "../shared/dom.js";
import { openFile, saveFile } from "../shared/files.js";
import { CarpetView } from "./carpet.js";
import { writeCorrections } from "./corrections.js";
import { Decisions } from "./decisions.js";
import { FieldsView } from "./fields.js";
import { makeHelp } from "./help.js";
import { Store, packState, unpackState } from "./store.js";
import { SummaryView } from "./summary.js";

/** @type {import("./data.js").Data} */
const data = readData();
const store = new Store(data.id);
const decisions = new Decisions(data, store.load(), () => {
  store.save(decisions.state);
  showProgress();
});

const summary = new SummaryView(decisions, { save, saveState, loadState });
const fields = new FieldsView(decisions, () => open("summary"));
const carpet = new CarpetView(decisions, () => open("fields"));
const help = makeHelp();

/** @type {Record<string, {view: CarpetView | FieldsView | SummaryView, label: string, key: string}>} */
const views = {
  carpet: { view: carpet, label: "Digits", key: "d" },
  fields: { view: fields, label: "Fields", key: "f" },
  summary: { view: summary, label: "Summary", key: "s" },
};
let current = "";

const REPLACED = "What was decided here is replaced by what the file holds. Go on?";

/** Keys that go on while they are held down: they decide nothing. */
const REPEATED = /^Arrow/;

const tabs = Object.entries(views).map(([name, { label, key }]) =>
  make(
    "button",
    { id: `tab-${name}`, "aria-controls": name, onclick: () => open(name) },
    `${label} `,
    make("kbd", {}, key.toUpperCase()),
  ),
);
const progress = make("p", { class: "progress", role: "status" });
const notice = make("p", { class: "notice", role: "alert" });
document.body.append(
  make(
    "header",
    {},
    make("h1", {}, `Review of ${visible(data.title)}`),
    make("nav", { "aria-label": "Views" }, ...tabs),
    progress,
    make("button", { onclick: save }, "Save corrections"),
    make("button", { onclick: () => help.showModal() }, "Keys ", make("kbd", {}, "?")),
  ),
  notice,
  make("main", {}, carpet.element, fields.element, summary.element),
  help,
);
document.addEventListener("keydown", onKey);
window.addEventListener("storage", takeOver);
window.addEventListener("beforeunload", (event) => {
  if (!store.works && decisions.state.done.length) event.preventDefault();
});
showProgress();
open(data.sheets.length && decisions.nextSheet() !== undefined ? "carpet" : "fields");

/** @param {string} name - Show this view. */
function open(name) {
  current = name;
  for (const [other, { view }] of Object.entries(views)) {
    view.element.hidden = other !== name;
  }
  for (const tab of tabs) {
    if (tab.id === `tab-${name}`) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  views[name].view.show();
}

/** Show how far the review is. */
function showProgress() {
  const all = data.items.length;
  const left = decisions.left().length;
  progress.textContent = `${all - left} of ${all} fields done`;
  notice.textContent = store.works
    ? ""
    : "This browser keeps nothing of your work: save the state before you close the page.";
  if (current) views[current].view.update();
}

/** Save what was decided, for `lenet apply`. */
function save() {
  const who = decisions.state.who.replace(/[^\p{L}\p{N}]+/gu, "-");
  const name = [data.title, who, "corrections", "csv"].filter(Boolean).join(".");
  saveFile(name, writeCorrections(decisions), "text/csv");
}

/** Save all that the page knows, to go on elsewhere. */
function saveState() {
  saveFile(`${data.title}.review.json`, packState(data.id, decisions.state), "application/json");
}

/** Go on with a state that was saved. */
function loadState() {
  openFile(".json", (content) => {
    try {
      const state = unpackState(data.id, content);
      if (decisions.state.done.length && !confirm(REPLACED)) return;
      decisions.replace(state);
      open(current);
    } catch (error) {
      notice.textContent = error instanceof Error ? error.message : String(error);
    }
  });
}

/** @param {StorageEvent} event - Another tab with the same page has changed something. */
function takeOver(event) {
  if (event.key !== store.key) return;
  decisions.state = store.load();
  showProgress();
  views[current].view.show();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (help.open) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save();
    return;
  }
  const { target } = event;
  const isWriting = target instanceof HTMLInputElement && target !== fields.input;
  if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
  // A key that is held down decides nothing that nobody has seen yet.
  if (event.repeat && !REPEATED.test(event.key)) {
    if (/^([^0-9 ]|Enter)$/u.test(event.key)) event.preventDefault();
    return;
  }
  // A button that has the focus is pressed by these keys.
  if (target instanceof HTMLButtonElement && ["Enter", " "].includes(event.key)) return;
  if (actOn(event)) event.preventDefault();
}

/**
 * @param {KeyboardEvent} event
 * @returns {boolean} Whether the key means something.
 */
function actOn(event) {
  const view = views[current].view;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!(view instanceof SummaryView) && view.onKey(key)) return true;
  const name = Object.keys(views).find((other) => views[other].key === key);
  if (name) open(name);
  else if (key === "?") help.showModal();
  else return false;
  return true;
}
