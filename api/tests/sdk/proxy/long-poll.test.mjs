// A long poll of the longest time, through each proxy at once: the proxy has to outwait the server.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { PROXY_NAMES, startProxy } from "../support/proxy.mjs";
import { startServer } from "../support/server.mjs";
import { Web } from "../support/web.mjs";

// The longest time that the server lets a poll wait.
const WAIT_SECONDS = 30;

describe("a long poll that nobody answers", { ...LIMITED, concurrency: true }, () => {
  let server, backend, phone;
  const proxies = [];

  before(async () => {
    server = await startServer({ direct: "the tests put each proxy in front of it" });
    backend = backendOf(server);
    phone = new Phone(server);
  });
  after(async () => {
    phone?.discard();
    await server?.stop();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  });

  for (const name of PROXY_NAMES) {
    it(`ends with the server's answer through ${name}`, async () => {
      const proxy = await startProxy(name, new URL(server.origin).port);
      proxies.push(proxy);
      const userId = newUser();
      await enroll(backend, phone, userId);
      const { token } = await track(backend, userId);
      const web = new Web({ url: `${proxy.origin}/v1` }, token);
      const challengeId = await web.challengeId();
      const asked = performance.now();
      const { status, headers, body } = await web.verify(challengeId, { waitSeconds: WAIT_SECONDS });
      const waited = (performance.now() - asked) / 1000;
      assert.equal(status, 200);
      assert.equal(body.isConsumed, false);
      assert.equal(headers.get("preference-applied"), `wait=${WAIT_SECONDS}`);
      assert.ok(waited > WAIT_SECONDS - 1, `it waited for ${waited} s`);
    });
  }
});
