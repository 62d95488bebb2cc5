// The rows of the phone's page, and the name that it suggests for itself: no browser is needed to see them.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isolate, say } from "../../../web/shared/dom.js";
import { browserName } from "../../../web/phone/browser.js";
import { amountOf, payeeOf, rowsOf } from "../../../web/phone/rows.js";

describe("the rows of a challenge", () => {
  it("have the server's text for each amount, and a row for each nested value", () => {
    const custom = {
      amount: 125000,
      currency: "HUF",
      items: [{ price: { amount: 5, currency: "EUR" } }, "tea"],
      payee: { account: "DE02", name: "Zoë" },
      none: null,
      empty: {},
    };
    const amounts = { amount: "HUF 1\u00a0250.00", items: { 0: { price: { amount: "EUR 0.05" } } } };
    assert.equal(amountOf({ custom, amounts }), "HUF 1\u00a0250.00");
    assert.deepEqual(rowsOf({ custom, amounts }), [
      ["To", "Zoë"],
      ["Account number", "DE02"],
      ["Items › 1 › Price › Amount", "EUR 0.05"],
      ["Items › 2", "tea"],
      ["None", "–"],
      ["Empty", "–"],
    ]);
    assert.equal(payeeOf({ custom }), "Zoë");
  });

  it("compute no text where the server wrote none", () => {
    const custom = { amount: "1250.00", currency: "EUR" };
    assert.deepEqual([amountOf({ custom }), rowsOf({ custom })], ["1250.00 EUR", []]);
    assert.deepEqual(rowsOf({ custom: { amount: null } }), [["Amount", "–"]]);
    assert.deepEqual([amountOf({}), rowsOf({}), payeeOf({})], ["", [], ""]);
  });

  it("hide no currency that the text does not name", () => {
    const display = { custom: { amount: 5, currency: "EUR" }, amounts: { amount: "HUF 0.05" } };
    assert.deepEqual([amountOf(display), rowsOf(display)], ["HUF 0.05", [["Currency", "EUR"]]]);
  });

  it("take names that every object has for what they are", () => {
    const custom = JSON.parse('{"constructor":{"name":"x"},"__proto__":{"a":1}}');
    const rows = rowsOf({ custom, amounts: {} });
    assert.deepEqual(rows, [["Constructor › Name", "x"], ["Proto › A", "1"]]);
  });
});

describe("a name from right to left", () => {
  it("stands by itself, and others stay as they are", () => {
    const name = "\u200fאברהם (בנק)";
    assert.equal(say("{user} at {tenant}", { user: name, tenant: "Acme" }), `\u2068${name}\u2069 at Acme`);
    assert.equal(isolate("Zoë 東京"), "Zoë 東京");
  });

  it("stands by itself in a list too", () => {
    assert.equal(say("{users}.", { users: ["אב", "Zoë"] }), "\u2068אב\u2069, Zoë.");
  });

  it("shows the marks that would turn or close what stands beside it", () => {
    for (const mark of ["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"]) {
      assert.equal(isolate(`a${mark}b`), "a\ufffdb");
      assert.equal(isolate(`אב${mark}${mark}a`), "\u2068אב\ufffd\ufffda\u2069");
      assert.equal(say("{user} at {tenant}", { user: `a${mark}`, tenant: "Acme" }), "a\ufffd at Acme");
    }
  });
});

describe("the browser that a phone runs in", () => {
  it("is called what people call it", () => {
    const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    const android = "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko)";
    for (const [agent, expected] of [
      [`${iphone} CriOS/131.0 Mobile/15E148 Safari/604.1`, "Chrome on iPhone"],
      [`${iphone} FxiOS/133.0 Mobile/15E148 Safari/605.1.15`, "Firefox on iPhone"],
      [`${iphone} EdgiOS/131.0 Version/17.0 Mobile/15E148 Safari/604.1`, "Edge on iPhone"],
      [`${iphone} Version/18.1 Mobile/15E148 Safari/604.1`, "Safari on iPhone"],
      [`${iphone} Mobile/15E148 Instagram 359.0.0.29.89`, "Unknown browser on iPhone"],
      [`${android} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36`, "Samsung Internet on Android"],
      [`${android} Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0`, "Edge on Android"],
      ["something else", "Unknown browser"],
    ]) assert.equal(browserName(agent), expected);
  });
});
