// Returns of the person, or of the network, to our pages: polls that were under way may be dead without having said so.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { deadline, until } from "../support/until.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";
import { startNetwork } from "./support/silence.mjs";
import { startSite } from "./support/site.mjs";

const LOST_NETWORK = /ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|ABORTED|FAILED)/;
/** From the return to the answer. */
const SOON_MS = 2000;

/** The signs of a return, as browsers give them. */
const SIGNS = {
  "the page is seen": () => document.dispatchEvent(new Event("visibilitychange")),
  "the browser is online": () => window.dispatchEvent(new Event("online")),
  "the page comes out of the cache": () => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
  "the window takes the focus": () => window.dispatchEvent(new Event("focus")),
};
const SEEN = SIGNS["the page is seen"];

describe("a return", LIMITED, () => {
  let browser, site, server, backend, network;
  const phones = [];

  before(async () => (site = await startSite()));
  house({}, async (started) => {
    ({ browser, server } = started);
    site.use(server);
    backend = backendOf(server);
    network = await startNetwork(server);
  });
  after(async () => {
    phones.forEach((phone) => phone.discard());
    await network?.stop();
    await site?.stop();
  });

  async function newPerson() {
    network.heal();
    network.clear();
    const left = async () => (await server.metric("countersign_waiters")) === 0;
    await until(left, { what: "the polls of the test before are over" });
    const person = await browser.person();
    person.expect(LOST_NETWORK);
    return person;
  }

  /** A tab of the website that waits through the network. */
  async function waiting(person) {
    const phone = new Phone(server);
    phones.push(phone);
    const userId = newUser();
    await enroll(backend, phone, userId);
    const { token } = await track(backend, userId);
    const page = await person.open(site.origin);
    await page.waitForFunction(() => window.Countersign);
    const challengeId = await page.evaluate(async ([value, baseUrl]) => {
      window.begun = [];
      const client = new window.Countersign({ baseUrl, onCall: (call) => call.status === undefined && window.begun.push(call) });
      client.setToken(value);
      const { data } = await client.push.challenge();
      // The browser keeps several connections, each of which may be dead later.
      await Promise.all([1, 2, 3].map(() => client.push.verify(data)));
      window.begun = [];
      window.ended = client.push.wait(data).then(({ data: end }) => ({ outcome: end.outcome, at: performance.now() }));
      return data.challengeId;
    }, [token, `${network.origin}/v1`]);
    return { page, phone, challengeId };
  }

  /** Until the server holds a poll. */
  const held = (count = 1) =>
    until(async () => (await server.metric("countersign_waiters")) >= count, { what: "the poll is held" });

  /** Milliseconds from the sign of a return to the answer. */
  async function answeredAfter(page, sign) {
    const at = await page.evaluate(`(${sign})(); performance.now()`);
    const end = await deadline(page.evaluate(() => window.ended), 20_000, "the answer");
    assert.equal(end.outcome, "approved");
    return end.at - at;
  }

  for (const [name, sign] of Object.entries(SIGNS)) {
    it(`replaces a poll that is silently dead: ${name}`, async () => {
      const { page, phone, challengeId } = await waiting(await newPerson());
      await held();
      network.silence();
      await phone.approve(challengeId);
      network.heal();
      const ms = await answeredAfter(page, sign);
      assert.ok(ms < SOON_MS, `${ms} ms`);
    });
  }

  it("replaces the next request too, if that hangs", async () => {
    const { page, phone, challengeId } = await waiting(await newPerson());
    await held();
    network.silence();
    await phone.approve(challengeId);
    const at = await page.evaluate(`(${SEEN})(); performance.now()`);
    await until(() => network.asked() > 0, { what: "a request into the silence" });
    network.heal();
    const end = await deadline(page.evaluate(() => window.ended), 20_000, "the answer");
    assert.equal(end.outcome, "approved");
    assert.ok(end.at - at < SOON_MS, `${end.at - at} ms`);
  });

  it("to a tab that another one polls for is one too", async () => {
    const person = await newPerson();
    const leader = await waiting(person);
    const follower = await waiting(person);
    const polls = (page) => page.evaluate(() => window.begun.filter(({ waitSeconds }) => waitSeconds).length);
    assert.equal(await polls(follower.page), 0, "the first tab polls for both");
    await held(2);
    network.silence();
    await follower.phone.approve(follower.challengeId);
    network.heal();
    const ms = await answeredAfter(follower.page, SEEN);
    assert.ok(ms < SOON_MS, `${ms} ms`);
    await leader.phone.approve(leader.challengeId);
    assert.equal((await leader.page.evaluate(() => window.ended)).outcome, "approved");
  });

  it("leaves the polls to the tab that polls for all", async () => {
    const person = await newPerson();
    await waiting(person);
    const { page, phone, challengeId } = await waiting(person);
    await held(2);
    await page.evaluate(`(${SEEN})()`);
    const looked = () => page.evaluate(() => window.begun.filter(({ path }) => path.endsWith("/verify/push")).length);
    await until(async () => (await looked()) === 1, { what: "the look of the tab itself" });
    await phone.approve(challengeId);
    assert.equal((await page.evaluate(() => window.ended)).outcome, "approved");
    assert.equal(await looked(), 1);
  });

  it("that comes often does not multiply requests", async () => {
    const { page, phone, challengeId } = await waiting(await newPerson());
    await held();
    const polls = await page.evaluate(async (sign) => {
      const before = window.begun.length;
      const focus = new Function(`return ${sign}`)();
      for (let times = 0; times < 60; times += 1) {
        focus();
        document.dispatchEvent(new Event("visibilitychange"));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return window.begun.length - before;
    }, String(SIGNS["the window takes the focus"]));
    // Three seconds: a look and a held poll for each second, and those of the first sign.
    assert.ok(polls >= 2 && polls <= 10, `${polls} requests`);
    await phone.approve(challengeId);
    assert.equal((await page.evaluate(() => window.ended)).outcome, "approved");
  });

  it("of several signs at once is one", async () => {
    const { page, phone, challengeId } = await waiting(await newPerson());
    await held();
    const before = await page.evaluate(() => window.begun.length);
    for (const sign of Object.values(SIGNS)) await page.evaluate(`(${sign})()`);
    const polls = () => page.evaluate(() => window.begun.length);
    await until(async () => (await polls()) >= before + 2, { what: "a look and a held poll" });
    await held();
    await page.waitForTimeout(1500);
    assert.ok((await polls()) <= before + 4, `${(await polls()) - before} requests`);
    await phone.approve(challengeId);
    assert.equal((await page.evaluate(() => window.ended)).outcome, "approved");
  });

  /** Lets the requests of a page hang for ever, and counts them. Once healed, those that follow pass. */
  async function hang(page, pattern) {
    let [count, healed] = [0, false];
    await page.route(pattern, (route) => (healed ? route.continue() : void (count += 1)));
    return { count: () => count, heal: () => (healed = true) };
  }

  it("to the pre-built UI gives up a look for the new phone that hangs", async () => {
    const userId = newUser();
    const { url, token } = await track(backend, userId);
    const page = await (await newPerson()).open(url);
    await page.getByRole("heading", { name: "Set up your phone" }).waitFor();
    const looks = await hang(page, "**/client/user-authenticators");
    await until(() => looks.count() > 0, { what: "a look that hangs" });
    const phone = new Phone(server);
    phones.push(phone);
    await phone.enroll(token);
    const before = looks.count();
    await page.evaluate(`(${SEEN})()`);
    await until(() => looks.count() > before, { what: "a look in its place, which hangs too" });
    looks.heal();
    await page.getByRole("heading", { name: "Look at your phone" }).waitFor({ timeout: SOON_MS });
  });

  it("to the phone gives up a read that hangs, and the next one", async () => {
    const phone = await BrowserPhone.unpack(browser, server);
    phone.person.expect(LOST_NETWORK);
    const userId = newUser();
    await phone.add((await track(backend, userId, {}, "enroll")).token);
    await phone.connected();
    const reads = await hang(phone.page, "**/push/challenge");
    await phone.page.evaluate(() => window.dispatchEvent(new Event("offline")));
    await until(() => reads.count() > 0, { what: "a read that hangs" });
    const { token } = await track(backend, userId);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    assert.equal((await fetch(`${server.url}/client/challenge/push`, { method: "POST", headers, body: "{}" })).status, 200);
    // The read after the return hangs as well.
    const before = reads.count();
    await phone.page.evaluate(`(${SEEN})()`);
    await until(() => reads.count() > before, { what: "a read in its place" });
    reads.heal();
    await phone.page.getByRole("heading", { name: "Is this you?" }).waitFor({ timeout: SOON_MS });
  });
});
