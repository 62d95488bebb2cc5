// A phone that signs statements, with each algorithm and format, through enroll, challenge, approve, deny,
// report, update and remove.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone, SIGNERS } from "../support/phone.mjs";
import { startServer } from "../support/server.mjs";
import { Web } from "../support/web.mjs";

const CONTEXT = {
  ipAddress: "203.0.113.7",
  userAgent: "Firefox on Linux",
  custom: { payee: "Zoë’s Bücher", amount: 129900, currency: "EUR", risk: "high" },
};

for (const signer of SIGNERS) {
  const named = `${signer.algorithm}${signer.format ? ` (${signer.format})` : ""}`;

  describe(`a phone that signs statements with ${named}`, LIMITED, () => {
    let server, backend, phone, userId;

    before(async () => {
      server = await startServer({
        env: {
          COUNTERSIGN__TENANTS__0__PUSH__CUSTOM_PUBLIC: "payee,amount,currency",
          COUNTERSIGN__TENANTS__0__PUSH__REQUIRE_STATEMENT: "true",
        },
      });
      backend = backendOf(server);
      phone = new Phone(server, { signer });
      userId = newUser();
      await enroll(backend, phone, userId);
    });
    after(async () => {
      phone?.discard();
      await server?.stop();
    });

    async function challenge(user = userId) {
      const tracked = await track(backend, user, CONTEXT);
      const web = new Web(server, tracked.token);
      return { web, tracked, challengeId: await web.challengeId() };
    }

    it("shows all that it is allowed to see, and approves it", async () => {
      const { web, challengeId } = await challenge();
      const shown = await phone.show();
      const seen = ["signIn", "203.0.113.7", "Firefox on Linux", "Zoë’s Bücher", "EUR 1\u00a0299.00"];
      for (const text of seen) assert.ok(shown.includes(text), `${text} is in ${shown}`);
      assert.ok(!shown.includes("risk"), "what is not public is not shown");
      assert.ok(!shown.includes("129900"), "an amount is shown by its text alone");
      assert.ok(!shown.includes("cannot be shown"));
      await phone.approve(challengeId);
      const end = await web.outcome(challengeId);
      assert.equal(end.outcome, "approved");
      const validated = await backend.validateChallenge({ token: end.accessToken });
      assert.equal(validated.isValid, true);
    });

    it("denies what waits for it", async () => {
      const { web, challengeId } = await challenge();
      await phone.deny();
      assert.equal((await web.outcome(challengeId)).outcome, "denied");
      await assert.rejects(phone.approve(challengeId), "it is not pending any more");
    });

    it("cannot be enrolled or used with less", async () => {
      const { token } = await track(backend, newUser(), {}, "enroll");
      const official = new Phone(server, { dialect: "ios" });
      try {
        await assert.rejects(official.enroll(token), /statement/);
      } finally {
        official.discard();
      }
    });

    it("tells a new push token", async () => {
      assert.match(await phone.update("fcm:APA91b"), /^updated authenticator /);
    });

    it("reports, which ends the challenge and holds further prompts of its owner", async () => {
      const victim = newUser();
      const victims = new Phone(server, { signer });
      try {
        await enroll(backend, victims, victim);
        const { web, challengeId } = await challenge(victim);
        await victims.report(challengeId);
        const { isVerified, outcome } = await web.outcome(challengeId);
        assert.deepEqual({ isVerified, outcome }, { isVerified: false, outcome: "reported" });
        const { token } = await track(backend, victim);
        const { status, headers } = await new Web(server, token).challenge();
        assert.equal(status, 429);
        assert.ok(Number(headers.get("retry-after")) > 0);
      } finally {
        victims.discard();
      }
    });

    it("ends its part, and may begin anew", async () => {
      const leaver = new Phone(server, { signer });
      const leaverId = newUser();
      try {
        await enroll(backend, leaver, leaverId);
        await leaver.remove();
        assert.deepEqual(await backend.getAuthenticators({ userId: leaverId }), []);
        await enroll(backend, leaver, leaverId);
        assert.equal((await backend.getAuthenticators({ userId: leaverId })).length, 1);
      } finally {
        leaver.discard();
      }
    });
  });
}

describe("a number that is asked for", LIMITED, () => {
  let server, backend, phone, userId;

  before(async () => {
    server = await startServer({ env: { COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH: "2" } });
    backend = backendOf(server);
    phone = new Phone(server, { signer: SIGNERS[0] });
    userId = newUser();
    await enroll(backend, phone, userId);
  });
  after(async () => {
    phone?.discard();
    await server?.stop();
  });

  it("is part of what is signed: only the right one approves", async () => {
    const { token } = await track(backend, userId);
    const web = new Web(server, token);
    const { body } = await web.challenge();
    const { challengeId, number } = body;
    assert.match(number, /^\d\d$/);
    await assert.rejects(phone.approve(challengeId), /the 2 digits are needed/);
    const wrong = String((Number(number) + 1) % 100).padStart(2, "0");
    await assert.rejects(phone.approve(challengeId, { number: wrong }), /the number is wrong/);
    await phone.approve(challengeId, { number });
    assert.equal((await web.outcome(challengeId)).outcome, "approved");
  });

  it("is not asked for to deny", async () => {
    const { token } = await track(backend, userId);
    const web = new Web(server, token);
    const challengeId = await web.challengeId();
    await phone.deny(challengeId);
    assert.equal((await web.outcome(challengeId)).outcome, "denied");
  });
});
