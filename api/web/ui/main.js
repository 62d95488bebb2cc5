// The pre-built UI, from the page's start to the way back: the choice of a device, the wait, and the end. Each end
// names the next step.

import { Push } from "../sdk/countersign.js";
import { ServerClock } from "../shared/clock.js";
import { clockText, countdown, waitText } from "../shared/countdown.js";
import { button, h, isolate, timeText } from "../shared/dom.js";
import { enrollmentLink } from "../shared/enroll.js";
import { icon } from "../shared/icons.js";
import { canReturn, failed, finish, framed, popup, ready, returnTo, tellOnly } from "./host.js";
import { enrollmentCode, newDevice } from "./link.js";
import { forget, recall, remember } from "./memory.js";
import { about, announce, fillIn, showTenant, view } from "./page.js";
import { deviceName, Settings } from "./settings.js";
import { TEXT } from "./text.js";

/** @import { Authenticator, Progress, Verification } from "../sdk/countersign.js" */
/** @import { Refusal } from "../sdk/http.js" */

const token = new URLSearchParams(location.search).get("token") ?? "";
const clock = new ServerClock();
const push = new Push({ baseUrl: new URL("../v1", import.meta.url).href, fetch: clock.fetch });
push.setToken(token);

/** Ends after which asking again cannot help. */
const FINAL = ["expired_token", "invalid_token", "ended", "overridden", "unauthorized"];

/** @type {Authenticator[]} */
let devices = [];

async function start() {
  showTenant();
  if (framed) document.body.classList.add("framed");
  returnTo(about.page?.redirectUrl);
  // Without a tenant there is no token that could be earned, and nothing to keep from anybody.
  tellOnly(about.token === "invalid" ? ["*"] : (about.origins ?? []));
  ready();
  if (about.token === "invalid") return end("invalid_token");
  if (about.token === "expired") return end("expired_token");
  const known = recall(token);
  if (known?.done) return finished();
  if (known) return wait(known.challengeId, known);
  return begin();
}

/** Finds the user's devices, and asks. */
async function begin() {
  view({ heading: TEXT.loading });
  const result = await push.authenticators();
  if (!result.data) return refused(result, begin);
  devices = result.data;
  if (devices.length === 0) return enroll();
  return devices.length > 1 ? choose() : ask();
}

/** @param {boolean} [supersede] true if a challenge that this page has begun gives way to the next */
function choose(supersede = false) {
  const rows = devices.map((device) => {
    const time = timeText(device.lastVerifiedAt);
    const used = time ? fillIn(TEXT.choose.used, { time }) : TEXT.choose.never;
    const name = h("span", { class: "grow" }, h("strong", {}, isolate(deviceName(device))), h("span", { class: "muted small" }, used));
    const onClick = () => void ask({ target: device.userAuthenticatorId, supersede });
    const pick = h("button", { type: "button", class: "device quiet", onClick }, icon("phone"), name);
    return h("li", {}, pick);
  });
  view(
    { heading: TEXT.choose.heading },
    h("ul", { class: "devices" }, ...rows),
    h("div", { class: "actions" }, button(TEXT.choose.any, () => void ask({ supersede }), "quiet")),
  );
}

/**
 * Asks the phones. An open challenge of this very request is gone on with: it is from another tab, or from
 * before this page was loaded again.
 * @param {{ target?: string, supersede?: boolean }} [options]
 */
async function ask({ target, supersede = false } = {}) {
  view({ heading: TEXT.loading });
  waiting?.abort();
  open = {};
  const params = target === undefined ? {} : { userAuthenticatorId: target };
  const result = await push.challenge({ ...params, supersede });
  if (result.data) {
    const { challengeId, number } = result.data;
    const endsAt = endOf(result.data);
    remember({ token, challengeId, endsAt, ...(number && { number }) });
    return wait(challengeId, { number, endsAt });
  }
  const other = result.challengeId;
  if (other !== undefined) {
    const verified = await push.verify({ challengeId: other });
    if (verified.data) return wait(other, { elsewhere: true, endsAt: endOf(verified.data) });
    return ask({ ...(target !== undefined && { target }), supersede: true });
  }
  return refused(result, () => ask({ ...(target !== undefined && { target }), supersede }));
}

