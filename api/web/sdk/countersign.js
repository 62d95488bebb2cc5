// Countersign's browser SDK: the calls of the official SDK's `push`, with the same shapes, and further ones.
//
//     import { Countersign } from "https://push.example.com/sdk/countersign.js";
//     const countersign = new Countersign({ onTokenExpired: () => location.reload() });
//     countersign.setToken(token);                        // from your backend's call of track
//     const { data, errorCode } = await countersign.push.authenticate({ onProgress: show });
//     if (data?.outcome === "approved") await signIn(data.token); // your backend validates it
//
// No call throws or rejects: an error is in `errorCode` and `errorDescription`.

import { Http, refusal } from "./http.js";
import { SharedPoll } from "./shared.js";

/** @import { Call, Refusal } from "./http.js" */
/**
 * @template T
 * @typedef {import("./http.js").Result<T>} Result
 */
/**
 * Outcome of a challenge. Only `approved` lets a person in.
 * @typedef {"approved" | "denied" | "reported" | "failed" | "expired" | "cancelled" | "superseded"
 *   | "revoked"} Outcome
 */
/**
 * @typedef {object} Options
 * @property {string} [baseUrl] the server's address with `/v1`; the origin of this file if absent
 * @property {string} [tenantId] for the official SDK's sake; the token names its tenant
 * @property {() => void} [onTokenExpired] called when a call was refused because its token is too old
 * @property {boolean} [sharePoll] true, or absent, if tabs of this browser share one poll
 * @property {(call: Call) => void} [onCall] told of every request, for logs and demonstrations
 * @property {typeof fetch} [fetch] sends the requests
 */
/**
 * A challenge that has begun. Show `number`, where there is one: the person types it on the phone.
 * @typedef {{ challengeId: string, expiresAt?: number, number?: string,
 *   deliveryResults?: { userAuthenticatorId: string, errorCode?: string }[] }} Challenge
 */
/**
 * State of a challenge. Your backend validates `token`; `outcome` is absent while it is open.
 * @typedef {{ isVerified: boolean, isConsumed: boolean, token?: string, outcome?: Outcome,
 *   expiresAt?: number }} Verification
 */
/**
 * Events in the course of `authenticate` and `wait`.
 * @typedef {({ type: "started" } & Challenge) | { type: "waiting" | "reconnecting" | "offline" }
 *   | { type: "ended", outcome: Outcome }} Progress
 */
/**
 * A device that can confirm.
 * @typedef {{ userAuthenticatorId: string, verificationMethod: string, createdAt: string,
 *   verifiedAt?: string, lastVerifiedAt?: string, displayName?: string, devicePlatform?: string }} Authenticator
 */
/** @typedef {{ action?: string, userAuthenticatorId?: string, supersede?: boolean }} ChallengeParams */
/** @typedef {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void }} WaitParams */

/** A client of one server, with one token. Two of them share nothing. */
export class Countersign {
  /** @param {Options} [options] */
  constructor(options = {}) {
    this.push = new Push(options);
  }

  /**
   * Sets the token of the calls that follow: the one of your backend's call of track.
   * @param {string} token
   */
  setToken(token) {
    this.push.setToken(token);
  }
}

/** Push verification. */
export class Push {
  #http;
  #poll;
  /** @type {string | undefined} */
  #token;
  #onTokenExpired;

  /** @param {Options} options */
  constructor({ baseUrl, onTokenExpired, sharePoll = true, onCall, fetch: fetcher }) {
    const base = (baseUrl ?? new URL("../v1", import.meta.url).href).replace(/\/+$/, "");
    this.#http = new Http(base, fetcher ?? ((...request) => fetch(...request)), onCall);
    this.#poll = new SharedPoll(this.#http, base, sharePoll);
    this.#onTokenExpired = onTokenExpired;
  }

  /** @param {string} token */
  setToken(token) {
    this.#token = token;
  }

  /**
   * Asks the user's devices, or the one that is named. With `supersede: false` an open challenge of the same
   * action stays, and the refusal has its `challengeId`.
   * @param {ChallengeParams} [params]
   * @returns {Promise<Result<Challenge>>}
   */
  challenge({ action, userAuthenticatorId, supersede } = {}) {
    return this.#ask("/client/challenge/push", { body: { action, userAuthenticatorId, supersede } });
  }

