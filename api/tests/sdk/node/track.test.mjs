// @authsignal/node: tracking actions.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";

import { enroll, newUser, track } from "../support/backend.mjs";
import { refused } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { withPhone } from "../support/suite.mjs";

describe("track", LIMITED, () => {
  let backend, phone;

  withPhone((started) => ({ backend, phone } = started));

  it("allows a user without an authenticator, whom it gets to know thereby", async () => {
    const tracked = await track(backend, newUser());
    assert.equal(tracked.state, "ALLOW");
    assert.equal(tracked.isEnrolled, false);
    assert.ok(tracked.idempotencyKey.length > 0, "a key is made where none was given");
    assert.match(tracked.token, /^[\w.-]+$/);
    assert.ok(new URL(tracked.url).search.length > 1, "SDKs append to the query of the URL");
  });

  it("demands a challenge of a user with a phone", async () => {
    const userId = newUser();
    await enroll(backend, phone, userId);
    const tracked = await track(backend, userId);
    assert.equal(tracked.state, "CHALLENGE_REQUIRED");
    assert.equal(tracked.isEnrolled, true);
    assert.deepEqual(tracked.enrolledVerificationMethods, ["PUSH"]);
    assert.ok(tracked.allowedVerificationMethods.includes("PUSH"));
  });

  it("answers a repeated idempotency key with the action that it has", async () => {
    const userId = newUser();
    const idempotencyKey = randomUUID();
    const first = await track(backend, userId, { idempotencyKey });
    const again = await track(backend, userId, { idempotencyKey });
    assert.equal(first.idempotencyKey, idempotencyKey);
    assert.equal(again.idempotencyKey, idempotencyKey);
    assert.equal(again.state, first.state);
    assert.equal((await backend.queryUserActions({ userId })).length, 1);
  });

  it("keeps one idempotency key of two users, or of two actions, apart", async () => {
    const [anna, ben] = [newUser(), newUser()];
    const idempotencyKey = randomUUID();
    await track(backend, anna, { idempotencyKey }, "signIn");
    await track(backend, anna, { idempotencyKey }, "pay");
    await track(backend, ben, { idempotencyKey }, "signIn");
    assert.equal((await backend.queryUserActions({ userId: anna })).length, 2);
    assert.equal((await backend.queryUserActions({ userId: ben })).length, 1);
  });

  it("makes a new action of each call without an idempotency key", async () => {
    const userId = newUser();
    const first = await track(backend, userId);
    const second = await track(backend, userId);
    assert.notEqual(first.idempotencyKey, second.idempotencyKey);
  });

  it("records every attribute that the SDK can send", async () => {
    const userId = newUser();
    const contact = {
      email: `${userId}@example.com`,
      phoneNumber: "+64211234567",
      username: `name-of-${userId}`,
    };
    await track(backend, userId, {
      ...contact,
      idempotencyKey: "key-1",
      redirectUrl: "https://app.example.com/back",
      redirectToSettings: false,
      ipAddress: "203.0.113.7",
      userAgent: "Mozilla/5.0 (X11; Linux x86_64)",
      deviceId: "device-1",
      scope: "add:authenticators",
      custom: { amount: 12.5, payee: "Zoë – 東京", trusted: true },
      locale: "en",
    });
    const user = await backend.getUser({ userId });
    const { email, phoneNumber, username } = user;
    assert.deepEqual({ email, phoneNumber, username }, contact);
  });

  it("takes a user id with characters that have to be encoded in a path", async () => {
    const userId = `auth0|${randomUUID()} é`;
    const { idempotencyKey } = await track(backend, userId);
    const action = await backend.getAction({ userId, action: "signIn", idempotencyKey });
    assert.equal(action.state, "ALLOW");
  });

  it("refuses an action code that is none", async () => {
    await refused(track(backend, newUser(), {}, "sign.in!"), 400, "invalid_request");
    await refused(track(backend, newUser(), {}, "a".repeat(65)), 400, "invalid_request");
  });

  it("refuses attributes of a wrong type, and text that would deceive on a phone", async () => {
    const refusedWith = (attributes) =>
      refused(track(backend, newUser(), attributes), 400, "invalid_request");
    await refusedWith({ idempotencyKey: 7 });
    await refusedWith({ idempotencyKey: "k".repeat(129) });
    await refusedWith({ deviceId: "\u202Egnp.exe" });
    // No phone of this tenant sees custom data.
    await track(backend, newUser(), { custom: { payee: "\u202Egnp.exe" } });
  });
});
