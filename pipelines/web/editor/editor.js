/** The editor: what is done to a form by mouse, keys and panels, and shown in all of them. */

import { make, visible } from "../shared/dom.js";
import { openFile, saveFile } from "../shared/files.js";
import { listFields } from "./content.js";
import { ask } from "./dialogs.js";
import {
  addSum,
  changeField,
  changeSum,
  choosePart,
  duplicateField,
  freeName,
  insertField,
  removeField,
  removeSum,
  renameField,
  withChanges,
} from "./edits.js";
import { checkForm } from "./formchecks.js";
import { asBox, clamp, findPrinted, moveBox, resizeBox } from "./geometry.js";
import { Inspector } from "./inspector.js";
import { isObject, parseJson, wholeNumber, writeFile } from "./json.js";
import { FieldList, makeFindings } from "./list.js";
import { cutRegion, readPrint } from "./print.js";
import { Store, forget, isListOfFields, keep, recall } from "./store.js";
import { SumsPanel } from "./sums.js";
import { View, kindOf } from "./view.js";

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

/** An editor of one form, whose parts are put onto the page by somebody else. */
export class Editor {
  /**
   * @param {Data} data
   * @param {JsonObject} given - The form in them.
   */
  constructor(data, given) {
    this.data = data;
    this.blank = { ...data, blank: typeof given.blank === "string" ? given.blank : "" };
    this.picture = make("img", { src: data.picture });
    this.first = { content: given, chosen: listFields(given).length ? 0 : -1 };
    const kept = recall(data.id);
    this.saved = kept ? kept.saved : writeFile(given);
    this.isChanged = kept !== null && writeFile(kept.content) !== writeFile(given);
    /** @type {import("./formchecks.js").Finding[]} */
    this.findings = [];
    this.said = make("p", { class: "status", role: "status" });
    this.state = make("span", { class: "faint state" });
    this.zoomShown = make("span", { class: "zoom" });
    /** Is told when the form has changed. */
    this.shown = () => {};
    this.view = new View(data, (zoom) => {
      this.zoomShown.textContent = `${Math.round(100 * zoom)} %`;
    });
    this.list = new FieldList((n) => this.choose(n));
    this.checks = makeFindings((finding) => this.goTo(finding));
    this.inspector = new Inspector({
      change: (changes) => this.changeChosen(changes),
      fit: () => this.fit(),
      place: () => this.place(),
    });
    this.sums = makeSumsOf(this);
    this.store = new Store(kept ?? this.first, (moment) => this.show(moment));
  }

  begin() {
    this.show(this.store.now);
    this.view.fit();
    if (this.isChanged) {
      this.say("Your changes are as you left them; Begin anew takes them back.");
    }
  }

  get content() {
    return this.store.now.content;
  }

  get chosen() {
    return this.store.now.chosen;
  }

  get fields() {
    return listFields(this.content);
  }

  /** @returns {JsonObject | undefined} */
  get chosenField() {
    return this.fields[this.chosen];
  }

  get mistakes() {
    return this.findings.filter((each) => each.isMistake);
  }

  /**
   * @param {JsonObject} content
   * @param {number} [chosen]
   * @param {string} [step]
   */
  change(content, chosen, step) {
    this.store.change(content, chosen, step);
  }

  /**
   * Show the form as it is now, everywhere.
   *
   * @param {import("./store.js").Moment} moment
   */
  show({ content, chosen }) {
    const fields = listFields(content);
    this.findings = checkForm(content, this.blank);
    const wrong = new Set(this.mistakes.map((each) => each.field));
    this.view.show(fields, chosen, wrong);
    this.list.show(fields, chosen, wrong);
    this.checks.show(this.findings, fields);
    const own = this.mistakes.filter((each) => each.field === chosen);
    this.inspector.show(fields[chosen], own);
    const names = fields.map(({ name }) => (typeof name === "string" ? name : ""));
    this.sums.show(content, names.filter(Boolean));
    this.keep();
    this.shown();
  }

