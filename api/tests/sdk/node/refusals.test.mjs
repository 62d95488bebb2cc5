// @authsignal/node: callers without rights, and methods that a push server does not have.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, newUser, track } from "../support/backend.mjs";
import { refused } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { newSecret, startServer } from "../support/server.mjs";

const OTHER_SECRET = newSecret();

describe("refusals", LIMITED, () => {
  let server, backend;

  before(async () => {
    const env = {
      COUNTERSIGN__TENANTS__1__ID: "other",
      COUNTERSIGN__TENANTS__1__SECRET_KEYS: OTHER_SECRET,
    };
    server = await startServer({ env });
    backend = backendOf(server);
  });
  after(() => server?.stop());

  const user = { userId: "anna" };
  const action = { ...user, action: "signIn" };
  const named = { ...action, idempotencyKey: "key-1" };
  const served = {
    track: action,
    getAction: named,
    updateAction: { ...named, attributes: { state: "BLOCK" } },
    queryUserActions: user,
    validateChallenge: { token: "a.b.c" },
    getUser: user,
    queryUsers: { email: "anna@example.com" },
    updateUser: { ...user, attributes: { displayName: "Anna" } },
    deleteUser: user,
    getAuthenticators: user,
    deleteAuthenticator: { ...user, userAuthenticatorId: "1" },
  };
  const notServed = {
    challenge: { ...action, verificationMethod: "SMS", phoneNumber: "+64211234567" },
    verify: { challengeId: "1", verificationCode: "123456" },
    claimChallenge: { ...user, challengeId: "1" },
    getChallenge: { challengeId: "1" },
    createSession: { clientId: "app", token: "a.b.c" },
    validateSession: { accessToken: "a.b.c" },
    refreshSession: { refreshToken: "abc" },
    revokeSession: { accessToken: "a.b.c" },
    revokeUserSessions: user,
    enrollVerifiedAuthenticator: {
      ...user,
      attributes: { verificationMethod: "SMS", phoneNumber: "+64211234567" },
    },
  };

  it("the suite knows every method that the SDK has", () => {
    const of = Object.getOwnPropertyNames(Object.getPrototypeOf(backend));
    const methods = of.filter((name) => !["constructor", "getRequestConfig"].includes(name));
    const known = [...Object.keys(served), ...Object.keys(notServed)];
    assert.deepEqual(known.sort(), methods.sort());
  });

  for (const [method, request] of Object.entries(served)) {
    it(`${method} is refused with a secret that is not the tenant's`, async () => {
      for (const secret of [newSecret(), server.tenant, `${server.secret}x`]) {
        const stranger = backendOf(server, { secret });
        await refused(stranger[method](request), 401, "unauthorized");
      }
    });
  }

  for (const [method, request] of Object.entries(notServed)) {
    it(`${method} says that the server is not set up for it`, async () => {
      await refused(backend[method](request), 400, "invalid_configuration");
    });
  }

  it("one tenant sees nothing of another's users and actions", async () => {
    const userId = newUser();
    const email = `${userId}@example.com`;
    const { idempotencyKey } = await track(backend, userId, { email });
    const other = backendOf(server, { secret: OTHER_SECRET });
    assert.equal((await other.getUser({ userId })).email, undefined);
    assert.deepEqual((await other.queryUsers({ email })).users, []);
    assert.deepEqual(await other.queryUserActions({ userId }), []);
    const get = other.getAction({ userId, action: "signIn", idempotencyKey });
    await refused(get, 404, "invalid_request");
    await other.deleteUser({ userId });
    assert.equal((await backend.getUser({ userId })).email, email);
  });

  it("a path that nobody knows is refused in the SDK's own terms", async () => {
    const lost = backendOf({ ...server, url: `${server.url}/nowhere`, secret: server.secret });
    await refused(lost.getUser(user), 404, "invalid_request");
  });
});
