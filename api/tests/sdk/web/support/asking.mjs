// A website that asks a phone, as plain requests.

import assert from "node:assert/strict";

import { newUser, track } from "../../support/backend.mjs";
import { Web } from "../../support/web.mjs";
import { BrowserPhone } from "./phone.mjs";

const CONTEXT = { ipAddress: "203.0.113.7", userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };

/** The token that adds a phone to a user. */
export const enrollmentToken = async (backend, userId) => (await track(backend, userId, {}, "enroll")).token;

/** A phone with the account of a new user. */
export async function phoneOf({ browser, server, backend }, options) {
  const userId = newUser();
  const phone = await BrowserPhone.unpack(browser, server, options);
  await phone.add(await enrollmentToken(backend, userId));
  return { phone, userId };
}

/** Asks a user. Gives the challenge, and a promise of its outcome. */
export async function ask({ server, backend }, userId, { action = "signIn", custom } = {}) {
  const { token } = await track(backend, userId, { ...CONTEXT, ...(custom && { custom }) }, action);
  const web = new Web(server, token);
  const { status, body } = await web.challenge();
  assert.equal(status, 200, JSON.stringify(body));
  const verified = web.verify(body.challengeId, { waitSeconds: 30 });
  return { ...body, token, web, outcome: verified.then((answer) => answer.body.outcome) };
}
