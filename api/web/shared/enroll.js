// The link that adds a phone. It carries a one-time ticket in the fragment, which no server sees and no log
// keeps. A ticket is short, so that the QR code of its link is coarse enough for every camera.

import { Http } from "../sdk/http.js";

/** @import { Result } from "../sdk/http.js" */

const base = new URL("../v1", import.meta.url).href;

/**
 * Tells whether a link's bearer is a ticket. Older links carry a token, which has points in it.
 * @param {string} text
 */
export function isTicket(text) {
  return /^[\w-]{22}$/.test(text);
}

/**
 * A link that adds one phone, once, for as long as the token lasts.
 * @param {string} token
 * @returns {Promise<Result<string>>}
 */
export async function enrollmentLink(token) {
  const http = new Http(base, (...request) => fetch(...request), undefined);
  const made = await http.ask("/client/user-authenticators/push/ticket", { token });
  if (!made.data) return made;
  const link = new URL("../phone", import.meta.url);
  link.hash = new URLSearchParams({ enroll: made.data.ticket }).toString();
  return { data: link.href };
}
