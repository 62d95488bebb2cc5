// Browsers that keep nothing, or not a key, or have no locks: each is told why, and none is left without a page.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { backendOf, enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { Phone } from "../support/phone.mjs";
import { ask, enrollmentToken, phoneOf } from "./support/asking.mjs";
import { assertAccessible, assertFits, pictures, startBlocked } from "./support/browser.mjs";
import { house } from "./support/house.mjs";
import { BrowserPhone } from "./support/phone.mjs";

/** Changes to a browser before a page begins, and what the page says then. */
const LACKS = {
  "any storage, as where cookies are blocked": {
    heading: "Nothing can be kept here",
    lack: () => {
      // The page before the first one has neither.
      if (!window.isSecureContext) return;
      const denied = () => new DOMException("denied", "SecurityError");
      IDBFactory.prototype.open = () => {
        throw denied();
      };
      LockManager.prototype.request = () => Promise.reject(denied());
      Object.defineProperty(Navigator.prototype, "serviceWorker", {
        get() {
          throw denied();
        },
      });
    },
  },
  IndexedDB: {
    heading: "Nothing can be kept here",
    lack: () => Object.defineProperty(window, "indexedDB", { value: undefined }),
  },
  "storage that answers": {
    heading: "The storage does not answer",
    lack: () => (IDBFactory.prototype.open = () => ({})),
  },
  "locks for this page": {
    heading: "Nothing can be kept here",
    lack: () => {
      if (!window.isSecureContext) return;
      LockManager.prototype.request = () => Promise.reject(new DOMException("denied", "SecurityError"));
    },
  },
  "Web Locks": {
    heading: "This browser is too old",
    lack: () => Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined }),
  },
};

/** Has a browser refuse, or lose, the keys of these kinds. */
const keepsNo = (person, names, how) =>
  person.context.addInitScript(
    ([kinds, error]) => {
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value) {
        if (!kinds.includes(value.privateKey?.algorithm.name)) return put.call(this, value);
        if (error) throw new DOMException("refused", error);
        return put.call(this, { ...value, privateKey: {} });
      };
    },
    [names, how],
  );

describe("the phone in a browser", LIMITED, () => {
  const at = {};
  house({}, (started) => Object.assign(at, started, { backend: backendOf(started.server) }));

  /** A phone in a browser that `change` has changed. */
  async function changed(change) {
    const phone = await BrowserPhone.unpack(at.browser, at.server);
    await change(phone.person);
    await phone.page.reload();
    return phone;
  }

  for (const [what, { lack, heading }] of Object.entries(LACKS)) {
    it(`without ${what} says so, with a link and without`, async () => {
      const phone = await changed(({ context }) => context.addInitScript(lack));
      await phone.heading(heading);
      await assertAccessible(phone.page, what);
      await pictures(phone.page, `phone-without-${what.split(" ")[0].toLowerCase()}`, assertFits);
      const again = phone.page.getByRole("button", { name: "Try again" });
      if (await again.count()) {
        await Promise.all([phone.page.waitForEvent("load"), again.click()]);
        await phone.heading(heading);
      }
      const link = phone.link(await enrollmentToken(at.backend, newUser()));
      const other = await phone.person.open(link);
      await other.getByRole("heading", { name: heading }).waitFor();
      assert.equal(other.url(), link, "the link can be opened elsewhere");
    });
  }

  it("whose settings block all storage says so", async () => {
    const { person, stop } = await startBlocked();
    try {
      for (const hash of ["", "#enroll=x"]) {
        const page = await person.open(`${at.server.origin}/phone${hash}`);
        await page.getByRole("heading", { level: 1, name: "Nothing can be kept here" }).waitFor();
        await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Try again" }).click()]);
        await page.getByRole("heading", { level: 1, name: "Nothing can be kept here" }).waitFor();
      }
    } finally {
      await stop();
    }
  });

  it("without a service worker works all the same", async () => {
    const phone = await changed(({ context }) =>
      context.addInitScript(() =>
        Object.defineProperty(Navigator.prototype, "serviceWorker", {
          get() {
            throw new DOMException("denied", "SecurityError");
          },
        }),
      ),
    );
    await phone.heading("Your phone, in the browser");
  });

  for (const [what, how] of [["refuses", "DataCloneError"], ["loses", undefined]]) {
    it(`that ${what} Ed25519 keys uses P-256`, async () => {
      const phone = await changed((person) => keepsNo(person, ["Ed25519"], how));
      const userId = newUser();
      await phone.add(await enrollmentToken(at.backend, userId));
      const kept = await phone.page.evaluate(async () => {
        const { keys } = await import("/phone/store.js");
        return (await keys()).map(({ algorithm }) => algorithm);
      });
      assert.deepEqual(kept, ["es256"]);
      const asked = await ask(at, userId);
      await phone.approve();
      assert.equal(await asked.outcome, "approved");
    });

    it(`that ${what} every key says so, and adds nothing`, async () => {
      const phone = await changed((person) => keepsNo(person, ["Ed25519", "ECDSA"], how));
      const userId = newUser();
      await phone.page.goto(phone.link(await enrollmentToken(at.backend, userId)));
      await phone.press("Add account");
      await phone.heading("This browser cannot keep a key");
      await assertAccessible(phone.page, "no key");
      await pictures(phone.page, "phone-no-key", assertFits);
      await phone.press("OK");
      await phone.heading("Your phone, in the browser");
      assert.deepEqual(await at.backend.getAuthenticators({ userId }), []);
    });
  }

  it("that cannot use an enrolled key at the moment says so, and keeps it with its accounts", async () => {
    const { phone, userId } = await phoneOf(at);
    const enrolled = () =>
      phone.page.evaluate(async () => {
        const { accounts, keys } = await import("/phone/store.js");
        return [(await keys()).map(({ thumbprint }) => thumbprint), (await accounts()).map(({ user }) => user)];
      });
    const before = await enrolled();
    assert.deepEqual([before[0].length, before[1]], [1, [userId]]);
    await phone.page.goto(phone.link(await enrollmentToken(at.backend, newUser())));
    await phone.page.evaluate(() => {
      window.signs = SubtleCrypto.prototype.sign;
      SubtleCrypto.prototype.sign = () => Promise.reject(new DOMException("busy", "OperationError"));
    });
    await phone.press("Add account");
    await phone.heading("The key cannot be used now");
    await assertAccessible(phone.page, "key cannot be used");
    assert.deepEqual(await enrolled(), before);
    await phone.page.evaluate(() => (SubtleCrypto.prototype.sign = window.signs));
    await phone.press("OK");
    const asked = await ask(at, userId);
    await phone.approve();
    assert.equal(await asked.outcome, "approved");
  });

  it("that is full says so", async () => {
    const phone = await changed((person) => keepsNo(person, ["Ed25519", "ECDSA"], "QuotaExceededError"));
    await phone.page.goto(phone.link(await enrollmentToken(at.backend, newUser())));
    await phone.press("Add account");
    await phone.heading("There is no room");
  });

  it("whose storage is wiped while it is open goes on, and begins anew", async () => {
    const { phone, userId } = await phoneOf(at);
    await phone.page.evaluate(() => new Promise((done) => (indexedDB.deleteDatabase("countersign phone").onsuccess = done)));
    const asked = await ask(at, userId);
    await phone.approve();
    assert.equal(await asked.outcome, "approved");
    await phone.press("OK");
    await phone.heading("Your phone, in the browser");
  });
});

