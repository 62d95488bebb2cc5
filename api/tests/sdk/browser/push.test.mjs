// @authsignal/browser in a real browser, on a page of another origin than the server's.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { newSecret, startServer } from "../support/server.mjs";
import { until } from "../support/until.mjs";
import { startChromium } from "./chromium.mjs";
import { Shop } from "./shop.mjs";
import { startSite } from "./site.mjs";

describe("the browser SDK", LIMITED, () => {
  let browser, site, strangeSite, server, backend, phone, userId;
  let shop;

  before(async () => {
    [site, strangeSite] = await Promise.all([startSite(), startSite()]);
    const env = {
      // The same page is the first tenant's as localhost, and the second's as 127.0.0.1.
      COUNTERSIGN__TENANTS__0__ALLOWED_ORIGINS: site.origin("localhost"),
      COUNTERSIGN__TENANTS__1__ID: "other",
      COUNTERSIGN__TENANTS__1__SECRET_KEYS: newSecret(),
      COUNTERSIGN__TENANTS__1__ALLOWED_ORIGINS: site.origin("127.0.0.1"),
    };
    server = await startServer({ env });
    backend = backendOf(server);
    phone = new Phone(server);
    userId = newUser();
    await enroll(backend, phone, userId);
    browser = await startChromium();
  });
  afterEach(async () => {
    await shop?.close();
    shop = undefined;
  });
  after(async () => {
    await browser?.stop();
    phone?.discard();
    await server?.stop();
    await Promise.all([site?.stop(), strangeSite?.stop()]);
  });

  /** Opens the page for a user who signs in. */
  async function signIn(origin = site.origin("localhost")) {
    const tracked = await track(backend, userId);
    shop = await Shop.open(browser, origin, server);
    await shop.setToken(tracked.token);
    return tracked;
  }

  /** Whether anything waits for the phone. */
  const isAsked = () =>
    phone.approve().then(
      () => true,
      () => false,
    );

  it("learns of an approval, with a token that the backend can validate", async () => {
    const tracked = await signIn();
    const { data } = await shop.challenge("signIn");
    const { challengeId } = data;
    const { data: pending } = await shop.verify(challengeId);
    assert.equal(pending.isVerified, false);
    assert.equal(pending.isConsumed, false);
    assert.equal(pending.token, undefined);

    await phone.approve(challengeId);
    const end = await shop.outcome(challengeId);
    assert.equal(end.isVerified, true);
    const validated = await backend.validateChallenge({ token: end.token, action: "signIn" });
    assert.equal(validated.isValid, true);
    assert.equal(validated.userId, userId);
    assert.equal(validated.idempotencyKey, tracked.idempotencyKey);
    assert.equal(await shop.expirations(), 0);
  });

  it("learns of a rejection", async () => {
    const tracked = await signIn();
    const { data } = await shop.challenge("signIn");
    await phone.deny(data.challengeId);
    const end = await shop.outcome(data.challengeId);
    assert.equal(end.isVerified, false);
    assert.equal(end.token, undefined);
    const validated = await backend.validateChallenge({ token: tracked.token });
    assert.equal(validated.isValid, false);
  });

  it("keeps asking for its outcome after it was told", async () => {
    await signIn();
    const { data } = await shop.challenge("signIn");
    await phone.approve(data.challengeId);
    await shop.outcome(data.challengeId);
    const { data: again } = await shop.verify(data.challengeId);
    assert.equal(again.isVerified, true);
    const validated = await backend.validateChallenge({ token: again.token });
    assert.equal(validated.isValid, true);
  });

  it("is told what was wrong in its own terms", async () => {
    await signIn();
    const otherAction = await shop.challenge("pay");
    assert.equal(otherAction.errorCode, "invalid_request");
    assert.ok(otherAction.errorDescription.length > 0);
    const unknown = await shop.verify(randomUUID());
    assert.equal(unknown.errorCode, "invalid_request");
    assert.equal(await shop.expirations(), 0, "other errors are no expiry");
  });

  it("is refused with a token that nobody gave out", async () => {
    await signIn();
    await shop.setToken("a.b.c");
    const forged = await shop.challenge("signIn");
    assert.equal(forged.data, undefined);
    assert.equal(forged.errorCode, "invalid_token");
    assert.equal(await shop.expirations(), 0);
  });

  it("reaches nothing from the page of nobody", async () => {
    await signIn(strangeSite.origin("localhost"));
    assert.deepEqual(await shop.challenge("signIn"), { thrown: "TypeError" });
    assert.equal(await isAsked(), false);
  });

  it("reaches nothing from the page of another tenant, which the preflight lets through", async () => {
    await signIn(site.origin("127.0.0.1"));
    const { data, ...refusal } = await shop.challenge("signIn");
    assert.equal(data, undefined);
    assert.ok(refusal.thrown || refusal.errorCode, "it is refused, readably or not");
    assert.equal(await isAsked(), false);
  });
});

describe("the browser SDK, with tokens that live for a second", LIMITED, () => {
  let browser, site, server, shop;

  before(async () => {
    site = await startSite();
    server = await startServer({ env: { COUNTERSIGN__TOKENS__LIFETIME_SECONDS: "1" } });
    browser = await startChromium();
  });
  after(async () => {
    await shop?.close();
    await browser?.stop();
    await server?.stop();
    await site?.stop();
  });

  it("calls back when the token has expired", async () => {
    shop = await Shop.open(browser, site.origin("localhost"), server);
    const { token } = await track(backendOf(server), newUser());
    await shop.setToken(token);
    const challengeId = randomUUID();
    const expired = async () => {
      const { errorCode } = await shop.verify(challengeId);
      if (errorCode === "expired_token") return true;
      assert.equal(errorCode, "invalid_request", "until then the token is good");
      assert.equal(await shop.expirations(), 0, "nobody is called before");
      return false;
    };
    await until(expired, { what: "the token's expiry" });
    assert.equal(await shop.expirations(), 1);
    const { errorCode } = await shop.challenge("signIn");
    assert.equal(errorCode, "expired_token");
    assert.equal(await shop.expirations(), 2);
  });
});
