// The phone from its start: one tab of a browser is the phone; it waits for challenges, shows them one after the
// other, and says how each ended.

import { countdown, waitText } from "../shared/countdown.js";
import { button, h, isolate, say, words } from "../shared/dom.js";
import { confirm, trouble } from "./add.js";
import { displayOf, showAsked } from "./asked.js";
import { home } from "./home.js";
import { Inbox } from "./inbox.js";
import { notKept } from "./keeping.js";
import { showConnection, view } from "./page.js";
import { amountOf, payeeOf } from "./rows.js";
import { tokenOf } from "./scan.js";
import { accounts, forgetTenant, keepDecision, keys } from "./store.js";
import { canAgree, onChanged, Tab } from "./tabs.js";
import { TEXT } from "./text.js";

/** @import { Device, Pending } from "./device.js" */
/** @import { Decision } from "./statement.js" */

/** Content of the screen: a challenge, the end of one, a link, something else that the person does, or nothing. */
/** @type {"home" | "asked" | "ended" | "link" | "busy"} */
let screen = "busy";
/** @type {string | undefined} */
let shownId;
/** The token of a link that came while a challenge was on the screen. @type {string | undefined} */
let postponed;
/** Counts the screens that the person went to, so that a late answer does not cover a newer screen. */
let turn = 0;
/** Challenges that wait, by tenant. @type {Map<string, { pending: Pending[], device: Device }>} */
const waiting = new Map();
/** Challenges that were answered: the server may still list one for a moment. @type {Set<string>} */
const answered = new Set();

const inbox = new Inbox({
  onPending: (tenant, pending, device) => {
    waiting.set(tenant, { pending, device });
    void next();
  },
  onRemoved: (tenant) => void removed(tenant),
  onConnection: showConnection,
});

/** Shows the newest challenge, or that there is none. */
async function next() {
  const all = [...waiting.values()].flatMap(({ pending, device }) => pending.map((asked) => ({ asked, device })));
  const open = all.filter(({ asked }) => !answered.has(asked.challengeId));
  if (screen !== "home" && screen !== "asked") return;
  if (screen === "asked") {
    // A challenge on the screen stays there for as long as it can be answered.
    if (open.some(({ asked }) => asked.challengeId === shownId) || shownId === undefined) return;
    if (answered.has(shownId)) return;
    return ended("over");
  }
  const [first] = open;
  if (first) return show(first.asked, first.device);
}

/** @param {Pending} asked @param {Device} device */
async function show(asked, device) {
  screen = "asked";
  shownId = asked.challengeId;
  const account = await accountOf(asked);
  showAsked(asked, account, async (decision, number) => {
    answered.add(asked.challengeId);
    const result = await device.decide(asked, decision, number);
    if (result.data) return void (await decided(asked, device, decision, result.data.outcome));
    answered.delete(asked.challengeId);
    if (result.statusCode === undefined || result.statusCode >= 500) return TEXT.asked.lost;
    if (result.errorCode === "invalid_credential") return void (await removed(device.key.tenant));
    if (result.errorCode === "too_many_requests") return void held(result.retryAfterSeconds ?? 60);
    if (result.reason === "number_wrong") return TEXT.asked.wrong;
    if (result.reason === "number_wrong_last") {
      answered.add(asked.challengeId);
      return void (await decided(asked, device, decision, "failed"));
    }
    const still = await device.pending({ hold: false, signal: AbortSignal.timeout(10_000) });
    if (still.data?.some((one) => one.challengeId === asked.challengeId)) return TEXT.asked.refused;
    answered.add(asked.challengeId);
    return void ended("over");
  });
}

/** The account that is asked; none where it cannot be read any more. @param {Pending} asked */
async function accountOf(asked) {
  const all = await accounts().catch(() => []);
  return all.find((one) => one.id === asked.userAuthenticatorId);
}

/** @param {Pending} asked @param {Device} device @param {Decision} decision @param {string} outcome */
async function decided(asked, device, decision, outcome) {
  const display = displayOf(asked);
  const account = await accountOf(asked);
  const detail = [amountOf(display), isolate(payeeOf(display))].filter(Boolean).join(" → ");
  const { tenant } = device.key;
  const brand = account?.brand.name ?? tenant;
  const action = words(display.action ?? asked.actionCode ?? decision);
  await keepDecision({ at: Date.now(), tenant, brand, user: asked.userId, action, detail, outcome }).catch(() => {});
  ended(outcome);
}

/** @param {string} outcome */
function ended(outcome) {
  // The next challenge is to appear at once, and not at the next look.
  inbox.lookAgain();
  screen = "ended";
  shownId = undefined;
  const texts = /** @type {Record<string, string[]>} */ (TEXT.outcome);
  const [heading = "", text = ""] = texts[outcome] ?? TEXT.outcome.over;
  const badge = /** @type {[string, string]} */ (outcome === "approved" ? ["check", "good"] : BADGES[outcome] ?? ["clock", "warn"]);
  view({ badge, heading, text }, button(TEXT.ok, goHome));
}

