// One poll per browser, however many tabs and accounts: a browser opens six connections to a server. The tab
// that holds a lock polls for all; the others ask it over a channel, and one of them takes over when it
// leaves. Where the browser has neither, or the leader is silent, a tab polls for itself.

import { refusal } from "./http.js";
import { Poller } from "./poller.js";
import { onReturn } from "./returns.js";

/** @import { Http, Result } from "./http.js" */
/** @import { Connection, Ended, Wait } from "./poller.js" */
/**
 * Messages between tabs.
 * @typedef {{ kind: "want", id: string, wait: Wait } | { kind: "drop", id: string }
 *   | { kind: "taken", id: string } | { kind: "told", id: string, result: Result<Ended> }
 *   | { kind: "leading" } | { kind: "look" } | { kind: "connection", connection: Connection }} Message
 */
/**
 * A wait of this tab.
 * @typedef {{ wait: Wait, tell: (result: Result<Ended>) => void, stop?: () => void,
 *   onConnection?: (connection: Connection) => void, silence?: ReturnType<typeof setTimeout>,
 *   looks?: boolean }} Local `looks`: the leader polls for it, and this tab too until there is an answer
 */

/** Milliseconds in which a leader says that it has taken a wait. */
const TAKEN_MS = 1500;
/** Milliseconds in which a leader that lives says something: longer than a poll is held. */
const ALIVE_MS = 45_000;

export class SharedPoll {
  #name;
  #poller;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** @type {Map<string, Local>} */
  #local = new Map();
  /** @type {Map<string, () => void>} */
  #remote = new Map();
  /** @type {AbortController | undefined} */
  #candidacy;
  #leads = false;
  /** @type {(() => void) | undefined} */
  #resign;
  /** @type {(() => void) | undefined} */
  #stopWatching;

