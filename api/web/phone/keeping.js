// Making a key that this browser can keep. A key counts only once it was kept, read back and used, because an
// account whose key was lost could never confirm.

import { makeKey, sign } from "./keys.js";
import { accounts, forgetTenant, keepKey, keyOf } from "./store.js";
import { TEXT } from "./text.js";

/** @import { DeviceKey } from "./keys.js" */

/** The best kind first. @type {DeviceKey["algorithm"][]} */
const KINDS = ["ed25519", "es256"];

/** Name of the error of a kept key that did not sign. */
const UNUSABLE = "KeyUnusableError";

/**
 * The key of a tenant: the one that is kept, or a new one. Rejects with the reason if no kind of key can be kept. A
 * key that accounts are enrolled with stays, even if it does not sign: it may sign again, and no other can stand for it.
 * @param {string} tenant
 * @returns {Promise<DeviceKey>}
 */
export async function keyFor(tenant) {
  // Two tabs that add accounts at once would each keep a key in place of the other's.
  return await navigator.locks.request(`countersign phone key ${tenant}`, async () => {
    const known = await keyOf(tenant);
    if (known && (await works(known))) return known;
    const enrolled = known && (await accounts()).some((account) => account.tenant === tenant);
    if (enrolled) throw new DOMException("the kept key does not sign", UNUSABLE);
    let reason;
    for (const kind of KINDS) {
      try {
        await keepKey(await makeKey(tenant, kind));
        const kept = await keyOf(tenant);
        if (kept && (await works(kept))) return kept;
        reason = new DOMException("the key came back useless", "DataCloneError");
      } catch (error) {
        // Some browsers make Ed25519 keys that they cannot keep.
        reason = error;
      }
    }
    await forgetTenant(tenant).catch(() => {});
    throw reason;
  });
}

/** Tells whether a key that was read back still signs. @param {DeviceKey} key */
function works(key) {
  return sign(key, "countersign/probe").then(
    () => true,
    () => false,
  );
}

/** Names of errors that say that a key, and not all storage, was refused. */
const KEY_ERRORS = ["DataCloneError", "DataError", "NotSupportedError", "OperationError"];

/**
 * Heading and text for a key or account that the browser did not keep.
 * @param {unknown} error
 */
export function notKept(error) {
  const name = error instanceof DOMException ? error.name : "";
  const { key, unusable, full, silent, storage } = TEXT.errors;
  if (name === UNUSABLE) return unusable;
  if (KEY_ERRORS.includes(name)) return key;
  if (name === "QuotaExceededError") return full;
  return name === "TimeoutError" ? silent : storage;
}
