// Ends of the pre-built UI: it goes back with a token whatever the answer was, and a page that the person closes takes
// its request back.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone, SIGNERS } from "../support/phone.mjs";
import { until } from "../support/until.mjs";
import { Web } from "../support/web.mjs";
import { house } from "./support/house.mjs";
import { startSite } from "./support/site.mjs";

const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);
const LOST_NETWORK = /ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|ABORTED|FAILED)/;
/** Longer than the server waits for a page that is loaded again. */
const LEFT_MS = 8_000;
const FRAME = "#__authsignal-popup-iframe";

/** People with a phone, and a website that asks them: begins and ends each suite here. */
function suite(env) {
  const it = { phones: [] };
  before(async () => (it.site = await startSite()));
  house(() => ({ env: { COUNTERSIGN__TENANTS__0__ALLOWED_ORIGINS: it.site.origin, ...env } }), (started) => {
    Object.assign(it, started, { backend: backendOf(started.server) });
    it.site.use(started.server);
  });
  after(async () => {
    it.phones.forEach((phone) => phone.discard());
    await it.site?.stop();
  });
  /** A user with that many phones, and what the website has tracked. */
  it.tracked = async (attributes = {}, count = 1) => {
    const userId = newUser();
    const owned = Array.from({ length: count }, () => new Phone(it.server, { signer: SIGNERS[0] }));
    it.phones.push(...owned);
    for (const phone of owned) await enroll(it.backend, phone, userId);
    const redirectUrl = `${it.site.origin}/back?a=1`;
    return { userId, phone: owned[0], phones: owned, ...(await track(it.backend, userId, { redirectUrl, ...attributes })) };
  };
  it.validate = (token) => it.backend.validateChallenge({ token });
  return it;
}

const heading = (frame, name) => frame.getByRole("heading", { level: 1, name }).waitFor();
const press = (frame, name) => frame.getByRole("button", { name }).click();

/** The token with which the page goes back. */
async function tokenOf(page) {
  await page.waitForURL(/\/back\?/);
  const { searchParams } = new URL(page.url());
  assert.equal(searchParams.get("a"), "1");
  return searchParams.get("token");
}