  /**
   * Reads the state of a challenge at this moment.
   * @param {{ challengeId: string }} params
   * @returns {Promise<Result<Verification>>}
   */
  async verify({ challengeId }) {
    return verification(await this.#ask("/client/verify/push", { body: { challengeId } }));
  }

  /**
   * Waits until a challenge has ended: for as long as it lives, across lost connections. `signal` stops the
   * wait, which is then `aborted`; the challenge stays open.
   * @param {{ challengeId: string } & WaitParams} params
   * @returns {Promise<Result<Verification>>}
   */
  async wait({ challengeId, signal, onProgress }) {
    if (this.#token === undefined) return tokenMissing();
    let last = "";
    const result = await this.#poll.wait(
      { token: this.#token, challengeId },
      {
        signal,
        onConnection: (type) => {
          if (type !== last) onProgress?.({ type });
          last = type;
        },
      },
    );
    this.#lookForExpiry(result);
    return verification(result);
  }

  /**
   * The whole of it: asks the devices and waits for the end. `signal` cancels the challenge, too.
   * @param {ChallengeParams & WaitParams} [params]
   * @returns {Promise<Result<Verification & { challengeId: string }>>}
   */
  async authenticate({ signal, onProgress, ...params } = {}) {
    const started = await this.challenge(params);
    if (!started.data) return started;
    const { challengeId } = started.data;
    onProgress?.({ type: "started", ...started.data });
    const ended = await this.wait({ challengeId, signal, onProgress });
    if (ended.errorCode === "aborted") void this.cancel({ challengeId });
    if (!ended.data) return ended;
    if (ended.data.outcome) onProgress?.({ type: "ended", outcome: ended.data.outcome });
    return { data: { challengeId, ...ended.data } };
  }

  /**
   * Takes a challenge back. It may have ended before: `outcome` says how.
   * @param {{ challengeId: string }} params
   * @returns {Promise<Result<{ outcome: Outcome }>>}
   */
  cancel({ challengeId }) {
    return this.#ask("/client/cancel/push", { body: { challengeId } });
  }

  /**
   * Says that the page which waited goes away, for a listener of `pagehide`. A page cannot tell whether it is closed or
   * loaded again: the server takes the challenge back after 5 seconds, unless somebody waits for it then. Without
   * `challengeId`, as while `challenge` is under way, it is the one that is open of the token's action then.
   * @param {{ challengeId?: string }} [params]
   * @returns {Promise<Result<{ outcome?: Outcome }>>}
   */
  leave({ challengeId } = {}) {
    return this.#ask("/client/leave/push", { body: { challengeId }, keepalive: true });
  }

  /**
   * The devices of the token's user.
   * @param {{ signal?: AbortSignal }} [params]
   * @returns {Promise<Result<Authenticator[]>>}
   */
  authenticators({ signal } = {}) {
    return this.#ask("/client/user-authenticators", { method: "GET", signal });
  }

  /**
   * Removes a device. The token needs the scope `remove:authenticators`, as that of an approval has.
   * @param {{ userAuthenticatorId: string }} params
   * @returns {Promise<Result<{ success: boolean }>>}
   */
  removeAuthenticator({ userAuthenticatorId }) {
    return this.#ask("/client/user-authenticators/remove", { body: { userAuthenticatorId } });
  }

  /**
   * @param {string} path
   * @param {import("./http.js").CallOptions} options
   * @returns {Promise<Result<any>>}
   */
  async #ask(path, options) {
    if (this.#token === undefined) return tokenMissing();
    const result = await this.#http.ask(path, { ...options, token: this.#token });
    this.#lookForExpiry(result);
    return result;
  }

  /** @param {Result<any>} result */
  #lookForExpiry(result) {
    if (result.errorCode === "expired_token") this.#onTokenExpired?.();
  }
}

/** @returns {Refusal} */
function tokenMissing() {
  return refusal("token_not_set", "call setToken first");
}

/**
 * The server calls it `accessToken`, and the official SDK `token`.
 * @param {Result<any>} result
 * @returns {Result<Verification>}
 */
function verification(result) {
  if (!result.data) return result;
  const { accessToken, ...data } = result.data;
  return { data: accessToken === undefined ? data : { ...data, token: accessToken } };
}