/** No number of the account is taken for a while. The challenge stays open. @param {number} seconds */
function held(seconds) {
  screen = "ended";
  shownId = undefined;
  const { heading, text, over } = TEXT.held;
  const line = h("p", { class: "muted center" });
  const left = (/** @type {number} */ n) => (n > 0 ? say(text, { wait: waitText(n, TEXT) }) : over);
  countdown(line, Date.now() + seconds * 1000, left);
  view({ badge: ["clock", "warn"], heading }, line, button(TEXT.ok, goHome));
}

/** @type {Record<string, [string, string]>} */
const BADGES = { denied: ["cross", "bad"], reported: ["shield", "bad"], failed: ["cross", "bad"] };

/** The server does not know the key any more. @param {string} tenant */
async function removed(tenant) {
  const known = (await accounts().catch(() => [])).find((account) => account.tenant === tenant);
  waiting.delete(tenant);
  await forgetTenant(tenant).catch(() => {});
  // A key whose enrollment was never finished: there is nothing to tell.
  if (!known) return;
  screen = "busy";
  trouble(TEXT.errors.removed, goHome, { tenant: known.brand.name });
}

async function goHome() {
  if (tab.role !== "phone") return showElsewhere();
  if (postponed !== undefined) return follow(postponed);
  const mine = (turn += 1);
  screen = "busy";
  try {
    await home(goHome, () => mine === turn, (tenant) => inbox.leave(tenant));
    await watch();
  } catch (error) {
    return cannotKeep(error);
  }
  // A link was followed meanwhile.
  if (mine !== turn) return;
  screen = "home";
  return next();
}

/** Waits for challenges of the accounts. */
async function watch() {
  const [known, all] = await Promise.all([accounts(), keys()]);
  if (tab.role !== "phone") return;
  inbox.watch(all.filter((key) => known.some((account) => account.tenant === key.tenant)));
  if (known.length === 0) showConnection("");
}

/** The link of the address, whose token does not stay there. */
function followed() {
  const token = tokenOf(location.href);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/**
 * Shows the account of a link. This takes nothing from a tab that is the phone: it goes on meanwhile, and hears
 * of the account once it was added.
 * @param {string} token
 */
async function follow(token) {
  // A link can come from any page. It does not cover a challenge.
  postponed = screen === "asked" ? token : undefined;
  if (postponed !== undefined) return;
  turn += 1;
  screen = "link";
  const before = await ids();
  return confirm(token, async () => {
    if (tab.role === "phone") return goHome();
    // The person has added an account here, so that this tab is the one to look at.
    if ((await ids()) === before) return showElsewhere();
    screen = "busy";
    tab.take();
  });
}

/** The accounts that there are, in one text. */
async function ids() {
  const all = await accounts().catch(() => []);
  return all.map(({ id, addedAt }) => `${id} ${addedAt}`).sort().join();
}

/** @param {unknown} error */
function cannotKeep(error) {
  screen = "busy";
  const [heading = "", text = ""] = notKept(error);
  view({ badge: ["warning", "warn"], heading, text }, button(TEXT.retry, () => location.reload()));
}

function insecure() {
  const how = TEXT.insecure.how.map((text) => h("p", {}, text));
  view({ badge: ["shield", "warn"], heading: TEXT.insecure.heading, text: TEXT.insecure.text }, ...how);
}

function tooOld() {
  view({ badge: ["warning", "warn"], heading: TEXT.old.heading, text: TEXT.old.text });
}

function showElsewhere() {
  screen = "busy";
  const here = button(TEXT.elsewhere.here, () => tab.take());
  view({ badge: ["device", ""], heading: TEXT.elsewhere.heading, text: TEXT.elsewhere.text }, here);
}

const tab = new Tab({
  onPhone: () => {
    // A link that is on the screen stays there. Challenges appear after it.
    if (screen === "link") return void watch().catch(cannotKeep);
    const token = followed();
    void (token === undefined ? goHome() : follow(token));
  },
  onElsewhere: () => {
    turn += 1;
    inbox.watch([]);
    waiting.clear();
    showConnection("");
    if (screen === "link") return;
    screen = "busy";
    const token = followed();
    void (token === undefined ? showElsewhere() : follow(token));
  },
  onTrouble: cannotKeep,
});

async function start() {
  if (!window.isSecureContext || !crypto.subtle) return insecure();
  if (!canAgree()) return tooOld();
  try {
    await accounts();
  } catch (error) {
    // The link stays in the address, so that it can be opened in another window.
    return cannotKeep(error);
  }
  // Until it is known which tab is the phone, the link stays in the address to be read then.
  window.addEventListener("hashchange", () => {
    if (tab.role === "asking") return;
    const token = followed();
    if (token !== undefined) void follow(token);
  });
  onChanged(() => {
    if (tab.role !== "phone") return;
    void (screen === "home" ? goHome() : watch().catch(() => {}));
  });
  tab.begin();
}

/** Keeps the page's files, where the browser allows it. */
async function keepFiles() {
  const scope = new URL("../phone", import.meta.url).pathname;
  await navigator.serviceWorker?.register(new URL("./worker.js", import.meta.url), { scope });
}

keepFiles().catch(() => {});
void start();
