// Every state of the phone on every screen, as pictures, and that its controls are in sight: also with a keyboard.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { backendOf, newUser } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { newSecret } from "../support/server.mjs";
import { ask, enrollmentToken, phoneOf } from "./support/asking.mjs";
import { assertAccessible, assertFits, assertInSight, KEYBOARD, pictures } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);
const LOST_NETWORK = /ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|ABORTED|FAILED)/;
const PAYMENT = {
  amount: 123456789, currency: "EUR", payee: "Stadtwerke Green Energy Supply and Distribution Ltd",
  account: "DE02 1203 0000 0000 2020 51", reference: "Invoice 2026-11-4711, electricity for November",
};
const NARROW = { viewport: { width: 320, height: 568 } };

describe("every state of the browser phone", LIMITED, () => {
  const at = {};
  const otherSecret = newSecret();
  const env = {
    COUNTERSIGN__TENANTS__0__NAME: "Acme Bank and Savings International",
    COUNTERSIGN__TENANTS__0__COLOUR: "#0b6e4f",
    COUNTERSIGN__TENANTS__0__PUSH__CUSTOM_PUBLIC: "amount,currency,payee,account,reference",
    COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH: "6",
    COUNTERSIGN__TENANTS__1__ID: "other",
    COUNTERSIGN__TENANTS__1__SECRET_KEYS: otherSecret,
    COUNTERSIGN__TENANTS__1__PUSH__DENIAL_WAIT_SECONDS: "0",
  };
  house({ env }, (started) => Object.assign(at, started, { backend: backendOf(started.server) }));

  const field = (phone) => phone.page.getByLabel("Number that the website shows");
  const named = (phone, name) => phone.page.getByRole("button", { name, exact: true });

  /** Pictures of a state, whose controls can all be brought into sight. */
  async function look(phone, name, screens) {
    await pictures(phone.page, `phone-${name}`, assertFits, screens);
    await assertAccessible(phone.page, name);
  }

  /** The same, and with a keyboard: these controls are in sight together, and stay so however far one scrolls. */
  async function lookTyping(phone, name, ...controls) {
    await look(phone, name);
    const check = async (page) => {
      await assertFits(page);
      await assertInSight(page, ...controls);
    };
    await pictures(phone.page, `phone-${name}-keyboard`, check, [KEYBOARD]);
  }

  it("without an account, and while one is added", async () => {
    const phone = await BrowserPhone.unpack(at.browser, at.server, NARROW);
    await phone.heading("Your phone, in the browser");
    await look(phone, "welcome");
    await phone.press("Add an account");
    const pasted = phone.page.getByLabel("Or paste the link");
    await lookTyping(phone, "paste", pasted);
    await pasted.fill("https://example.com/");
    await phone.press("Continue");
    await phone.page.getByText("not a link that adds").waitFor();
    await lookTyping(phone, "paste-wrong", pasted, named(phone, "Continue"));
    await phone.page.goto(phone.link("x"));
    await phone.heading("This link is not valid");
    await look(phone, "bad-link");
    const userId = newUser();
    await phone.page.goto(phone.link(await enrollmentToken(at.backend, userId)));
    await phone.heading("Add this account?");
    await lookTyping(phone, "confirm", phone.page.getByLabel("Name of this device"), named(phone, "Add account"));
    await phone.press("Add account");
    await phone.heading("Account added");
    await look(phone, "added");
    const second = await BrowserPhone.unpack(at.browser, at.server, NARROW);
    second.person.expect(STATUS(403));
    await second.page.goto(second.link(await enrollmentToken(at.backend, userId)));
    await second.press("Add account");
    await second.heading("Another device is needed");
    await look(second, "second");
  });

  it("with a camera, and without", async () => {
    const phone = await BrowserPhone.unpack(at.browser, at.server, NARROW);
    await phone.person.context.addInitScript(() => {
      MediaDevices.prototype.getUserMedia = () => Promise.resolve(document.createElement("canvas").captureStream());
      HTMLMediaElement.prototype.play = () => Promise.resolve();
    });
    await phone.page.reload();
    await phone.press("Add an account");
    await phone.press("Scan the code");
    await phone.heading("Point the camera at the code");
    await look(phone, "scan");
    await phone.person.context.addInitScript(() => {
      MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    });
    await phone.page.reload();
    await phone.press("Add an account");
    await phone.press("Scan the code");
    await phone.page.getByText("The camera is not allowed").waitFor();
    await look(phone, "no-camera");
  });

  it("with a payment and its number", async () => {
    const { phone, userId } = await phoneOf(at, NARROW);
    phone.person.expect(STATUS(400));
    const { number, outcome } = await ask(at, userId, { action: "payBill", custom: PAYMENT });
    await phone.asked();
    const answers = [field(phone), named(phone, "Approve"), named(phone, "Deny")];
    for (const [width, height] of [[320, 568], [390, 780], [1280, 800], KEYBOARD]) {
      await phone.page.setViewportSize({ width, height });
      await assertInSight(phone.page, ...answers);
      await phone.page.evaluate(() => window.scrollTo(0, 60));
      await assertInSight(phone.page, ...answers);
    }
    await phone.page.setViewportSize(NARROW.viewport);
    await lookTyping(phone, "payment", ...answers);
    assert.equal(await named(phone, "Approve").isDisabled(), true);
    await field(phone).fill(String((Number(number) + 1) % 1e6).padStart(6, "0"));
    await phone.press("Approve");
    await phone.page.getByText("That is not the number").waitFor();
    await lookTyping(phone, "wrong-number", ...answers);
    await phone.approve(number);
    await phone.heading("Approved");
    assert.equal(await outcome, "approved");
    await look(phone, "approved");
    await phone.done();
    await look(phone, "home");
    await phone.person.context.setOffline(true);
    phone.person.expect(LOST_NETWORK);
    await phone.page.getByText("Offline").waitFor();
    await look(phone, "offline");
    await phone.page.getByRole("button", { name: /^Remove/ }).click();
    await look(phone, "remove");
    await named(phone, "Remove").click();
    await phone.page.getByText("Try again when you are online").waitFor();
    await look(phone, "remove-offline");
  });

  it("with a keyboard that is drawn over the page", async () => {
    const { phone, userId } = await phoneOf(at, NARROW);
    await ask(at, userId, { action: "payBill", custom: PAYMENT });
    await phone.asked();
    const [, seen] = KEYBOARD;
    const draw = (height) =>
      phone.page.evaluate((px) => {
        Object.defineProperty(window.visualViewport, "height", { value: px, configurable: true });
        window.visualViewport.dispatchEvent(new Event("resize"));
      }, height);
    await draw(seen);
    for (const control of [field(phone), named(phone, "Approve"), named(phone, "Deny")]) {
      const { y, height } = await control.boundingBox();
      assert.ok(y >= 0 && y + height <= seen, `${control} ends at ${y + height} of ${seen}`);
    }
    await draw(NARROW.viewport.height);
    await assertInSight(phone.page, field(phone), named(phone, "Approve"), named(phone, "This was not me"));
  });

  it("with a sign-in without a number, and its ends", async () => {
    const other = { ...at, backend: backendOf(at.server, { secret: otherSecret }) };
    const { phone, userId } = await phoneOf(other, NARROW);
    phone.person.expect(STATUS(401));
    const denied = await ask(other, userId);
    await phone.asked();
    await look(phone, "sign-in");
    await phone.press("Deny");
    await phone.heading("Denied");
    assert.equal(await denied.outcome, "denied");
    await look(phone, "denied");
    await phone.done();
    const taken = await ask(other, userId);
    await phone.asked();
    await fetch(`${at.server.url}/client/cancel/push`, {
      method: "POST",
      headers: { authorization: `Bearer ${taken.token}`, "content-type": "application/json" },
      body: JSON.stringify({ challengeId: taken.challengeId }),
    });
    await phone.heading("It is over");
    await look(phone, "over");
    await phone.done();
    await ask(other, userId);
    await phone.asked();
    await phone.press("This was not me");
    await phone.heading("Reported");
    await look(phone, "reported");
    await phone.done();
    const tab = new BrowserPhone(phone.person, await phone.person.open(`${at.server.origin}/phone`), at.server);
    await tab.heading("Open in another tab");
    await look(tab, "elsewhere");
    await tab.page.close();
    const [{ userAuthenticatorId }] = await other.backend.getAuthenticators({ userId });
    await other.backend.deleteAuthenticator({ userId, userAuthenticatorId });
    await phone.heading("This device was removed");
    await look(phone, "removed");
  });

  it("after too many wrong numbers", async () => {
    const { phone, userId } = await phoneOf(at, NARROW);
    phone.person.expect(STATUS(400));
    const { number } = await ask(at, userId);
    const wrong = String((Number(number) + 1) % 1e6).padStart(6, "0");
    for (let times = 0; times < 3; times += 1) await phone.approve(wrong);
    await phone.heading("Too many wrong numbers");
    await look(phone, "failed");
  });

  it("at an address that keeps no keys", async () => {
    const person = await at.browser.person(NARROW);
    await person.context.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
    const phone = new BrowserPhone(person, await person.open(`${at.server.origin}/phone`), at.server);
    await phone.heading("HTTPS is needed");
    await look(phone, "insecure");
  });
});
