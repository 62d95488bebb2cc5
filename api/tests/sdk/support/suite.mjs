// What every suite of a server and one phone begins and ends with.

import { after, before } from "node:test";

import { backendOf } from "./backend.mjs";
import { Phone } from "./phone.mjs";
import { startServer } from "./server.mjs";

/** Starts a server before the suite that calls this, gives it with a backend and a phone to `ready`, and ends both. */
export function withPhone(ready) {
  let phone, server;
  before(async () => {
    server = await startServer();
    phone = new Phone(server);
    ready({ backend: backendOf(server), phone, server });
  });
  after(async () => {
    phone?.discard();
    await server?.stop();
  });
}
