// Building pages out of elements. Text is always text: nothing here reads markup.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element with its attributes, its listeners (`onClick`) and its children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string | boolean | ((event: any) => void) | undefined>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2).toLowerCase(), value);
    else if (typeof value === "string") element.setAttribute(key, value);
    else if (value) element.setAttribute(key, "");
  }
  element.append(...present(children));
  return element;
}

/**
 * Puts children in place of an element's content.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function present(children) {
  return /** @type {(Node | string)[]} */ (children.filter((c) => c !== null && c !== undefined && c !== false));
}

/**
 * The element of an id, which the page's own markup has.
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * A button.
 * @param {string} text
 * @param {(event: Event) => void} onClick
 * @param {string} [kind] `primary`, `quiet` or `danger`
 */
export function button(text, onClick, kind = "primary") {
  return h("button", { type: "button", class: kind, onClick }, text);
}

/**
 * A text with `{names}` filled in; a list stands with commas.
 * @param {string} text
 * @param {Record<string, string | number | string[]>} values as somebody wrote them, not isolated
 */
export function say(text, values) {
  const told = (/** @type {string | number | string[]} */ value) => [value].flat().map((one) => isolate(String(one))).join(", ");
  return text.replace(/\{(\w+)\}/g, (whole, name) => told(values[name] ?? whole));
}

/** Letters of right-to-left scripts, and the marks that people write beside them. */
const RIGHT_TO_LEFT = /[\u061c\u200e\u200f\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Marks that turn the letters behind them around, or end the direction of a text that stands by itself. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text that somebody else wrote, such as a name. One from right to left stands in a direction of its own, so that
 * it moves nothing beside it. Marks with which it could do so all the same are shown as what cannot be read.
 * @param {string} text
 */
export function isolate(text) {
  const tame = text.replace(TURNS, "\ufffd");
  return RIGHT_TO_LEFT.test(tame) ? `\u2068${tame}\u2069` : tame;
}

/**
 * `signIn` and `pay_bill` as people write them: a code is all that is known of an action.
 * @param {string} code
 */
export function words(code) {
  const text = code.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ").trim().toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * A time as people write it where they are.
 * @param {string | number | undefined} time
 */
export function timeText(time) {
  const date = new Date(time ?? NaN);
  if (Number.isNaN(date.getTime())) return "";
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(date);
}
