// The phone in the browser: accounts, challenges, and all that can go wrong with a device.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";

import { backendOf, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { newSecret } from "../support/server.mjs";
import { until } from "../support/until.mjs";
import { Web } from "../support/web.mjs";
import { assertAccessible, assertFits, picture, pictures, startBrowser } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

const LOST_NETWORK = /ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|ABORTED|FAILED)/;
const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);
const PAYMENT = { amount: 123456, currency: "EUR", payee: "Green Energy", account: "DE02 1203" };

describe("the browser phone", LIMITED, () => {
  let browser, server, backend;
  const otherSecret = newSecret();

  const env = {
    COUNTERSIGN__TENANTS__0__NAME: "Acme Bank",
    COUNTERSIGN__TENANTS__0__COLOUR: "#0b6e4f",
    COUNTERSIGN__TENANTS__0__PUSH__CUSTOM_PUBLIC: "amount,currency,payee,account,fees",
    COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH: "2",
    COUNTERSIGN__TENANTS__0__PUSH__REQUIRE_STATEMENT: "true",
    // The server's own pages need no entry here.
    COUNTERSIGN__TENANTS__0__ALLOWED_ORIGINS: "https://acme.example",
    COUNTERSIGN__TENANTS__1__ID: "other",
    COUNTERSIGN__TENANTS__1__SECRET_KEYS: otherSecret,
  };
  house({ env }, (started) => {
    ({ browser, server } = started);
    backend = backendOf(server);
  });

  /** A one-time ticket, as pages make one for a link. */
  const newTicket = async (token) => {
    const path = "/v1/client/user-authenticators/push/ticket";
    const headers = { authorization: `Bearer ${token}` };
    const made = await fetch(`${server.origin}${path}`, { method: "POST", headers });
    return (await made.json()).ticket;
  };
  const enrollmentToken = async (userId, of = backend, more = {}) =>
    (await track(of, userId, more, "enroll")).token;

  /** A phone with the account of a new user. */
  async function phoneOf(userId = newUser(), options) {
    const phone = await BrowserPhone.unpack(browser, server, options);
    await phone.add(await enrollmentToken(userId));
    return { phone, userId };
  }

  /** Asks a user: what the website knows of it. */
  async function ask(userId, action = "signIn", custom = undefined, of = backend, more = {}) {
    const attributes = { ipAddress: "203.0.113.7", userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", ...(custom && { custom }), ...more };
    const { token, idempotencyKey } = await track(of, userId, attributes, action);
    const web = new Web(server, token);
    const { status, body } = await web.challenge();
    assert.equal(status, 200, JSON.stringify(body));
    return { web, idempotencyKey, number: body.number, ended: web.verify(body.challengeId, { waitSeconds: 30 }), ...body };
  }
  const outcome = async ({ ended }) => (await ended).body.outcome;

  it("adds an account from a link, and keeps a key that no script can read", async () => {
    const { phone, userId } = await phoneOf();
    assert.equal(new URL(phone.page.url()).hash, "", "the token does not stay in the address");
    await assertAccessible(phone.page, "the phone at rest");
    const kept = await phone.page.evaluate(async () => {
      const { keys } = await import("/phone/store.js");
      const [key] = await keys();
      const exported = await crypto.subtle.exportKey("pkcs8", key.privateKey).catch((e) => e.name);
      return { algorithm: key.algorithm, extractable: key.privateKey.extractable, exported };
    });
    assert.deepEqual(kept, { algorithm: "ed25519", extractable: false, exported: "InvalidAccessError" });
    const [authenticator] = await backend.getAuthenticators({ userId });
    assert.equal(authenticator.devicePlatform, "WEB");
    assert.equal(authenticator.displayName, "Chrome on Linux");
  });

  it("uses P-256 where the browser has no Ed25519", async () => {
    const phone = await BrowserPhone.unpack(browser, server);
    await phone.person.context.addInitScript(() => {
      const { generateKey } = SubtleCrypto.prototype;
      SubtleCrypto.prototype.generateKey = function (algorithm, ...rest) {
        if (algorithm.name === "Ed25519") return Promise.reject(new DOMException("", "NotSupportedError"));
        return generateKey.call(this, algorithm, ...rest);
      };
    });
    const userId = newUser();
    await phone.add(await enrollmentToken(userId));
    const asked = await ask(userId);
    await phone.approve(asked.number);
    assert.equal(await outcome(asked), "approved");
  });

  it("shows who asks for what, from where and how much, and approves with the number", async () => {
    const { phone, userId } = await phoneOf();
    const asked = await ask(userId, "payBill", PAYMENT);
    await phone.asked();
    const facts = await phone.facts();
    assert.equal(facts.What, "Pay bill");
    assert.equal(facts.To, "Green Energy");
    assert.equal(facts["Account number"], "DE02 1203");
    assert.equal(facts.From, "203.0.113.7");
    assert.equal(facts.Browser, "Firefox on Linux");
    assert.equal(await phone.page.locator(".amount").textContent(), "EUR 1\u00a0234.56");
    await assertAccessible(phone.page, "a challenge");
    await picture(phone.page, "phone-payment");
    await phone.approve(asked.number);
    await phone.heading("Approved");
    assert.equal(await outcome(asked), "approved");
    await phone.done();
    await phone.page.getByText("EUR 1 234.56 → Green Energy").waitFor();
    await assertAccessible(phone.page, "the history");
    await picture(phone.page, "phone-home");
  });

  it("shows nested values as rows, a browser by its name, and a right-to-left name by itself", async () => {
    const { phone, userId } = await phoneOf();
    const name = "\u200fאברהם (בנק)";
    const custom = { amount: 125000, currency: "HUF", payee: { name, account: "12-34" } };
    const userAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1";
    const fees = [{ what: "transfer", amount: "0.005", currency: "BHD" }, {}];
    await ask(userId, "pay", { ...custom, fees }, backend, { userAgent });
    await phone.asked();
    const { To, "Account number": account, Browser, ...facts } = await phone.facts();
    assert.deepEqual([To, account, Browser], [`\u2068${name}\u2069`, "12-34", "Chrome on iPhone"]);
    assert.equal(await phone.page.locator(".amount").textContent(), "HUF 1\u00a0250.00");
    assert.equal(facts["Fees › 1 › Amount"], "BHD 0.005");
    assert.deepEqual(Object.keys(facts), ["What", "Fees › 1 › Amount", "Fees › 1 › What", "Fees › 2", "From", "When"]);
    await assertAccessible(phone.page, "nested values");
    await picture(phone.page, "phone-nested");
    await phone.press("Deny");
    await phone.done();
    await phone.page.getByText(`HUF 1 250.00 → \u2068${name}\u2069`).waitFor();
  });

  it("denies, and reports", async () => {
    const { phone, userId } = await phoneOf();
    const first = await ask(userId);
    await phone.asked();
    await phone.press("Deny");
    await phone.heading("Denied");
    assert.equal(await outcome(first), "denied");
    await phone.done();
    const second = await ask(userId);
    await phone.asked();
    await phone.press("This was not me");
    await phone.heading("Reported");
    await assertAccessible(phone.page, "a report");
    await picture(phone.page, "phone-reported");
    assert.equal(await outcome(second), "reported");
  });

  it("says so when what it shows is over", async () => {
    const { phone, userId } = await phoneOf();
    const asked = await ask(userId);
    await phone.asked();
    await backend.updateAction({ userId, action: "signIn", idempotencyKey: asked.idempotencyKey, attributes: { state: "BLOCK" } });
    await phone.heading("It is over");
    assert.equal(await outcome(asked), "cancelled");
  });
  it("serves several accounts, of one tenant and of two", async () => {
    const [anna, ben, carla] = [newUser(), newUser(), newUser()];
    const other = backendOf(server, { secret: otherSecret });
    const { phone } = await phoneOf(anna);
    await phone.add(await enrollmentToken(ben));
    await phone.add(await enrollmentToken(carla, other));
    assert.equal(await phone.page.getByRole("listitem").count(), 3);
    for (const [userId, of] of [[ben, backend], [carla, other], [anna, backend]]) {
      const asked = await ask(userId, "signIn", undefined, of);
      await phone.asked();
      await phone.page.getByText(userId).waitFor();
      await phone.approve(asked.number);
      assert.equal(await outcome(asked), "approved");
      await phone.done();
    }
    // The session was made for one of the key's accounts; the other one goes on without it.
    phone.person.expect(STATUS(401));
    const [{ userAuthenticatorId }] = await backend.getAuthenticators({ userId: ben });
    await backend.deleteAuthenticator({ userId: ben, userAuthenticatorId });
    const asked = await ask(anna);
    await phone.approve(asked.number);
    assert.equal(await outcome(asked), "approved");
    await phone.done();
    await phone.page.getByRole("button", { name: `Remove other, ${carla}` }).click();
    await phone.heading("Remove other?");
    await assertAccessible(phone.page, "a removal");
    await phone.press("Remove");
    await until(async () => (await other.getAuthenticators({ userId: carla })).length === 0, { what: "it is removed" });
    await phone.heading("Nothing to confirm");
    assert.equal((await backend.getAuthenticators({ userId: anna })).length, 1);
  });

  it("adds the same account once, however often its code is scanned", async () => {
    const userId = newUser();
    const token = await enrollmentToken(userId);
    const phone = await BrowserPhone.unpack(browser, server);
    await phone.add(token);
    await phone.add(token);
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
    const second = await BrowserPhone.unpack(browser, server);
    second.person.expect(STATUS(403));
    await second.page.goto(second.link(token));
    await second.press("Add account");
    await second.heading("Another device is needed");
    await picture(second.page, "phone-second");
    await second.press("OK");
    await second.heading("Your phone, in the browser");
    await assertAccessible(second.page, "an empty phone");
    await picture(second.page, "phone-empty");
  });

  it("follows a link with a ticket once, also where the answer was lost", async () => {
    const userId = newUser();
    const phone = await BrowserPhone.unpack(browser, server);
    phone.person.expect(STATUS(401));
    phone.person.expect(/ERR_/);
    const ticket = await newTicket(await enrollmentToken(userId));
    const addresses = [];
    phone.page.on("request", (request) => addresses.push(request.url()));
    await phone.page.goto(phone.link(ticket));
    await phone.heading("Add this account?");
    await phone.page.getByText(userId).waitFor();
    const enrolling = (url) => url.pathname.endsWith("/user-authenticators/push");
    await phone.page.route(enrolling, async (route) => {
      await route.fetch();
      await route.abort();
    }, { times: 1 });
    await phone.press("Add account");
    await phone.heading("No answer");
    await phone.press("Try again");
    await phone.heading("Account added");
    assert.equal((await backend.getAuthenticators({ userId })).length, 1);
    assert.ok(addresses.every((address) => !address.split("#")[0].includes(ticket)), "in no address");
    const second = await BrowserPhone.unpack(browser, server);
    second.person.expect(STATUS(401));
    await second.page.goto(second.link(ticket));
    await second.heading("This link is not valid");
    await picture(second.page, "phone-used-link");
  });

  it("reads a link that is pasted, and says what is wrong with others", async () => {
    const phone = await BrowserPhone.unpack(browser, server);
    phone.person.expect(STATUS(401, 404));
    await phone.press("Add an account");
    await phone.page.getByLabel("Or paste the link").fill("https://example.com/");
    await phone.press("Continue");
    await phone.page.getByText("not a link that adds").waitFor();
    await assertAccessible(phone.page, "adding");
    await phone.page.getByLabel("Or paste the link").fill(phone.link("a.b.c"));
    await phone.press("Continue");
    await phone.heading("This link is not valid");
    await phone.press("OK");
    const token = await enrollmentToken(newUser());
    await phone.press("Add an account");
    await phone.page.getByLabel("Or paste the link").fill(phone.link(`${token.slice(0, -3)}AAA`));
    await phone.press("Continue");
    await phone.press("Add account");
    await phone.heading("This link is not valid");
  });

  it("adds an account by its camera, from the code on another screen", async () => {
    const userId = newUser();
    const { url } = await track(backend, userId);
    const screen = await (await browser.person({ deviceScaleFactor: 2 })).open(url);
    const seen = path.join(mkdtempSync(path.join(tmpdir(), "countersign-code-")), "camera.mjpeg");
    writeFileSync(seen, await screen.locator(".qr").screenshot({ type: "jpeg", quality: 95 }));
    const other = await startBrowser({ camera: seen });
    try {
      const phone = await BrowserPhone.unpack(other, server);
      await phone.press("Add an account");
      await phone.press("Scan the code");
      await phone.heading("Add this account?");
      await phone.page.getByText(userId).waitFor();
      await picture(phone.page, "phone-add");
      await phone.press("Add account");
      await phone.heading("Account added");
      await screen.getByRole("heading", { name: "Enter this number on your phone" }).waitFor();
      const number = await screen.locator(".number").textContent();
      await phone.press("Continue");
      await phone.approve(number);
      await screen.getByRole("heading", { name: "Approved" }).waitFor();
      await other.tidy();
    } finally {
      await other.stop();
      rmSync(path.dirname(seen), { recursive: true });
    }
  });

  it("says what to do where the camera is denied", async () => {
    const phone = await BrowserPhone.unpack(browser, server);
    await phone.person.context.addInitScript(() => {
      MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    });
    await phone.page.reload();
    await phone.press("Add an account");
    await phone.press("Scan the code");
    await phone.page.getByText("The camera is not allowed").waitFor();
  });

  it("says that it was removed on the server, and begins anew", async () => {
    const { phone, userId } = await phoneOf();
    phone.person.expect(STATUS(401));
    const [{ userAuthenticatorId }] = await backend.getAuthenticators({ userId });
    await backend.deleteAuthenticator({ userId, userAuthenticatorId });
    await phone.heading("This device was removed");
    await picture(phone.page, "phone-removed");
    await phone.press("OK");
    await phone.heading("Your phone, in the browser");
    await phone.add(await enrollmentToken(userId));
    const asked = await ask(userId);
    await phone.approve(asked.number);
    assert.equal(await outcome(asked), "approved");
  });

  it("begins anew where its storage was wiped", async () => {
    const { phone } = await phoneOf();
    await phone.page.evaluate(() => indexedDB.deleteDatabase("countersign phone"));
    await phone.page.reload();
    await phone.heading("Your phone, in the browser");
  });

  it("goes on after a restart of the server, a lost network and a reload, whatever its clock says", async () => {
    const { phone, userId } = await phoneOf();
    phone.person.expect(LOST_NETWORK);
    await server.restart();
    await phone.connected();
    await phone.person.context.setOffline(true);
    await phone.page.getByText("Offline").waitFor();
    await phone.person.context.setOffline(false);
    const asked = await ask(userId);
    await phone.asked();
    await phone.page.clock.setFixedTime(new Date("2001-01-01T00:00:00Z"));
    await phone.page.reload();
    await phone.approve(asked.number);
    assert.equal(await outcome(asked), "approved");
  });

  it("opens without a network, and says so", async () => {
    const { phone } = await phoneOf();
    phone.person.expect(LOST_NETWORK);
    await phone.page.evaluate(() => navigator.serviceWorker.ready);
    await phone.page.reload();
    await phone.heading("Nothing to confirm");
    await phone.person.context.setOffline(true);
    await phone.page.reload();
    await phone.heading("Nothing to confirm");
    await phone.page.getByText("Offline").waitFor();
    await phone.person.context.setOffline(false);
    await phone.connected();
  });

  it("fits small screens, in light and dark", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const { phone, userId } = await phoneOf(newUser(), { colorScheme, viewport: { width: 320, height: 640 } });
      await ask(userId, "pay", PAYMENT);
      await phone.asked();
      await assertAccessible(phone.page, `a challenge, ${colorScheme}`);
      await picture(phone.page, `phone-320-${colorScheme}`);
      const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 320, `${wide} px wide`);
    }
  });

  it("says where it can be used, at an address that keeps no keys", async () => {
    const person = await browser.person();
    await person.context.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
    const page = await person.open(`${server.origin}/phone`);
    await page.getByRole("heading", { name: "HTTPS is needed" }).waitFor();
    await assertAccessible(page, "no keys");
  });
});

describe("a challenge that nobody answers", LIMITED, () => {
  let browser, server;

  const env = { COUNTERSIGN__TENANTS__0__PUSH__CHALLENGE_LIFETIME_SECONDS: "10" };
  house({ env }, (started) => ({ browser, server } = started));

  it("ends on every screen, each of which says what to do next", async () => {
    const backend = backendOf(server);
    const userId = newUser();
    const phone = await BrowserPhone.unpack(browser, server);
    await phone.add((await track(backend, userId, {}, "enroll")).token);
    const { url } = await track(backend, userId);
    const page = await (await browser.person()).open(url);
    await phone.asked();
    await phone.heading("It is over");
    await page.getByRole("heading", { name: "No answer in time" }).waitFor();
    await assertAccessible(page, "an expiry");
    await pictures(page, "ui-expired", assertFits);
    await phone.press("OK");
    await page.getByRole("button", { name: "Send a new request" }).click();
    await phone.approve();
    await page.getByRole("heading", { name: "Approved" }).waitFor();
  });
});
