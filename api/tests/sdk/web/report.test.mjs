// The load harness's report as people open it: a file, without a server or a network.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { cleanEnvironment, loadtest } from "../support/binary.mjs";
import { LIMITED } from "../support/limit.mjs";
import { until } from "../support/until.mjs";
import { assertAccessible, picture, startBrowser } from "./support/browser.mjs";

const FIXTURES = fileURLToPath(new URL("../../../../loadtest/tests/", import.meta.url));
const SCREENS = { desktop: { width: 1200, height: 800 }, phone: { width: 360, height: 740 } };
const REPORTS = {
  report: { file: "report_fixture.json", heading: "lifecycle", charts: 7 },
  capacity: { file: "report_capacity_fixture.json", heading: "capacity", charts: 13 },
};

describe("the load harness's report", LIMITED, () => {
  let browser, folder;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "countersign-report-"));
    for (const [name, { file }] of Object.entries(REPORTS)) {
      const args = ["render", path.join(FIXTURES, file), "--html", path.join(folder, `${name}.html`)];
      execFileSync(loadtest(), args, { env: cleanEnvironment() });
    }
    browser = await startBrowser();
  });
  afterEach(() => browser.tidy());
  after(async () => {
    await browser?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a report from its file, and notes what the page asks for. */
  async function open(name, options) {
    const url = pathToFileURL(path.join(folder, `${name}.html`)).href;
    const person = await browser.person(options);
    const asked = [];
    person.expect(new RegExp(`^asked another host: ${url}$`));
    person.context.on("request", (request) => asked.push(request.url()));
    const page = await person.open(url);
    await page.waitForLoadState("networkidle");
    assert.deepEqual(asked, [url], "it asks for nothing but itself");
    return { page, person };
  }

  /** Each chart's place on the page, and the texts in it that stick out of its drawing. */
  const charts = (page) =>
    page.locator("svg.chart").evaluateAll((all) =>
      all.map((svg) => {
        const { left, right, width, height } = svg.getBoundingClientRect();
        const room = svg.viewBox.baseVal;
        const cut = [...svg.querySelectorAll("text")].filter((text) => {
          const box = text.getBBox();
          return box.width > 0 && (box.x < 0 || box.x + box.width > room.width || box.y < 0);
        });
        const title = svg.querySelector("title").textContent;
        return { title, left, right, width, height, cut: cut.map((text) => text.textContent) };
      }),
    );

  /** Texts beside each other along an axis that cover each other. */
  const collisions = (page) =>
    page.locator("svg.chart").evaluateAll((all) =>
      all.flatMap((svg) => {
        const places = [...svg.querySelectorAll("text.x, text.y")]
          .map((text) => ({ text: text.textContent, box: text.getBBox() }))
          .filter(({ box }) => box.width > 0);
        const cover = (a, b) =>
          a.x < b.x + b.width && b.x < a.x + a.width && a.y + 3 < b.y + b.height && b.y + 3 < a.y + a.height;
        const pairs = places.flatMap((one, at) => places.slice(at + 1).map((other) => [one, other]));
        return pairs.filter(([one, other]) => cover(one.box, other.box)).map((two) => two.map(({ text }) => text));
      }),
    );

  for (const [name, { heading, charts: count }] of Object.entries(REPORTS)) {
    for (const [screen, viewport] of Object.entries(SCREENS)) {
      for (const colorScheme of ["light", "dark"]) {
        it(`${name}: is whole and readable on a ${screen}, ${colorScheme}`, async () => {
          const { page } = await open(name, { viewport, colorScheme });
          await page.getByRole("heading", { level: 1, name: heading }).waitFor();
          const drawn = await charts(page);
          assert.equal(drawn.length, count);
          for (const { title, left, right, width, height, cut } of drawn) {
            assert.ok(width > 200 && height > 20, `${title} is drawn, ${width} × ${height}`);
            assert.ok(left >= 0 && right <= viewport.width, `${title} fits`);
            assert.deepEqual(cut, [], `${title}: texts that stick out`);
          }
          assert.deepEqual(await collisions(page), [], "marks that cover each other");
          await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(wide <= viewport.width, `${wide} px wide`);
          await assertAccessible(page, `${name}, ${screen}, ${colorScheme}`);
          await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = false)));
          await picture(page, `loadtest-${name}-${screen}-${colorScheme}`);
        });
      }
    }
  }

  it("shows what a server said as text", async () => {
    const { page } = await open("report");
    const hostile = page.getByText('<img src=x onerror=alert(2)>');
    assert.equal(await hostile.count(), 1);
    assert.equal(await page.locator("script, img").count(), 0);
  });

  it("is drawn in its own colours, which its policy allows and no others", async () => {
    const { page, person } = await open("report", { colorScheme: "light" });
    const colour = (selector) =>
      page.locator(selector).first().evaluate((one) => getComputedStyle(one).stroke);
    assert.equal(await colour("path.c0"), "rgb(43, 89, 217)");
    const complaint = /violates the following Content Security Policy/;
    person.expect(complaint);
    await page.evaluate(() => {
      const style = document.createElement("style");
      style.textContent = "* { color: red }";
      document.body.append(style);
    });
    await until(() => person.seen(complaint), { what: "another style is refused" });
  });
});
