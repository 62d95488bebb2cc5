// Takes the README's picture: the demo in the middle of a payment, and the phone beside it.
//
//     COUNTERSIGN_BIN=target/debug/countersign node web/readme-picture.mjs ../../../deploy/demo.png

import { startServer } from "../support/server.mjs";
import { startBrowser } from "./support/browser.mjs";
import { BrowserPhone } from "./support/phone.mjs";

const UNCONFIGURED = {
  COUNTERSIGN_TENANT_ID: undefined,
  COUNTERSIGN_SECRET_KEY: undefined,
  COUNTERSIGN__TENANTS__0__PUSH__DENIAL_WAIT_SECONDS: undefined,
};
const [, , file] = process.argv;
if (!file) throw new Error("usage: node readme-picture.mjs FILE");

const server = await startServer({ env: UNCONFIGURED });
const browser = await startBrowser();
try {
  const person = await browser.person({ viewport: { width: 1080, height: 850 } });
  const page = await person.open(server.origin);
  const [opened] = await Promise.all([
    person.context.waitForEvent("page"),
    page.getByRole("button", { name: "Open a phone in a window" }).click(),
  ]);
  await opened.setViewportSize({ width: 400, height: 850 });
  const phone = new BrowserPhone(person, opened, server);
  await phone.press("Add account");
  await phone.press("Continue");
  const number = () => page.locator("#number").textContent();
  await page.getByRole("button", { name: "Sign in with push" }).click();
  await phone.approve(await number());
  await phone.done();
  await page.getByRole("button", { name: "Pay with push" }).click();
  await phone.asked();
  await opened.getByLabel("Number that the website shows").fill(await number());
  const pictures = [await page.screenshot(), await opened.screenshot()];
  const sheet = await person.context.newPage();
  await sheet.setViewportSize({ width: 1540, height: 910 });
  await sheet.setContent(`<style>
    body { margin: 0; padding: 30px 20px; display: flex; gap: 20px; background: #dfe4ee; }
    img { border-radius: 14px; box-shadow: 0 10px 30px rgb(16 24 40 / 18%); display: block; }
    </style>${pictures.map((one) => `<img src="data:image/png;base64,${one.toString("base64")}">`).join("")}`);
  await sheet.screenshot({ path: file });
} finally {
  await browser.stop();
  await server.stop();
}
