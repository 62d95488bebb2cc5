// The relying party's backend: the official Node SDK, and the steps that every suite begins with.

import { randomUUID } from "node:crypto";

import { Authsignal } from "@authsignal/node";

/** A client of the Server API. Without retries, so that what a test sees is one request. */
export function backendOf(server, { secret = server.secret } = {}) {
  return new Authsignal({ apiSecretKey: secret, apiUrl: server.url, retries: 0 });
}

/** A user that no other test has. */
export const newUser = () => `user-${randomUUID()}`;

/** Tracks an action of a user. */
export function track(backend, userId, attributes = {}, action = "signIn") {
  return backend.track({ userId, action, attributes });
}

/** Binds a phone to a user, as the relying party's app does it. */
export async function enroll(backend, phone, userId) {
  const { token } = await track(backend, userId, { scope: "add:authenticators" }, "enroll");
  await phone.enroll(token);
}
