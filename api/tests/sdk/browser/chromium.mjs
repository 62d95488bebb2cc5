// A headless Chromium, Debian's, with a profile of its own.

import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import puppeteer from "puppeteer-core";

const FLAGS = [
  // Chromium refuses to run as root with its sandbox, and builds often run as root.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  // Nothing but the pages of the test is to be asked for.
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-proxy-server",
];

/** Starts the browser. `stop` ends it and removes its profile. */
export async function startChromium() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  try {
    accessSync(executablePath, constants.X_OK);
  } catch {
    throw new Error(
      `no browser at ${executablePath}: apt-get install chromium, or name one in CHROMIUM`,
    );
  }
  const userDataDir = mkdtempSync(path.join(tmpdir(), "countersign-chromium-"));
  const browser = await puppeteer.launch({
    executablePath,
    userDataDir,
    headless: true,
    args: FLAGS,
    timeout: 60_000,
    protocolTimeout: 60_000,
  });
  return {
    newPage: () => browser.newPage(),
    stop: async () => {
      await browser.close();
      rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
