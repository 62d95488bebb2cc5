// One tab of a browser is the phone: the one that holds a lock. The others stand by, so that one of them is the
// phone as soon as that tab is closed. Tabs tell each other when an account was added or removed.

/**
 * @typedef {object} Listener
 * @property {() => void} onPhone this tab is the phone now
 * @property {() => void} onElsewhere another tab is
 * @property {(error: unknown) => void} onTrouble the browser does not give locks to this page
 */

const NAME = "countersign phone";

/** Tells whether the browser has the interfaces by which tabs agree. */
export const canAgree = () => Boolean(navigator.locks) && typeof BroadcastChannel !== "undefined";

export class Tab {
  /** Role of this tab; at first it is not known. @type {"asking" | "phone" | "elsewhere"} */
  role = "asking";
  #listener;
  /** Takes the wish for the lock back. @type {AbortController | undefined} */
  #standby;

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** Becomes the phone if no other tab is it. */
  begin() {
    void this.#request({ ifAvailable: true });
  }

  /** Becomes the phone in any case. The tab that was it stands by, and takes the phone back when this one closes. */
  take() {
    if (this.role !== "elsewhere") return;
    this.role = "asking";
    this.#standby?.abort();
    void this.#request({ steal: true });
  }

  /** @param {LockOptions} options */
  async #request(options) {
    let held = false;
    try {
      await navigator.locks.request(NAME, options, (lock) => {
        if (!lock) return;
        held = true;
        this.role = "phone";
        this.#listener.onPhone();
        // Held for as long as the tab is open.
        return new Promise(() => {});
      });
    } catch (error) {
      if (options.signal?.aborted) return;
      // A lock that was held and is not any more was taken by another tab.
      if (!held) return this.#listener.onTrouble(error);
    }
    this.role = "elsewhere";
    this.#listener.onElsewhere();
    this.#standby = new AbortController();
    void this.#request({ signal: this.#standby.signal });
  }
}

/** @type {BroadcastChannel | undefined} */
let channel;

function open() {
  try {
    channel ??= new BroadcastChannel(NAME);
  } catch {
    // No channel, and no other tab that could be told.
  }
  return channel;
}

/** Tells the other tabs that the accounts have changed. */
export function tellChanged() {
  open()?.postMessage("changed");
}

/** @param {() => void} changed is called when another tab has changed the accounts */
export function onChanged(changed) {
  open()?.addEventListener("message", changed);
}
