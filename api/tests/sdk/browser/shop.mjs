// One open page of the website, and what its script does with the official browser SDK.

import { until } from "../support/until.mjs";

export class Shop {
  #page;

  /** Opens the website under `origin`, with the SDK pointed at a server. */
  static async open(browser, origin, server) {
    const page = await browser.newPage();
    await page.goto(`${origin}/`, { waitUntil: "load" });
    await page.evaluate(
      (tenantId, baseUrl) => {
        window.expirations = 0;
        const onTokenExpired = () => (window.expirations += 1);
        window.client = new window.authsignal.Authsignal({ tenantId, baseUrl, onTokenExpired });
      },
      server.tenant,
      server.url,
    );
    return new Shop(page);
  }

  constructor(page) {
    this.#page = page;
  }

  setToken(token) {
    return this.#page.evaluate((value) => window.client.setToken(value), token);
  }

  /** `push.challenge`: what it resolves with, or the name of what it throws. */
  challenge(action) {
    return this.#page.evaluate(
      (value) =>
        window.client.push.challenge({ action: value }).catch((error) => ({ thrown: error.name })),
      action,
    );
  }

  /** `push.verify`: what it resolves with, or the name of what it throws. */
  verify(challengeId) {
    return this.#page.evaluate(
      (value) =>
        window.client.push
          .verify({ challengeId: value })
          .catch((error) => ({ thrown: error.name })),
      challengeId,
    );
  }

  /** Calls `push.verify` again and again, as a page does, until the challenge has been answered. */
  outcome(challengeId) {
    const answered = async () => {
      const { data } = await this.verify(challengeId);
      return data?.isConsumed && data;
    };
    return until(answered, { what: `the end of challenge ${challengeId}` });
  }

  /** How often the SDK has called `onTokenExpired`. */
  expirations() {
    return this.#page.evaluate(() => window.expirations);
  }

  close() {
    return this.#page.close();
  }
}
