// Debian's Chromium, headless, by Playwright. Everything that a page writes to the console as an error, or
// throws, fails the test that opened it, unless the test has said that it expects it.

import assert from "node:assert/strict";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import axe from "axe-core";
import { chromium } from "playwright-core";

const ARTEFACTS = fileURLToPath(new URL("../artefacts/", import.meta.url));

const FLAGS = ["--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"];

/** Starts the browser. `camera` is a file of JPEG pictures that its camera sees, again and again. */
export async function startBrowser({ camera } = {}) {
  const seen = camera && [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${camera}`,
  ];
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  try {
    accessSync(executablePath, constants.X_OK);
  } catch {
    throw new Error(
      `no browser at ${executablePath}: apt-get install chromium, or name one in CHROMIUM`,
    );
  }
  // Chromium refuses to run as root with its sandbox, and builds often run as root.
  const launched = { executablePath, chromiumSandbox: false, args: [...FLAGS, ...(seen ?? [])] };
  return new Browser(await chromium.launch(launched));
}

/** A person whose browser keeps nothing for any site: cookies, and with them all storage, are blocked in its settings. */
export async function startBlocked() {
  const folder = mkdtempSync(path.join(tmpdir(), "countersign-blocked-"));
  mkdirSync(path.join(folder, "Default"));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(path.join(folder, "Default/Preferences"), JSON.stringify(settings));
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const context = await chromium.launchPersistentContext(folder, { executablePath, chromiumSandbox: false, args: FLAGS });
  const person = new Person(context);
  const stop = async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(person.complaints(), [], "pages have complained");
  };
  return { person, stop };
}

class Browser {
  #browser;
  #people = [];

  constructor(browser) {
    this.#browser = browser;
  }

  /** Another person, or the same on another device: nothing is shared between two. */
  async person(options = {}) {
    const context = await this.#browser.newContext({
      viewport: { width: 1000, height: 760 },
      reducedMotion: "reduce",
      ...options,
    });
    // Nothing takes so long but a machine with much else to do.
    context.setDefaultTimeout(30_000);
    const person = new Person(context);
    this.#people.push(person);
    return person;
  }

  /** Closes what the test has opened, and fails if a page has complained. */
  async tidy() {
    const complaints = this.#people.flatMap((person) => person.complaints());
    await Promise.all(this.#people.map((person) => person.context.close()));
    this.#people = [];
    assert.deepEqual(complaints, [], "pages have complained");
  }

  stop() {
    return this.#browser.close();
  }
}

class Person {
  #complaints = [];
  #expected = [];

  constructor(context) {
    this.context = context;
    context.on("page", (page) => this.#listen(page));
  }

  #listen(page) {
    page.on("pageerror", (error) => this.#complaints.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      this.#complaints.push(`${message.text()} ${message.location().url}`);
    });
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (["data:", "blob:"].includes(protocol)) return;
      if (["127.0.0.1", "localhost"].includes(hostname)) return;
      this.#complaints.push(`asked another host: ${request.url()}`);
    });
  }

  /** Says that complaints which match are part of the test. */
  expect(...patterns) {
    this.#expected.push(...patterns);
  }

  complaints() {
    return this.#complaints.filter((text) => !this.#expected.some((one) => one.test(text)));
  }

  /** Whether a page has complained so. */
  seen(pattern) {
    return this.#complaints.some((text) => pattern.test(text));
  }

  /** Opens a page. */
  async open(url) {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }
}

/** Keeps a picture of a page among the artefacts: of all of it, or of what is seen without scrolling. */
export async function picture(page, name, { fullPage = true } = {}) {
  mkdirSync(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: path.join(ARTEFACTS, `${name}.png`), fullPage });
}

/** Screens that every state of a page has to fit. */
const SCREENS = [[320, 568], [390, 780], [1280, 800]];
/** What a keyboard leaves of the smallest. */
export const KEYBOARD = [320, 300];

/**
 * Keeps pictures of a state on every screen, in light and dark, and calls `check` for each. The page has its own
 * size again at the end.
 */
export async function pictures(page, name, check, screens = SCREENS) {
  const size = page.viewportSize();
  for (const [width, height] of screens) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => window.scrollTo(0, 0));
      await check(page);
      await picture(page, `${name}-${width}x${height}-${colorScheme}`, { fullPage: false });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(size);
}

/**
 * Fails if a page is wider than its screen, or if a control cannot be brought into sight as a whole: one that
 * sticks out, or that another element covers.
 */
export async function assertFits(page) {
  const hidden = await page.evaluate(() => {
    const faults = [];
    const wide = document.documentElement.scrollWidth;
    if (wide > window.innerWidth) faults.push(`the page is ${wide} px wide`);
    for (const control of document.querySelectorAll("button, input, a[href]")) {
      control.scrollIntoView({ block: "nearest" });
      const { left, right, top, bottom } = control.getBoundingClientRect();
      const name = control.textContent || control.id || control.className;
      const inside = left >= 0 && right <= window.innerWidth && top >= 0 && bottom <= window.innerHeight + 0.5;
      if (!inside) faults.push(`${name} sticks out: ${[left, right, top, bottom]}`);
      const points = [[left + 4, top + 4], [right - 4, bottom - 4], [(left + right) / 2, (top + bottom) / 2]];
      const seen = ([x, y]) => control.contains(document.elementFromPoint(x, y));
      if (!points.every(seen)) faults.push(`${name} is covered`);
    }
    window.scrollTo(0, 0);
    return faults;
  });
  assert.deepEqual(hidden, [], `at ${JSON.stringify(page.viewportSize())}`);
}

/** Fails if one of these is not in sight as a whole without scrolling. */
export async function assertInSight(page, ...locators) {
  const { width, height } = page.viewportSize();
  for (const locator of locators) {
    const box = await locator.boundingBox();
    const seen = box && box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height + 0.5;
    assert.ok(seen, `${locator} at ${JSON.stringify(box)} on ${width} x ${height}`);
  }
}

/** Fails if axe finds that somebody could not use the page. Works in frames too. */
export async function assertAccessible(frame, what) {
  // The page's policy allows no script but its own; Playwright's own world is not bound by it.
  await frame.evaluate(axe.source);
  const { violations } = await frame.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }),
  );
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" | ")}`);
  assert.deepEqual(found, [], `axe on ${what}`);
}
