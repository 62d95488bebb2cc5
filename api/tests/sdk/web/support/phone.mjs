// The browser phone, as its owner uses it.

import { until } from "../../support/until.mjs";

export class BrowserPhone {
  /** Another device: a browser of its own, in which nothing is kept yet. */
  static async unpack(browser, server, options = {}) {
    const viewport = { width: 400, height: 800 };
    const person = await browser.person({ viewport, hasTouch: true, ...options });
    return new BrowserPhone(person, await person.open(`${server.origin}/phone`), server);
  }

  constructor(person, page, server) {
    this.person = person;
    this.page = page;
    this.server = server;
  }

  /** The address of an enrollment, as the code of a website has it. */
  link(token) {
    return `${this.server.origin}/phone#enroll=${token}`;
  }

  /** Follows a link and adds its account. */
  async add(token) {
    await this.page.goto(this.link(token));
    await this.press("Add account");
    await this.heading("Account added");
    await this.press("Continue");
    await this.heading("Nothing to confirm");
  }

  heading(name) {
    return this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  press(name) {
    return this.page.getByRole("button", { name }).click();
  }

  /** Waits until something is asked. */
  asked() {
    return this.heading("Is this you?");
  }

  /** What is shown of it, by its names. */
  facts() {
    return this.page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll("dl > div")].map((row) => [
          row.querySelector("dt").textContent,
          row.querySelector("dd").textContent,
        ]),
      ),
    );
  }

  /** Types the number, where one is shown, and approves. */
  async approve(number) {
    await this.asked();
    if (number) await this.page.getByLabel("Number that the website shows").fill(number);
    await this.press("Approve");
  }

  /** Leaves what is shown after an answer. */
  async done() {
    await this.press("OK");
    await this.heading("Nothing to confirm");
  }

  /** Waits until the phone is connected. */
  connected() {
    const connected = () =>
      this.page.evaluate(() => document.getElementById("connection").dataset.state === "waiting");
    return until(connected, { what: "the phone is connected" });
  }
}
