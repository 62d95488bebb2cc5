// One long poll for any number of challenges: held by the server, replaced by a quick look when the person or the
// network comes back, with growing pauses while the server cannot be reached.

import { refusal } from "./http.js";
import { firstAnswer, pause } from "./returns.js";

/** @import { Http, Result } from "./http.js" */
/** @typedef {{ token: string, challengeId: string }} Wait */
/**
 * State of the connection while nothing has been told.
 * @typedef {"waiting" | "reconnecting" | "offline"} Connection
 */
/**
 * End of a challenge.
 * @typedef {{ isVerified: boolean, isConsumed: boolean, accessToken?: string, outcome?: string,
 *   expiresAt?: number }} Ended
 */

/**
 * @typedef {object} Listener
 * @property {(connection: Connection) => void} onConnection
 * @property {() => void} onAnswer called for each answer of the server, after its results were told
 */

/** Seconds that the server is asked to hold a poll: below the limit of most proxies. */
const HOLD_SECONDS = 25;
/** Challenges of one poll; the server takes no more. */
const BATCH_MAX = 8;
/** Seconds of a poll's hold where there are more than one poll takes, and they take turns. */
const TURN_SECONDS = 2;
/** Milliseconds of the first pause after a failure; each further one doubles it, up to the last. */
const PAUSE_MS = 500;
const PAUSE_MS_MAX = 15_000;
/** Milliseconds without an answer after which no challenge can be open any more: they live 10 minutes. */
const GIVE_UP_MS = 11 * 60_000;

export class Poller {
  #http;
  #listener;
  /** @type {Map<string, { wait: Wait, tell: Set<(result: Result<Ended>) => void> }>} */
  #waits = new Map();
  #round = new AbortController();
  #running = false;
  /** Failed requests since the last answer, or since the person or the network came back. */
  #failures = 0;
  /** True while the connection may be dead, until the next answer. */
  #isDoubtful = false;

  /**
   * @param {Http} http
   * @param {Listener} listener
   */
  constructor(http, listener) {
    this.#http = http;
    this.#listener = listener;
  }

  /**
   * Waits for one more challenge. Gives a function that stops waiting.
   * @param {Wait} wait
   * @param {(result: Result<Ended>) => void} tell is called once
   */
  add(wait, tell) {
    const key = `${wait.challengeId} ${wait.token}`;
    const known = this.#waits.get(key);
    if (known) {
      known.tell.add(tell);
    } else {
      this.#waits.set(key, { wait, tell: new Set([tell]) });
      this.#begin();
    }
    return () => {
      const entry = this.#waits.get(key);
      if (!entry?.tell.delete(tell) || entry.tell.size > 0) return;
      this.#waits.delete(key);
      this.#round.abort();
    };
  }

  /**
   * Replaces the request in flight, whose connection may be dead without having said so, by one that is answered at
   * once. Polls are held again after its answer. Before the first wait is added, the first request is such a one.
   */
  look() {
    this.#failures = 0;
    this.#isDoubtful = true;
    this.#round.abort();
  }

  /** Starts to poll, or a round with the challenges that have been added. */
  #begin() {
    if (this.#running) return this.#round.abort();
    this.#running = true;
    void this.#run();
  }

