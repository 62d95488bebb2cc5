// The demo, from nothing to a payment: one browser is the website's, another one the phone.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, afterEach, before, describe, it } from "node:test";

import { backendOf } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { newSecret, startServer } from "../support/server.mjs";
import { until } from "../support/until.mjs";
import { assertAccessible, picture, startBrowser } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

/** A server that nobody has configured. */
const UNCONFIGURED = {
  COUNTERSIGN_TENANT_ID: undefined,
  COUNTERSIGN_SECRET_KEY: undefined,
  COUNTERSIGN__TENANTS__0__PUSH__DENIAL_WAIT_SECONDS: undefined,
};
/** Approvals whose time is taken. */
const ROUNDS = 15;
const MEDIAN_MS_MAX = 50;
const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);

describe("the demo", LIMITED, () => {
  let browser, server;

  house({ env: UNCONFIGURED }, (started) => ({ browser, server } = started));

  const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();
  const press = (page, name) => page.getByRole("button", { name }).click();
  const number = (page) => page.locator("#number").textContent();

  /** The website for a user of one test, and a phone for it. */
  async function visit(name, options = {}) {
    const person = await browser.person({ viewport: { width: 1240, height: 820 }, ...options });
    await person.context.addInitScript((user) => {
      // A window that is about to be filled has no storage yet.
      if (location.protocol !== "about:") localStorage.setItem("countersign demo user", user);
    }, name);
    const page = await person.open(server.origin);
    await heading(page, "First, a phone");
    const [opened] = await Promise.all([
      person.context.waitForEvent("page"),
      press(page, "Open a phone in a window"),
    ]);
    await opened.getByRole("heading", { name: "Add this account?" }).waitFor();
    const phone = new BrowserPhone(person, opened, server);
    await phone.press("Add account");
    await phone.press("Continue");
    await heading(page, "Sign in");
    return { person, page, phone };
  }

  it("leads from a phone to a sign-in and a payment, and shows each call", async () => {
    const { page, phone } = await visit("anna");
    await assertAccessible(page, "the sign-in");
    await press(page, "Sign in with push");
    await phone.asked();
    await assertAccessible(page, "the wait");
    await picture(page, "demo-wait");
    await phone.approve(await number(page));
    await heading(page, "Signed in");
    await assertAccessible(page, "the bill");
    await phone.done();
    await page.getByLabel("Amount in euro").fill(" ١ ٢٣٤٫٥ ");
    await press(page, "Pay with push");
    await phone.asked();
    assert.equal((await phone.facts()).To, "Green Energy Ltd");
    await phone.page.getByText("EUR 1 234.50").waitFor();
    await picture(phone.page, "demo-phone");
    await phone.approve(await number(page));
    await heading(page, "Paid");
    await page.getByText("EUR 1 234.50 to Green Energy Ltd").waitFor();
    await assertAccessible(page, "the receipt");
    await picture(page, "demo-paid");
    const calls = (await page.locator("#calls summary .path").allTextContents()).reverse();
    assert.deepEqual(calls, [
      "POST /v1/users/anna/actions/enroll",
      "POST /v1/users/anna/actions/signIn",
      "POST /v1/client/challenge/push",
      "POST /v1/client/verify/push",
      "POST /v1/validate",
      "POST /v1/users/anna/actions/pay",
      "POST /v1/client/challenge/push",
      "POST /v1/client/verify/push",
      "POST /v1/validate",
    ]);
    await page.locator("#calls summary").first().click();
    await page.getByText("CHALLENGE_SUCCEEDED").first().waitFor();
    assert.ok(!/AQ[\w-]{30}/.test(await page.locator("body").innerText()), "no token is on the screen");
  });

  it("says what happened after a denial, a report and a cancellation", async () => {
    const { person, page, phone } = await visit("ben");
    person.expect(STATUS(401, 429));
    await press(page, "Sign in with push");
    await phone.asked();
    await press(page, "Cancel");
    await heading(page, "Sign in");
    await phone.heading("It is over");
    await phone.press("OK");
    await press(page, "Sign in with push");
    await phone.asked();
    await phone.press("This was not me");
    await heading(page, "Reported");
    await assertAccessible(page, "a report");
    await picture(page, "demo-reported");
    await press(page, "Try again");
    await press(page, "Sign in with push");
    await heading(page, "Too many requests");
    await press(page, "Start over");
    await heading(page, "First, a phone");
    await phone.heading("This device was removed");
  });

  it("signs in with the pre-built page, and notices that its window was closed", async () => {
    const { person, page, phone } = await visit("carla");
    person.expect(STATUS(400, 409));
    for (const closes of [true, false]) {
      const [opened] = await Promise.all([
        person.context.waitForEvent("page"),
        press(page, "Sign in with the pre-built page"),
      ]);
      await heading(opened, "Enter this number on your phone");
      if (closes) {
        await opened.close();
        await heading(page, "The window was closed");
        await press(page, "Try again");
        continue;
      }
      // What the first window began has been replaced.
      await phone.heading("It is over");
      await phone.press("OK");
      await phone.approve(await opened.locator(".number").textContent());
      await heading(page, "Signed in");
    }
  });

  it("does not take a cancelled sign-in of the pre-built page for an approved one", async () => {
    const { person, page, phone } = await visit("fay");
    const [opened] = await Promise.all([
      person.context.waitForEvent("page"),
      press(page, "Sign in with the pre-built page"),
    ]);
    await heading(opened, "Enter this number on your phone");
    await press(opened, "Cancel");
    await heading(page, "Not approved");
    await phone.heading("It is over");
  });

  it("has a user of its own for each browser, who stays", async () => {
    const nameIn = (page) => page.getByLabel("You are").inputValue();
    const names = [];
    for (let browsers = 0; browsers < 2; browsers += 1) {
      const person = await browser.person();
      const page = await person.open(`${server.origin}/demo`);
      await heading(page, "First, a phone");
      names.push(await nameIn(page));
      assert.match(names.at(-1), /^robin-[a-z2-9]{6}$/);
      await page.reload();
      await heading(page, "First, a phone");
      const again = await person.open(`${server.origin}/demo`);
      await heading(again, "First, a phone");
      assert.deepEqual([await nameIn(page), await nameIn(again)], [names.at(-1), names.at(-1)]);
    }
    assert.notEqual(names[0], names[1]);
  });

  it("works where the browser blocks storage", async () => {
    const person = await browser.person();
    await person.context.addInitScript(() => {
      Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("blocked", "SecurityError"); } });
    });
    const page = await person.open(`${server.origin}/demo`);
    await heading(page, "First, a phone");
    assert.match(await page.getByLabel("You are").inputValue(), /^robin-/);
  });

  it("shows the code of the payment in the form, and copies it", async () => {
    const { person, page, phone } = await visit("gus");
    await person.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await press(page, "Sign in with push");
    await phone.approve(await number(page));
    await heading(page, "Signed in");
    await phone.done();
    const code = () => page.locator("#code pre").last().textContent();
    assert.ok((await code()).includes('amount: 4990, currency: "EUR", payee: "Green Energy Ltd"'), await code());
    await page.getByLabel("Pay to").fill('Anna "Ann" Öz');
    await page.getByLabel("Amount in euro").fill("12,5");
    assert.ok((await code()).includes(String.raw`amount: 1250, currency: "EUR", payee: "Anna \"Ann\" Öz"`), await code());
    await press(page, "Copy: Your backend");
    await page.getByText("Copied").first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await code());
    for (const wrong of ["", "0", "1e3", "0x10", "1.234", "10000.01", "-1"]) {
      await page.getByLabel("Amount in euro").fill(wrong);
      await press(page, "Pay with push");
      await page.getByText("Enter an amount between").waitFor();
    }
    await page.getByLabel("Amount in euro").fill("12,5");
    await press(page, "Pay with push");
    await phone.asked();
    await phone.approve(await number(page));
    await heading(page, "Paid");
    assert.ok((await code()).includes(String.raw`payee: "Anna \"Ann\" Öz"`), await code());
    await assertAccessible(page, "the code");
    await picture(page, "demo-code");
  });

  it("is quick: from the press of Approve to the website's page", async () => {
    const { page, phone } = await visit("dora");
    await press(page, "Sign in with push");
    await phone.approve(await number(page));
    await heading(page, "Signed in");
    await phone.done();
    const taken = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await press(page, "Pay with push");
      await phone.asked();
      await phone.page.getByLabel("Number that the website shows").fill(await number(page));
      const changed = page.evaluate(
        () =>
          new Promise((resolve) => {
            const seen = () => {
              if (document.querySelector("h1")?.textContent !== "Paid") return;
              watch.disconnect();
              resolve(performance.timeOrigin + performance.now());
            };
            const watch = new MutationObserver(seen);
            watch.observe(document.body, { subtree: true, childList: true });
          }),
      );
      const pressed = await phone.page.evaluate(() => {
        const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "Approve");
        const now = performance.timeOrigin + performance.now();
        button.click();
        return now;
      });
      taken.push((await changed) - pressed);
      await phone.done();
      await press(page, "Pay another bill");
    }
    taken.sort((a, b) => a - b);
    const median = taken[Math.floor(ROUNDS / 2)];
    const shown = [median, taken[0], taken.at(-1)].map((ms) => ms.toFixed(1));
    console.log(`from approval to the changed page: median ${shown[0]} ms, ${shown[1]} to ${shown[2]} ms`);
    // Beside other work a machine is slower by a multiple: the report above is what counts there.
    assert.ok(median <= 5 * MEDIAN_MS_MAX, `median ${shown[0]} ms`);
  });

  it("goes on after a restart of the server in the middle of a sign-in", async () => {
    const { person, page, phone } = await visit("emil");
    person.expect(/ERR_(CONNECTION|EMPTY|INCOMPLETE|NETWORK)/);
    await press(page, "Sign in with push");
    await phone.asked();
    await server.restart();
    await phone.connected();
    await phone.approve(await number(page));
    await heading(page, "Signed in");
  });

  it("fits small screens, in light and dark", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const person = await browser.person({ colorScheme, viewport: { width: 320, height: 640 } });
      const page = await person.open(`${server.origin}/demo`);
      await heading(page, "First, a phone");
      await assertAccessible(page, `the demo, ${colorScheme}`);
      await picture(page, `demo-320-${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 320, `${wide} px wide`);
    }
  });

  /** An order to the backend, with whatever heads; `fetch` sets `Host` by itself. */
  async function order(heads) {
    const headers = { "content-type": "application/json", ...heads };
    const sent = request(`${server.origin}/demo/backend/enroll`, { method: "POST", headers, agent: false });
    sent.end('{"user":"anna"}');
    const [answer] = await once(sent, "response");
    answer.resume();
    return answer.statusCode;
  }

  it("has a backend for its own page alone, under whatever name another page reaches it", async () => {
    const { host, port } = new URL(server.origin);
    for (const own of [host, `localhost:${port}`, `[::1]:${port}`]) {
      assert.equal(await order({ host: own, origin: `http://${own}` }), 200, own);
    }
    const evil = `evil.example:${port}`;
    assert.equal(await order({ host, origin: `http://${evil}` }), 403, "a page from elsewhere");
    assert.equal(await order({ host: evil, origin: `http://${evil}` }), 403, "a name that was pointed at it");
    assert.equal(await order({ host: evil, origin: server.origin }), 403);
    assert.equal(await order({ host }), 403, "no page at all");
  });

  it("lets nobody say where the pre-built page leads", async () => {
    const headers = { "content-type": "application/json", origin: server.origin };
    const body = JSON.stringify({ user: "anna", redirectUrl: "https://evil.example", redirect_url: "https://evil.example" });
    const shown = await (await fetch(`${server.origin}/demo/backend/signIn`, { method: "POST", headers, body })).json();
    assert.equal(shown.status, 200);
    assert.equal(shown.request.redirectUrl, undefined);
    const page = await (await fetch(shown.response.url)).text();
    assert.ok(page.includes('"action":"signIn"') && !page.includes("evil.example"), page);
  });
});

