// The number that a person types, and the time that is left for it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { backendOf } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { until } from "../support/until.mjs";
import { ask, phoneOf } from "./support/asking.mjs";
import { assertFits, picture, pictures } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

const STATUS = (...codes) => new RegExp(`status of (${codes.join("|")}) `);

describe("the number on the browser phone", LIMITED, () => {
  const at = {};
  const env = {
    COUNTERSIGN__TENANTS__0__PUSH__NUMBER_MATCH: "2",
    COUNTERSIGN__TENANTS__0__PUSH__NUMBERS_MAX: "3",
    COUNTERSIGN__TENANTS__0__PUSH__NUMBER_HOLD_SECONDS_MAX: "20",
  };
  house({ env }, (started) => Object.assign(at, started, { backend: backendOf(started.server) }));

  it("asks again after a wrong number, and ends after the third", async () => {
    const { phone, userId } = await phoneOf(at);
    phone.person.expect(STATUS(400));
    const asked = await ask(at, userId);
    const wrong = String((Number(asked.number) + 1) % 100).padStart(2, "0");
    await phone.asked();
    const approve = phone.page.getByRole("button", { name: "Approve" });
    assert.equal(await approve.isDisabled(), true, "there is nothing to approve with");
    const field = phone.page.getByLabel("Number that the website shows");
    for (const missing of ["1", "1 ", "x", "123", "1x"]) {
      await field.fill(missing);
      assert.equal(await approve.isDisabled(), true, `"${missing}" is no number`);
    }
    await field.press("Enter");
    await phone.page.getByText("Enter the 2 digits").waitFor();
    for (let times = 0; times < 2; times += 1) {
      await phone.approve(wrong);
      await phone.page.getByText("That is not the number").waitFor();
      assert.equal(await field.inputValue(), "");
      assert.equal(await approve.isDisabled(), true, "the wrong number is not sent again");
      await until(() => phone.page.getByRole("button", { name: "Deny" }).isEnabled(), { what: "it may be tried again" });
    }
    await picture(phone.page, "phone-wrong-number");
    await phone.approve(wrong);
    await phone.heading("Too many wrong numbers");
    assert.equal(await asked.outcome, "failed");
  });

  it("says how long no number is taken after too many wrong ones, and goes on then", async () => {
    const { phone, userId } = await phoneOf(at);
    phone.person.expect(STATUS(400, 429));
    const other = await ask(at, userId);
    await phone.asked();
    const asked = await ask(at, userId, { action: "pay" });
    const taken = [other.number, asked.number].map(Number);
    const wrong = String([0, 1, 2].find((number) => !taken.includes(number))).padStart(2, "0");
    for (let times = 0; times < 3; times += 1) await phone.approve(wrong);
    await phone.heading("Too many wrong numbers");
    assert.equal(await other.outcome, "failed");
    await phone.press("OK");
    await phone.approve(asked.number);
    await phone.page.getByText("no number is taken for").waitFor();
    await pictures(phone.page, "phone-held", assertFits);
    for (const seconds of ["3 seconds", "2 seconds", "1 second"]) await phone.page.getByText(`for ${seconds}.`).waitFor();
    await phone.page.getByText("Numbers are taken again").waitFor();
    await phone.press("OK");
    await phone.approve(asked.number);
    assert.equal(await asked.outcome, "approved");
  });

  it("takes the digits of every script, typed or pasted with blanks", async () => {
    const { phone, userId } = await phoneOf(at);
    const field = phone.page.getByLabel("Number that the website shows");
    // Arabic-Indic, full-width, Devanagari, mathematical, and with an invisible mark of direction.
    for (const [zero, between] of [[0x660, ""], [0xff10, "\u3000"], [0x966, " "], [0x1d7d8, "\u00a0"], [0x30, "\u200f"]]) {
      const asked = await ask(at, userId);
      await phone.asked();
      const typed = [...asked.number].map((digit) => String.fromCodePoint(zero + Number(digit))).join(between);
      await field.focus();
      await phone.page.keyboard.insertText(` ${typed} `);
      await phone.press("Approve");
      await phone.heading("Approved");
      assert.equal(await asked.outcome, "approved");
      await phone.done();
    }
  });

  it("knows every decimal digit of Unicode", async () => {
    const phone = await BrowserPhone.unpack(at.browser, at.server);
    const wrong = await phone.page.evaluate(async () => {
      const { plainDigits } = await import("/shared/digits.js");
      const wrong = [];
      let count = 0;
      for (const system of Intl.supportedValuesOf("numberingSystem")) {
        const { format } = new Intl.NumberFormat("en", { numberingSystem: system, useGrouping: false });
        for (let value = 0; value < 10; value += 1) {
          if (!/^\p{Nd}$/u.test(format(value))) continue;
          count += 1;
          if (plainDigits(format(value)) !== String(value)) wrong.push(`${system} ${value}`);
        }
      }
      for (let code = 0; code <= 0x10ffff; code += 1) {
        const text = String.fromCodePoint(code);
        if (/^\p{Nd}$/u.test(text) && !/^\d$/.test(plainDigits(text))) wrong.push(code.toString(16));
        // Digits that are others in another form: Unicode itself says of which value they are.
        const plain = text.normalize("NFKC");
        if (/^\p{Nd}$/u.test(text) && /^\d$/.test(plain) && plainDigits(text) !== plain) wrong.push(code.toString(16));
      }
      if (count < 500) wrong.push(`only ${count} digits of numbering systems`);
      return wrong;
    });
    assert.deepEqual(wrong, []);
  });

  it("shows how long is left, whatever its clock says", async () => {
    const hour = 3_600_000;
    for (const ahead of [-5 * hour, 0, 400 * 24 * hour]) {
      const { phone, userId } = await phoneOf(at);
      await phone.person.context.addInitScript((by) => {
        const { now } = Date;
        Date.now = () => now() + by;
      }, ahead);
      await phone.page.reload();
      await ask(at, userId);
      await phone.asked();
      const left = phone.page.getByRole("timer");
      const seconds = async () => {
        const [minutes, rest] = (await left.textContent()).replace(" left", "").split(":").map(Number);
        return minutes * 60 + rest;
      };
      const first = await seconds();
      assert.ok(first > 285 && first <= 300, `${first} s are left at first`);
      await until(async () => (await seconds()) < first, { what: "it counts down" });
    }
  });
});