  async #run() {
    const stopWatching = this.#watchNetwork();
    let heard = performance.now();
    while (this.#waits.size > 0) {
      this.#round = new AbortController();
      if (globalThis.navigator?.onLine === false && !this.#isDoubtful) {
        this.#listener.onConnection("offline");
        await pause(PAUSE_MS_MAX, this.#round.signal);
        if (this.#round.signal.aborted) continue;
      }
      const { result, asked } = await this.#ask();
      if (result.errorCode === "aborted") continue;
      if (isAnswer(result)) {
        this.#failures = 0;
        this.#isDoubtful = false;
        heard = performance.now();
        this.#listener.onConnection("waiting");
        this.#settle(result, asked);
        this.#listener.onAnswer();
        if (result.data?.crowded) await pause(1000, this.#round.signal);
        continue;
      }
      this.#failures += 1;
      if (performance.now() - heard > GIVE_UP_MS) {
        for (const entry of [...this.#waits.values()]) this.#tell(entry, result);
        break;
      }
      this.#listener.onConnection(globalThis.navigator?.onLine === false ? "offline" : "reconnecting");
      await pause(pauseMs(this.#failures, result.retryAfterSeconds), this.#round.signal);
    }
    stopWatching();
    this.#running = false;
    this.#failures = 0;
    this.#isDoubtful = false;
    // Challenges may have been added between the last look and here.
    if (this.#waits.size > 0) this.#begin();
  }

  /** One round: those that have waited longest for their turn, and each challenge with one token. */
  async #ask() {
    const ids = [...this.#waits.values()].map(({ wait }) => wait.challengeId);
    const asked = [...this.#waits].filter(([, { wait }], at) => ids.indexOf(wait.challengeId) === at).slice(0, BATCH_MAX);
    const held = !this.#isDoubtful;
    const began = performance.now();
    /** Told at once that nothing has ended: there was no place to wait. @param {unknown[]} answers */
    const isCrowded = (answers) => held && answers.length === 0 && performance.now() - began < 1000;
    const [only] = asked;
    if (only && this.#waits.size === 1) {
      const [, { wait }] = only;
      const options = { token: wait.token, body: { challengeId: wait.challengeId } };
      const result = await this.#send("/client/verify/push", options, held && HOLD_SECONDS);
      return { asked, result: oneOf(result, wait.challengeId, isCrowded) };
    }
    const crowd = this.#waits.size > BATCH_MAX;
    for (const [key, entry] of crowd ? asked : []) {
      this.#waits.delete(key);
      this.#waits.set(key, entry);
    }
    const waits = asked.map(([, { wait }]) => wait);
    const hold = held && (crowd ? TURN_SECONDS : HOLD_SECONDS);
    const result = await this.#send("/client/wait/push", { body: { waits } }, hold);
    if (result.data) result.data.crowded = isCrowded(result.data.answers);
    return { asked, result };
  }

  /**
   * @param {string} path
   * @param {{ token?: string, body: object }} options
   * @param {number | false} waitSeconds none where the connection may be dead
   */
  #send(path, options, waitSeconds) {
    const { signal } = this.#round;
    if (waitSeconds) return this.#http.ask(path, { ...options, waitSeconds, signal });
    return firstAnswer((each) => this.#http.ask(path, { ...options, signal: each }), signal);
  }

  /**
   * @param {Result<any>} result
   * @param {[string, { wait: Wait, tell: Set<(result: Result<Ended>) => void> }][]} asked
   */
  #settle(result, asked) {
    for (const answer of result.data?.answers ?? []) {
      const { challengeId, errorCode, errorDescription, ...ended } = answer;
      const told = errorCode ? refusal(errorCode, errorDescription ?? "") : { data: ended };
      const entries = asked.filter(([, { wait }]) => wait.challengeId === challengeId);
      for (const [, entry] of entries) this.#tell(entry, told);
    }
  }

  /**
   * @param {{ wait: Wait, tell: Set<(result: Result<Ended>) => void> }} entry
   * @param {Result<Ended>} result
   */
  #tell({ wait, tell }, result) {
    this.#waits.delete(`${wait.challengeId} ${wait.token}`);
    for (const listener of tell) listener(result);
  }

  /** Says at once that the network is gone. */
  #watchNetwork() {
    const gone = () => this.#round.abort();
    if (typeof window === "undefined") return () => {};
    window.addEventListener("offline", gone);
    return () => window.removeEventListener("offline", gone);
  }
}

/**
 * The answer of a poll for one challenge in the form of a poll for several.
 * @param {Result<any>} result
 * @param {string} challengeId
 * @param {(answers: unknown[]) => boolean} isCrowded
 * @returns {Result<any>}
 */
function oneOf(result, challengeId, isCrowded) {
  if (result.data) {
    const answers = result.data.outcome ? [{ challengeId, ...result.data }] : [];
    return { data: { answers, crowded: isCrowded(answers) } };
  }
  if (!isFinal(result.errorCode)) return result;
  const { errorCode, errorDescription } = result;
  return { data: { answers: [{ challengeId, errorCode, errorDescription }] } };
}

/** @param {Result<any>} result */
const isAnswer = (result) => result.data !== undefined;

/**
 * Tells whether asking again cannot help.
 * @param {string | undefined} code
 */
function isFinal(code) {
  const passing = ["network_error", "temporarily_unavailable", "too_many_requests", "aborted"];
  return code !== undefined && code !== "unexpected_error" && !passing.includes(code);
}

/**
 * Between half and the whole of a pause that doubles, so that many browsers do not come back together.
 * @param {number} failures
 * @param {number | undefined} retryAfterSeconds
 */
function pauseMs(failures, retryAfterSeconds) {
  if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1000;
  const whole = Math.min(PAUSE_MS * 2 ** (failures - 1), PAUSE_MS_MAX);
  return whole * (0.5 + Math.random() / 2);
}