describe("a server that is configured", LIMITED, () => {
  let browser, server;

  before(async () => (browser = await startBrowser()));
  afterEach(async () => {
    await browser.tidy();
    await server?.stop();
  });
  after(() => browser?.stop());

  it("has no demo, and says at its address what it is", async () => {
    server = await startServer();
    assert.equal((await fetch(`${server.origin}/demo`)).status, 404);
    const order = { method: "POST", headers: { "content-type": "application/json", origin: server.origin }, body: '{"user":"anna"}' };
    assert.equal((await fetch(`${server.origin}/demo/backend/signIn`, order)).status, 404);
    const page = await (await browser.person()).open(server.origin);
    await page.getByRole("heading", { name: "Countersign" }).waitFor();
    await assertAccessible(page, "the start");
  });

  it("serves the demo beside its tenants with --demo, and keeps them apart", async () => {
    const secret = newSecret();
    server = await startServer({ args: ["--demo"], secret });
    const page = await (await browser.person()).open(`${server.origin}/demo`);
    await page.getByRole("heading", { name: "First, a phone" }).waitFor();
    const { isEnrolled } = await backendOf(server).getUser({ userId: "robin" });
    assert.equal(isEnrolled, false);
    await until(async () => (await backendOf(server).queryUserActions({ userId: "robin" })).length === 0, { what: "nothing of it" });
  });
});
