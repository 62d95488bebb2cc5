// Requests of the phone to the server, for one key. Every end is a value (`sdk/http.js`).

import { Http, refusal } from "../sdk/http.js";
import { ServerClock } from "../shared/clock.js";
import { isTicket } from "../shared/enroll.js";
import { sign } from "./keys.js";
import { decisionStatement, enrollStatement, removeStatement, sessionStatement } from "./statement.js";

/** @import { DeviceKey } from "./keys.js" */
/** @import { Decision } from "./statement.js" */
/**
 * @template T
 * @typedef {import("../sdk/http.js").Result<T>} Result
 */
/**
 * A challenge that waits for this phone. `display` is a text, which is signed, and JSON, which is shown.
 * @typedef {{ challengeId: string, userAuthenticatorId: string, userId: string, nonce: string,
 *   display: string, expiresAt: number, actionCode?: string, numberMatch?: { digits: number } | null }} Pending
 */

const PUSH = "/client/user-authenticators/push";
/** Seconds before its end at which a session is replaced. */
const SESSION_MARGIN_SECONDS = 60;
/** Seconds that the server is asked to hold a read. */
const HOLD_SECONDS = 25;

const base = new URL("../v1", import.meta.url).href;

/** The clock by which challenges end. */
export const clock = new ServerClock();

export class Device {
  #http;
  /** @type {{ token: string, endsAt: number } | undefined} */
  #session;

  /** @param {DeviceKey} key */
  constructor(key) {
    this.key = key;
    const basic = `Basic ${btoa(`${key.tenant}:`)}`;
    // Requests without a session name the tenant of the phone.
    const fetcher = (/** @type {any} */ url, /** @type {RequestInit} */ options) => {
      const headers = /** @type {Record<string, string>} */ (options.headers);
      return clock.fetch(url, { ...options, headers: { authorization: basic, ...headers } });
    };
    this.#http = new Http(base, /** @type {typeof fetch} */ (fetcher), undefined);
  }

  /**
   * Binds the key to the user of a token, or of the ticket that stands for one.
   * @param {string} token
   * @param {string} deviceName
   * @returns {Promise<Result<{ userAuthenticatorId: string, userId: string }>>}
   */
  async enroll(token, deviceName) {
    const { publicKey, algorithm, signatureFormat } = this.key;
    const proof = await sign(this.key, await enrollStatement(this.key, token));
    const signing = "statement-v1";
    const body = { publicKey, deviceName, devicePlatform: "web", algorithm, signatureFormat, signing, proof };
    return this.#http.ask(PUSH, { body, token });
  }

  /**
   * Reads the challenges that wait for the phone, newest first: at once, or held until there is one.
   * @param {{ hold: boolean, signal: AbortSignal }} options
   * @returns {Promise<Result<Pending[]>>}
   */
  async pending({ hold, signal }) {
    const known = this.#session;
    const session = await this.#open(signal);
    if (session.data === undefined) return this.#judged(session, signal);
    const waitSeconds = hold ? HOLD_SECONDS : undefined;
    const options = { method: "GET", token: session.data, signal, ...(hold && { waitSeconds }) };
    const result = await this.#http.ask(`${PUSH}/challenge`, options);
    if (result.data) return { data: result.data.challenges ?? [] };
    if (result.statusCode !== 401) return result;
    // A session ends with the account that it was made for; the key may have others. The answer
    // to a request for another session tells whether it has.
    const fresh = this.#session !== known;
    this.#session = undefined;
    return fresh ? result : this.pending({ hold: false, signal });
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<Result<string>>} the session's token
   */
  async #open(signal) {
    if (this.#session && this.#session.endsAt > performance.now()) return { data: this.#session.token };
    const began = performance.now();
    const given = await this.#nonce(signal);
    if (!given.data) return given;
    const { nonce } = given.data;
    const signature = await sign(this.key, sessionStatement(this.key, nonce));
    const body = { publicKey: this.key.publicKey, nonce, signature };
    const result = await this.#http.ask(`${PUSH}/session`, { body, ...(signal && { signal }) });
    if (!result.data) return result;
    const { token, expiresIn } = result.data;
    this.#session = { token, endsAt: began + (expiresIn - SESSION_MARGIN_SECONDS) * 1000 };
    return { data: token };
  }