describe("the pre-built UI goes back with a token", LIMITED, () => {
  const the = suite({});

  for (const [name, end, shown, state] of [
    ["after a cancellation", (page) => press(page, "Cancel"), "Cancelled", "CHALLENGE_REQUIRED"],
    ["after a denial", (_, phone) => phone.deny(), "Denied", "CHALLENGE_FAILED"],
    ["after a report", (_, phone) => phone.report(), "Reported", "CHALLENGE_FAILED"],
  ]) {
    it(name, async () => {
      const { url, token, phone } = await the.tracked();
      const page = await (await the.browser.person()).open(url);
      await heading(page, "Look at your phone");
      await end(page, phone);
      await heading(page, shown);
      await press(page, "Go back");
      assert.equal(await tokenOf(page), token);
      const { isValid, state: told } = await the.validate(token);
      assert.deepEqual([isValid, told], [false, state]);
    });
  }

  it("after an error", async () => {
    const { url, token, userId, idempotencyKey } = await the.tracked();
    await the.backend.updateAction({ userId, action: "signIn", idempotencyKey, attributes: { state: "BLOCK" } });
    const person = await the.browser.person();
    person.expect(STATUS(400));
    const page = await person.open(url);
    await heading(page, "Already finished");
    await press(page, "Go back");
    assert.equal(await tokenOf(page), token);
  });

  it("with the one that was earned, if the phone was quicker than the press of Cancel", async () => {
    const { url, token, phone } = await the.tracked();
    const person = await the.browser.person();
    person.expect(LOST_NETWORK);
    const page = await person.open(url);
    await page.route("**/client/verify/push", () => {});
    await heading(page, "Look at your phone");
    await page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await phone.approve();
    await Promise.all([page.waitForResponse("**/client/cancel/push"), press(page, "Cancel")]);
    await page.unroute("**/client/verify/push");
    const earned = await tokenOf(page);
    assert.notEqual(earned, token);
    assert.equal((await the.validate(earned)).isValid, true);
  });

  it("says so if the request could not be taken back", async () => {
    const { url, phone } = await the.tracked();
    const person = await the.browser.person();
    person.expect(LOST_NETWORK);
    const page = await person.open(url);
    await heading(page, "Look at your phone");
    await page.route("**/client/cancel/push", (route) => route.abort());
    await press(page, "Cancel");
    await heading(page, "No answer");
    await page.unroute("**/client/cancel/push");
    await press(page, "Try again");
    await heading(page, "Cancelled");
    await assert.rejects(phone.approve());
  });

  it("and opens the person's devices after an approval alone, also one that follows a denial", async () => {
    const { url, phone } = await the.tracked({ redirectToSettings: true });
    const page = await (await the.browser.person()).open(url);
    await heading(page, "Look at your phone");
    await phone.deny();
    await heading(page, "Denied");
    assert.equal(await page.getByText("Your devices").count(), 0);
    await press(page, "Send a new request");
    await heading(page, "Look at your phone");
    await phone.approve();
    await heading(page, "Your devices");
    await press(page, "Done");
    assert.equal((await the.validate(await tokenOf(page))).isValid, true);
  });

  it("after a denial of the way to the person's devices, which open at the next visit", async () => {
    const { url, token, phone } = await the.tracked({ redirectToSettings: true });
    const page = await (await the.browser.person()).open(url);
    await heading(page, "Look at your phone");
    await phone.deny();
    await heading(page, "Denied");
    await press(page, "Go back");
    assert.equal(await tokenOf(page), token);
    assert.equal((await the.validate(token)).state, "CHALLENGE_FAILED");
    await page.goto(url);
    await heading(page, "Look at your phone");
    await phone.approve();
    await heading(page, "Your devices");
  });

  it("asks another device in place of the one before", async () => {
    const { url, phones } = await the.tracked({}, 2);
    const page = await (await the.browser.person()).open(url);
    await page.getByRole("listitem").first().getByRole("button").click();
    await heading(page, "Look at your phone");
    await press(page, "Use another device");
    await page.getByRole("listitem").last().getByRole("button").click();
    await heading(page, "Look at your phone");
    assert.equal(await page.getByText("open in another tab").count(), 0);
    await assert.rejects(phones[0].approve());
    await phones[1].approve();
    assert.equal((await the.validate(await tokenOf(page))).isValid, true);
  });
});

describe("the pre-built UI, with challenges that live for ten seconds", LIMITED, () => {
  const the = suite({ COUNTERSIGN__TENANTS__0__PUSH__CHALLENGE_LIFETIME_SECONDS: "10" });

  it("goes back with a token after an expiry", async () => {
    const { url, token } = await the.tracked();
    const page = await (await the.browser.person()).open(url);
    await heading(page, "Look at your phone");
    await heading(page, "No answer in time");
    await press(page, "Go back");
    assert.equal(await tokenOf(page), token);
    assert.deepEqual((({ isValid, state }) => [isValid, state])(await the.validate(token)), [false, "CHALLENGE_REQUIRED"]);
  });
});

describe("the pre-built UI, with tokens that live for two seconds", LIMITED, () => {
  const the = suite({ COUNTERSIGN__TOKENS__LIFETIME_SECONDS: "2" });

  it("goes back with the token that is too old", async () => {
    const { url, token } = await track(the.backend, newUser(), { redirectUrl: `${the.site.origin}/back?a=1` });
    const person = await the.browser.person();
    person.expect(STATUS(401));
    const page = await person.open(url);
    await heading(page, "This page is too old");
    await press(page, "Go back");
    assert.equal(await tokenOf(page), token);
    assert.equal((await the.validate(token)).isValid, false);
  });
});