  keep() {
    const isKept = keep(this.data.id, this.store.now, this.saved);
    const isSaved = writeFile(this.content) === this.saved;
    const room = isKept ? "" : "; this browser keeps nothing when the tab closes";
    this.state.textContent = isSaved ? "no changes" : `not saved yet${room}`;
  }

  /** @param {string} text */
  say(text) {
    this.said.textContent = text;
  }

  /** @param {Box} box */
  sayPlace([top, left, height, width]) {
    this.say(`${left} from the left, ${top} from the top, ${width} wide, ${height} high`);
  }

  /** @param {number} n */
  choose(n) {
    this.say("");
    this.store.choose(n);
    this.view.reveal(asBox(this.fields[n]?.box));
  }

  /** @param {import("./formchecks.js").Finding} finding */
  goTo({ field, key }) {
    if (field >= 0) {
      this.choose(field);
      this.inspector.focus(key);
    } else if (key === "sums") {
      this.sums.focus();
    }
  }

  /** @param {import("./edits.js").Changes} changes */
  changeChosen(changes) {
    const field = this.chosenField;
    if (!field) return;
    const isNewComb = changes.kind === "comb" && field.kind !== "comb";
    const { name } = changes;
    const content =
      typeof name === "string" && typeof field.name === "string"
        ? renameField(this.content, this.chosen, name)
        : changeField(this.content, this.chosen, {
            ...changes,
            ...(isNewComb && this.countBoxes(field)),
          });
    // Shown all the same: what was typed may be written otherwise.
    if (writeFile(content) === writeFile(this.content)) this.store.choose(this.chosen);
    else this.change(content);
  }

  /** @param {JsonObject} field */
  countBoxes(field) {
    const box = asBox(field.box);
    const found = box && this.findPrint(box);
    return found && found.kind === "comb" ? { digits: found.digits } : {};
  }

  /**
   * Find the comb that is printed where somebody drew a box.
   *
   * @param {Box} box
   * @returns {import("./geometry.js").Printed | null}
   */
  findPrint(box) {
    const { printed } = this.data;
    const read = () => readPrint(cutRegion(this.picture, this.data, box), box);
    return findPrinted(box, printed) ?? read();
  }

  /**
   * @param {number} n
   * @param {Box} box
   * @param {string} [step]
   */
  placeField(n, box, step = "") {
    this.change(changeField(this.content, n, { box }), n, step);
    this.sayPlace(box);
  }

  /**
   * @param {string} step
   * @param {(box: Box) => Box} reshape
   */
  reshape(step, reshape) {
    const box = asBox(this.chosenField?.box);
    if (!box) return;
    const next = reshape(box);
    this.placeField(this.chosen, next, `${step} ${this.chosen}`);
    this.view.reveal(next);
  }

  /**
   * @param {number} down
   * @param {number} right
   */
  move(down, right) {
    this.reshape("move", (box) => moveBox(box, down, right, this.data));
  }

  /**
   * @param {number} down
   * @param {number} right
   */
  grow(down, right) {
    this.reshape("grow", (box) => resizeBox(box, "se", down, right, this.data));
  }

  /**
   * Add a field where somebody drew one, on the print if there is any.
   *
   * @param {Box} drawn
   */
  addAt(drawn) {
    const found = this.findPrint(drawn);
    const n = this.fields.length;
    const name = freeName(this.content, `field_${String(n).padStart(2, "0")}`);
    const box = found?.box ?? drawn;
    const kind = found?.kind ?? "comb";
    const digits = found?.kind === "comb" ? found.digits : undefined;
    const field = withChanges({ name, kind }, { digits, box });
    this.change(insertField(this.content, field, n), n);
    this.view.reveal(box);
    if (!found) {
      this.say("How many boxes has it? Or choose another kind.");
      this.inspector.focus("digits");
    } else if (found.kind === "box") {
      this.say("A box is printed there.");
    } else {
      this.say(`${found.digits} boxes are printed there.`);
    }
  }

