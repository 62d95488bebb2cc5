// Adding an account: the code or link of a website, a look at whom it is for, and the enrollment.

import { mark } from "../shared/brand.js";
import { button, h, isolate, say } from "../shared/dom.js";
import { browserName } from "./browser.js";
import { brandOf, Device, readBearer } from "./device.js";
import { keyFor, notKept } from "./keeping.js";
import { view } from "./page.js";
import { scan, tokenOf } from "./scan.js";
import { keepAccount } from "./store.js";
import { TEXT } from "./text.js";

/** Called when it is done with, or given up. @typedef {() => void} Leave */

/** Asks for a code or a link. @param {Leave} leave */
export function add(leave) {
  const problem = h("p", { class: "problem", role: "alert" });
  const input = h("input", { autocomplete: "off", spellcheck: "false" });
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    const token = tokenOf(input.value);
    if (token === undefined) return void (problem.textContent = TEXT.add.noLink);
    void confirm(token, leave);
  };
  const camera = navigator.mediaDevices !== undefined;
  view(
    { heading: TEXT.add.heading },
    camera && button(TEXT.add.scan, () => void look(leave)),
    h("form", { class: "actions", onSubmit: go }, h("label", {}, TEXT.add.paste, input), problem, h("button", { class: "quiet" }, TEXT.add.go)),
    button(TEXT.add.back, leave, "quiet"),
  );
}

/** @param {Leave} leave */
async function look(leave) {
  const stop = new AbortController();
  const video = h("video", { muted: true, playsinline: true, "aria-label": TEXT.add.camera });
  const back = () => (stop.abort(), add(leave));
  view({ heading: TEXT.add.scanning }, video, button(TEXT.add.back, back, "quiet"));
  try {
    const text = await scan(video, stop.signal);
    if (stop.signal.aborted) return;
    const token = text === undefined ? undefined : tokenOf(text);
    if (token !== undefined) return confirm(token, leave);
    trouble(["", TEXT.add.noLink], () => add(leave));
  } catch (error) {
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    trouble(["", denied ? TEXT.add.denied : TEXT.add.noCamera], () => add(leave));
  }
}

/** @param {string[]} texts heading and text @param {Leave} leave @param {Record<string, string>} [names] */
export function trouble([heading = "", text = ""], leave, names = {}) {
  const shown = { badge: /** @type {[string, string]} */ (["warning", "warn"]), heading: heading || TEXT.add.heading };
  view({ ...shown, text: say(text, names) }, button(TEXT.ok, leave));
}

/** Shows whom a token or ticket is for: a link alone adds nothing. @param {string} token @param {Leave} leave */
export async function confirm(token, leave) {
  const read = await readBearer(token);
  if (!read.data) {
    const errors = /** @type {Record<string, string[]>} */ (TEXT.errors);
    return trouble(errors[read.errorCode] ?? ["", read.errorDescription], leave);
  }
  const { tenant, user } = read.data;
  const brand = await brandOf(tenant);
  const name = h("input", { autocomplete: "off", maxlength: "64", value: browserName(navigator.userAgent) });
  const adding = button(TEXT.confirm.add, () => {
    adding.disabled = true;
    adding.textContent = TEXT.confirm.adding;
    void enroll({ token, tenant, user, brand, name: name.value }, leave);
  });
  view(
    { heading: TEXT.confirm.heading },
    h("div", { class: "who" }, mark(brand), h("div", {}, h("strong", {}, brand.name), h("div", { class: "muted" }, isolate(user)))),
    h("div", { class: "actions" }, h("label", {}, TEXT.confirm.name, name), adding, button(TEXT.confirm.cancel, leave, "quiet")),
  );
}

/**
 * @param {{ token: string, tenant: string, user: string, name: string,
 *   brand: import("../shared/brand.js").Brand }} wanted
 * @param {Leave} leave
 */
async function enroll(wanted, leave) {
  const { token, tenant, user, brand, name } = wanted;
  try {
    const key = await keyFor(tenant);
    const result = await new Device(key).enroll(token, name);
    if (!result.data) {
      const errors = /** @type {Record<string, string[]>} */ (TEXT.errors);
      const texts = errors[result.errorCode] ?? ["", result.errorDescription];
      if (result.statusCode !== undefined && result.statusCode < 500) {
        return trouble(texts, leave, { tenant: brand.name });
      }
      // The server may have enrolled the key, which uses up the ticket: the key may ask again with it.
      const [heading = "", text = ""] = texts;
      const again = button(TEXT.retry, () => void enroll(wanted, leave));
      return view({ badge: ["offline", "warn"], heading: heading || TEXT.add.heading, text }, again, button(TEXT.add.back, leave, "quiet"));
    }
    const { userAuthenticatorId: id, userId } = result.data;
    await keepAccount({ id, tenant, user: userId, brand, addedAt: Date.now() });
    // Asked for once there is something to lose; the browser may say no.
    void navigator.storage?.persist?.().catch(() => false);
  } catch (error) {
    return trouble(notKept(error), leave);
  }
  view(
    { badge: ["check", "good"], heading: TEXT.confirm.done, text: say(TEXT.confirm.doneText, { user, tenant: brand.name }) },
    button(TEXT.confirm.continue, leave),
  );
}
