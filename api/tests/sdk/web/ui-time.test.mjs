// Time on the pre-built UI: how long a request is open, and how long one has to wait for the next.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { until } from "../support/until.mjs";
import { assertAccessible, assertFits, pictures } from "./support/browser.mjs";
import { house } from "./support/house.mjs";

const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);
const HOUR_MS = 3_600_000;

describe("time on the pre-built UI", LIMITED, () => {
  let browser, server, backend;
  const phones = [];
  const env = {
    COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH: "6",
    COUNTERSIGN__TENANTS__0__PUSH__DENIAL_WAIT_SECONDS: "5",
  };
  house({ env }, (started) => {
    ({ browser, server } = started);
    backend = backendOf(server);
  });
  after(() => phones.forEach((phone) => phone.discard()));

  async function user() {
    const userId = newUser();
    const phone = new Phone(server);
    phones.push(phone);
    await enroll(backend, phone, userId);
    return { userId, phone };
  }
  const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

  /** The seconds of a line such as "4:59 left". */
  async function secondsLeft(page) {
    const [minutes, seconds] = (await page.getByRole("timer").textContent()).replace(" left", "").split(":").map(Number);
    return minutes * 60 + seconds;
  }

  it("shows how long a request is open, also when it is loaded again, whatever the browser's clock says", async () => {
    for (const ahead of [-5 * HOUR_MS, 0, 400 * 24 * HOUR_MS]) {
      const { userId } = await user();
      const { url } = await track(backend, userId);
      const person = await browser.person();
      await person.context.addInitScript((by) => {
        const { now } = Date;
        Date.now = () => now() + by;
      }, ahead);
      const page = await person.open(url);
      await heading(page, "Enter this number on your phone");
      const first = await secondsLeft(page);
      assert.ok(first > 285 && first <= 300, `${first} s are left at first`);
      await until(async () => (await secondsLeft(page)) < first, { what: "it counts down" });
      await page.reload();
      await heading(page, "Enter this number on your phone");
      const again = await secondsLeft(page);
      assert.ok(again > 270 && again < first, `${again} s are left after a reload`);
    }
  });

  it("shows it in a second tab, on every screen", async () => {
    const { userId } = await user();
    const { url } = await track(backend, userId);
    const person = await browser.person();
    person.expect(STATUS(409));
    const page = await person.open(url);
    await heading(page, "Enter this number on your phone");
    await pictures(page, "ui-number", assertFits);
    const second = await person.open(url);
    await second.getByText("open in another tab").waitFor();
    assert.ok((await secondsLeft(second)) <= 300);
    await pictures(second, "ui-elsewhere", assertFits);
  });

  it("counts down to the next request, which can be sent then", async () => {
    const { userId, phone } = await user();
    const { url } = await track(backend, userId);
    const person = await browser.person();
    person.expect(STATUS(429));
    const page = await person.open(url);
    await heading(page, "Enter this number on your phone");
    await phone.deny();
    await heading(page, "Denied");
    await page.getByRole("button", { name: "Send a new request" }).click();
    await heading(page, "Too many requests");
    const again = page.getByRole("button", { name: "Try again" });
    for (const seconds of ["3 seconds", "2 seconds", "1 second"]) {
      await page.getByText(`wait ${seconds} before`).waitFor();
      assert.equal(await again.isDisabled(), true);
    }
    await page.getByText("You may send the next request now.").waitFor();
    await assertAccessible(page, "the end of a wait");
    await again.click();
    await heading(page, "Enter this number on your phone");
  });
});
