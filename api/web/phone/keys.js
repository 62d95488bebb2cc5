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
 * @param {string} tenant
 * @returns {Promise<DeviceKey>}
 */
export async function makeKey(tenant) {
  const { algorithm, pair } = await makePair();
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

/** @returns {Promise<{ algorithm: "ed25519" | "es256", pair: CryptoKeyPair }>} */
async function makePair() {
  try {
    const pair = await crypto.subtle.generateKey(ED25519, false, ["sign", "verify"]);
    return { algorithm: "ed25519", pair: /** @type {CryptoKeyPair} */ (pair) };
  } catch {
    const pair = await crypto.subtle.generateKey(P256, false, ["sign", "verify"]);
    return { algorithm: "es256", pair };
  }
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