  /**
   * @param {Http} http
   * @param {string} baseUrl
   * @param {boolean} share true to share the poll with other tabs
   */
  constructor(http, baseUrl, share) {
    this.#name = `countersign ${baseUrl}`;
    this.#poller = new Poller(http, {
      onConnection: (connection) => this.#connection(connection),
      onAnswer: () => this.#handBack(),
    });
    this.#share = share && canShare();
  }
  #share;

  /**
   * Waits until a challenge has ended.
   * @param {Wait} wait
   * @param {{ signal?: AbortSignal, onConnection?: (connection: Connection) => void }} options
   * @returns {Promise<Result<Ended>>}
   */
  wait(wait, { signal, onConnection }) {
    return new Promise((resolve) => {
      const id = randomId();
      /** @param {Result<Ended>} result */
      const tell = (result) => {
        if (!this.#local.has(id)) return;
        signal?.removeEventListener("abort", abort);
        this.#forget(id);
        resolve(result);
      };
      const abort = () => tell(refusal("aborted", "the caller stopped waiting"));
      this.#local.set(id, { wait, tell, onConnection });
      this.#stopWatching ??= onReturn(() => this.#look());
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      if (!this.#share || this.#leads) return this.#poll(id);
      this.#follow(id);
    });
  }

  /** Polls for a wait of this tab's own. @param {string} id */
  #poll(id) {
    const local = this.#local.get(id);
    if (!local || local.stop) return;
    clearTimeout(local.silence);
    local.stop = this.#poller.add(local.wait, local.tell);
  }

  /**
   * Replaces the poll after a return. If another tab leads, it is told, and this one looks for itself too, because the
   * leader's timers may be slow, as those of hidden tabs are.
   */
  #look() {
    this.#poller.look();
    this.#send({ kind: "look" });
    for (const [id, local] of this.#local) {
      if (local.stop) continue;
      local.looks = true;
      this.#poll(id);
    }
  }

  /** Leaves the leader's waits to it again, once there was an answer. */
  #handBack() {
    for (const [id, local] of this.#local) {
      if (!local.looks) continue;
      local.looks = false;
      if (this.#leads) continue;
      local.stop?.();
      local.stop = undefined;
      this.#want(id, local);
    }
  }

  /** Asks the leader to poll. @param {string} id @param {Local} local */
  #want(id, { wait }) {
    this.#send({ kind: "want", id, wait });
    this.#listenFor(id, TAKEN_MS);
  }

  /** Asks the leader to poll, and stands by to lead. @param {string} id */
  #follow(id) {
    if (!this.#open()) return this.#poll(id);
    this.#want(id, /** @type {Local} */ (this.#local.get(id)));
    if (this.#candidacy) return;
    const candidacy = (this.#candidacy = new AbortController());
    const lead = () => new Promise((resign) => this.#lead(() => resign(undefined)));
    const elected = navigator.locks.request(this.#name, { signal: candidacy.signal }, lead);
    // Nobody waits any more: the request is withdrawn.
    elected.catch(() => {});
  }

  /** @param {() => void} resign */
  #lead(resign) {
    if (this.#local.size === 0) return resign();
    this.#leads = true;
    this.#resign = resign;
    for (const id of [...this.#local.keys()]) this.#poll(id);
    this.#send({ kind: "leading" });
  }

  /** A wait has ended: the last one gives up the lead, or the wish for it. @param {string} id */
  #forget(id) {
    const local = this.#local.get(id);
    clearTimeout(local?.silence);
    local?.stop?.();
    this.#local.delete(id);
    if (!this.#leads && this.#channel) this.#send({ kind: "drop", id });
    if (this.#local.size > 0) return;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    for (const stop of this.#remote.values()) stop();
    this.#remote.clear();
    this.#leads = false;
    this.#candidacy?.abort();
    this.#candidacy = undefined;
    this.#resign?.();
    this.#resign = undefined;
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Gives whether there is a channel: where storage is blocked, some browsers refuse one. */
  #open() {
    if (this.#channel) return true;
    try {
      this.#channel = new BroadcastChannel(this.#name);
    } catch {
      return (this.#share = false);
    }
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    return true;
  }

  /** @param {Message} message */
  #send(message) {
    this.#channel?.postMessage(message);
  }

  /** @param {Message} message */
  #hear(message) {
    if (this.#leads) return this.#serve(message);
    switch (message.kind) {
      case "leading":
        for (const [id, { wait, stop }] of this.#local) {
          if (!stop) this.#send({ kind: "want", id, wait });
        }
        break;
      case "taken":
        this.#listenFor(message.id, ALIVE_MS);
        break;
      case "told":
        this.#local.get(message.id)?.tell(message.result);
        break;
      case "connection":
        for (const [id, local] of this.#local) {
          if (local.stop) continue;
          this.#listenFor(id, ALIVE_MS);
          local.onConnection?.(message.connection);
        }
        break;
    }
  }

  /** Serves the other tabs as their leader. @param {Message} message */
  #serve(message) {
    if (message.kind === "look") {
      this.#poller.look();
    } else if (message.kind === "want") {
      const { id, wait } = message;
      this.#send({ kind: "taken", id });
      if (this.#remote.has(id)) return;
      const told = (/** @type {Result<Ended>} */ result) => {
        this.#remote.delete(id);
        this.#send({ kind: "told", id, result });
      };
      this.#remote.set(id, this.#poller.add(wait, told));
    } else if (message.kind === "drop") {
      this.#remote.get(message.id)?.();
      this.#remote.delete(message.id);
    }
  }

  /** Polls for itself if the leader stays silent. @param {string} id @param {number} milliseconds */
  #listenFor(id, milliseconds) {
    const local = this.#local.get(id);
    if (!local || local.stop) return;
    clearTimeout(local.silence);
    local.silence = setTimeout(() => this.#poll(id), milliseconds);
  }

  /** @param {Connection} connection */
  #connection(connection) {
    for (const { stop, onConnection } of this.#local.values()) if (stop) onConnection?.(connection);
    if (this.#leads) this.#send({ kind: "connection", connection });
  }
}

/** Locks are there in secure contexts only. */
function canShare() {
  return typeof BroadcastChannel !== "undefined" && globalThis.navigator?.locks !== undefined;
}

function randomId() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((n) => n.toString(36)).join("");
}
