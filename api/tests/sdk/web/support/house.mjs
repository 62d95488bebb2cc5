// What every suite of the web pages begins and ends with: a server and a browser.

import { after, afterEach, before } from "node:test";

import { startServer } from "../../support/server.mjs";
import { startBrowser } from "./browser.mjs";

/**
 * Starts both before the suite that calls this, gives them to `ready`, looks after each test whether a page
 * has complained, and stops both at the end. `options` are the server's, or a function that makes them.
 */
export function house(options, ready) {
  let browser, server;
  before(async () => {
    server = await startServer(typeof options === "function" ? options() : options);
    browser = await startBrowser();
    await ready({ browser, server });
  });
  afterEach(() => browser.tidy());
  after(async () => {
    await browser?.stop();
    await server?.stop();
  });
}
