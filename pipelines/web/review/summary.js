/** How far the review is, and what was found. */

import { make, makeName, makeShape, visible } from "../shared/dom.js";
import { errorInterval, percent } from "./intervals.js";

/** Shows counts, the live rate of errors, reasons and pages that failed. */
export class SummaryView {
  /**
   * @param {import("./decisions.js").Decisions} decisions
   * @param {{save: () => void, saveState: () => void, loadState: () => void}} actions
   */
  constructor(decisions, actions) {
    this.decisions = decisions;
    this.live = make("div", {});
    const name = make("input", { id: "who", autocomplete: "name", maxlength: 100 });
    name.value = decisions.state.who;
    name.addEventListener("input", () => decisions.setName(name.value.trim()));
    this.name = name;
    const { summary } = decisions.data;
    this.element = make(
      "section",
      { class: "view", id: "summary" },
      make("h2", {}, "Summary"),
      make("p", {}, make("label", { for: "who" }, "Your name: "), name,
        make("span", { class: "faint" }, " stands beside each correction")),
      make("div", { class: "buttons" },
        make("button", { class: "main", onclick: actions.save }, "Save corrections ", make("kbd", {}, "Ctrl+S")),
        make("button", { onclick: actions.saveState }, "Save state"),
        make("button", { onclick: actions.loadState }, "Load state")),
      this.live,
      make("h3", {}, "The batch"),
      makeCounts("pages", summary.pages),
      makeCounts("fields", summary.fields),
      ...makeReasons(summary.reasons),
      ...makeFailed(summary),
      ...makeCurve(summary.curve),
    );
  }

  /** Show the counts as they are now. */
  show() {
    this.update();
    this.name.value = this.decisions.state.who;
  }

  /** Show what changed. */
  update() {
    const { items, settles } = this.decisions.data;
    const decided = [...items.keys()].map((item) => this.decisions.decision(item));
    const count = (/** @type {string} */ verdict) =>
      decided.filter((one) => one?.verdict === verdict).length;
    const left = decided.filter((one) => !one).length;
    this.live.replaceChildren(
      make("p", { class: "counts" },
        `${items.length} fields to review: ${count("confirmed")} confirmed,`,
        ` ${count("corrected")} corrected, ${count("unreadable")} unreadable, ${left} left.`),
      make("p", {}, settles ? "" : this.describeErrors()),
    );
  }

  /** @returns {string} */
  describeErrors() {
    const { items, summary } = this.decisions.data;
    const chosen = items.filter((item) => item.sampled).length;
    if (!chosen) return "No accepted fields were chosen by chance.";
    const { seen, wrong } = this.decisions.sampled();
    const begin = `Of ${summary.nAccepted} accepted fields ${chosen} were chosen by chance`;
    if (!seen) return `${begin}; none of them was reviewed yet.`;
    const [low, high] = errorInterval(wrong, seen);
    const rate = `${percent(wrong / seen)}, 95 % interval ${percent(low)} to ${percent(high)}`;
    return `${begin}; of ${seen} reviewed ${wrong} ${wrong === 1 ? "is" : "are"} wrong (${rate}).`;
  }
}

/** @param {string} noun @param {Record<string, number>} counts */
function makeCounts(noun, counts) {
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const each = Object.entries(counts).map(([status, n]) => `${n} ${status}`);
  return make("p", {}, `${total} ${noun}: ${each.join(", ")}`);
}

/** @param {[string, number][]} reasons */
function makeReasons(reasons) {
  if (!reasons.length) return [];
  const rows = reasons.map(([reason, n]) =>
    make("tr", {}, make("td", {}, String(n)), make("td", {}, visible(reason))));
  return [make("h3", {}, "Why fields are reviewed"), make("table", {}, make("tbody", {}, ...rows))];
}

/** @param {import("./data.js").Counts} summary */
function makeFailed({ failed, nFailed }) {
  if (!nFailed) return [];
  const rows = failed.map(({ document, page, error }) =>
    make("tr", {}, make("td", {}, makeName(document)), make("td", {}, String(page)),
      make("td", {}, visible(error))));
  const more = nFailed - failed.length;
  return [
    make("h3", {}, "Pages that could not be read"),
    make("table", {}, make("tbody", {}, ...rows)),
    ...(more ? [make("p", {}, `and ${more} more`)] : []),
  ];
}

/** @param {[number, number][]} curve */
function makeCurve(curve) {
  if (!curve.length) return [];
  const most = Math.max(0.01, ...curve.map(([, wrong]) => wrong));
  const points = curve.map(([x, y]) => `${40 + 340 * x},${160 - (140 * y) / most}`).join(" ");
  const label = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ text) =>
    makeShape("text", { x, y }, text);
  const shape = makeShape(
    "svg",
    { viewBox: "0 0 400 200", class: "curve", role: "img", "aria-label": describeCurve(curve) },
    makeShape("path", { d: "M40 20V160H380" }),
    makeShape("polyline", { points }),
    label(2, 24, percent(most)),
    label(2, 162, "0 %"),
    label(40, 178, "0 %"),
    label(348, 178, "100 %"),
    label(150, 196, "of the fields are accepted"),
  );
  return [make("h3", {}, "How many accepted values are wrong"), shape];
}

/** @param {[number, number][]} curve */
function describeCurve(curve) {
  const [accepted, wrong] = curve.reduce((a, b) => (b[0] > a[0] ? b : a));
  return `With ${percent(accepted)} of the fields accepted, ${percent(wrong)} are wrong`;
}
