// The link that adds a phone, as a QR code.

import { button, h } from "../shared/dom.js";
import { lookUntil } from "../shared/looks.js";
import { qrCode } from "../shared/qr.js";
import { announce, fillIn } from "./page.js";
import { TEXT } from "./text.js";

/** @import { Authenticator, Push } from "../sdk/countersign.js" */

/** Milliseconds between two looks for the new phone. */
const LOOK_MS = 1500;

/**
 * The code, and a link for people without a camera.
 * @param {string} link
 */
export function enrollmentCode(link) {
  const here = h("a", { class: "button quiet", href: link, target: "_blank", rel: "opener" }, TEXT.enroll.here);
  const copy = button(
    TEXT.enroll.copy,
    () => {
      const copied = navigator.clipboard?.writeText(link) ?? Promise.reject(new Error("no clipboard"));
      copied.then(
        () => {
          copy.textContent = TEXT.enroll.copied;
          announce(TEXT.enroll.copied);
        },
        // Not allowed here: the link is shown, to be copied by hand.
        () => copy.replaceWith(h("input", { readonly: true, value: link, "aria-label": TEXT.enroll.copy })),
      );
    },
    "quiet",
  );
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const insecure = location.protocol !== "https:" || local;
  const note = insecure && location.protocol !== "https:" &&
    h("p", { class: "muted small" }, fillIn(TEXT.enroll.insecure, { here: TEXT.enroll.here }));
  return [qrCode(link, TEXT.enroll.code), h("div", { class: "actions" }, here, copy), note];
}

/**
 * Waits until the user has more devices than before, or `stop` says so.
 * @param {Push} push
 * @param {number} before
 * @param {AbortSignal} stop
 * @returns {Promise<{ devices?: Authenticator[], refusal?: import("../sdk/http.js").Refusal }>}
 */
export async function newDevice(push, before, stop) {
  const passing = ["aborted", "network_error", "temporarily_unavailable", "unexpected_error"];
  const found = await lookUntil(
    (signal) => push.authenticators({ signal }),
    (result) => {
      if (result.data) return result.data.length > before ? { devices: result.data } : undefined;
      return passing.includes(result.errorCode) ? undefined : { refusal: result };
    },
    { everyMs: LOOK_MS, stop },
  );
  return found ?? {};
}
