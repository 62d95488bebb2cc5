// @authsignal/node: the webhook of a created challenge, sent by the server to a listener here.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { isTime, refusedAnswer } from "../support/expect.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { listen } from "../support/ports.mjs";
import { newSecret, startServer } from "../support/server.mjs";
import { Web } from "../support/web.mjs";

const NEXT_SECRET = newSecret();

describe("webhook", LIMITED, () => {
  let listener, server, backend, phone, userId;
  let received, answer;

  before(async () => {
    listener = await listen(createServer(record));
    const secret = newSecret();
    const env = {
      COUNTERSIGN_WEBHOOK_URL: `http://127.0.0.1:${listener.address().port}/hook`,
      COUNTERSIGN_WEBHOOK_ALLOW_HOSTS: "127.0.0.1",
      // Two secrets are active, as while one takes the place of the other.
      COUNTERSIGN_SECRET_KEY: undefined,
      COUNTERSIGN__TENANTS__0__SECRET_KEYS: `${secret},${NEXT_SECRET}`,
      // One user is asked in every test, and approves in none.
      COUNTERSIGN__TENANTS__0__PUSH__PROMPTS_MAX: "100",
    };
    server = await startServer({ env, secret });
    backend = backendOf(server);
    phone = new Phone(server);
    userId = newUser();
    await enroll(backend, phone, userId);
  });
  beforeEach(() => {
    received = [];
    answer = { status: 200, headers: {} };
  });
  after(async () => {
    phone?.discard();
    await server?.stop();
    listener?.closeAllConnections();
    await new Promise((closed) => listener.close(closed));
  });

  function record(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString("utf8") });
      response.writeHead(answer.status, answer.headers).end();
    });
  }

  async function challenge(attributes = {}) {
    const tracked = await track(backend, userId, attributes);
    const web = new Web(server, tracked.token);
    return { tracked, web, answer: await web.challenge() };
  }

  it("tells of a challenge, signed so that the SDK accepts it", async () => {
    const { tracked, answer: started } = await challenge({ ipAddress: "203.0.113.7" });
    assert.equal(started.status, 200);
    assert.equal(received.length, 1, "told once, before the browser is answered");
    const [{ method, url, headers, body }] = received;
    assert.equal(method, "POST");
    assert.equal(url, "/hook");
    assert.equal(headers["content-type"], "application/json");

    const event = backend.webhook.constructEvent(body, headers["x-signature-v2"]);
    assert.equal(event.type, "push.created");
    assert.equal(event.version, 1);
    assert.equal(event.tenantId, server.tenant);
    assert.ok(event.id.length > 0 && event.source.length > 0);
    isTime(event.time);
    assert.equal(event.data.challengeId, started.body.challengeId);
    assert.equal(event.data.userId, userId);
    assert.equal(event.data.idempotencyKey, tracked.idempotencyKey);
    assert.equal(event.data.actionCode, "signIn");
    assert.equal(event.data.ipAddress, "203.0.113.7");
    const notText = Object.values(event.data).filter((value) => typeof value !== "string");
    assert.deepEqual(notText, [], "some SDKs read text only");
  });

  it("is signed with every secret that is active", async () => {
    await challenge();
    const [{ headers, body }] = received;
    const next = backendOf(server, { secret: NEXT_SECRET });
    const event = next.webhook.constructEvent(body, headers["x-signature-v2"]);
    assert.equal(event.type, "push.created");
  });

  it("is not accepted if it was changed, or with another secret", async () => {
    await challenge();
    const [{ headers, body }] = received;
    const signature = headers["x-signature-v2"];
    const changed = body.replace(userId, newUser());
    assert.throws(() => backend.webhook.constructEvent(changed, signature), /mismatch/i);
    const stranger = backendOf(server, { secret: newSecret() });
    assert.throws(() => stranger.webhook.constructEvent(body, signature), /mismatch/i);
  });

  for (const [what, refusal] of [
    ["fails", { status: 500, headers: {} }],
    ["refuses", { status: 404, headers: {} }],
    ["sends the server elsewhere", { status: 302, headers: { location: "/elsewhere" } }],
  ]) {
    it(`leaves nothing pending if the listener ${what}`, async () => {
      answer = refusal;
      const { answer: started } = await challenge();
      refusedAnswer(started, 400, "invalid_configuration");
      assert.deepEqual(
        received.map((request) => request.url),
        ["/hook"],
        "asked once",
      );
      const event = backend.webhook.constructEvent(
        received[0].body,
        received[0].headers["x-signature-v2"],
      );
      await assert.rejects(phone.approve(), "the phone sees nothing");
      await assert.rejects(phone.approve(event.data.challengeId), "nor can it be approved by name");
    });
  }

  it("works again for the same action once the listener does", async () => {
    answer = { status: 503, headers: {} };
    const { web, answer: refused } = await challenge();
    assert.equal(refused.status, 400);
    answer = { status: 204, headers: {} };
    const challengeId = await web.challengeId();
    await phone.approve(challengeId);
    assert.equal((await web.outcome(challengeId)).isVerified, true);
  });
});
