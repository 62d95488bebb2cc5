// @authsignal/node: reading actions, and overriding their state.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { enroll, newUser, track } from "../support/backend.mjs";
import { isTime, refused } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { withPhone } from "../support/suite.mjs";
import { Web } from "../support/web.mjs";

describe("actions", LIMITED, () => {
  let server, backend, phone;

  withPhone((started) => ({ backend, phone, server } = started));

  it("getAction tells state and times of a tracked action", async () => {
    const userId = newUser();
    const { idempotencyKey } = await track(backend, userId);
    const action = await backend.getAction({ userId, action: "signIn", idempotencyKey });
    assert.equal(action.state, "ALLOW");
    isTime(action.createdAt);
    isTime(action.stateUpdatedAt);
    assert.equal(action.verificationMethod, undefined);
    assert.notEqual(action.output ?? null, null, "some SDKs need an output");
  });

  it("getAction refuses an action that was not tracked, of a known user as of an unknown one", async () => {
    const userId = newUser();
    const { idempotencyKey } = await track(backend, userId);
    const get = (request) =>
      backend.getAction({ userId, action: "signIn", idempotencyKey, ...request });
    await refused(get({ idempotencyKey: "unknown" }), 404, "invalid_request");
    await refused(get({ action: "other" }), 404, "invalid_request");
    await refused(get({ userId: newUser() }), 404, "invalid_request");
  });

  it("updateAction overrides the state", async () => {
    const userId = newUser();
    const { idempotencyKey } = await track(backend, userId);
    for (const state of ["REVIEW_REQUIRED", "REVIEW_SUCCEEDED", "CHALLENGE_SUCCEEDED", "BLOCK"]) {
      const attributes = { state };
      const request = { userId, action: "signIn", idempotencyKey };
      const updated = await backend.updateAction({ ...request, attributes });
      assert.equal(updated.state, state);
      assert.equal((await backend.getAction(request)).state, state);
    }
  });

  it("updateAction cancels the challenge that is open", async () => {
    const userId = newUser();
    await enroll(backend, phone, userId);
    const { token, idempotencyKey } = await track(backend, userId);
    const web = new Web(server, token);
    const challengeId = await web.challengeId();
    const attributes = { state: "BLOCK" };
    await backend.updateAction({ userId, action: "signIn", idempotencyKey, attributes });
    const { isVerified, isConsumed, outcome } = await web.outcome(challengeId);
    const cancelled = { isVerified: false, isConsumed: true, outcome: "cancelled" };
    assert.deepEqual({ isVerified, isConsumed, outcome }, cancelled);
    await assert.rejects(phone.approve(challengeId), "what was cancelled cannot be approved");
  });

  it("updateAction refuses an unknown state and an unknown action", async () => {
    const userId = newUser();
    const { idempotencyKey } = await track(backend, userId);
    const update = (request, state) =>
      backend.updateAction({
        userId,
        action: "signIn",
        idempotencyKey,
        ...request,
        attributes: { state },
      });
    await refused(update({}, "APPROVED"), 400, "invalid_request");
    await refused(update({ idempotencyKey: "unknown" }, "BLOCK"), 404, "invalid_request");
  });

  it("queryUserActions lists a user's actions by code, state and time", async () => {
    const userId = newUser();
    const signIn = await track(backend, userId, {}, "signIn");
    const pay = await track(backend, userId, {}, "pay");
    const attributes = { state: "BLOCK" };
    await backend.updateAction({ userId, action: "pay", ...pick(pay), attributes });

    const keysOf = async (filter) => {
      const actions = await backend.queryUserActions({ userId, ...filter });
      return actions.map((action) => action.idempotencyKey).sort();
    };
    const both = [signIn.idempotencyKey, pay.idempotencyKey].sort();
    assert.deepEqual(await keysOf({}), both);
    assert.deepEqual(await keysOf({ actionCodes: ["signIn", "pay"] }), both);
    assert.deepEqual(await keysOf({ actionCodes: ["signIn"] }), [signIn.idempotencyKey]);
    assert.deepEqual(await keysOf({ state: "BLOCK" }), [pay.idempotencyKey]);
    assert.deepEqual(await keysOf({ fromDate: hoursFromNow(-1) }), both);
    assert.deepEqual(await keysOf({ fromDate: hoursFromNow(1) }), []);
  });

  it("queryUserActions describes an action, and the phone that decided it", async () => {
    const userId = newUser();
    await enroll(backend, phone, userId);
    const { token, idempotencyKey } = await track(backend, userId, {}, "pay");
    const web = new Web(server, token);
    const challengeId = await web.challengeId();
    await phone.approve(challengeId);
    await web.outcome(challengeId);
    const [action] = await backend.queryUserActions({ userId, actionCodes: ["pay"] });
    assert.equal(action.actionCode, "pay");
    assert.equal(action.idempotencyKey, idempotencyKey);
    assert.equal(action.state, "CHALLENGE_SUCCEEDED");
    assert.equal(action.verificationMethod, "PUSH");
    const [authenticator] = await backend.getAuthenticators({ userId });
    assert.equal(action.verifiedByAuthenticatorId, authenticator.userAuthenticatorId);
    isTime(action.createdAt);
  });

  it("queryUserActions knows nothing of a user whom nobody tracked", async () => {
    assert.deepEqual(await backend.queryUserActions({ userId: newUser() }), []);
  });
});

const pick = ({ idempotencyKey }) => ({ idempotencyKey });
const hoursFromNow = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