/** @type {AbortController | undefined} */
let waiting;
/**
 * The challenge that is taken back if the person closes the page. Without an id it is whatever the server has begun,
 * because the answer to its start is not there yet, or was lost.
 * @type {{ challengeId?: string } | undefined}
 */
let open;

/** The end of a challenge on this device's clock. @param {{ expiresAt?: number }} challenge */
const endOf = ({ expiresAt }) => (expiresAt === undefined ? undefined : clock.here(expiresAt));

/**
 * Knowledge of a challenge: its number, its end on this device's clock, and `elsewhere` if another tab has begun it.
 * @typedef {{ number?: string, endsAt?: number, elsewhere?: boolean }} Known
 */

/** @param {string} challengeId @param {Known} known */
async function wait(challengeId, known) {
  waiting?.abort();
  const stop = (waiting = new AbortController());
  open = { challengeId };
  const line = h("p", { class: "connection small", role: "status" });
  showWaiting(challengeId, line, known);
  const onProgress = (/** @type {Progress} */ { type }) => {
    const lost = type === "offline" || type === "reconnecting";
    line.replaceChildren(...(lost ? [icon("offline"), TEXT.waiting[type]] : []));
  };
  const result = await push.wait({ challengeId, signal: stop.signal, onProgress });
  if (result.errorCode === "aborted") return;
  open = undefined;
  if (result.data) return answered(result.data, challengeId);
  // The challenge that the tab remembered is not there any more: it begins anew.
  forget();
  return refused(result, begin);
}

/** @param {string} challengeId @param {HTMLElement} line @param {Known} known */
function showWaiting(challengeId, line, { number, endsAt, elsewhere = false }) {
  const { heading, text, numberHeading, numberText } = TEXT.waiting;
  const shown = number && h("p", { class: "number", "aria-label": fillIn(TEXT.waiting.number, { number: [...number].join(" ") }) , role: "img" }, number);
  const left = endsAt !== undefined && h("p", { class: "muted small", role: "timer" });
  if (left) countdown(left, endsAt, (seconds) => fillIn(TEXT.waiting.left, { time: clockText(seconds) }));
  const cancel = async () => {
    waiting?.abort();
    const result = await push.cancel({ challengeId });
    // The phone was quicker: this is how it ended.
    if (result.data && result.data.outcome !== "cancelled") return wait(challengeId, { number, endsAt, elsewhere });
    if (result.data) {
      open = undefined;
      forget();
    } else if (!popup) {
      return refused(result, () => void cancel());
    }
    return popup ? goBack() : end("cancelled");
  };
  /** Until another device is chosen, the request stays open, and a page that is loaded again goes on with it. */
  const other = () => {
    waiting?.abort();
    choose(true);
  };
  view(
    {
      badge: ["phone", "pulse"],
      heading: number ? numberHeading : heading,
      text: elsewhere ? TEXT.waiting.elsewhere : fillIn(number ? numberText : text),
    },
    shown,
    left,
    line,
    h(
      "div",
      { class: "actions" },
      elsewhere && button(TEXT.waiting.again, () => void ask({ supersede: true })),
      devices.length > 1 && button(TEXT.waiting.other, other, "quiet"),
      button(TEXT.waiting.cancel, () => void cancel(), "quiet"),
    ),
  );
}

/** @param {Verification} verification @param {string} challengeId */
function answered({ outcome, token: earned }, challengeId) {
  if (outcome !== "approved") {
    forget();
    return end(outcome ?? "unexpected_error");
  }
  if (earned === undefined) return end("overridden");
  remember({ token, challengeId, done: true });
  if (about.page?.settings) return settings(earned);
  view({
    badge: ["check", "good"],
    heading: TEXT.approved.heading,
    text: canReturn() ? TEXT.approved.going : TEXT.approved.close,
  });
  goBack(earned);
}

/**
 * Goes back with a token in every case, so that the caller's backend can ask how it stands: with the one that the phone
 * has earned, or else with that of track. A token that this server does not know is not handed on.
 * @param {string} [earned]
 */
function goBack(earned = token) {
  finish(about.token === "invalid" ? undefined : earned);
}

