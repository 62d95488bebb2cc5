// A challenge on the screen: its tenant, action, place and amount, and the person's answer. All of it comes
// from the text that is signed, so that a person signs the very text that they see.

import { mark, paint } from "../shared/brand.js";
import { clockText, countdown } from "../shared/countdown.js";
import { plainDigits } from "../shared/digits.js";
import { button, h, isolate, say, timeText, words } from "../shared/dom.js";
import { clock } from "./device.js";
import { announce, view } from "./page.js";
import { amountOf, rowsOf } from "./rows.js";
import { TEXT } from "./text.js";

/** @import { Account } from "./store.js" */
/** @import { Pending } from "./device.js" */
/** @import { Decision } from "./statement.js" */
/**
 * `amounts` has the text of each amount, in the place that the amount has in `custom`.
 * @typedef {{ action?: string, amounts?: Record<string, unknown>, browser?: string, ipAddress?: string,
 *   userAgent?: string, location?: string, issuedAt?: string | number, custom?: Record<string, unknown> }} Display
 */

/** @param {Pending} asked @returns {Display} */
export function displayOf(asked) {
  try {
    return JSON.parse(asked.display);
  } catch {
    return {};
  }
}

/** @param {Display} display @param {string} code @returns {[string, string][]} */
function facts(display, code) {
  /** @type {[string, string | undefined][]} */
  const all = [
    [TEXT.asked.action, words(display.action ?? code)],
    ...rowsOf(display),
    [TEXT.asked.place, [display.location, display.ipAddress].filter(Boolean).join(", ") || undefined],
    [TEXT.asked.browser, display.browser ?? display.userAgent],
    [TEXT.asked.time, timeText(issuedAt(display)) || undefined],
  ];
  return all.filter((fact) => fact[1]).map(([name, value]) => [name, value ?? ""]);
}

/** @param {Display} display @returns {string | number | undefined} */
function issuedAt({ issuedAt: time }) {
  return typeof time === "number" ? time * 1000 : time;
}

/**
 * Shows a challenge. `decide` answers it and gives a text if it has to be answered again.
 * @param {Pending} asked
 * @param {Account | undefined} account
 * @param {(decision: Decision, number?: string) => Promise<string | undefined>} decide
 */
export function showAsked(asked, account, decide) {
  const display = displayOf(asked);
  const digits = asked.numberMatch?.digits ?? 0;
  const problem = h("p", { class: "problem", role: "alert", id: "problem" });
  // Without a length or a pattern: digits of any script may be typed, and pasted with blanks.
  const input = h("input", { class: "digits", inputmode: "numeric", autocomplete: "off", "aria-describedby": "hint problem", onInput: typed });
  const brand = account?.brand ?? { name: "" };
  const approve = button(TEXT.asked.approve, () => answer("approve"));
  const deny = button(TEXT.asked.deny, () => answer("deny"), "quiet");
  const report = button(TEXT.asked.report, () => answer("report"), "danger");
  let working = false;

  const number = () => plainDigits(input.value);
  const missing = () => digits > 0 && !(number().length === digits && /^\d+$/.test(number()));

  function enable() {
    deny.disabled = report.disabled = working;
    approve.disabled = working || missing();
  }

  function typed() {
    const unfit = number().length > digits || /\D/.test(number());
    problem.textContent = unfit ? say(TEXT.asked.missing, { digits }) : "";
    enable();
  }

  /** @param {Decision} decision */
  async function answer(decision) {
    if (working) return;
    if (decision === "approve" && missing()) {
      problem.textContent = say(TEXT.asked.missing, { digits });
      return input.focus();
    }
    working = true;
    enable();
    announce(TEXT.asked.working);
    const again = await decide(decision, digits > 0 && decision === "approve" ? number() : undefined);
    if (again === undefined) return;
    working = false;
    problem.textContent = again;
    input.value = "";
    enable();
    if (digits > 0) input.focus();
  }

  const left = h("span", { class: "left small muted", role: "timer" });
  countdown(left, clock.here(asked.expiresAt), (seconds) => say(TEXT.asked.left, { time: clockText(seconds) }));
  const hint = h("span", { class: "muted small", id: "hint" }, say(TEXT.asked.numberHint, { digits }));
  const label = h("label", { class: "number" }, h("span", {}, TEXT.asked.number), input, hint);
  const form = h("form", { onSubmit: (event) => (event.preventDefault(), void answer("approve")) }, label);
  const amount = amountOf(display);
  const who = h("div", {}, h("strong", {}, brand.name), h("div", { class: "muted small" }, isolate(asked.userId)));
  enable();
  const card = view(
    { heading: TEXT.asked.heading, aside: left },
    h("div", { class: "who" }, mark(brand), who),
    amount && h("p", { class: "amount" }, amount),
    h("dl", {}, ...facts(display, asked.actionCode ?? "").map(([name, value]) => h("div", {}, h("dt", {}, isolate(name)), h("dd", {}, isolate(value))))),
    h("div", { class: "answers" }, h("div", { class: "now" }, digits > 0 && form, problem, h("div", { class: "pair" }, deny, approve)), report),
  );
  paint(brand, card);
  // Browsers let a page do so once it was touched.
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(80);
}
