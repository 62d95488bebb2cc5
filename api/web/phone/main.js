// The phone from its start: one tab of a browser is the phone; it waits for challenges, shows them one after the
// other, and says how each ended.

import { button, h, isolate, words } from "../shared/dom.js";
import { confirm, trouble } from "./add.js";
import { displayOf, showAsked } from "./asked.js";
import { home } from "./home.js";
import { Inbox } from "./inbox.js";
import { showConnection, view } from "./page.js";
import { amountOf, payeeOf } from "./rows.js";
import { tokenOf } from "./scan.js";
import { accounts, forgetTenant, keepDecision, keys } from "./store.js";
import { TEXT } from "./text.js";

/** @import { Device, Pending } from "./device.js" */
/** @import { Decision } from "./statement.js" */

/** What is on the screen: a challenge, how one ended, something that the person does, or nothing. */
/** @type {"home" | "asked" | "ended" | "busy"} */
let screen = "busy";
/** @type {string | undefined} */
let shownId;
/** Counts what was gone to, so that what is late does not cover it. */
let turn = 0;
/** What waits, by tenant. @type {Map<string, { pending: Pending[], device: Device }>} */
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
  if (screen === "busy" || screen === "ended") return;
  if (screen === "asked") {
    // What is on the screen stays there for as long as it can be answered.
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
  const account = (await accounts()).find((one) => one.id === asked.userAuthenticatorId);
  showAsked(asked, account, async (decision, number) => {
    answered.add(asked.challengeId);
    const result = await device.decide(asked, decision, number);
    if (result.data) return void (await decided(asked, device, decision, result.data.outcome));
    answered.delete(asked.challengeId);
    if (result.statusCode === undefined || result.statusCode >= 500) return TEXT.asked.lost;
    if (result.errorCode === "invalid_credential") return void (await removed(device.key.tenant));
    if (result.errorCode === "too_many_requests") return void ended("failed");
    const still = await device.pending({ hold: false, signal: AbortSignal.timeout(10_000) });
    const open = still.data?.some((one) => one.challengeId === asked.challengeId);
    if (open && number !== undefined) return TEXT.asked.wrong;
    answered.add(asked.challengeId);
    if (number !== undefined) return void (await decided(asked, device, decision, "failed"));
    return void ended("over");
  });
}

/** @param {Pending} asked @param {Device} device @param {Decision} decision @param {string} outcome */
async function decided(asked, device, decision, outcome) {
  const display = displayOf(asked);
  const account = (await accounts()).find((one) => one.id === asked.userAuthenticatorId);
  const detail = [amountOf(display), isolate(payeeOf(display))].filter(Boolean).join(" → ");
  const { tenant } = device.key;
  const brand = account?.brand.name ?? tenant;
  const action = words(display.action ?? asked.actionCode ?? decision);
  await keepDecision({ at: Date.now(), tenant, brand, user: asked.userId, action, detail, outcome }).catch(() => {});
  ended(outcome);
}

/** @param {string} outcome */
function ended(outcome) {
  // What comes next is to appear at once, and not at the next look.
  inbox.lookAgain();
  screen = "ended";
  shownId = undefined;
  const texts = /** @type {Record<string, string[]>} */ (TEXT.outcome);
  const [heading = "", text = ""] = texts[outcome] ?? TEXT.outcome.over;
  const badge = /** @type {[string, string]} */ (outcome === "approved" ? ["check", "good"] : BADGES[outcome] ?? ["clock", "warn"]);
  view({ badge, heading, text }, button(TEXT.ok, goHome));
}

/** @type {Record<string, [string, string]>} */
const BADGES = { denied: ["cross", "bad"], reported: ["shield", "bad"], failed: ["cross", "bad"] };

/** The server does not know the key any more. @param {string} tenant */
async function removed(tenant) {
  const known = (await accounts()).find((account) => account.tenant === tenant);
  waiting.delete(tenant);
  await forgetTenant(tenant);
  // A key whose enrollment was never finished: there is nothing to tell.
  if (!known) return;
  screen = "busy";
  trouble(TEXT.errors.removed, goHome, { tenant: known.brand.name });
}

async function goHome() {
  const mine = (turn += 1);
  screen = "busy";
  try {
    await home(goHome, () => mine === turn, (tenant) => inbox.leave(tenant));
    const known = await accounts();
    inbox.watch((await keys()).filter((key) => known.some((account) => account.tenant === key.tenant)));
    if (known.length === 0) showConnection("");
  } catch {
    return trouble(TEXT.errors.storage, () => location.reload());
  }
  // A link was followed meanwhile.
  if (mine !== turn) return;
  screen = "home";
  return next();
}

/** The link that was followed, whose token does not stay in the address. */
function followed() {
  const token = tokenOf(location.href);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

async function begin() {
  const token = followed();
  if (token === undefined) return goHome();
  turn += 1;
  screen = "busy";
  return confirm(token, goHome);
}

function insecure() {
  const how = TEXT.insecure.how.map((text) => h("p", {}, text));
  view({ badge: ["shield", "warn"], heading: TEXT.insecure.heading, text: TEXT.insecure.text }, ...how);
}

/** Whether this tab is the phone, or another one; at first it is not known. @type {"asking" | "phone" | "elsewhere"} */
let role = "asking";

/** One tab is the phone. Another one takes over if the person says so. @param {boolean} steal */
function become(steal) {
  const options = steal ? { steal } : { ifAvailable: true };
  const phone = navigator.locks.request("countersign phone", options, async (lock) => {
    if (!lock) return elsewhere();
    role = "phone";
    void begin();
    // Held for as long as the tab is open.
    return new Promise(() => {});
  });
  phone.catch(() => {
    turn += 1;
    inbox.watch([]);
    showConnection("");
    elsewhere();
  });
}

function elsewhere() {
  role = "elsewhere";
  screen = "busy";
  const here = button(TEXT.elsewhere.here, () => become(true));
  view({ badge: ["device", ""], heading: TEXT.elsewhere.heading, text: TEXT.elsewhere.text }, here);
}

if (!window.isSecureContext || !crypto.subtle) {
  insecure();
} else {
  // Until it is known which tab is the phone, the link is still there to be read then.
  window.addEventListener("hashchange", () => {
    // Read already, by the start that it came with.
    if (tokenOf(location.href) === undefined) return;
    if (role === "phone") void begin();
    if (role === "elsewhere") become(true);
  });
  navigator.serviceWorker?.register(new URL("./worker.js", import.meta.url), { scope: new URL("../phone", import.meta.url).pathname }).catch(() => {});
  // A page that was followed from a link takes over from one that waits: it is what the person looks at.
  become(tokenOf(location.href) !== undefined);
}
