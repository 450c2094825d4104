/** The carpet: digits that were read alike, side by side, so that a wrong one is seen. */

import { make, makeName } from "../shared/dom.js";
import { pictureAddress } from "../shared/files.js";
import { describePlace } from "./data.js";
import { UNSURE } from "./decisions.js";
import { makeCrop } from "./crop.js";

/** Keys that move to another digit, by how many columns and rows. */
const MOVES = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});

/** Keys that say a box holds no digit. */
const NOTHING = ["-", "Delete", "Backspace"];

/** Shows one sheet at a time. */
export class CarpetView {
  /**
   * @param {import("./decisions.js").Decisions} decisions
   * @param {() => void} finished - Called when the last sheet was confirmed.
   */
  constructor(decisions, finished) {
    this.decisions = decisions;
    this.finished = finished;
    this.sheet = decisions.nextSheet() ?? 0;
    this.current = 0;
    /** @type {HTMLElement[]} */
    this.cells = [];
    this.title = make("h2", { id: "carpet-title" });
    this.progress = make("p", { class: "faint" });
    this.grid = make("div", { class: "carpet", role: "grid", "aria-labelledby": "carpet-title" });
    this.detail = make("div", { class: "detail", "aria-live": "polite" });
    this.confirmButton = make("button", { class: "main", onclick: () => this.confirm() });
    this.element = make(
      "section",
      { class: "view", id: "carpet" },
      make("div", { class: "head" }, this.title, this.progress),
      this.grid,
      this.detail,
      make(
        "div",
        { class: "buttons" },
        this.confirmButton,
        make("button", { onclick: () => this.step(-1) }, "Sheet before"),
        make("button", { onclick: () => this.step(1) }, "Sheet after"),
        make("button", { onclick: () => this.back() }, "Back ", make("kbd", {}, "B")),
      ),
    );
  }

  /** Show the sheet that is at work. */
  show() {
    const { sheets } = this.decisions.data;
    const sheet = sheets[this.sheet];
    if (!sheet) {
      this.title.textContent = "No digits to look at";
      this.grid.replaceChildren();
      this.confirmButton.hidden = true;
      return;
    }
    const { text, columns, cells } = sheet;
    const read = text === "" ? "Boxes that hold no digit" : `Read as ${text}`;
    this.title.textContent = `${read}: is there another among them?`;
    this.grid.style.setProperty("--sheet", `url("${pictureAddress(sheet.picture)}")`);
    this.grid.style.setProperty("--columns", String(columns));
    this.grid.style.setProperty("--rows", String(Math.ceil(cells.length / columns)));
    this.cells = cells.map((_, n) => this.makeCell(n));
    this.grid.replaceChildren(...inRows(this.cells, columns));
    this.current = 0;
    cells.forEach((_, n) => this.mark(n));
    this.update();
    this.select(0);
    const next = sheets[this.sheet + 1];
    if (next) preload(pictureAddress(next.picture));
  }

  /** Show what changed beside the digits. */
  update() {
    const { sheets } = this.decisions.data;
    const isDone = this.decisions.isConfirmed(this.sheet);
    const left = sheets.filter((_, n) => !this.decisions.isConfirmed(n)).length;
    const number = `Sheet ${this.sheet + 1} of ${sheets.length}`;
    this.progress.textContent = `${number}${isDone ? ", confirmed" : ""}; ${left} left`;
    this.confirmButton.replaceChildren("Confirm the sheet ", make("kbd", {}, "Enter"));
  }

  /** @param {number} n */
  makeCell(n) {
    const { columns } = this.decisions.data.sheets[this.sheet];
    const cell = make("div", { role: "gridcell", tabindex: -1, class: "cell" });
    cell.style.setProperty("--column", String(n % columns));
    cell.style.setProperty("--row", String(Math.floor(n / columns)));
    cell.addEventListener("click", () => this.select(n));
    return cell;
  }

