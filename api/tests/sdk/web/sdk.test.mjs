// Our browser SDK, on a page of another origin than the server's.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { until } from "../support/until.mjs";
import { house } from "./support/house.mjs";
import { startSite } from "./support/site.mjs";

const LOST_NETWORK = /ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|ABORTED|FAILED|UNSAFE_PORT)/;

describe("our browser SDK", LIMITED, () => {
  let browser, site, server, backend;
  const phones = [];

  before(async () => (site = await startSite()));
  house({}, (started) => {
    ({ browser, server } = started);
    site.use(server);
    backend = backendOf(server);
  });
  after(async () => {
    phones.forEach((phone) => phone.discard());
    await site?.stop();
  });

  /** A user with a phone. */
  async function user() {
    const phone = new Phone(server);
    phones.push(phone);
    const userId = newUser();
    await enroll(backend, phone, userId);
    return { userId, phone };
  }

  /** Opens a page with a client that has the token of a sign-in, and keeps what it calls. */
  async function tab(person, userId, action = "signIn") {
    const { token } = await track(backend, userId, {}, action);
    const page = await person.open(site.origin);
    await page.waitForFunction(() => window.Countersign);
    await page.evaluate((value) => {
      window.calls = [];
      window.progress = [];
      window.client = new window.Countersign({
        onCall: (call) => call.status !== undefined && window.calls.push(call),
      });
      window.client.setToken(value);
    }, token);
    return page;
  }

  /** Begins `push.authenticate` and gives the challenge; `ended` resolves with the result. */
  async function authenticate(page) {
    await page.evaluate(() => {
      window.stop = new AbortController();
      const onProgress = (progress) => window.progress.push(progress);
      window.ended = window.client.push.authenticate({ signal: window.stop.signal, onProgress });
    });
    const started = await page.waitForFunction(() => window.progress.find((p) => p.type === "started"));
    return started.jsonValue();
  }
  const ended = (page) => page.evaluate(() => window.ended);

  it("has the official calls with the official shapes", async () => {
    const { userId, phone } = await user();
    const page = await tab(await browser.person(), userId);
    const { data } = await page.evaluate(() => window.client.push.challenge({ action: "signIn" }));
    assert.equal(typeof data.challengeId, "string");
    const verify = () => page.evaluate((id) => window.client.push.verify({ challengeId: id }), data.challengeId);
    const pending = await verify();
    assert.equal(pending.data.isVerified, false);
    assert.equal(pending.data.isConsumed, false);
    assert.equal("token" in pending.data, false);
    await phone.approve(data.challengeId);
    const approved = await verify();
    assert.equal(approved.data.isVerified, true);
    assert.equal("accessToken" in approved.data, false);
    assert.equal((await backend.validateChallenge({ token: approved.data.token })).isValid, true);
  });

  it("tells an approval and a denial apart, and what happened on the way", async () => {
    const { userId, phone } = await user();
    const person = await browser.person();
    for (const [answer, outcome] of [["approve", "approved"], ["deny", "denied"]]) {
      const page = await tab(person, userId);
      const { challengeId } = await authenticate(page);
      await phone[answer](challengeId);
      const { data } = await ended(page);
      assert.equal(data.outcome, outcome);
      assert.equal(data.isVerified, outcome === "approved");
      const progress = await page.evaluate(() => window.progress.map((p) => p.type));
      assert.equal(progress[0], "started");
      assert.equal(progress.at(-1), "ended");
    }
  });

  it("holds one poll for as long as nothing happens", async () => {
    const { userId, phone } = await user();
    const page = await tab(await browser.person(), userId);
    const { challengeId } = await authenticate(page);
    await phone.approve(challengeId);
    await ended(page);
    const paths = await page.evaluate(() => window.calls.map((call) => call.path));
    assert.deepEqual(paths, ["/client/challenge/push", "/client/verify/push"]);
  });

  it("stops at a signal, and takes the challenge back", async () => {
    const { userId } = await user();
    const page = await tab(await browser.person(), userId);
    const { challengeId } = await authenticate(page);
    await page.evaluate(() => window.stop.abort());
    assert.equal((await ended(page)).errorCode, "aborted");
    const verify = () => page.evaluate((id) => window.client.push.verify({ challengeId: id }), challengeId);
    const cancelled = async () => (await verify()).data?.outcome === "cancelled";
    await until(cancelled, { what: "the challenge is taken back" });
  });

  it("gives values and throws nothing, whatever is wrong", async () => {
    const { userId } = await user();
    const person = await browser.person();
    person.expect(/status of 40[01]/, LOST_NETWORK);
    const page = await tab(person, userId);
    const codes = await page.evaluate(async () => {
      const { client, Countersign } = window;
      const results = [await new Countersign({}).push.challenge(), await new Countersign({}).push.wait({ challengeId: "x" })];
      results.push(await client.push.challenge({ action: "another" }));
      results.push(await client.push.verify({ challengeId: "unknown" }));
      results.push(await client.push.wait({ challengeId: "unknown" }));
      client.setToken("a.b.c");
      results.push(await client.push.authenticate());
      const nowhere = new Countersign({ baseUrl: "http://127.0.0.1:9/v1" });
      nowhere.setToken("a.b.c");
      results.push(await nowhere.push.challenge());
      return results.map((result) => result.errorCode);
    });
    assert.deepEqual(codes, [
      "token_not_set",
      "token_not_set",
      "invalid_request",
      "invalid_request",
      "invalid_request",
      "invalid_token",
      "network_error",
    ]);
  });

  it("keeps two clients of a page apart", async () => {
    const [anna, ben] = [await user(), await user()];
    const page = await tab(await browser.person(), anna.userId);
    const { token } = await track(backend, ben.userId);
    const [first, second] = await page.evaluate(async (value) => {
      const other = new window.Countersign({});
      other.setToken(value);
      const begun = [await window.client.push.challenge(), await other.push.challenge()];
      window.waits = [window.client.push.wait(begun[0].data), other.push.wait(begun[1].data)];
      return begun.map(({ data }) => data.challengeId);
    }, token);
    await anna.phone.deny(first);
    await ben.phone.approve(second);
    const ends = await page.evaluate(() => Promise.all(window.waits));
    assert.deepEqual(ends.map(({ data }) => data.outcome), ["denied", "approved"]);
  });

  it("waits for one challenge with the tokens of two clients", async () => {
    const { userId, phone } = await user();
    const page = await tab(await browser.person(), userId);
    const { token, idempotencyKey } = await track(backend, userId);
    const again = await track(backend, userId, { idempotencyKey });
    const challengeId = await page.evaluate(async (tokens) => {
      const [first, second] = tokens.map((value) => {
        const client = new window.Countersign({});
        client.setToken(value);
        return client;
      });
      const { data } = await first.push.challenge();
      window.waits = [first, second].map((client) => client.push.wait(data));
      return data.challengeId;
    }, [token, again.token]);
    await phone.approve(challengeId);
    const ends = await page.evaluate(() => Promise.all(window.waits));
    assert.deepEqual(ends.map(({ data }) => data?.outcome), ["approved", "approved"]);
  });

  it("shares one poll between tabs and accounts, and goes on when the tab that polled is closed", async () => {
    const person = await browser.person();
    const users = [await user(), await user(), await user()];
    const pages = [];
    for (const { userId } of users) pages.push(await tab(person, userId));
    const challenges = [];
    for (const page of pages) challenges.push(await authenticate(page));
    const polls = async (page) =>
      (await page.evaluate(() => window.calls)).filter(({ path }) => /verify|wait/.test(path)).length;
    await users[1].phone.approve(challenges[1].challengeId);
    assert.equal((await ended(pages[1])).data.outcome, "approved");
    assert.ok((await polls(pages[0])) > 0, "the first tab polls");
    assert.deepEqual([await polls(pages[1]), await polls(pages[2])], [0, 0], "the others do not");
    await pages[0].close();
    await users[2].phone.deny(challenges[2].challengeId);
    assert.equal((await ended(pages[2])).data.outcome, "denied");
  });

  it("survives a restart of the server and a lost network in the middle of a wait", async () => {
    const { userId, phone } = await user();
    const person = await browser.person();
    person.expect(LOST_NETWORK);
    const page = await tab(person, userId);
    const { challengeId } = await authenticate(page);
    const types = () => page.evaluate(() => window.progress.map((p) => p.type));
    await server.restart();
    await person.context.setOffline(true);
    await until(async () => (await types()).includes("offline"), { what: "it says that it is offline" });
    await phone.approve(challengeId);
    await person.context.setOffline(false);
    assert.equal((await ended(page)).data.outcome, "approved");
  });
});
