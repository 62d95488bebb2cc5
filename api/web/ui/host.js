// The page's opener, and the way back to it: a redirect, a frame or a window of the official SDK
// (`launch`, modes redirect, popup and window), or an app.

const query = new URLSearchParams(location.search);

/** True if the page is in a frame, or (`popup`) in a window that a page has opened. */
export const framed = window.parent !== window;
export const popup = framed || (query.get("mode") === "popup" && window.opener !== null);

/** The address that the relying party gave to track; the server vouches for it. @type {string | undefined} */
let redirectUrl;

/** @param {string | undefined} url */
export function returnTo(url) {
  redirectUrl = url;
}

/** Origins whose pages may hear the end: `*` alone, or exact origins. @type {string[]} */
let hearers = [];

/** @param {string[]} origins */
export function tellOnly(origins) {
  hearers = origins;
}

/**
 * Says something to the page that opened this one, if it is one of the tenant's or of where this one returns to.
 * Whose it is can be asked in a frame alone, and not in every browser: it is sent once for each origin that it may
 * have, and the browser hands on the one that fits.
 * @param {string | object} message
 */
function tell(message) {
  const host = framed ? window.parent : window.opener;
  const parent = framed ? location.ancestorOrigins?.[0] : undefined;
  const known = parent !== undefined && parent !== "null" ? [parent] : undefined;
  const allowed = hearers.includes("*") ? (known ?? ["*"]) : exact().filter((origin) => known?.includes(origin) ?? true);
  for (const origin of allowed) host?.postMessage(message, origin);
}

/** The exact origins that may hear. An app has none. */
function exact() {
  const back = redirectUrl === undefined ? "null" : new URL(redirectUrl).origin;
  return [...new Set([...hearers, back])].filter((origin) => origin !== "null");
}

/** @param {string} event @param {object} [more] */
function tellEvent(event, more = {}) {
  if (popup) tell(JSON.stringify({ event, ...more }));
}

/** The page can be shown. */
export function ready() {
  tellEvent("AUTHSIGNAL_READY");
  if (!framed) return;
  const height = () => tell({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) });
  new ResizeObserver(height).observe(document.documentElement);
}

/** @param {{ errorCode?: string, statusCode?: number }} error */
export function failed({ errorCode, statusCode }) {
  tellEvent("AUTHSIGNAL_API_ERROR", { errorCode, statusCode });
}

/** True if there is a way back. */
export const canReturn = () => popup || redirectUrl !== undefined || query.get("nativeScheme") === "authsignal";

/**
 * Goes back, with a token unless the page has none.
 * @param {string} [token]
 */
export function finish(token) {
  if (popup) return tellEvent("AUTHSIGNAL_CLOSE_POPUP", token === undefined ? {} : { token });
  // React Native's SDK waits for this very address.
  if (query.get("nativeScheme") === "authsignal") return location.assign(withToken("authsignal://auth", token));
  if (redirectUrl !== undefined) location.replace(withToken(redirectUrl, token));
}

/** @param {string} address @param {string | undefined} token */
function withToken(address, token) {
  const url = new URL(address);
  if (token !== undefined) url.searchParams.set("token", token);
  return url.href;
}
