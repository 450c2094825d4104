/** Fields one by one, the least certain first: what is written in them is typed. */

import { find, make, makeName, visible } from "../shared/dom.js";
import { makeCrop } from "./crop.js";
import { describePlace, findDoubt, findMistake, tick } from "./data.js";
import { makeScan } from "./scan.js";

const NOTHING_WRITTEN = "nothing written";
const ADDS_UP = "adds up";
const KEYS_OF_DIGITS =
  "Enter confirms what is shown; digits replace it; arrow up and down choose.";
const KEYS_OF_OPTIONS =
  "Enter confirms what is shown; 1 to 9 tick an option; - is for none; arrows choose.";

/** A key that begins a value with signs. */
const SIGN = /^[-.,+]$/;

/** Shows one field at a time. */
export class FieldsView {
  /**
   * @param {import("./decisions.js").Decisions} decisions
   * @param {() => void} finished - Called when no field is left.
   */
  constructor(decisions, finished) {
    this.decisions = decisions;
    this.finished = finished;
    /** @type {number | undefined} */
    this.item = undefined;
    this.isScanOpen = false;
    /** What the person has chosen or typed; undefined for nothing yet. */
    this.typed = /** @type {string | undefined} */ (undefined);
    this.progress = make("p", { class: "faint" });
    this.subject = make("div", { class: "subject" });
    this.warning = make("p", { class: "warning", role: "status" });
    this.input = make("input", {
      id: "value",
      inputmode: "numeric",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: 100,
      "aria-describedby": "keys-of-fields",
    });
    this.input.addEventListener("input", () => this.type(this.input.value));
    this.candidates = make("ul", { class: "candidates", "aria-label": "What it may say" });
    this.sums = make("div", { class: "sums" });
    this.keys = make("p", { class: "faint", id: "keys-of-fields" });
    this.scan = make("div", { class: "beside" });
    this.scanButton = make(
      "button",
      { "aria-expanded": "false", onclick: () => this.toggleScan() },
      "Page ",
      make("kbd", {}, "P"),
    );
    const work = make(
      "div",
      { class: "work" },
      this.subject,
      make("label", { for: "value" }, "What is written"),
      make(
        "div",
        { class: "entry" },
        this.input,
        make("button", { class: "main", onclick: () => this.confirm() }, "Confirm ", make("kbd", {}, "Enter")),
      ),
      this.warning,
      this.candidates,
      this.sums,
      make(
        "div",
        { class: "buttons" },
        make("button", { onclick: () => this.clear() }, "Nothing written ", make("kbd", {}, "-")),
        make("button", { onclick: () => this.giveUp() }, "Unreadable ", make("kbd", {}, "U")),
        this.scanButton,
        make("button", { onclick: () => this.back() }, "Back ", make("kbd", {}, "B")),
      ),
      this.keys,
    );
    this.body = make("div", { class: "columns" }, work, this.scan);
    this.end = make("p", { class: "end" }, "No field is left. Save your corrections.");
    this.element = make(
      "section",
      { class: "view", id: "fields" },
      make("div", { class: "head" }, make("h2", {}, "Fields"), this.progress),
      this.body,
      this.end,
    );
  }

  /** Show the first field that is left, or the one that is at work. */
  show() {
    const left = this.decisions.left();
    if (this.item === undefined || !left.includes(this.item)) this.item = left[0];
    const isDone = this.item === undefined;
    this.body.hidden = isDone;
    this.end.hidden = !isDone;
    this.update();
    if (this.item !== undefined) this.showItem(this.item);
  }

  /** Show what changed beside the field. */
  update() {
    const left = this.decisions.left().length;
    this.progress.textContent = `${left} of ${this.decisions.data.items.length} left`;
  }

  /** @param {number} at */
  showItem(at) {
    const { items, pages } = this.decisions.data;
    const item = items[at];
    const page = pages[item.page];
    this.typed = undefined;
    this.input.inputMode = this.decisions.hasSigns(at) ? "text" : "numeric";
    const why = [
      item.reason,
      item.decidedBy && `decided by the rule “${item.decidedBy}”`,
    ].filter(Boolean);
    this.subject.replaceChildren(
      make("p", {}, make("strong", {}, makeName(item.name)), " in ", makeName(describePlace(page))),
      makeCrop(item, why.length ? null : item.doubtful),
      make("p", { class: "reason" }, visible(why.join("; "))),
    );
    this.showCandidates();
    this.showSums(item);
    this.showValue();
    const isHidden = !this.isScanOpen && item.picture !== "";
    this.scan.replaceChildren(...(isHidden ? [] : [makeScan(item, page)]));
    this.scanButton.setAttribute("aria-expanded", String(!isHidden));
    this.input.focus({ preventScroll: true });
  }

