/** What keys do, where nobody types. */

/**
 * @typedef {object} Actions
 * @property {(down: number, right: number) => void} move
 * @property {(down: number, right: number) => void} grow
 * @property {() => void} add
 * @property {() => void} duplicate
 * @property {() => void} rename
 * @property {() => void} fit
 * @property {() => void} remove
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} save
 * @property {() => void} zoomIn
 * @property {() => void} zoomOut
 * @property {() => void} zoomFit
 * @property {() => void} help
 * @property {() => void} toPage
 * @property {() => void} toList
 */

/** @type {Record<string, [number, number]>} */
const ARROWS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** @type {Record<string, keyof Omit<Actions, "move" | "grow">>} */
const KEYS = {
  n: "add",
  d: "duplicate",
  r: "rename",
  f: "fit",
  Delete: "remove",
  Backspace: "remove",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  0: "zoomFit",
  "?": "help",
};

/**
 * Listen to keys.
 *
 * @param {Actions} actions
 * @param {{ page: HTMLElement, list: HTMLElement, panels: HTMLElement[] }} places
 */
export function followKeys(actions, { page, list, panels }) {
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    if (document.querySelector("dialog[open]")) return;
    const done =
      pressCommand(actions, event, target) ||
      leaveInput(actions, event, target, panels) ||
      (isFree(target, page, list) && pressFree(actions, event, target, { page, list }));
    if (done) event.preventDefault();
  });
}

/**
 * @param {Actions} actions
 * @param {KeyboardEvent} event
 * @param {HTMLElement} target
 * @returns {boolean} Whether the key did something.
 */
function pressCommand(actions, event, target) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (key === "s") {
    // What is still being typed counts.
    target.blur();
    target.focus();
    actions.save();
    return true;
  }
  if (isTyping(target) || !["z", "y"].includes(key)) return false;
  if (key === "y" || event.shiftKey) actions.redo();
  else actions.undo();
  return true;
}

/**
 * Lead from an input to the page, once it is filled in.
 *
 * @param {Actions} actions
 * @param {KeyboardEvent} event
 * @param {HTMLElement} target
 * @param {HTMLElement[]} panels
 */
function leaveInput(actions, event, target, panels) {
  if (!panels.some((panel) => panel.contains(target))) return false;
  const isLine = target instanceof HTMLInputElement && isTyping(target);
  if (event.key !== "Escape" && !(isLine && event.key === "Enter")) return false;
  target.blur();
  actions.toPage();
  return true;
}

/**
 * @param {Actions} actions
 * @param {KeyboardEvent} event
 * @param {HTMLElement} target
 * @param {{ page: HTMLElement, list: HTMLElement }} places
 */
function pressFree(actions, event, target, { page, list }) {
  if (event.ctrlKey || event.metaKey) return false;
  const arrow = ARROWS[event.key];
  if (arrow) {
    const [down, right] = arrow.map((each) => each * (event.shiftKey ? 10 : 1));
    if (event.altKey) actions.grow(down, right);
    else actions.move(down, right);
    return true;
  }
  if (event.altKey) return false;
  if (event.key === "Escape" && page.contains(target)) actions.toList();
  else if (event.key === "Enter" && list.contains(target)) actions.toPage();
  else {
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return false;
    actions[action]();
  }
  return true;
}

/**
 * Return whether letters are free for commands: on the page, in the list, or nowhere.
 *
 * @param {HTMLElement} target
 * @param {HTMLElement} page
 * @param {HTMLElement} list
 */
function isFree(target, page, list) {
  return target === document.body || page.contains(target) || list.contains(target);
}

/** @param {HTMLElement} target */
function isTyping(target) {
  const isBox = target instanceof HTMLInputElement && target.type === "checkbox";
  return target.matches("input, textarea, select") && !isBox;
}