describe("a page whose modules", LIMITED, () => {
  const at = {};
  house({}, (started) => Object.assign(at, started));

  const unread = { contentType: "text/javascript", body: "class { old browsers stop here" };
  for (const [what, answer] of [["are not loaded", (route) => route.abort()], ["cannot be read", (route) => route.fulfill(unread)]]) {
    it(`${what} says that it cannot start`, async () => {
      const person = await at.browser.person({ viewport: { width: 320, height: 568 } });
      person.expect(/ERR_FAILED/, /SyntaxError|Unexpected|identifier/);
      await person.context.route(/(phone\/store|ui\/memory)\.js/, answer);
      for (const path of ["phone", "ui?token=a.b.c"]) {
        const page = await person.open(`${at.server.origin}/${path}`);
        await page.getByRole("heading", { level: 1, name: "This page could not start" }).waitFor();
        await assertAccessible(page, what);
        await pictures(page, `${path.slice(0, 5).replace("?to", "")}-cannot-start`, assertFits);
      }
    });
  }
});

describe("the pre-built UI in a browser", LIMITED, () => {
  const at = {};
  house({}, (started) => Object.assign(at, started, { backend: backendOf(started.server) }));

  it("without storage waits for the phone all the same", async () => {
    const phone = new Phone(at.server);
    try {
      const userId = newUser();
      await enroll(at.backend, phone, userId);
      const { url } = await track(at.backend, userId);
      const person = await at.browser.person();
      await person.context.addInitScript(() => {
        if (!window.isSecureContext) return;
        const denied = () => new DOMException("denied", "SecurityError");
        const refuse = {
          get() {
            throw denied();
          },
        };
        for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, refuse);
        LockManager.prototype.request = () => Promise.reject(denied());
        window.BroadcastChannel = class {
          constructor() {
            throw denied();
          }
        };
      });
      const page = await person.open(url);
      await page.getByRole("heading", { level: 1, name: "Look at your phone" }).waitFor();
      await phone.approve();
      await page.getByRole("heading", { level: 1, name: "Approved" }).waitFor();
    } finally {
      phone.discard();
    }
  });
});
