// The page that everything is shown on: its data from the server, and one view at a time.

import { mark, paint } from "../shared/brand.js";
import { byId, fill, h, say, words } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { TEXT } from "./text.js";

/** @import { Brand } from "../shared/brand.js" */
/**
 * The server's data for the page.
 * @typedef {{ token: "ready" | "expired" | "invalid", tenantId?: string, brand?: Brand, origins?: string[],
 *   userId?: string, action?: string, page?: { redirectUrl?: string, settings?: boolean } }} About
 */

/** @type {About} */
export const about = JSON.parse(byId("page").textContent || '{"token":"invalid"}');

/** Names that texts may use. */
export const names = { tenant: about.brand?.name ?? "", action: words(about.action ?? ""), user: about.userId ?? "" };

/** @param {string} text @param {Record<string, string | number>} [more] */
export const fillIn = (text, more = {}) => say(text, { ...names, ...more });

export function showTenant() {
  const header = byId("tenant");
  if (!about.brand) return header.remove();
  paint(about.brand, document.documentElement);
  const user = h("span", { class: "muted small" }, fillIn(TEXT.forUser));
  fill(header, mark(about.brand), h("div", {}, h("div", {}, about.brand.name), user));
  document.title = fillIn(TEXT.title);
}

/**
 * Shows a view in place of the one before. Its heading takes the focus, so that a screen reader reads it and
 * the keyboard goes on from there.
 * @param {{ badge?: [string, string], heading: string, text?: string }} head
 * @param {...import("../shared/dom.js").Child} rest
 */
export function view({ badge, heading, text }, ...rest) {
  const title = h("h1", { tabindex: "-1" }, heading);
  const paragraph = text ? h("p", { class: "muted" }, text) : null;
  const picture = badge && h("div", { class: `badge ${badge[1]}` }, icon(badge[0]));
  fill(byId("view"), picture, h("div", { class: "about" }, title, paragraph), ...rest);
  title.focus({ preventScroll: true });
}

/**
 * Says something in passing to those who do not see the page.
 * @param {string} text
 */
export function announce(text) {
  byId("status").textContent = text;
}