  /** @param {AbortSignal} [signal] @returns {Promise<Result<{ nonce: string }>>} */
  #nonce(signal) {
    const body = { publicKey: this.key.publicKey };
    return this.#http.ask(`${PUSH}/session/nonce`, { body, ...(signal && { signal }) });
  }

  /**
   * Answers a challenge.
   * @param {Pending} asked
   * @param {Decision} decision
   * @param {string} [number] as it was typed
   * @returns {Promise<Result<{ isVerified: boolean, outcome: string }>>}
   */
  async decide(asked, decision, number) {
    const signature = await sign(this.key, await decisionStatement(this.key, asked, decision, number));
    const body = {
      publicKey: this.key.publicKey,
      challengeId: asked.challengeId,
      approved: decision === "approve",
      decision,
      signature,
      ...(number !== undefined && { verificationCode: number }),
    };
    return this.#judged(await this.#http.ask(`${PUSH}/challenge`, { body }));
  }

  /**
   * Takes the key away, with all accounts of its tenant.
   * @returns {Promise<Result<unknown>>}
   */
  async remove() {
    const given = await this.#nonce();
    if (!given.data) return this.#judged(given);
    const { nonce } = given.data;
    const signature = await sign(this.key, removeStatement(this.key, nonce));
    const body = { publicKey: this.key.publicKey, nonce, signature };
    return this.#judged(await this.#http.ask(`${PUSH}/remove`, { body }));
  }

  /**
   * Tells a key that the server does not know from one whose signature or nonce it did not take: both are
   * `invalid_credential`, and only the first is a reason to forget the key. The server is asked without a
   * signature, so that nothing that is wrong here has a part in the answer.
   * @param {Result<any>} result
   * @param {AbortSignal} [signal]
   * @returns {Promise<Result<any>>} `refused_credential` for a key that the server knows
   */
  async #judged(result, signal) {
    if (result.errorCode !== "invalid_credential") return result;
    const path = `${PUSH}/challenge?publicKey=${encodeURIComponent(this.key.publicKey)}`;
    const asked = await this.#http.ask(path, { method: "GET", ...(signal && { signal }) });
    if (asked.errorCode === "invalid_credential") return result;
    // A key that signs statements is asked for a session: 401 `invalid_token`.
    const isKnown = asked.data !== undefined || asked.errorCode === "invalid_token";
    if (!isKnown) return asked;
    return { ...refusal("refused_credential", result.errorDescription), statusCode: 401 };
  }
}

/**
 * Reads the tenant and user of a link's bearer. The server names them for a ticket, which is not used up by that;
 * a token names them itself.
 * @param {string} bearer
 * @returns {Promise<Result<{ tenant: string, user: string }>>}
 */
export async function readBearer(bearer) {
  if (!isTicket(bearer)) return readToken(bearer);
  const http = new Http(base, (...request) => fetch(...request), undefined);
  const opened = await http.ask(`${PUSH}/ticket/open`, { body: { ticket: bearer } });
  if (!opened.data) return opened;
  return { data: { tenant: opened.data.tenantId, user: opened.data.userId } };
}

/**
 * Reads the tenant and user of a token. Nobody vouches for it here: the server checks the token.
 * @param {string} token
 * @returns {Result<{ tenant: string, user: string }>}
 */
function readToken(token) {
  try {
    const body = (token.split(".")[0] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
    // A version, a kind, and two texts, each behind its length in two bytes (api/wire/src/token.rs).
    const [tenant, after] = textAt(bytes, 2);
    const [user] = textAt(bytes, after);
    if (bytes[0] === 1 && /^[\w-]{1,64}$/.test(tenant) && user !== "") return { data: { tenant, user } };
  } catch {
    // Not a token at all.
  }
  return refusal("invalid_token", "the link has no token that can be read");
}

/**
 * Reads a text, and gives the position behind it.
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {[string, number]}
 */
function textAt(bytes, at) {
  const begin = at + 2;
  const end = begin + new DataView(bytes.buffer).getUint16(at);
  return [new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(begin, end)), end];
}

/**
 * Reads the name and the look of a tenant.
 * @param {string} tenant
 * @returns {Promise<import("../shared/brand.js").Brand>}
 */
export async function brandOf(tenant) {
  const http = new Http(new URL("..", import.meta.url).href.replace(/\/$/, ""), (...request) => fetch(...request), undefined);
  const { data } = await http.ask(`/brand/${tenant}`, { method: "GET" });
  return data ?? { name: tenant };
}
