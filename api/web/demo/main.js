// The demo's website: a phone first, then a sign-in, then a payment. It knows nothing but its own backend and the
// browser SDK.

import { Countersign } from "../sdk/countersign.js";
import { mark } from "../shared/brand.js";
import { ServerClock } from "../shared/clock.js";
import { clockText, countdown } from "../shared/countdown.js";
import { plainDigits } from "../shared/digits.js";
import { button, byId, fill, h, say } from "../shared/dom.js";
import { enrollmentLink } from "../shared/enroll.js";
import { icon } from "../shared/icons.js";
import { lookUntil } from "../shared/looks.js";
import { qrCode } from "../shared/qr.js";
import { amountText, readCents } from "./amount.js";
import { backend } from "./backend.js";
import { showBrowser, showCode } from "./calls.js";
import { hosted } from "./hosted.js";
import { TEXT } from "./text.js";
import { rename, user as ownUser } from "./user.js";

/** @import { Child } from "../shared/dom.js" */
/** @import { Payment } from "./snippets.js" */

const clock = new ServerClock();
const countersign = new Countersign({ onCall: showBrowser, fetch: clock.fetch });
const BILL = { payee: "Green Energy Ltd", account: "DE02 1203 0000 0000 2020 51", amount: 4990 };
/** Milliseconds between two looks for the phone. */
const LOOK_MS = 1200;

let user = ownUser();
/** Stops the wait of the view before. */
let stop = new AbortController();

/**
 * @param {number} step
 * @param {{ badge?: [string, string], heading: string, text: string }} head
 * @param {...Child} rest
 */
function view(step, { badge, heading, text }, ...rest) {
  stop.abort();
  stop = new AbortController();
  const steps = TEXT.steps.map((name, at) => h("li", { class: at < step ? "done" : "", "aria-current": at === step ? "step" : undefined }, name));
  const title = h("h1", { tabindex: "-1" }, heading);
  const name = h("input", { id: "user", value: user, maxlength: "40", autocomplete: "off", onChange: (event) => changeUser(event.target.value) });
  const shop = h("div", { class: "shop" }, mark({ name: TEXT.name }), h("strong", { class: "grow" }, TEXT.name));
  fill(
    byId("site"),
    shop,
    h("ol", { class: "steps" }, ...steps),
    h("div", { class: badge ? "stack center" : "stack" }, badge && h("div", { class: `badge ${badge[1]}` }, icon(badge[0])), title, h("p", { class: "muted" }, text)),
    h("div", { class: "stack" }, ...rest),
    h("div", { class: "foot" }, h("label", { for: "user" }, TEXT.user, name), button(TEXT.over, () => void startOver(), "quiet")),
  );
  title.focus({ preventScroll: true });
}

/** @param {string} name */
function changeUser(name) {
  user = rename(name);
  void begin();
}

async function startOver() {
  stop.abort();
  await backend("reset", { user });
  return begin();
}

/** Asks the backend for a token, and shows the fault if there is none. @param {"enroll" | "signIn" | "pay"} action @param {object} [more] */
async function track(action, more = {}) {
  const { status, response } = await backend(action, { user, ...more });
  if (status === 200) {
    countersign.setToken(response.token);
    return response;
  }
  refuse(response, () => void begin());
  return undefined;
}

/** @returns {Promise<void>} */
async function begin() {
  const tracked = await track("enroll");
  if (!tracked) return;
  return tracked.isEnrolled ? signInView() : phoneView(tracked.token);
}

/** @param {string} token @returns {Promise<void>} */
async function phoneView(token) {
  const made = await enrollmentLink(token);
  if (made.data === undefined) return refuse(made, () => void begin());
  const link = made.data;
  const open = button(TEXT.phone.open, () => void window.open(link, "countersign-phone", "width=420,height=820"));
  view(0, { heading: TEXT.phone.heading, text: TEXT.phone.text }, qrCode(link, TEXT.phone.code), open,
    location.protocol !== "https:" && h("p", { class: "muted small" }, TEXT.phone.local),
    h("p", { class: "muted small center" }, TEXT.phone.waiting));
  showCode("phone");
  // A client of its own, which does not fill the list of calls.
  const quiet = new Countersign();
  quiet.setToken(token);
  const looked = await lookUntil(
    (signal) => quiet.push.authenticators({ signal }),
    ({ data, errorCode }) => {
      if (errorCode === "expired_token" || errorCode === "invalid_token") return "expired";
      return data && data.length > 0 ? "found" : undefined;
    },
    { everyMs: LOOK_MS, stop: stop.signal },
  );
  if (looked === "expired") return begin();
  if (looked === "found") return signInView();
}

function signInView() {
  const go = button(TEXT.signIn.go, () => void signIn());
  const page = button(TEXT.signIn.hosted, () => void signInHosted(), "quiet");
  view(1, { heading: TEXT.signIn.heading, text: say(TEXT.signIn.text, { user }) }, h("div", { class: "actions" }, go, page));
  showCode("signIn");
}

async function signIn() {
  const tracked = await track("signIn");
  if (!tracked) return;
  if (!tracked.isEnrolled) return begin();
  const confirmed = await confirm(1, () => signInView());
  if (confirmed) payView();
}

async function signInHosted() {
  // Opened at the press itself: browsers allow no window later.
  const page = hosted();
  const tracked = await track("signIn");
  if (!tracked) return page.close();
  view(1, { badge: ["device", ""], heading: TEXT.waiting.heading, text: TEXT.waiting.hosted });
  showCode("hosted");
  const token = await page.show(tracked.url);
  if (token === undefined) return ended(1, "closed", signInView);
  return (await validate(token)) ? payView() : ended(1, "not_valid", signInView);
}

