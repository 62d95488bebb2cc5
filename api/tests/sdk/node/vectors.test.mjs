// The published test vectors of statements, checked by an implementation that shares no code with the
// server's: what is needed to write a device, in one page.

import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const FILE = new URL("../../../client/vectors/statements-v1.json", import.meta.url);
const { tenant, keys, vectors } = JSON.parse(readFileSync(FILE, "utf8"));

const sha256 = (data) => createHash("sha256").update(data).digest("base64url");
const bytes = (base64) => Buffer.from(base64, "base64");

/** The lines of each statement after its first: name, and the value of given inputs. */
const LINES = {
  enroll: [["key", (_, key) => key], ["token", ({ token }) => sha256(token)]],
  session: [["key", (_, key) => key], ["nonce", ({ nonce }) => nonce]],
  update: [
    ["key", (_, key) => key],
    ["nonce", ({ nonce }) => nonce],
    ["push-token", ({ pushToken }) => (pushToken === null ? "-" : sha256(pushToken))],
  ],
  remove: [["key", (_, key) => key], ["nonce", ({ nonce }) => nonce]],
  decision: [
    ["challenge", ({ challenge }) => challenge],
    ["nonce", ({ nonce }) => nonce],
    ["authenticator", ({ authenticator }) => authenticator],
    ["key", (_, key) => key],
    ["decision", ({ decision }) => decision],
    ["display", ({ display }) => sha256(display)],
    ["number", ({ number }) => number ?? "-"],
    ["expires", ({ expires }) => String(expires)],
  ],
};

function statement({ statement: kind, inputs }, key) {
  const lines = LINES[kind].map(([name, value]) => `${name}:${value(inputs, key)}`);
  return [`countersign/${kind}/v1`, `tenant:${tenant}`, ...lines].join("\n");
}

/** What Node calls a signature format. */
const FORMATS = {
  ed25519: { raw: { digest: null } },
  es256: {
    der: { digest: "sha256", dsaEncoding: "der" },
    p1363: { digest: "sha256", dsaEncoding: "ieee-p1363" },
  },
};

describe("the published vectors of statements", () => {
  it("name each key by the SHA-256 of its DER SubjectPublicKeyInfo", () => {
    assert.deepEqual(Object.keys(keys).sort(), ["ed25519", "es256"]);
    for (const { pkcs8, spki, thumbprint } of Object.values(keys)) {
      const pair = createPrivateKey({ key: bytes(pkcs8), format: "der", type: "pkcs8" });
      const publicKey = createPublicKey(pair).export({ format: "der", type: "spki" });
      assert.equal(publicKey.toString("base64"), spki);
      assert.equal(sha256(publicKey), thumbprint);
    }
  });

  for (const [index, vector] of vectors.entries()) {
    const { name, algorithm, text, sha256: digest, signatures } = vector;
    it(`agree on ${name} with ${algorithm} (${index})`, () => {
      const { pkcs8, spki, thumbprint } = keys[algorithm];
      assert.equal(statement(vector, thumbprint), text);
      assert.equal(sha256(text), digest);
      const key = createPublicKey({ key: bytes(spki), format: "der", type: "spki" });
      assert.deepEqual(Object.keys(signatures).sort(), Object.keys(FORMATS[algorithm]).sort());
      for (const [format, { digest: hash, dsaEncoding }] of Object.entries(FORMATS[algorithm])) {
        const good = (message) =>
          verify(hash, Buffer.from(message), { key, dsaEncoding }, bytes(signatures[format]));
        assert.ok(good(text), format);
        assert.ok(!good(`${text}\n`), format);
      }
      if (algorithm === "ed25519") {
        const pair = createPrivateKey({ key: bytes(pkcs8), format: "der", type: "pkcs8" });
        assert.equal(sign(null, Buffer.from(text), pair).toString("base64"), signatures.raw);
      }
    });
  }
});
