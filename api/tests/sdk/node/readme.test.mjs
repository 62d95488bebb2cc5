// The device that the client's README shows, run as it stands there.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";

import { backendOf, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { startServer } from "../support/server.mjs";
import { Web } from "../support/web.mjs";

const README = new URL("../../../client/README.md", import.meta.url);

describe("the device of the client's README", LIMITED, () => {
  let folder, server, backend, device, userId;

  before(async () => {
    const [, code] = readFileSync(README, "utf8").match(/<!-- run -->\n```js\n([^]*?)\n```/);
    folder = mkdtempSync(path.join(tmpdir(), "countersign-readme-"));
    const file = path.join(folder, "device.mjs");
    writeFileSync(file, code);
    const { Device } = await import(pathToFileURL(file));
    server = await startServer({ env: { COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH: "3" } });
    backend = backendOf(server);
    device = new Device(server.url, server.tenant);
    userId = newUser();
    const { token } = await track(backend, userId, {}, "enroll");
    const { signing, algorithm } = await device.enroll(token);
    assert.deepEqual({ signing, algorithm }, { signing: "statement-v1", algorithm: "ed25519" });
  });
  after(async () => {
    await server?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  async function challenge() {
    const { token } = await track(backend, userId, { userAgent: "Firefox" });
    const web = new Web(server, token);
    const { body } = await web.challenge();
    return { web, ...body };
  }

  it("approves with the number, and with no other", async () => {
    const waiting = device.pending(30);
    const { web, challengeId, number } = await challenge();
    const [pending] = await waiting;
    assert.equal(pending.challengeId, challengeId);
    assert.equal(JSON.parse(pending.display).userAgent, "Firefox");
    assert.deepEqual(pending.numberMatch, { digits: 3 });
    const wrong = String((Number(number) + 1) % 1000).padStart(3, "0");
    await assert.rejects(device.answer(pending, "approve", wrong), /^Error: 400/);
    const answer = await device.answer(pending, "approve", number);
    assert.deepEqual(answer, { isVerified: true, outcome: "approved" });
    assert.equal((await web.outcome(challengeId)).outcome, "approved");
  });

  it("signs nothing that the server would take for something else", async () => {
    const { number } = await challenge();
    const [pending] = await device.pending(0);
    for (const [field, value] of Object.entries({
      nonce: "A".repeat(43),
      display: pending.display.replace("Firefox", "Firef0x"),
      expiresAt: pending.expiresAt + 1,
      userAuthenticatorId: "07070707-0707-4707-8707-070707070707",
    })) {
      const changed = { ...pending, [field]: value };
      await assert.rejects(device.answer(changed, "approve", number), /^Error: 401/, field);
    }
    const { isVerified, outcome } = await device.answer(pending, "deny");
    assert.deepEqual({ isVerified, outcome }, { isVerified: false, outcome: "denied" });
  });

  it("updates its push token, reports, and is removed", async () => {
    assert.equal((await device.update("fcm:new")).pushToken, "fcm:new");
    await challenge();
    const [pending] = await device.pending(0);
    assert.equal((await device.answer(pending, "report")).outcome, "reported");
    const { removedAuthenticatorId } = await device.remove();
    assert.equal(removedAuthenticatorId, pending.userAuthenticatorId);
    await assert.rejects(device.pending(0), /^Error: 401/, "the session has died with the key");
    assert.deepEqual(await backend.getAuthenticators({ userId }), []);
  });
});
