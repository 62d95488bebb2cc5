// The phone while no challenge waits: its accounts, and the last decisions.

import { mark, paint } from "../shared/brand.js";
import { button, h, isolate, say, timeText } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { Device } from "./device.js";
import { add } from "./add.js";
import { below, view } from "./page.js";
import { accounts, forgetTenant, history, keyOf } from "./store.js";
import { TEXT } from "./text.js";

/** @import { Account, Decided } from "./store.js" */

/** The browser's offer to install the page, where it makes one. @type {any} */
let offer;
window.addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer = event;
});

/**
 * @param {() => void} changed is called when an account was added or removed, or this was left
 * @param {() => boolean} isWanted true if the person is still here once all is read
 * @param {(tenant: string) => void} leave stops waiting for a tenant's challenges
 */
export async function home(changed, isWanted, leave) {
  const [all, decided] = await Promise.all([accounts(), history()]);
  if (!isWanted()) return;
  const adding = button(TEXT.home.add, () => add(changed), all.length === 0 ? "primary" : "quiet");
  if (all.length === 0) {
    view({ badge: ["phone", ""], heading: TEXT.welcome.heading, text: TEXT.welcome.text }, adding);
  } else {
    view({ badge: ["shield", "good"], heading: TEXT.home.heading, text: TEXT.home.text });
    const items = all.map((account) => accountRow(account, all, changed, leave));
    below(h("section", {}, h("h2", {}, TEXT.home.accounts), h("ul", { class: "list" }, ...items), adding));
  }
  if (decided.length > 0) {
    below(h("section", {}, h("h2", {}, TEXT.home.history), h("ul", { class: "list" }, ...decided.map(decidedRow))));
  }
  if (offer) below(button(TEXT.home.install, () => void offer.prompt(), "quiet"));
}

/** @param {Account} account @param {Account[]} all @param {() => void} changed @param {(tenant: string) => void} leave */
function accountRow(account, all, changed, leave) {
  const { brand, user } = account;
  const remove = button(TEXT.home.remove, () => askRemove(account, all, changed, leave), "quiet");
  remove.setAttribute("aria-label", `${say(TEXT.home.removeNamed, { tenant: brand.name })}, ${isolate(user)}`);
  const name = h("div", { class: "grow" }, h("strong", {}, brand.name), h("span", { class: "muted small" }, isolate(user)));
  const row = h("li", {}, mark(brand), name, remove);
  paint(brand, row);
  return row;
}

/** @param {Decided} decided */
function decidedRow({ at, brand, user, action, detail, outcome }) {
  const good = outcome === "approved";
  const texts = /** @type {Record<string, string[]>} */ (TEXT.outcome);
  const what = [action, detail].filter(Boolean).join(" · ");
  const name = h(
    "div",
    { class: "grow" },
    h("strong", {}, what),
    h("span", { class: "muted small" }, [texts[outcome]?.[0] ?? outcome, isolate(brand), isolate(user), timeText(at)].join(" · ")),
  );
  return h("li", {}, icon(good ? "check" : "cross", good ? "good" : "bad"), name);
}

/** @param {Account} account @param {Account[]} all @param {() => void} changed @param {(tenant: string) => void} leave */
function askRemove({ tenant, brand }, all, changed, leave) {
  // One key serves all accounts of a tenant, and goes with all of them.
  const users = all.filter((account) => account.tenant === tenant).map((account) => account.user);
  const problem = h("p", { class: "problem", role: "alert" });
  const yes = button(TEXT.remove.yes, () => void remove(), "danger");
  const remove = async () => {
    yes.disabled = true;
    leave(tenant);
    const key = await keyOf(tenant);
    const result = key && (await new Device(key).remove());
    // A key that the server does not know is removed already.
    if (result?.errorCode && result.errorCode !== "invalid_credential") {
      yes.disabled = false;
      const { offline, refused } = TEXT.remove;
      return void (problem.textContent = result.statusCode === undefined ? offline : refused);
    }
    await forgetTenant(tenant);
    changed();
  };
  view(
    { badge: ["warning", "warn"], heading: say(TEXT.remove.heading, { tenant: brand.name }), text: say(TEXT.remove.text, { users }) },
    problem,
    h("div", { class: "actions" }, button(TEXT.remove.no, changed), yes),
  );
}
