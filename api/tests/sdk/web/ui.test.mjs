// The pre-built UI, as people see it and as the official SDK's `launch` opens it, from another origin.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { until } from "../support/until.mjs";
import { assertAccessible, assertFits, picture, pictures } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { startSite } from "./support/site.mjs";

const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);
const LOST_NETWORK = /ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|ABORTED|FAILED)/;

describe("the pre-built UI", LIMITED, () => {
  let browser, site, server, backend;
  const phones = [];

  before(async () => (site = await startSite()));
  const env = () => ({
    COUNTERSIGN__TENANTS__0__NAME: "Acme Bank",
    COUNTERSIGN__TENANTS__0__COLOUR: "#0b6e4f",
    COUNTERSIGN__TENANTS__0__ALLOWED_ORIGINS: site.origin,
    COUNTERSIGN__TENANTS__0__PUSH__PROMPTS_MAX: "6",
  });
  house(() => ({ env: env() }), (started) => {
    ({ browser, server } = started);
    site.use(server);
    backend = backendOf(server);
  });
  after(async () => {
    phones.forEach((phone) => phone.discard());
    await site?.stop();
  });

  function newPhone() {
    const phone = new Phone(server);
    phones.push(phone);
    return phone;
  }

  /** A user with that many phones. */
  async function user(count = 1) {
    const userId = newUser();
    const owned = Array.from({ length: count }, newPhone);
    for (const phone of owned) await enroll(backend, phone, userId);
    return { userId, phone: owned[0], phones: owned };
  }

  const heading = (frame, name) => frame.getByRole("heading", { level: 1, name }).waitFor();
  const press = (frame, name) => frame.getByRole("button", { name }).click();
  const isValid = async (token) => (await backend.validateChallenge({ token })).isValid;

  it("asks at once, says that it waits, and returns by redirect with a token", async () => {
    const { userId, phone } = await user();
    const redirectUrl = `${site.origin}/back?a=1`;
    const { url } = await track(backend, userId, { redirectUrl });
    const page = await (await browser.person()).open(url);
    await heading(page, "Look at your phone");
    await assertAccessible(page, "the wait");
    await pictures(page, "ui-waiting", assertFits);
    await phone.approve();
    await page.waitForURL(/\/back\?/);
    const back = new URL(page.url());
    assert.equal(back.searchParams.get("a"), "1");
    assert.equal(await isValid(back.searchParams.get("token")), true);
  });

  it("does not ask again when it is loaded again, come back to, or opened in a second tab", async () => {
    const { userId, phone } = await user();
    const redirectUrl = `${site.origin}/back`;
    const { url } = await track(backend, userId, { redirectUrl });
    const person = await browser.person();
    person.expect(STATUS(409));
    const page = await person.open(url);
    await heading(page, "Look at your phone");
    await page.reload();
    await heading(page, "Look at your phone");
    const second = await person.open(url);
    await heading(second, "Look at your phone");
    await phone.approve();
    await Promise.all([page.waitForURL(/\/back/), second.waitForURL(/\/back/)]);
    await page.goto(url);
    await heading(page, "Approved");
    await press(page, "Continue");
    await page.waitForURL(/\/back/);
    const actions = await backend.queryUserActions({ userId });
    assert.equal(actions.filter(({ actionCode }) => actionCode === "signIn").length, 1);
  });

  it("says what happened after a denial, and asks again", async () => {
    const { userId, phone } = await user();
    const { url } = await track(backend, userId, { redirectUrl: `${site.origin}/back` });
    const page = await (await browser.person()).open(url);
    await heading(page, "Look at your phone");
    await phone.deny();
    await heading(page, "Denied");
    await assertAccessible(page, "a denial");
    await pictures(page, "ui-denied", assertFits);
    await press(page, "Send a new request");
    await heading(page, "Look at your phone");
    await phone.approve();
    await page.waitForURL(/\/back/);
  });

  it("lets a person choose among devices", async () => {
    const { userId, phones: owned } = await user(2);
    const { url } = await track(backend, userId);
    const page = await (await browser.person()).open(url);
    await heading(page, "Where do you want to confirm?");
    await assertAccessible(page, "the choice");
    await pictures(page, "ui-choice", assertFits);
    await page.getByRole("listitem").last().getByRole("button").click();
    await heading(page, "Look at your phone");
    await assert.rejects(owned[0].approve(), "the other device is not asked");
    await owned[1].approve();
    await heading(page, "Approved");
  });

  it("takes the request back when the person cancels", async () => {
    const { userId, phone } = await user();
    const { url } = await track(backend, userId);
    const page = await (await browser.person()).open(url);
    await heading(page, "Look at your phone");
    await press(page, "Cancel");
    await heading(page, "Cancelled");
    await assert.rejects(phone.approve());
    await press(page, "Send a new request");
    await heading(page, "Look at your phone");
  });

  it("sets up a first phone by a code, and goes on", async () => {
    const userId = newUser();
    const { url, token } = await track(backend, userId);
    const page = await (await browser.person()).open(url);
    await heading(page, "Set up your phone");
    const link = await page.getByRole("link", { name: "Use this device" }).getAttribute("href");
    const ticket = new URLSearchParams(new URL(link).hash.slice(1)).get("enroll");
    assert.match(ticket, /^[\w-]{22}$/, "a one-time ticket in the place of the token");
    assert.ok(!link.includes(token));
    assert.equal(new URL(link).search, "", "nothing in what servers see");
    await assertAccessible(page, "the code");
    await pictures(page, "ui-enroll", assertFits);
    const phone = newPhone();
    await phone.follow(link);
    await heading(page, "Look at your phone");
    await phone.approve();
    await heading(page, "Approved");
    await assert.rejects(newPhone().follow(link), /used or expired/);
  });

  it("shows a code that every camera can read: 37 modules a side at most", async () => {
    const { url } = await track(backend, newUser());
    const page = await (await browser.person()).open(url);
    await heading(page, "Set up your phone");
    const border = 3;
    const modules = (box) => Number(box.split(" ")[2]) - 2 * border;
    const shown = modules(await page.locator(".qr").getAttribute("viewBox"));
    const link = await page.getByRole("link", { name: "Use this device" }).getAttribute("href");
    const { hash } = new URL(link);
    // As it is where people use it: under a name of the usual length, by HTTPS.
    const usual = await page.evaluate(async (text) => {
      const { qrCode } = await import("/shared/qr.js");
      return qrCode(text, "").getAttribute("viewBox");
    }, `https://countersign.example.com/phone${hash}`);
    const long = await page.evaluate(async (text) => {
      const { qrCode } = await import("/shared/qr.js");
      return qrCode(text, "").getAttribute("viewBox");
    }, `https://push-verification.payments.eu-central.example-bank.com/phone${hash}`);
    assert.ok(shown <= 33, `${shown} modules`);
    assert.ok(modules(usual) <= 33, `${modules(usual)} modules`);
    assert.ok(modules(long) <= 37, `${modules(long)} modules`);
  });

  it("says so where no ticket can be made, and goes on when one can", async () => {
    const { url } = await track(backend, newUser());
    const person = await browser.person();
    person.expect(LOST_NETWORK);
    const page = await person.open("about:blank");
    const route = "**/v1/client/user-authenticators/push/ticket";
    await page.route(route, (request) => request.abort());
    await page.goto(url);
    await heading(page, "No answer");
    await page.unroute(route);
    await press(page, "Try again");
    await heading(page, "Set up your phone");
  });

  it("ends on the person's devices where the relying party wants it", async () => {
    const { userId, phone, phones: owned } = await user(2);
    const { url } = await track(backend, userId, {
      redirectToSettings: true,
      redirectUrl: `${site.origin}/back`,
    });
    const page = await (await browser.person()).open(url);
    await press(page, "Any of my devices");
    await heading(page, "Look at your phone");
    await phone.approve();
    await heading(page, "Your devices");
    assert.equal(await page.getByRole("listitem").count(), 2);
    await assertAccessible(page, "the devices");
    await pictures(page, "ui-devices", assertFits);
    await press(page, "Add a device");
    await heading(page, "Add a device");
    const link = await page.getByRole("link", { name: "Use this device" }).getAttribute("href");
    const third = newPhone();
    await third.follow(link);
    await heading(page, "Your devices");
    assert.equal(await page.getByRole("listitem").count(), 3);
    for (const left of [2, 1]) {
      await page.getByRole("button", { name: /^Remove/ }).last().click();
      await press(page, "Remove");
      await heading(page, "Your devices");
      assert.equal(await page.getByRole("listitem").count(), left);
    }
    assert.equal(await page.getByRole("button", { name: /^Remove/ }).count(), 0);
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
    await press(page, "Done");
    await page.waitForURL(/\/back\?token=/);
    assert.equal(owned.length, 2);
  });

  it("survives a restart of the server and a lost network, and says so meanwhile", async () => {
    const { userId, phone } = await user();
    const { url } = await track(backend, userId);
    const person = await browser.person();
    person.expect(LOST_NETWORK);
    const page = await person.open(url);
    await heading(page, "Look at your phone");
    await person.context.setOffline(true);
    await page.getByText("You are offline").waitFor();
    await pictures(page, "ui-offline", assertFits);
    await server.restart();
    await person.context.setOffline(false);
    await phone.approve();
    await heading(page, "Approved");
  });

  it("says what to do where the link is not valid, the server is gone, or too much was asked", async () => {
    const person = await browser.person();
    person.expect(STATUS(400, 401, 409, 429), LOST_NETWORK);
    const forged = await person.open(`${server.origin}/ui?token=a.b.c`);
    await heading(forged, "This link is not valid");
    const bare = await person.open(`${server.origin}/ui`);
    await heading(bare, "This link is not valid");
    await assertAccessible(bare, "an invalid link");
    const { userId, phone } = await user();
    const tracked = await track(backend, userId);
    const page = await person.open(tracked.url);
    for (let times = 0; times < 5; times += 1) {
      await heading(page, "Look at your phone");
      await phone.deny();
      await press(page, "Send a new request");
    }
    await heading(page, "Look at your phone");
    await phone.deny();
    await press(page, "Send a new request");
    await heading(page, "Too many requests");
    assert.equal(await page.getByRole("button", { name: "Try again" }).isDisabled(), true);
    await pictures(page, "ui-too-many", assertFits);
    await backend.updateAction({ userId, action: "signIn", idempotencyKey: tracked.idempotencyKey, attributes: { state: "CHALLENGE_SUCCEEDED" } });
    const late = await person.open(tracked.url);
    await heading(late, "Already finished");
  });

  it("shows what came from people as text", async () => {
    const userId = `<img src=x onerror=alert(1)>`;
    const { url } = await backend.track({ userId: encodeURIComponent(userId), action: "signIn", attributes: {} });
    const page = await (await browser.person()).open(url);
    await heading(page, "Set up your phone");
    assert.equal(await page.getByText(userId).count(), 1);
    assert.equal(await page.locator("img[src=x]").count(), 0);
  });

  it("fits small screens, in light and dark, and works by the keyboard", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const { userId, phone } = await user(2);
      const { url } = await track(backend, userId);
      const person = await browser.person({ colorScheme, viewport: { width: 320, height: 568 } });
      const page = await person.open(url);
      await heading(page, "Where do you want to confirm?");
      await assertAccessible(page, `the choice, ${colorScheme}`);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await heading(page, "Look at your phone");
      await assertAccessible(page, `the wait, ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 320, `${wide} px wide`);
      await picture(page, `ui-320-${colorScheme}`);
      await phone.deny();
      await heading(page, "Denied");
      await assertAccessible(page, `a denial, ${colorScheme}`);
    }
  });

  describe("opened by the official SDK", () => {
    /** Opens the website and calls `launch`. */
    async function launch(url, options) {
      const person = await browser.person();
      const page = await person.open(site.origin);
      const launched = page.evaluate(
        ([address, how, tenantId, baseUrl]) => {
          const client = new window.authsignal.Authsignal({ tenantId, baseUrl });
          window.errors = [];
          const onError = (error) => window.errors.push(error);
          window.launched = client.launch(address, { ...how, onError });
        },
        [url, options, server.tenant, server.url],
      );
      return { person, page, launched };
    }

    it("in a frame", async () => {
      const { userId, phone } = await user();
      const { url } = await track(backend, userId);
      const { page } = await launch(url, { mode: "popup" });
      const frame = page.frameLocator("#__authsignal-popup-iframe");
      await heading(frame, "Look at your phone");
      const height = () => page.locator("#__authsignal-popup-iframe").evaluate((one) => one.clientHeight);
      await until(async () => (await height()) > 200, { what: "the frame is as high as its page" });
      await assertAccessible(page.frames()[1], "the frame");
      await picture(page, "ui-popup");
      await phone.approve();
      const { token } = await page.evaluate(() => window.launched);
      assert.equal(await isValid(token), true);
    });

    it("in a frame that the person closes by its button", async () => {
      const { userId } = await user();
      const { url, token } = await track(backend, userId);
      const { page } = await launch(url, { mode: "popup" });
      const frame = page.frameLocator("#__authsignal-popup-iframe");
      await heading(frame, "Look at your phone");
      await press(frame, "Cancel");
      assert.equal((await page.evaluate(() => window.launched)).token, token);
      assert.equal(await isValid(token), false);
    });

    it("in a window", async () => {
      const { userId, phone } = await user();
      const { url } = await track(backend, userId);
      const { person, page, launched } = await launch(url, { mode: "window" });
      const opened = await until(() => person.context.pages().find((one) => one !== page), { what: "the window" });
      await launched;
      await heading(opened, "Look at your phone");
      await phone.approve();
      const { token } = await page.evaluate(() => window.launched);
      assert.equal(await isValid(token), true);
      await until(() => opened.isClosed(), { what: "the window is closed" });
    });

    /** What a page of an origin that the tenant does not allow hears from a window that it has opened. */
    async function overheard(params) {
      const { userId, phone } = await user();
      const { url } = await track(backend, userId, params);
      const person = await browser.person();
      const page = await person.open(site.origin.replace("localhost", "127.0.0.1"));
      await page.evaluate((address) => {
        window.heard = [];
        window.addEventListener("message", ({ data }) => window.heard.push(data));
        window.open(address, "page", "width=400,height=500");
      }, `${url}&mode=popup`);
      const opened = await until(() => person.context.pages().find((one) => one !== page), { what: "the window" });
      await heading(opened, "Look at your phone");
      await phone.approve();
      await heading(opened, "Approved");
      // Messages keep their order: after this one there is nothing to come.
      await opened.evaluate(() => window.opener.postMessage("the last", "*"));
      await until(() => page.evaluate(() => window.heard.includes("the last")), { what: "the last message" });
      return page.evaluate(() => window.heard);
    }

    it("but its window tells a page that the tenant does not allow nothing, least of all a token", async () => {
      assert.deepEqual(await overheard({}), ["the last"]);
      assert.deepEqual(await overheard({ redirectUrl: `${site.origin}/back` }), ["the last"]);
      assert.deepEqual(await overheard({ redirectUrl: "shop-app://back" }), ["the last"]);
    });

    it("and its window tells the page that it would return to", async () => {
      const redirectUrl = `${site.origin.replace("localhost", "127.0.0.1")}/back`;
      const [ready, end] = (await overheard({ redirectUrl })).map((text) => text !== "the last" && JSON.parse(text));
      assert.deepEqual(ready, { event: "AUTHSIGNAL_READY" });
      assert.equal(end.event, "AUTHSIGNAL_CLOSE_POPUP");
      assert.equal(await isValid(end.token), true);
    });

    it("by redirect", async () => {
      const { userId, phone } = await user();
      const { url } = await track(backend, userId, { redirectUrl: `${site.origin}/back` });
      const { page } = await launch(url, { mode: "redirect" });
      await heading(page, "Look at your phone");
      await phone.approve();
      await page.waitForURL(/\/back\?token=/);
    });

    it("and is told of errors", async () => {
      const { userId } = await user();
      const { url, token, idempotencyKey } = await track(backend, userId);
      await backend.updateAction({ userId, action: "signIn", idempotencyKey, attributes: { state: "BLOCK" } });
      const { person, page } = await launch(url, { mode: "popup" });
      person.expect(STATUS(400));
      const frame = page.frameLocator("#__authsignal-popup-iframe");
      await heading(frame, "Already finished");
      assert.deepEqual(await page.evaluate(() => window.errors), [{ errorCode: "invalid_request", statusCode: 400 }]);
      await press(frame, "Close");
      assert.equal((await page.evaluate(() => window.launched)).token, token);
    });

    it("but not in a frame of a page that the tenant does not allow", async () => {
      const { userId } = await user();
      const { url } = await track(backend, userId);
      const person = await browser.person();
      person.expect(/frame-ancestors/, /ERR_BLOCKED_BY_RESPONSE/);
      const page = await person.open(site.origin.replace("localhost", "127.0.0.1"));
      await page.evaluate((address) => {
        const frame = document.createElement("iframe");
        frame.src = address;
        document.body.append(frame);
      }, url);
      await until(() => person.seen(/frame-ancestors/), { what: "the frame is refused" });
    });
  });
});

describe("the pre-built UI, with tokens that live for two seconds", LIMITED, () => {
  let browser, server;

  const env = { COUNTERSIGN__TOKENS__LIFETIME_SECONDS: "2" };
  house({ env }, (started) => ({ browser, server } = started));

  it("says that the page is too old, and where to go", async () => {
    const { url } = await track(backendOf(server), newUser(), { redirectUrl: "http://localhost:1/back" });
    const person = await browser.person();
    person.expect(STATUS(401));
    const page = await person.open(url);
    await page.getByRole("heading", { name: "This page is too old" }).waitFor();
    await assertAccessible(page, "a page that is too old");
    await page.reload();
    await page.getByRole("heading", { name: "This page is too old" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Go back" }).count(), 1);
  });
});
