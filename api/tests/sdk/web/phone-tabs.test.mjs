// Which tab of a browser is the phone, and that no link takes that from it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { backendOf, newUser } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { until } from "../support/until.mjs";
import { ask, enrollmentToken, phoneOf } from "./support/asking.mjs";
import { assertAccessible } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

/** A token that reads like one, and that nobody has signed. */
const forged = () => `${Buffer.from("\x01\x01\0\x04acme\0\x05robin").toString("base64url")}.c`;

describe("the tabs of a phone", LIMITED, () => {
  const at = {};
  house({}, (started) => Object.assign(at, started, { backend: backendOf(started.server) }));

  /** Opens a page in a second tab of a phone. */
  async function second({ person, server }, address) {
    const page = await person.open(address ?? `${server.origin}/phone`);
    return new BrowserPhone(person, page, server);
  }

  /** Asks, and sees that this tab shows it and can approve it. */
  async function works(phone, userId) {
    const asked = await ask(at, userId);
    await phone.approve();
    assert.equal(await asked.outcome, "approved");
    await phone.done();
  }

  for (const [what, token] of [["that nobody can read", () => "x"], ["that is empty", () => ""], ["that nobody has signed", forged]]) {
    it(`keep the phone where it is when a link ${what} is opened`, async () => {
      const { phone, userId } = await phoneOf(at);
      const other = await second(phone, phone.link(token()));
      const shown = token() === forged() ? "Add this account?" : "This link is not valid";
      await other.heading(shown);
      await works(phone, userId);
      await other.press(token() === forged() ? "Not now" : "OK");
      await other.heading("Open in another tab");
      await works(phone, userId);
      await other.page.close();
      await works(phone, userId);
    });
  }

  it("add an account beside the phone, which asks for it at once", async () => {
    const { phone, userId } = await phoneOf(at);
    const newcomer = newUser();
    const other = await second(phone, phone.link(await enrollmentToken(at.backend, newcomer)));
    await other.heading("Add this account?");
    await works(phone, userId);
    await other.press("Add account");
    await other.heading("Account added");
    await phone.page.getByRole("listitem").filter({ hasText: newcomer }).waitFor();
    await works(phone, newcomer);
    await other.press("Continue");
    await other.heading("Nothing to confirm");
    await phone.heading("Open in another tab");
    await works(other, userId);
    await other.page.close();
    await phone.heading("Nothing to confirm");
    await works(phone, userId);
  });

  it("keep one key where two add accounts at the same time", async () => {
    const phone = await BrowserPhone.unpack(at.browser, at.server);
    const users = [newUser(), newUser()];
    const tabs = [phone, await second(phone)];
    for (const [index, tab] of tabs.entries()) {
      await tab.page.goto(phone.link(await enrollmentToken(at.backend, users[index])));
      await tab.heading("Add this account?");
    }
    await Promise.all(tabs.map((tab) => tab.press("Add account")));
    await Promise.all(tabs.map((tab) => tab.heading("Account added")));
    await phone.press("Continue");
    for (const userId of users) await works(phone, userId);
  });

  it("take the phone over when they are told to, and give it back when they are closed", async () => {
    const { phone, userId } = await phoneOf(at);
    const other = await second(phone);
    await other.heading("Open in another tab");
    await assertAccessible(other.page, "the second tab");
    await other.page.getByRole("button", { name: "Use it here" }).dblclick();
    await phone.heading("Open in another tab");
    await works(other, userId);
    await other.page.close();
    await phone.heading("Nothing to confirm");
    await works(phone, userId);
  });

  it("stand by: the next one is the phone when the first is closed", async () => {
    const { phone, userId } = await phoneOf(at);
    const other = await second(phone);
    await other.heading("Open in another tab");
    await phone.page.close();
    await other.heading("Nothing to confirm");
    await works(other, userId);
  });

  it("go on with a link that is on the screen when they become the phone", async () => {
    const { phone, userId } = await phoneOf(at);
    const other = await second(phone, phone.link(forged()));
    await other.heading("Add this account?");
    await phone.page.close();
    await other.connected();
    await other.heading("Add this account?");
    const asked = await ask(at, userId);
    await other.press("Not now");
    await other.approve();
    assert.equal(await asked.outcome, "approved");
  });

  it("show what is asked before a link that comes meanwhile", async () => {
    const { phone, userId } = await phoneOf(at);
    const asked = await ask(at, userId);
    await phone.asked();
    for (const token of ["x", forged()]) await phone.page.goto(phone.link(token));
    await until(() => new URL(phone.page.url()).hash === "", { what: "the link was read" });
    await phone.approve();
    assert.equal(await asked.outcome, "approved");
    await phone.press("OK");
    await phone.heading("Add this account?");
    await phone.press("Not now");
    await phone.heading("Nothing to confirm");
  });
});
