// @authsignal/node: a user's authenticators.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { isTime, refused, refusedAnswer } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { startServer } from "../support/server.mjs";
import { Web } from "../support/web.mjs";

describe("authenticators", LIMITED, () => {
  let server, backend, userId;
  const phones = [];

  before(async () => {
    server = await startServer();
    backend = backendOf(server);
  });
  beforeEach(() => {
    userId = newUser();
  });
  after(async () => {
    phones.forEach((phone) => phone.discard());
    await server?.stop();
  });

  function newPhone(dialect) {
    const phone = new Phone(server, { dialect });
    phones.push(phone);
    return phone;
  }

  it("getAuthenticators lists nothing for a user without a phone, known or not", async () => {
    assert.deepEqual(await backend.getAuthenticators({ userId }), []);
    await track(backend, userId);
    assert.deepEqual(await backend.getAuthenticators({ userId }), []);
  });

  it("getAuthenticators describes a phone", async () => {
    await enroll(backend, newPhone("ios"), userId);
    const [authenticator, ...others] = await backend.getAuthenticators({ userId });
    assert.deepEqual(others, []);
    assert.equal(authenticator.userId, userId);
    assert.ok(authenticator.userAuthenticatorId.length > 0);
    assert.equal(authenticator.verificationMethod, "PUSH");
    assert.equal(authenticator.devicePlatform, "IOS");
    isTime(authenticator.createdAt);
    isTime(authenticator.verifiedAt);
  });

  it("getAuthenticators lists both phones of a user who has two", async () => {
    await enroll(backend, newPhone("android"), userId);
    await enroll(backend, newPhone("ios"), userId);
    const listed = await backend.getAuthenticators({ userId });
    const platforms = listed.map((authenticator) => authenticator.devicePlatform).sort();
    assert.deepEqual(platforms, ["ANDROID", "IOS"]);
  });

  it("a phone that enrolls again for its user stays one authenticator", async () => {
    const phone = newPhone();
    await enroll(backend, phone, userId);
    await enroll(backend, phone, userId);
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
  });

  it("a second phone needs the scope for it", async () => {
    await enroll(backend, newPhone(), userId);
    const { token } = await track(backend, userId);
    await assert.rejects(newPhone().enroll(token));
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
  });

  it("deleteAuthenticator ends one phone's part, and leaves the other's", async () => {
    const [lost, kept] = [newPhone("android"), newPhone("ios")];
    await enroll(backend, lost, userId);
    await enroll(backend, kept, userId);
    const listed = await backend.getAuthenticators({ userId });
    const android = listed.find((authenticator) => authenticator.devicePlatform === "ANDROID");
    const { userAuthenticatorId } = android;
    await backend.deleteAuthenticator({ userId, userAuthenticatorId });
    const left = await backend.getAuthenticators({ userId });
    assert.deepEqual(
      left.map((authenticator) => authenticator.devicePlatform),
      ["IOS"],
    );

    const web = new Web(server, (await track(backend, userId)).token);
    const challengeId = await web.challengeId();
    await assert.rejects(lost.approve(challengeId), "a deleted phone approves nothing");
    await kept.approve(challengeId);
    assert.equal((await web.outcome(challengeId)).isVerified, true);
  });

  it("deleteAuthenticator of the last phone leaves a user without any", async () => {
    await enroll(backend, newPhone(), userId);
    const [{ userAuthenticatorId }] = await backend.getAuthenticators({ userId });
    await backend.deleteAuthenticator({ userId, userAuthenticatorId });
    assert.equal((await backend.getUser({ userId })).isEnrolled, false);
    const { token, state } = await track(backend, userId);
    assert.equal(state, "ALLOW");
    const { status } = await new Web(server, token).challenge();
    assert.equal(status, 400, "there is nobody to ask");
  });

  it("deleteAuthenticator does not reach another user's phone", async () => {
    await enroll(backend, newPhone(), userId);
    const [{ userAuthenticatorId }] = await backend.getAuthenticators({ userId });
    const deletion = (request) => backend.deleteAuthenticator({ userAuthenticatorId, ...request });
    await refused(deletion({ userId: newUser() }), 404, "invalid_request");
    const unknown = { userId, userAuthenticatorId: randomUUID() };
    await refused(deletion(unknown), 404, "invalid_request");
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
  });

  it("a challenge for one of two phones is answered by that one only", async () => {
    const [asked, other] = [newPhone("android"), newPhone("ios")];
    await enroll(backend, asked, userId);
    await enroll(backend, other, userId);
    const listed = await backend.getAuthenticators({ userId });
    const android = listed.find((authenticator) => authenticator.devicePlatform === "ANDROID");
    const web = new Web(server, (await track(backend, userId)).token);
    const { userAuthenticatorId } = android;
    const challengeId = await web.challengeId({ userAuthenticatorId });
    await assert.rejects(other.approve(challengeId));
    await asked.deny(challengeId);
    assert.equal((await web.outcome(challengeId)).outcome, "denied");
    refusedAnswer(
      await web.challenge({ userAuthenticatorId: randomUUID() }),
      400,
      "invalid_request",
    );
  });
});
