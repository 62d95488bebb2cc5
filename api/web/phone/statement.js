// The exact text that is signed, version 1: lines of `name:value`. The server builds the same from its own
// records; it never reads this one.

import { digest } from "./keys.js";

/** @import { DeviceKey } from "./keys.js" */
/** @import { Pending } from "./device.js" */
/** @typedef {"approve" | "deny" | "report"} Decision */

/** @param {string} kind @param {string} tenant @param {[string, string][]} lines */
function statement(kind, tenant, lines) {
  const all = [["tenant", tenant], ...lines].map(([name, value]) => `${name}:${value}`);
  return [`countersign/${kind}/v1`, ...all].join("\n");
}

/** @param {DeviceKey} key @param {string} token */
export async function enrollStatement({ tenant, thumbprint }, token) {
  return statement("enroll", tenant, [["key", thumbprint], ["token", await digest(token)]]);
}

/** @param {DeviceKey} key @param {string} nonce */
export const sessionStatement = ({ tenant, thumbprint }, nonce) =>
  statement("session", tenant, [["key", thumbprint], ["nonce", nonce]]);

/** @param {DeviceKey} key @param {string} nonce */
export const removeStatement = ({ tenant, thumbprint }, nonce) =>
  statement("remove", tenant, [["key", thumbprint], ["nonce", nonce]]);

/**
 * Builds the statement of a challenge, exactly as it was received, with the answer.
 * @param {DeviceKey} key
 * @param {Pending} asked
 * @param {Decision} decision
 * @param {string | undefined} number as it was typed
 */
export async function decisionStatement({ tenant, thumbprint }, asked, decision, number) {
  return statement("decision", tenant, [
    ["challenge", asked.challengeId],
    ["nonce", asked.nonce],
    ["authenticator", asked.userAuthenticatorId],
    ["key", thumbprint],
    ["decision", decision],
    ["display", await digest(asked.display)],
    ["number", number ?? "-"],
    ["expires", String(asked.expiresAt)],
  ]);
}
