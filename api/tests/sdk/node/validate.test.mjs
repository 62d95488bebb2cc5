// @authsignal/node: validating the token that a browser brings back.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { isTime } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { newSecret, startServer } from "../support/server.mjs";
import { Web } from "../support/web.mjs";

const OTHER_SECRET = newSecret();

describe("validateChallenge", LIMITED, () => {
  let server, backend, phone, userId;

  before(async () => {
    const env = {
      COUNTERSIGN__TENANTS__1__ID: "other",
      COUNTERSIGN__TENANTS__1__SECRET_KEYS: OTHER_SECRET,
    };
    server = await startServer({ env });
    backend = backendOf(server);
    phone = new Phone(server);
    userId = newUser();
    await enroll(backend, phone, userId);
  });
  after(async () => {
    phone?.discard();
    await server?.stop();
  });

  /** Has the phone answer a challenge. Gives what was tracked and the end as the browser sees it. */
  async function signIn(answer) {
    const tracked = await track(backend, userId);
    const web = new Web(server, tracked.token);
    const challengeId = await web.challengeId();
    await phone[answer](challengeId);
    return { tracked, end: await web.outcome(challengeId) };
  }

  it("is valid once the phone has approved", async () => {
    const { tracked, end } = await signIn("approve");
    const validated = await backend.validateChallenge({ token: end.accessToken });
    assert.equal(validated.isValid, true);
    assert.equal(validated.state, "CHALLENGE_SUCCEEDED");
    assert.equal(validated.userId, userId);
    assert.equal(validated.action, "signIn");
    assert.equal(validated.idempotencyKey, tracked.idempotencyKey);
    assert.equal(validated.verificationMethod, "PUSH");
    isTime(validated.stateUpdatedAt);
  });

  it("is not valid where the browser came back without a token", async () => {
    for (const token of [undefined, null, ""]) {
      const validated = await backend.validateChallenge({ token, action: "signIn" });
      assert.equal(validated.isValid, false);
      assert.equal(validated.userId, undefined);
    }
  });

  it("is valid for the action and the user that the backend expects", async () => {
    const { end } = await signIn("approve");
    const token = end.accessToken;
    const validated = await backend.validateChallenge({ token, userId, action: "signIn" });
    assert.equal(validated.isValid, true);
  });

  it("is valid with the token of track too, once the phone has approved", async () => {
    const { tracked } = await signIn("approve");
    const validated = await backend.validateChallenge({ token: tracked.token });
    assert.equal(validated.isValid, true);
  });

  it("is not valid before anybody has answered", async () => {
    const tracked = await track(backend, userId);
    const validated = await backend.validateChallenge({ token: tracked.token });
    assert.equal(validated.isValid, false);
    assert.equal(validated.state, "CHALLENGE_REQUIRED");
    assert.equal(validated.userId, userId);
    assert.equal(validated.action, "signIn");
  });

  it("is not valid once the phone has denied", async () => {
    const { tracked, end } = await signIn("deny");
    assert.equal(end.accessToken, undefined, "a denial gives no token");
    const validated = await backend.validateChallenge({ token: tracked.token });
    assert.equal(validated.isValid, false);
    assert.equal(validated.state, "CHALLENGE_FAILED");
  });

  it("is not valid for a user of whom nothing was asked", async () => {
    const { token } = await track(backend, newUser());
    const validated = await backend.validateChallenge({ token });
    assert.equal(validated.isValid, false);
    assert.equal(validated.state, "ALLOW");
  });

  it("is not valid for another action than the token's", async () => {
    const { end } = await signIn("approve");
    const validated = await backend.validateChallenge({ token: end.accessToken, action: "pay" });
    assert.equal(validated.isValid, false);
    assert.ok(validated.error?.length > 0, "it says why");
  });

  it("is not valid for another user than the token's, who is not told", async () => {
    const { end } = await signIn("approve");
    const token = end.accessToken;
    const validated = await backend.validateChallenge({ token, userId: newUser() });
    assert.equal(validated.isValid, false);
    assert.equal(validated.userId, undefined);
    assert.ok(validated.error?.length > 0, "it says why");
  });

  it("is not valid with a token that nobody gave out", async () => {
    const { end } = await signIn("approve");
    const [body, mac] = end.accessToken.split(".");
    const flipped = (mac[0] === "A" ? "B" : "A") + mac.slice(1);
    const unsigned = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    const forged = [
      `${body}.${flipped}`,
      `${body}.`,
      body,
      `${unsigned}.${body}.`,
      "not-a-token",
    ];
    for (const token of forged) {
      assert.equal(await validity(backend, token), false, token);
    }
  });

  it("is not valid with another tenant's token", async () => {
    const { end } = await signIn("approve");
    const other = backendOf(server, { secret: OTHER_SECRET });
    assert.equal(await validity(other, end.accessToken), false);
  });
});

/** Whether a token is valid; a refusal of it is a no, any other failure is a failure. */
async function validity(backend, token) {
  try {
    return (await backend.validateChallenge({ token })).isValid;
  } catch (error) {
    assert.ok([400, 401].includes(error.statusCode), `refused, not failed: ${error}`);
    return false;
  }
}
