/** The file of corrections, which `lenet apply` takes. */

/** Its columns. */
const COLUMNS = [
  "batch", "document", "page", "field", "read", "value", "verdict", "sampled",
  "settles", "who", "when",
];

/**
 * Write all that was decided as CSV.
 *
 * @param {import("./decisions.js").Decisions} decisions
 * @returns {string}
 */
export function writeCorrections(decisions) {
  const { data, state } = decisions;
  const rows = [COLUMNS];
  data.items.forEach((item, at) => {
    const decision = decisions.decision(at);
    if (!decision) return;
    const page = data.pages[item.page];
    rows.push([
      data.batch, page.document, String(page.page), item.name, item.value,
      decision.value, decision.verdict, item.sampled ? "yes" : "",
      data.settles ? "yes" : "", asText(state.who), decision.when,
    ]);
  });
  return rows.map((row) => `${row.map(quote).join(",")}\n`).join("");
}

/**
 * Keep a spreadsheet from taking a name for a formula.
 *
 * @param {string} name
 * @returns {string}
 */
function asText(name) {
  return /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(name) ? `'${name}` : name;
}

/** @param {string} cell */
function quote(cell) {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