describe("the pre-built UI, closed by the person", LIMITED, () => {
  const the = suite({});

  /** Opens the page as the official SDK does, and gives the frame or window with the id of its challenge. */
  async function launched(mode) {
    const tracked = await the.tracked();
    const person = await the.browser.person();
    person.expect(LOST_NETWORK, STATUS(409));
    const page = await person.open(the.site.origin);
    await page.evaluate(([url, how, tenantId, baseUrl]) => {
      const client = new window.authsignal.Authsignal({ tenantId, baseUrl });
      window.launched = client.launch(url, { mode: how });
    }, [tracked.url, mode, the.server.tenant, the.server.url]);
    const opened = await until(
      () => (mode === "popup" ? page.frames()[1] : person.context.pages().find((one) => one !== page)),
      { what: "the page" },
    );
    await heading(opened, "Look at your phone");
    const web = new Web(the.server, tracked.token);
    const { status, body } = await web.challenge({ supersede: false });
    assert.equal(status, 409);
    return { ...tracked, page, opened, outcome: async () => (await web.verify(body.challengeId)).body.outcome };
  }

  const left = () => new Promise((resolve) => setTimeout(resolve, LEFT_MS));

  it("as a frame takes its request back", async () => {
    const { page, phone, outcome } = await launched("popup");
    await page.evaluate((selector) => document.querySelector(selector).remove(), FRAME);
    await until(async () => (await outcome()) === "cancelled", { what: "the request is taken back", ms: LEFT_MS });
    await assert.rejects(phone.approve());
  });

  it("by the official SDK's own way to close it takes its request back", async () => {
    const { page, outcome } = await launched("popup");
    await page.locator("[data-a11y-dialog-hide]").first().click({ position: { x: 5, y: 5 } });
    assert.equal((await page.evaluate(() => window.launched)).token, undefined);
    await until(async () => (await outcome()) === "cancelled", { what: "the request is taken back", ms: LEFT_MS });
  });

  it("as a window takes its request back", async () => {
    const { opened, phone, outcome } = await launched("window");
    await opened.close({ runBeforeUnload: true });
    await until(async () => (await outcome()) === "cancelled", { what: "the request is taken back", ms: LEFT_MS });
    await assert.rejects(phone.approve());
  });

  it("as a frame whose request is only being started takes it back", async () => {
    const tracked = await the.tracked();
    const person = await the.browser.person();
    person.expect(LOST_NETWORK, STATUS(409));
    const page = await person.open(the.site.origin);
    // The server has begun it, and its answer is on the way for as long as the page is there.
    const begun = new Promise((resolve) => {
      void page.route("**/client/challenge/push", async (route) => resolve(await (await route.fetch()).json()));
    });
    await page.evaluate(([url, tenantId, baseUrl]) => {
      const client = new window.authsignal.Authsignal({ tenantId, baseUrl });
      window.launched = client.launch(url, { mode: "popup" });
    }, [tracked.url, the.server.tenant, the.server.url]);
    const { challengeId } = await begun;
    await page.evaluate((selector) => document.querySelector(selector).remove(), FRAME);
    const web = new Web(the.server, tracked.token);
    const outcome = async () => (await web.verify(challengeId)).body.outcome;
    await until(async () => (await outcome()) === "cancelled", { what: "the request is taken back", ms: LEFT_MS });
    await assert.rejects(tracked.phone.approve());
  });

  it("by its own buttons goes back with a token", async () => {
    for (const [name, end] of [["Cancel", () => {}], ["Close", (phone) => phone.deny()]]) {
      const { page, opened, phone, token } = await launched("popup");
      await end(phone);
      await press(opened, name);
      assert.equal((await page.evaluate(() => window.launched)).token, token);
    }
  });

  for (const mode of ["popup", "window"]) {
    it(`but loaded again keeps its request: ${mode}`, async () => {
      const { opened, phone, outcome } = await launched(mode);
      await opened.evaluate(() => location.reload());
      await heading(opened, "Look at your phone");
      await left();
      assert.equal(await outcome(), undefined);
      await phone.approve();
    });
  }

  it("but left for an app and come back to keeps its request", async () => {
    const { opened, phone, outcome } = await launched("window");
    await opened.evaluate(() => {
      Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
      Object.defineProperty(document, "hidden", { configurable: true, value: true });
      document.dispatchEvent(new Event("visibilitychange"));
      window.dispatchEvent(new Event("blur"));
    });
    await left();
    assert.equal(await outcome(), undefined);
    await phone.approve();
  });
});