/** The page was loaded again, or come back to, after it had ended well. */
function finished() {
  const known = recall(token);
  const goOn = async () => {
    const result = await push.wait({ challengeId: known?.challengeId ?? "" });
    if (!result.data) return refused(result, goOn);
    return answered(result.data, known?.challengeId ?? "");
  };
  if (about.page?.settings) return void goOn();
  view(
    { badge: ["check", "good"], heading: TEXT.approved.heading, text: TEXT.approved.done },
    canReturn() && h("div", { class: "actions" }, button(TEXT.approved.continue, () => void goOn())),
  );
}

/** @param {string} earned */
function settings(earned) {
  const allowed = new Push({ baseUrl: new URL("../v1", import.meta.url).href });
  allowed.setToken(earned);
  const done = () => {
    if (canReturn()) return goBack(earned);
    view({ badge: ["check", "good"], heading: TEXT.approved.heading, text: TEXT.approved.close });
  };
  void new Settings(allowed, earned, done, refused).show();
}

async function enroll() {
  const link = await enrollmentLink(token);
  if (link.data === undefined) return refused(link, begin);
  const stop = new AbortController();
  view(
    { heading: TEXT.enroll.heading, text: fillIn(TEXT.enroll.text) },
    h("ol", { class: "steps" }, ...TEXT.enroll.steps.map((step) => h("li", {}, step))),
    ...enrollmentCode(link.data),
    h("p", { class: "muted small" }, TEXT.enroll.waiting),
  );
  const { devices: found, refusal } = await newDevice(push, 0, stop.signal);
  if (refusal) return refused(refusal, begin);
  devices = found ?? [];
  announce(TEXT.enroll.added);
  return ask();
}

/**
 * A call was refused, or there was no answer.
 * @param {Refusal} refusal
 * @param {() => void} retry
 */
function refused(refusal, retry) {
  failed(refusal);
  const known = refusal.errorCode in TEXT.ends;
  // The only thing that this page can ask wrongly is about an action that has ended meanwhile.
  const code = known ? refusal.errorCode : refusal.statusCode === 400 ? "ended" : "unexpected_error";
  end(code, retry, refusal.retryAfterSeconds);
}

/**
 * Shows the end: its reason, and the next step.
 * @param {string} why an outcome or a code
 * @param {() => void} [retry]
 * @param {number} [waitSeconds] before it may be tried again
 */
function end(why, retry = () => void begin(), waitSeconds) {
  const ends = /** @type {Record<string, string[]>} */ (TEXT.ends);
  const [heading = "", text = ""] = ends[why] ?? ends.unexpected_error ?? [];
  const outcome = ["denied", "reported", "failed", "expired", "cancelled", "superseded", "revoked"].includes(why);
  const again = button(outcome ? TEXT.newRequest : TEXT.retry, retry);
  const held = Boolean(waitSeconds) && why === "too_many_requests";
  const back = () => goBack();
  view(
    { badge: BADGES[why] ?? ["warning", "warn"], heading, text: held ? undefined : fillIn(text, { wait: waitText(60, TEXT) }) },
    held && hold(again, text, waitSeconds ?? 0),
    h(
      "div",
      { class: "actions" },
      !FINAL.includes(why) && again,
      canReturn() && button(popup ? TEXT.close : TEXT.back, back, FINAL.includes(why) ? "primary" : "quiet"),
    ),
  );
}

/** @type {Record<string, [string, string]>} */
const BADGES = {
  denied: ["cross", "bad"],
  reported: ["shield", "bad"],
  failed: ["cross", "bad"],
  expired: ["clock", "warn"],
  expired_token: ["clock", "warn"],
  network_error: ["offline", "warn"],
};

/**
 * Counts down until a button may be pressed. Gives the line that says so.
 * @param {HTMLButtonElement} again
 * @param {string} text names `{wait}`
 * @param {number} seconds
 */
function hold(again, text, seconds) {
  const line = h("p", { class: "muted" });
  const left = (/** @type {number} */ n) => (n > 0 ? fillIn(text, { wait: waitText(n, TEXT) }) : TEXT.mayAsk);
  again.disabled = true;
  countdown(line, Date.now() + seconds * 1000, left, () => (again.disabled = false));
  return line;
}

// A frame or window that goes away was closed, or is loaded again: the server finds out which. A page that the browser
// keeps may be come back to.
window.addEventListener("pagehide", ({ persisted }) => {
  if (persisted || !popup || open === undefined) return;
  waiting?.abort();
  void push.leave(open);
});

// The page may be over if the person comes back to it with the browser's own button.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) void start();
});

void start();
