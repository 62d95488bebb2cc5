// Waits for challenges, for every key of the phone: one held read each. While something is pending, the server
// answers at once; then the phone looks now and again whether it still is.

import { firstAnswer, onReturn } from "../sdk/returns.js";
import { Device } from "./device.js";

/** @import { Pending } from "./device.js" */
/** @typedef {"waiting" | "reconnecting" | "offline"} Connection */
/**
 * The wait for one key. `isDoubtful` says that the connection may be dead, until there is an answer.
 * @typedef {{ stop: AbortController, round: AbortController, isDoubtful: boolean }} Running
 */
/**
 * @typedef {object} Listener
 * @property {(tenant: string, pending: Pending[], device: Device) => void} onPending
 * @property {(tenant: string) => void} onRemoved the server does not know the key any more
 * @property {(connection: Connection) => void} onConnection
 */

/** Milliseconds between two looks while something is pending. */
const LOOK_MS = 1500;
/** Milliseconds of the first pause after a failure; each further one doubles it, up to the last. */
const PAUSE_MS = 500;
const PAUSE_MS_MAX = 10_000;

export class Inbox {
  #listener;
  /** @type {Map<string, Running>} */
  #running = new Map();

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
    window.addEventListener("offline", () => this.lookAgain());
    onReturn(() => {
      for (const running of this.#running.values()) running.isDoubtful = true;
      this.lookAgain();
    });
  }

  /** Waits for the challenges of these keys, and of no others. @param {import("./keys.js").DeviceKey[]} keys */
  watch(keys) {
    for (const tenant of [...this.#running.keys()]) {
      if (!keys.some((key) => key.tenant === tenant)) this.leave(tenant);
    }
    for (const key of keys) {
      if (this.#running.has(key.tenant)) continue;
      const running = { stop: new AbortController(), round: new AbortController(), isDoubtful: false };
      this.#running.set(key.tenant, running);
      void this.#run(new Device(key), running);
    }
  }

  /** Waits no more for a tenant's challenges. @param {string} tenant */
  leave(tenant) {
    const running = this.#running.get(tenant);
    this.#running.delete(tenant);
    running?.stop.abort();
    running?.round.abort();
  }

  /** Ends pauses, and reads whose connection may be dead. */
  lookAgain() {
    for (const { round } of this.#running.values()) round.abort();
  }

  /** @param {Device} device @param {Running} running */
  async #run(device, running) {
    const { tenant } = device.key;
    const { onPending, onRemoved, onConnection } = this.#listener;
    let failures = 0;
    let hold = false;
    while (!running.stop.signal.aborted) {
      running.round = new AbortController();
      const { signal } = running.round;
      const [held, began] = [hold, performance.now()];
      /** @type {import("../sdk/http.js").Result<Pending[]>} */
      const result = running.isDoubtful
        ? await firstAnswer((each) => device.pending({ hold: false, signal: each }), signal)
        : await device.pending({ hold, signal });
      if (running.stop.signal.aborted) return;
      if (result.errorCode === "aborted") {
        hold = false;
        failures = 0;
      } else if (result.data) {
        failures = 0;
        running.isDoubtful = false;
        onConnection("waiting");
        onPending(tenant, result.data, device);
        // Held once it is known that nothing is pending.
        hold = result.data.length === 0;
        // Told at once that nothing is: there was no place to wait.
        const crowded = held && performance.now() - began < LOOK_MS;
        if (!hold || crowded) await pause(LOOK_MS, signal);
      } else if (result.errorCode === "invalid_credential") {
        this.#running.delete(tenant);
        return onRemoved(tenant);
      } else {
        failures += 1;
        hold = false;
        onConnection(navigator.onLine ? "reconnecting" : "offline");
        const whole = Math.min(PAUSE_MS * 2 ** (failures - 1), PAUSE_MS_MAX);
        await pause(result.retryAfterSeconds ? result.retryAfterSeconds * 1000 : whole, signal);
      }
    }
  }
}

/** @param {number} milliseconds @param {AbortSignal} signal ends it early */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