  /** @param {number} n - Show what was decided of this digit. */
  mark(n) {
    const { cells, text } = this.decisions.data.sheets[this.sheet];
    const [item, glyph] = cells[n];
    const corrected = this.decisions.correction(item, glyph);
    const cell = this.cells[n];
    cell.dataset.mark = corrected === "" ? "–" : (corrected ?? "");
    cell.classList.toggle("corrected", corrected !== undefined && corrected !== UNSURE);
    cell.classList.toggle("unsure", corrected === UNSURE);
    const read = text === "" ? "no digit" : text;
    const now = corrected === UNSURE ? "left to the fields" : corrected || "no digit";
    const changed = corrected === undefined ? "" : `, now ${now}`;
    cell.setAttribute("aria-label", `${n + 1}: read as ${read}${changed}`);
  }

  /** @param {number} n - Move to this digit. */
  select(n) {
    this.cells[this.current]?.setAttribute("tabindex", "-1");
    this.current = n;
    const cell = this.cells[n];
    if (!cell) return;
    cell.setAttribute("tabindex", "0");
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest" });
    const { items, pages, sheets } = this.decisions.data;
    const [at, glyph] = sheets[this.sheet].cells[n];
    const item = items[at];
    this.detail.replaceChildren(
      makeCrop(item, glyph),
      make("p", {}, make("strong", {}, makeName(item.name)), " in ", makeName(describePlace(pages[item.page]))),
    );
  }

  /** @param {string} text - What the current digit is. */
  correct(text) {
    const [item, glyph] = this.decisions.data.sheets[this.sheet].cells[this.current];
    this.decisions.setCell(item, glyph, text);
    this.mark(this.current);
  }

  /** Leave the current digit to the view of fields, or take that back. */
  toggleUnsure() {
    const sheet = this.decisions.data.sheets[this.sheet];
    const [item, glyph] = sheet.cells[this.current];
    const isUnsure = this.decisions.correction(item, glyph) === UNSURE;
    this.correct(isUnsure ? sheet.text : UNSURE);
  }

  /** All digits of the sheet are as they are shown: go on to the next. */
  confirm() {
    if (!this.decisions.data.sheets[this.sheet]) return;
    this.decisions.confirmSheet(this.sheet);
    const next = this.decisions.nextSheet();
    if (next === undefined) {
      this.update();
      this.finished();
      return;
    }
    this.sheet = next;
    this.show();
  }

  /** Undo the confirmation of a sheet, and show it. */
  back() {
    const sheet = this.decisions.undo("sheet");
    if (sheet === undefined) return;
    this.sheet = sheet;
    this.show();
  }

  /** @param {number} by - Go to another sheet, confirming nothing. */
  step(by) {
    const last = this.decisions.data.sheets.length - 1;
    this.sheet = Math.min(Math.max(0, this.sheet + by), Math.max(0, last));
    this.show();
  }

  /**
   * @param {string} key
   * @returns {boolean} Whether the key means something here.
   */
  onKey(key) {
    const sheet = this.decisions.data.sheets[this.sheet];
    if (!sheet) return false;
    const move = MOVES[key];
    const last = sheet.cells.length - 1;
    if (move) {
      const n = this.current + move[0] + sheet.columns * move[1];
      if (n >= 0 && n <= last) this.select(n);
    } else if (/^[0-9]$/.test(key)) {
      this.correct(key);
      this.select(Math.min(this.current + 1, last));
    } else if (NOTHING.includes(key)) {
      this.correct("");
      this.select(Math.min(this.current + 1, last));
    } else if (key === " ") {
      this.toggleUnsure();
      this.select(Math.min(this.current + 1, last));
    } else if (key === "Enter") this.confirm();
    else if (key === "Home") this.select(0);
    else if (key === "End") this.select(last);
    else if (key === "PageDown") this.step(1);
    else if (key === "PageUp") this.step(-1);
    else if (key === "b") this.back();
    else return false;
    return true;
  }
}

/**
 * @param {HTMLElement[]} cells
 * @param {number} columns
 * @returns {HTMLElement[]}
 */
function inRows(cells, columns) {
  const rows = [];
  for (let first = 0; first < cells.length; first += columns) {
    rows.push(make("div", { role: "row", class: "row" }, ...cells.slice(first, first + columns)));
  }
  return rows;
}

/** @param {string} address - Have a picture decoded before it is needed. */
function preload(address) {
  const picture = new Image();
  picture.src = address;
  picture.decode().catch(() => {});
}
