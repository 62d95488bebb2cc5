// @authsignal/node: users.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { enroll, newUser, track } from "../support/backend.mjs";
import { refused } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { withPhone } from "../support/suite.mjs";

const ATTRIBUTES = {
  emailVerified: true,
  phoneNumberVerified: true,
  displayName: "Zoë 東京",
  custom: { tier: "gold", visits: 3, staff: false },
  locale: "en-NZ",
};

describe("users", LIMITED, () => {
  let backend, phone;

  withPhone((started) => ({ backend, phone } = started));

  it("getUser says of an unknown user that they are not enrolled", async () => {
    const user = await backend.getUser({ userId: newUser() });
    assert.equal(user.isEnrolled, false);
    assert.equal(user.email, undefined);
  });

  it("getUser tells what was tracked, and whether there is a phone", async () => {
    const userId = newUser();
    const email = `${userId}@example.com`;
    await track(backend, userId, { email });
    const { email: known, emailVerified, isEnrolled } = await backend.getUser({ userId });
    assert.deepEqual(
      { known, emailVerified, isEnrolled },
      {
        known: email,
        emailVerified: false,
        isEnrolled: false,
      },
    );

    await enroll(backend, phone, userId);
    const user = await backend.getUser({ userId });
    assert.equal(user.isEnrolled, true);
    assert.deepEqual(user.enrolledVerificationMethods, ["PUSH"]);
  });

  it("updateUser sets every attribute, and keeps those that it is not given", async () => {
    const userId = newUser();
    const contact = {
      email: `${userId}@example.com`,
      phoneNumber: "+64211234567",
      username: `name-of-${userId}`,
    };
    await backend.updateUser({ userId, attributes: { ...contact, ...ATTRIBUTES } });
    const updated = await backend.updateUser({ userId, attributes: { displayName: "Zed" } });
    assert.equal(updated.displayName, "Zed");
    const user = await backend.getUser({ userId });
    const expected = { ...contact, ...ATTRIBUTES, displayName: "Zed" };
    const got = Object.fromEntries(Object.keys(expected).map((name) => [name, user[name]]));
    assert.deepEqual(got, expected);
  });

  it("updateUser refuses attributes of a wrong type", async () => {
    const update = (attributes) => backend.updateUser({ userId: newUser(), attributes });
    await refused(update({ email: 5 }), 400, "invalid_request");
    await refused(update({ emailVerified: "yes" }), 400, "invalid_request");
  });

  it("queryUsers finds a user by e-mail, by phone number and by name", async () => {
    const userId = newUser();
    const email = `${userId}@example.com`;
    const phoneNumber = `+6421${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`;
    const username = `name-of-${userId}`;
    await backend.updateUser({ userId, attributes: { email, phoneNumber, username } });
    for (const filter of [{ email }, { phoneNumber }, { username }, { email, username }]) {
      const { users } = await backend.queryUsers(filter);
      assert.deepEqual(
        users.map((user) => user.userId),
        [userId],
        JSON.stringify(filter),
      );
      assert.equal(users[0].email, email);
      assert.equal(users[0].emailVerified, false);
    }
  });

  it("queryUsers finds nobody where nobody is, and not who differs in one filter", async () => {
    const userId = newUser();
    const email = `${userId}@example.com`;
    await backend.updateUser({ userId, attributes: { email } });
    assert.deepEqual((await backend.queryUsers({ username: newUser() })).users, []);
    assert.deepEqual((await backend.queryUsers({ email, username: newUser() })).users, []);
  });

  it("queryUsers gives all that match, page by page", async () => {
    const email = `${newUser()}@example.com`;
    const userIds = [newUser(), newUser(), newUser()].sort();
    for (const userId of userIds) {
      await backend.updateUser({ userId, attributes: { email } });
    }
    const found = [];
    let lastEvaluatedUserId;
    do {
      const page = await backend.queryUsers({ email, limit: 2, lastEvaluatedUserId });
      assert.ok(page.users.length <= 2, "a page keeps to its limit");
      found.push(...page.users.map((user) => user.userId));
      ({ lastEvaluatedUserId } = page);
    } while (lastEvaluatedUserId && found.length <= userIds.length);
    assert.deepEqual(found.sort(), userIds);
  });

  it("queryUsers wants something to look for", async () => {
    await refused(backend.queryUsers({}), 400, "invalid_request");
  });

  it("deleteUser forgets the user, their phones and their actions", async () => {
    const userId = newUser();
    await enroll(backend, phone, userId);
    const { idempotencyKey } = await track(backend, userId);
    await backend.deleteUser({ userId });
    assert.equal((await backend.getUser({ userId })).isEnrolled, false);
    assert.deepEqual(await backend.getAuthenticators({ userId }), []);
    assert.deepEqual(await backend.queryUserActions({ userId }), []);
    const get = backend.getAction({ userId, action: "signIn", idempotencyKey });
    await refused(get, 404, "invalid_request");
  });

  it("deleteUser takes an unknown user for one who is gone already", async () => {
    await backend.deleteUser({ userId: newUser() });
  });
});
