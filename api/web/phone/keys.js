// The phone's keys: made by the browser and never shown to anybody, this script included. Ed25519, or P-256 in
// browsers that lack it.

/**
 * A key of one tenant, as it is kept. It serves all accounts of that tenant.
 * @typedef {{ tenant: string, algorithm: "ed25519" | "es256", signatureFormat: "raw" | "p1363",
 *   privateKey: CryptoKey, publicKey: string, thumbprint: string }} DeviceKey
 */

const ED25519 = { name: "Ed25519" };
const P256 = { name: "ECDSA", namedCurve: "P-256" };

/**
 * Makes a key. Rejects where the browser has none of that kind.
 * @param {string} tenant
 * @param {DeviceKey["algorithm"]} algorithm
 * @returns {Promise<DeviceKey>}
 */
export async function makeKey(tenant, algorithm) {
  const kind = algorithm === "ed25519" ? ED25519 : P256;
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(kind, false, ["sign", "verify"]));
  const spki = await crypto.subtle.exportKey("spki", pair.publicKey);
  return {
    tenant,
    algorithm,
    signatureFormat: algorithm === "ed25519" ? "raw" : "p1363",
    privateKey: pair.privateKey,
    publicKey: base64(spki),
    thumbprint: base64url(await crypto.subtle.digest("SHA-256", spki)),
  };
}

/**
 * Signs a statement. Gives base64.
 * @param {DeviceKey} key
 * @param {string} statement
 */
export async function sign(key, statement) {
  const algorithm = key.algorithm === "ed25519" ? ED25519 : { name: "ECDSA", hash: "SHA-256" };
  return base64(await crypto.subtle.sign(algorithm, key.privateKey, new TextEncoder().encode(statement)));
}

/**
 * SHA-256 over a text, as base64url.
 * @param {string} text
 */
export async function digest(text) {
  return base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** @param {ArrayBuffer} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/** @param {ArrayBuffer} bytes */
function base64url(bytes) {
  return base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
