// Rows of a challenge's custom data: a name and a text for every value, however deep it lies. Nothing is computed:
// an amount has the text that the server wrote, which is signed.

import { words } from "../shared/dom.js";
import { TEXT } from "./text.js";

/** @import { Display } from "./asked.js" */

/** Places that people call otherwise. */
const NAMES = new Map([
  ["payee", TEXT.asked.payee],
  ["payee.name", TEXT.asked.payee],
  ["account", TEXT.asked.payeeAccount],
  ["payee.account", TEXT.asked.payeeAccount],
]);

/** A member that an object has itself. @param {any} of @param {string} name @returns {unknown} */
const own = (of, name) => (of !== null && typeof of === "object" && Object.hasOwn(of, name) ? of[name] : undefined);

/** @param {unknown} value */
const isPlain = (value) => value !== undefined && value !== null && typeof value !== "object";

/** The challenge's own amount, or nothing. One without a text is shown as it came. @param {Display} display */
export function amountOf({ custom, amounts }) {
  const text = own(amounts, "amount");
  if (typeof text === "string") return text;
  const amount = own(custom, "amount");
  return isPlain(amount) ? [amount, own(custom, "currency")].filter(isPlain).join(" ") : "";
}

/** The payee, or nothing. @param {Display} display */
export function payeeOf({ custom }) {
  const payee = own(custom, "payee");
  const name = isPlain(payee) ? payee : own(payee, "name");
  return isPlain(name) ? String(name) : "";
}

/** All but the challenge's own amount, the payee first. @param {Display} display @returns {[string, string][]} */
export function rowsOf(display) {
  const { custom = {}, amounts } = display;
  const amount = amountOf(display);
  const told = (/** @type {string} */ name) => amount !== "" && (name === "amount" || isTold(name, custom, amount));
  const names = Object.keys(custom).filter((name) => !told(name));
  const first = ["payee", "account"].filter((name) => names.includes(name));
  const ordered = [...first, ...names.filter((name) => !first.includes(name))];
  return ordered.flatMap((name) => rows(own(custom, name), own(amounts, name), [name]));
}

/**
 * @param {unknown} value
 * @param {unknown} text the server's text for it, or the texts of the amounts in it
 * @param {string[]} place
 * @returns {[string, string][]}
 */
function rows(value, text, place) {
  if (typeof text === "string") return [[named(place), text]];
  if (value === null || typeof value !== "object") return [[named(place), value === null || value === "" ? TEXT.asked.nothing : String(value)]];
  const kept = Object.keys(value).filter((name) => !isTold(name, value, own(text, "amount")));
  const names = kept.sort((a, b) => Number(b === "name") - Number(a === "name"));
  if (names.length === 0) return [[named(place), TEXT.asked.nothing]];
  // People count from one.
  const step = (/** @type {string} */ name) => (Array.isArray(value) ? String(Number(name) + 1) : name);
  return names.flatMap((name) => rows(own(value, name), own(text, name), [...place, step(name)]));
}

/** Tells a currency that the amount beside it names. @param {string} name @param {object} of @param {unknown} amount */
function isTold(name, of, amount) {
  const code = own(of, name);
  return name === "currency" && typeof amount === "string" && typeof code === "string" && amount.split(" ").includes(code);
}

/** @param {string[]} place */
const named = (place) => NAMES.get(place.join(".")) ?? place.map(words).join(" › ");