  /** @returns {string} What the field most likely says. */
  proposal() {
    const at = this.item ?? 0;
    const { value, proposed } = this.decisions.data.items[at];
    const digits = this.decisions.isCorrected(at) ? this.decisions.assemble(at) : undefined;
    return proposed ?? digits ?? value;
  }

  /**
   * @returns {string | undefined} What Enter confirms: what is typed or chosen, or else
   *   proposed. That nothing is written has to be said, and all that cannot be seen.
   */
  said() {
    const { items, pages } = this.decisions.data;
    const item = items[this.item ?? 0];
    const isSeen = Boolean(item.picture || pages[item.page].picture);
    return this.typed ?? (isSeen ? this.proposal() || undefined : undefined);
  }

  /** @returns {import("./data.js").FormField | undefined} What the form says of the field. */
  field() {
    const { items, fields } = this.decisions.data;
    return fields[items[this.item ?? 0].name];
  }

  /** @returns {string[]} What may be ticked; none where digits are written. */
  options() {
    return this.field()?.options ?? [];
  }

  /** Show what Enter would confirm. */
  showValue() {
    const value = this.said();
    this.input.value = this.typed ?? "";
    this.input.placeholder = value === "" ? NOTHING_WRITTEN : (value ?? "");
    const field = this.field();
    this.warning.textContent =
      value === undefined
        ? "Type what is written, or - if nothing is."
        : findMistake(field, value) || findDoubt(field, value);
    this.keys.textContent = field?.options.length ? KEYS_OF_OPTIONS : KEYS_OF_DIGITS;
    for (const [n, choice] of [...this.candidates.children].entries()) {
      const text = this.choices()[n];
      find(choice, "button").setAttribute("aria-pressed", String(text === value));
    }
    this.showTotals();
  }

  /** @returns {string[]} What the field may say. */
  choices() {
    const { candidates } = this.decisions.data.items[this.item ?? 0];
    const options = this.options();
    // In their order on the form, by which the keys 1 to 9 tick them.
    if (options.length) return [...new Set([...options, ...candidates, ""])];
    return [...new Set([this.proposal(), ...candidates])].filter((text) => this.isPossible(text));
  }

  /** @param {string} value - Whether the field may say this. */
  isPossible(value) {
    return this.decisions.isPossible(this.item ?? 0, value);
  }

  /** Show what the field may say. */
  showCandidates() {
    this.candidates.replaceChildren(
      ...this.choices().map((text) =>
        make("li", {}, make("button", { onclick: () => this.choose(text) }, text || NOTHING_WRITTEN)),
      ),
    );
  }

  /** @param {import("./data.js").Item} item */
  showSums(item) {
    this.sums.replaceChildren(
      ...this.sumsOf(item).map((sum) => {
        const line = make("p", { class: "sum" });
        for (const [n, name] of [sum.total, ...sum.parts].entries()) {
          const value = make("output", { "data-name": name });
          const sign = n === 0 ? "" : n === 1 ? " = " : " + ";
          line.append(sign, make("span", {}, makeName(name), " ", value));
        }
        line.append(make("strong", { class: "verdict" }));
        return line;
      }),
    );
  }

  /** @param {import("./data.js").Item} item */
  sumsOf({ page, name }) {
    return this.decisions.data.sums.filter(
      (sum) => sum.page === page && [sum.total, ...sum.parts].includes(name),
    );
  }

