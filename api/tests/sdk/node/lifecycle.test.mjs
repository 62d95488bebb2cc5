// The software device in both dialects, through enroll, challenge, approve, deny and remove.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { refusedAnswer } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { DIALECTS, Phone } from "../support/phone.mjs";
import { startServer } from "../support/server.mjs";
import { deadline } from "../support/until.mjs";
import { Web } from "../support/web.mjs";

for (const dialect of DIALECTS) {
  describe(`a phone that speaks as ${dialect} does`, LIMITED, () => {
    let server, backend, phone, userId;

    before(async () => {
      server = await startServer();
      backend = backendOf(server);
      phone = new Phone(server, { dialect });
      userId = newUser();
      await enroll(backend, phone, userId);
    });
    after(async () => {
      phone?.discard();
      await server?.stop();
    });

    async function challenge() {
      const tracked = await track(backend, userId);
      const web = new Web(server, tracked.token);
      return { web, tracked, challengeId: await web.challengeId() };
    }

    it("is enrolled as such, with a key that only its owner may read", async () => {
      const [authenticator] = await backend.getAuthenticators({ userId });
      assert.equal(authenticator.devicePlatform, dialect.toUpperCase());
      assert.equal(phone.keyFileMode(), "600");
    });

    it("approves the challenge that it is told of", async () => {
      const { web, challengeId } = await challenge();
      const { body: pending } = await web.verify(challengeId);
      assert.equal(pending.isVerified, false);
      assert.equal(pending.isConsumed, false);
      assert.equal(pending.accessToken, undefined);
      await phone.approve(challengeId);
      const end = await web.outcome(challengeId);
      assert.equal(end.isVerified, true);
      assert.equal(end.outcome, "approved");
      const validated = await backend.validateChallenge({ token: end.accessToken });
      assert.equal(validated.isValid, true);
    });

    it("denies the challenge that it is told of", async () => {
      const { web, tracked, challengeId } = await challenge();
      await phone.deny(challengeId);
      const { isVerified, accessToken, outcome } = await web.outcome(challengeId);
      const denied = { isVerified: false, accessToken: undefined, outcome: "denied" };
      assert.deepEqual({ isVerified, accessToken, outcome }, denied);
      const { idempotencyKey } = tracked;
      const action = await backend.getAction({ userId, action: "signIn", idempotencyKey });
      assert.equal(action.state, "CHALLENGE_FAILED");
    });

    it("finds what waits for it by itself", async () => {
      const { web, challengeId } = await challenge();
      await phone.approve();
      assert.equal((await web.outcome(challengeId)).outcome, "approved");
      await assert.rejects(phone.approve(), "nothing is left to approve");
    });

    it("cannot take its answer back", async () => {
      const { web, challengeId } = await challenge();
      await phone.deny(challengeId);
      await assert.rejects(phone.approve(challengeId));
      assert.equal((await web.outcome(challengeId)).outcome, "denied");
    });

    it("cannot approve what a newer challenge has taken the place of", async () => {
      const { web, challengeId: older } = await challenge();
      const { web: newerWeb, challengeId: newer } = await challenge();
      await assert.rejects(phone.approve(older));
      await phone.approve(newer);
      assert.equal((await web.outcome(older)).outcome, "superseded");
      assert.equal((await newerWeb.outcome(newer)).outcome, "approved");
    });

    it("wakes a long poll with its answer", async () => {
      const { web, challengeId } = await challenge();
      const waiting = web.verify(challengeId, { waitSeconds: 30 });
      await phone.approve(challengeId);
      // It was to wait for 30 s: that it ends well before is the point.
      const { headers, body } = await deadline(waiting, 10_000, "the end of the long poll");
      assert.equal(body.outcome, "approved");
      assert.match(headers.get("preference-applied"), /^wait=\d+$/);
    });

    it("is of no use to somebody else", async () => {
      const { challengeId } = await challenge();
      const stranger = newUser();
      const strangersPhone = new Phone(server, { dialect });
      try {
        await enroll(backend, strangersPhone, stranger);
        await assert.rejects(strangersPhone.approve(challengeId));
      } finally {
        strangersPhone.discard();
      }
      const strangersWeb = new Web(server, (await track(backend, stranger)).token);
      refusedAnswer(await strangersWeb.verify(challengeId), 400, "invalid_request");
    });

    it("ends its part, and may begin anew", async () => {
      const leaver = new Phone(server, { dialect });
      const leaverId = newUser();
      try {
        await enroll(backend, leaver, leaverId);
        await leaver.remove();
        assert.deepEqual(await backend.getAuthenticators({ userId: leaverId }), []);
        await assert.rejects(leaver.approve(), "a removed phone is not known");
        await enroll(backend, leaver, leaverId);
        assert.equal((await backend.getAuthenticators({ userId: leaverId })).length, 1);
      } finally {
        leaver.discard();
      }
    });
  });
}