/**
 * The heart of it: asks the phone, shows the number, waits, and has the backend validate.
 * @param {number} step
 * @param {() => void} back
 * @returns {Promise<number | undefined>} milliseconds from the answer to its confirmation
 */
async function confirm(step, back) {
  const line = h("p", { class: "muted", role: "status" });
  const cancel = button(TEXT.waiting.cancel, () => stop.abort(), "quiet");
  showCode("waiting");
  view(step, { badge: ["phone", "pulse"], heading: TEXT.waiting.heading, text: TEXT.waiting.text }, line, cancel);
  const result = await countersign.push.authenticate({
    signal: stop.signal,
    onProgress: (progress) => {
      if (progress.type === "started" && progress.number) {
        const label = say(TEXT.waiting.numberLabel, { number: [...progress.number].join(" ") });
        const shown = h("p", { class: "number", role: "img", "aria-label": label, id: "number" }, progress.number);
        line.before(h("p", { class: "center" }, TEXT.waiting.number), shown);
      }
      if (progress.type === "started" && progress.expiresAt) {
        const left = h("p", { class: "muted small center", role: "timer" });
        countdown(left, clock.here(progress.expiresAt), (seconds) => say(TEXT.waiting.left, { time: clockText(seconds) }));
        line.before(left);
      }
      if (progress.type === "reconnecting" || progress.type === "offline") line.textContent = TEXT.waiting[progress.type];
      if (progress.type === "waiting") line.textContent = "";
    },
  });
  const told = performance.now();
  if (!result.data) {
    if (result.errorCode === "aborted") return void back();
    return void refuse(result, back, step);
  }
  const { outcome, token } = result.data;
  if (outcome !== "approved" || token === undefined) return void ended(step, outcome ?? "other", back);
  if (!(await validate(token))) return void ended(step, "not_valid", back);
  return performance.now() - told;
}

/** @param {string} token */
async function validate(token) {
  const { status, response } = await backend("validate", { token });
  return status === 200 && response.isValid === true;
}

function payView() {
  const problem = h("p", { role: "alert", class: "small" });
  const show = () => showCode("pay", { ...BILL, ...typed() });
  const payee = h("input", { value: BILL.payee, maxlength: "60", autocomplete: "off", onInput: show });
  const amount = h("input", { value: "49.90", inputmode: "decimal", autocomplete: "off", onInput: show });
  /** Reads the form. The amount is left out while it cannot be read. */
  const typed = () => {
    const cents = readCents(plainDigits(amount.value));
    return { payee: payee.value.trim() || BILL.payee, ...(cents !== undefined && { amount: cents }) };
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (readCents(plainDigits(amount.value)) === undefined) return void (problem.textContent = TEXT.pay.badAmount);
    void pay({ ...BILL, ...typed() });
  };
  const bill = h("div", { class: "item" }, icon("bank"), h("span", { class: "grow" }, TEXT.pay.item));
  view(2, { badge: ["check", "good"], heading: TEXT.pay.heading, text: say(TEXT.pay.text, { user }) },
    h("form", { class: "stack", onSubmit: submit }, bill,
      h("div", { class: "row" }, h("label", {}, TEXT.pay.payee, payee), h("label", {}, TEXT.pay.amount, amount)),
      problem, h("button", { class: "primary" }, TEXT.pay.go)));
  show();
}

/** @param {Payment} payment */
async function pay({ payee, account, amount }) {
  const tracked = await track("pay", { custom: { amount, currency: "EUR", payee, account, item: TEXT.pay.item } });
  if (!tracked) return;
  const took = await confirm(2, payView);
  if (took === undefined) return;
  const text = say(TEXT.paid.text, { amount: amountText(amount), payee, ms: Math.round(took) });
  view(3, { badge: ["check", "good"], heading: TEXT.paid.heading, text },
    h("div", { class: "actions" }, button(TEXT.paid.again, payView), button(TEXT.paid.out, signInView, "quiet")));
  showCode("paid", { payee, account, amount });
}

/**
 * @param {{ errorCode?: string, errorDescription?: string, retryAfterSeconds?: number }} refusal
 * @param {() => void} back
 * @param {number} [step]
 */
function refuse({ errorCode = "other", errorDescription = "", retryAfterSeconds = 60 }, back, step = 1) {
  const known = errorCode in TEXT.ends;
  ended(step, known ? errorCode : "other", back, { text: errorDescription, wait: retryAfterSeconds });
}

/** @param {number} step @param {string} why @param {() => void} back @param {Record<string, string | number>} [values] */
function ended(step, why, back, values = {}) {
  const ends = /** @type {Record<string, string[]>} */ (TEXT.ends);
  const [heading = "", text = ""] = ends[why] ?? TEXT.ends.other;
  const bad = ["denied", "reported", "failed"].includes(why);
  const retry = button(TEXT.retry, back);
  const held = why === "too_many_requests";
  const wait = held && h("p", { class: "muted" });
  view(step, { badge: [bad ? "cross" : "warning", bad ? "bad" : "warn"], heading, text: held ? "" : say(text, values) }, wait, retry);
  if (!wait) return;
  retry.disabled = true;
  const left = (/** @type {number} */ seconds) => say(seconds > 0 ? text : TEXT.mayAsk, { wait: seconds });
  countdown(wait, Date.now() + Number(values.wait) * 1000, left, () => (retry.disabled = false));
}

byId("clear").addEventListener("click", () => byId("calls").replaceChildren());
void begin();
