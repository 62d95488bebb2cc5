// A key that the server knows is kept, whatever else the server refuses.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { backendOf, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Web } from "../support/web.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

const REFUSED = {
  error: "invalid_credential",
  errorCode: "invalid_credential",
  errorDescription: "the signature does not verify",
};

describe("the browser phone and its key", LIMITED, () => {
  let browser, server, backend;
  house({}, (started) => {
    ({ browser, server } = started);
    backend = backendOf(server);
  });

  async function phoneOf(userId) {
    const phone = await BrowserPhone.unpack(browser, server);
    await phone.add((await track(backend, userId, {}, "enroll")).token);
    phone.person.expect(/status of 401 /);
    return phone;
  }

  /** Answers the next POST to a path as a server does that refuses the signature. */
  const refuseOnce = async (phone, path) => {
    let left = 1;
    await phone.page.route(`**/push${path}`, (route) => {
      if (route.request().method() !== "POST" || left === 0) return route.fallback();
      left -= 1;
      return route.fulfill({ status: 401, json: REFUSED });
    });
  };

  async function assertApproves(phone, userId) {
    const { token } = await track(backend, userId, {}, "signIn");
    const web = new Web(server, token);
    const { body } = await web.challenge();
    await phone.approve(body.number);
    const ended = await web.verify(body.challengeId, { waitSeconds: 30 });
    assert.equal(ended.body.outcome, "approved");
  }

  it("keeps it when a session is refused", async () => {
    const userId = newUser();
    const phone = await phoneOf(userId);
    await refuseOnce(phone, "/session");
    await phone.page.reload();
    await assertApproves(phone, userId);
  });

  it("keeps it when a removal is refused, and says so", async () => {
    const userId = newUser();
    const phone = await phoneOf(userId);
    await refuseOnce(phone, "/remove");
    await phone.page.getByRole("button", { name: /^Remove / }).click();
    await phone.press("Remove");
    await phone.page.getByText("The server did not remove it").waitFor();
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
    await phone.press("Keep it");
    await assertApproves(phone, userId);
  });

  it("blames no number for a refused signature", async () => {
    const userId = newUser();
    const phone = await phoneOf(userId);
    const { token } = await track(backend, userId, {}, "signIn");
    const web = new Web(server, token);
    const { body } = await web.challenge();
    await refuseOnce(phone, "/challenge");
    await phone.approve(body.number);
    await phone.page.getByText("The server did not take the answer").waitFor();
    await phone.approve(body.number);
    const ended = await web.verify(body.challengeId, { waitSeconds: 30 });
    assert.equal(ended.body.outcome, "approved");
  });
});