  add() {
    const like = asBox(this.chosenField?.box);
    const height = like?.[2] ?? Math.round(this.data.height / 35);
    const width = like?.[3] ?? Math.round(this.data.width / 4);
    this.addAt(this.middleBox(height, width));
  }

  /** Give a field that is looked for, or that has no box at all, one. */
  place() {
    const digits = clamp(Number(wholeNumber(this.chosenField?.digits) ?? 4), 1, 30);
    const height = Math.round(this.data.height / 35);
    const width = Math.min(digits * height, this.data.width);
    this.placeField(this.chosen, this.middleBox(height, width));
  }

  /**
   * @param {number} height
   * @param {number} width
   * @returns {Box} In the middle of what is seen.
   */
  middleBox(height, width) {
    const { x, y } = this.view.middle();
    return moveBox([0, 0, height, width], y - height / 2, x - width / 2, this.data);
  }

  duplicate() {
    if (!this.chosenField) return;
    this.change(duplicateField(this.content, this.chosen, this.data), this.chosen + 1);
    this.view.reveal(asBox(this.chosenField.box));
  }

  remove() {
    const field = this.chosenField;
    if (!field) return;
    this.change(removeField(this.content, this.chosen));
    this.say(`${visible(String(field.name ?? ""))} is deleted.`);
  }

  fit() {
    const field = this.chosenField;
    const box = asBox(field?.box);
    if (!field || !box) return;
    const found = this.findPrint(box);
    if (!found) {
      this.say("No comb is clear enough here: draw it around one, with a little room.");
      return;
    }
    const isComb = kindOf(field) === "comb" && found.kind === "comb";
    const digits = isComb ? { digits: found.digits } : {};
    this.change(changeField(this.content, this.chosen, { box: found.box, ...digits }));
    this.sayPlace(found.box);
  }

  save() {
    const { name, page } = this.data;
    if (this.mistakes.length) {
      this.say("Not saved: a form with mistakes cannot be read. They are listed beside it.");
      this.checks.focus();
      return;
    }
    this.saved = writeFile(this.content);
    saveFile(name, this.saved, "application/json");
    this.keep();
    const place = `its blank page is ${visible(this.blank.blank)} from there`;
    this.say(`${visible(name)} is saved. Put it beside ${page}: ${place}.`);
  }

  open() {
    openFile(".json,application/json", (text, name) => {
      const content = readForm(text, this.blank.blank);
      if (!content) {
        this.say(`${visible(name)} is no form: it holds no list of fields.`);
        return;
      }
      this.saved = writeFile(content);
      this.change(content, listFields(content).length ? 0 : -1);
      this.say(`${visible(name)} is open.`);
    });
  }

  async beginAnew() {
    const what = "All that was changed in this page is lost; files that were saved stay.";
    if (!(await ask("Begin anew?", what, "Begin anew"))) return;
    forget(this.data.id);
    this.saved = writeFile(this.first.content);
    this.store.begin(this.first);
    this.say("");
  }
}

/** @param {Editor} editor */
function makeSumsOf(editor) {
  const change = (/** @type {JsonObject} */ content) => editor.change(content);
  return new SumsPanel({
    add: () => change(addSum(editor.content, String(editor.chosenField?.name ?? ""))),
    remove: (n) => change(removeSum(editor.content, n)),
    setTotal: (n, total) => change(changeSum(editor.content, n, { total })),
    setPart: (n, name, isPart) => change(choosePart(editor.content, n, name, isPart)),
  });
}

/**
 * Read the file of a form that lies on the page shown.
 *
 * @param {string} text
 * @param {string} blank - What is its page, where it names none.
 * @returns {JsonObject | null}
 */
function readForm(text, blank) {
  try {
    const content = parseJson(text);
    if (!isObject(content) || !isListOfFields(content.fields)) return null;
    return typeof content.blank === "string" ? content : { ...content, blank };
  } catch {
    return null;
  }
}