  /** Show whether the sums are right with what is typed. */
  showTotals() {
    const { items } = this.decisions.data;
    const item = items[this.item ?? 0];
    for (const [n, sum] of this.sumsOf(item).entries()) {
      const line = this.sums.children[n];
      const values = new Map(Object.entries(sum.values));
      for (const [at, other] of items.entries()) {
        if (other.page !== item.page || !values.has(other.name)) continue;
        const decided = this.decisions.decision(at);
        if (decided) values.set(other.name, decided.verdict === "unreadable" ? "?" : decided.value);
      }
      values.set(item.name, this.typed ?? this.proposal());
      for (const output of line.querySelectorAll("output")) {
        output.textContent = values.get(output.dataset.name ?? "") || "–";
      }
      const verdict = addUp(sum, values);
      find(line, ".verdict").textContent = verdict;
      line.classList.toggle("wrong", verdict !== ADDS_UP);
    }
  }

  /** @param {string} text - What stands in the input. */
  type(text) {
    this.typed = text === "" ? undefined : text;
    this.showValue();
  }

  /** @param {string} text */
  choose(text) {
    this.typed = text;
    this.showValue();
    this.input.select(); // digits that are typed replace it
  }

  /** @param {number} at - Tick this option, or take its tick back. */
  tick(at) {
    const field = this.field();
    const option = field?.options[at];
    if (field && option !== undefined) {
      this.choose(tick(field, this.typed ?? this.proposal(), option));
    }
  }

  /** Nothing is written in the field. */
  clear() {
    this.choose("");
  }

  /** Take what is shown as what is written, and go on. */
  confirm() {
    const value = this.said();
    if (this.item === undefined || value === undefined || !this.isPossible(value)) return;
    this.decide(value, true);
  }

  /** Nobody could read the field: leave it as it is. */
  giveUp() {
    if (this.item !== undefined) this.decide("", false);
  }

  /** @param {string} value @param {boolean} readable */
  decide(value, readable) {
    const at = /** @type {number} */ (this.item);
    this.decisions.decide(at, value, readable);
    const left = this.decisions.left();
    this.item = left.find((other) => other > at) ?? left[0];
    this.show();
    if (this.item === undefined) this.finished();
  }

  /** Undo what was decided last, and show that field. */
  back() {
    const at = this.decisions.undo("field");
    if (at === undefined) return;
    this.item = at;
    this.show();
  }

  /** Undo what was chosen, or else what was decided last. */
  takeBack() {
    if (this.typed === undefined) this.back();
    else this.type("");
  }

  /** Show the whole page, or hide it. */
  toggleScan() {
    this.isScanOpen = !this.isScanOpen;
    if (this.item !== undefined) this.showItem(this.item);
  }

  /** @param {number} by - Choose another of the candidates. */
  chooseNext(by) {
    const choices = this.choices();
    if (!choices.length) return;
    const value = this.said();
    const at = value === undefined ? -1 : choices.indexOf(value);
    const from = at < 0 && by < 0 ? 0 : at;
    this.choose(choices[(from + by + choices.length) % choices.length]);
  }

  /**
   * @param {string} key
   * @returns {boolean} Whether the key means something here.
   */
  onKey(key) {
    if (this.item === undefined && key !== "b") return false;
    const isTyping = this.input.value !== "";
    if (this.item !== undefined && this.decisions.hasSigns(this.item) && SIGN.test(key)) {
      this.input.focus(); // a minus clears other fields
      return false;
    }
    if (key === "Enter") this.confirm();
    else if (key === "ArrowDown") this.chooseNext(1);
    else if (key === "ArrowUp") this.chooseNext(-1);
    else if (key === "-") this.clear();
    else if (key === "u") this.giveUp();
    else if (key === "p") this.toggleScan();
    else if (key === "b") this.back();
    else if (key === "Backspace" && !isTyping) this.takeBack();
    else if (/^[1-9]$/.test(key) && this.options().length) this.tick(Number(key) - 1);
    else if (/^[0-9]$/.test(key)) {
      this.input.focus(); // the digit goes there
      return false;
    } else return false;
    return true;
  }
}

/**
 * Say whether a sum is right.
 *
 * @param {import("./data.js").Sum} sum
 * @param {Map<string, string>} values - What its fields say.
 * @returns {string} Empty if one of them is no number.
 */
function addUp(sum, values) {
  if (![...values.values()].every((value) => /^[0-9]*$/.test(value))) return "";
  const number = (/** @type {string} */ name) => BigInt(values.get(name) ?? "");
  const parts = sum.parts.reduce((total, name) => total + number(name), 0n);
  return parts === number(sum.total) ? ADDS_UP : `the parts make ${parts}`;
}
