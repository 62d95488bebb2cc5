// Requests whose every end is a value: nothing here throws, whatever the network does.

/**
 * Result of a call: `data`, or the reason for its absence. `error` is the same code once more, as the official SDK
 * has it.
 * @template T
 * @typedef {{ data: T, error?: undefined, errorCode?: undefined, errorDescription?: undefined,
 *   statusCode?: undefined, reason?: undefined, retryAfterSeconds?: undefined, challengeId?: undefined }
 *   | Refusal} Result
 */
/**
 * @typedef {{ data?: undefined, error: string, errorCode: string, errorDescription: string,
 *   statusCode?: number, reason?: string, retryAfterSeconds?: number, challengeId?: string }} Refusal
 */
/**
 * One request as it happens: told when it begins, without status, and once more when it has ended. A request
 * that got no answer ends with status 0.
 * @typedef {{ id: number, method: string, path: string, request?: unknown, waitSeconds?: number,
 *   status?: number, response?: unknown, milliseconds?: number }} Call
 */
/**
 * @typedef {{ method?: string, body?: object, token?: string, waitSeconds?: number,
 *   keepalive?: boolean, signal?: AbortSignal }} CallOptions
 */

/** Milliseconds for an answer, besides the time for which a poll asks the server to hold it. */
const ANSWER_MS = 10_000;

/**
 * @param {string} errorCode
 * @param {string} errorDescription
 * @returns {Refusal}
 */
export function refusal(errorCode, errorDescription) {
  return { error: errorCode, errorCode, errorDescription };
}

/** The server, and how to ask it. */
export class Http {
  #baseUrl;
  #fetch;
  #onCall;
  #calls = 0;

  /**
   * @param {string} baseUrl
   * @param {typeof fetch} fetcher
   * @param {((call: Call) => void) | undefined} onCall
   */
  constructor(baseUrl, fetcher, onCall) {
    this.#baseUrl = baseUrl;
    this.#fetch = fetcher;
    this.#onCall = onCall;
  }

  /**
   * Asks, and waits for the answer no longer than it can take. With `keepalive` the request outlives its page.
   * @param {string} path below the base address
   * @param {CallOptions} options
   * @returns {Promise<Result<any>>} `network_error` if there was no answer, `aborted` if the signal said so
   */
  async ask(path, { method = "POST", body, token, waitSeconds, ...options }) {
    const call = { id: (this.#calls += 1), method, path, request: body, waitSeconds };
    this.#onCall?.(call);
    const began = performance.now();
    const { status, response, result } = await this.#send(call, token, options);
    this.#onCall?.({ ...call, status, response, milliseconds: performance.now() - began });
    return result;
  }

  /**
   * @param {Call} call
   * @param {string | undefined} token
   * @param {CallOptions} options
   * @returns {Promise<{ status: number, response?: unknown, result: Result<any> }>}
   */
  async #send(call, token, { signal, keepalive = false }) {
    const { method, path, request, waitSeconds } = call;
    const stop = new AbortController();
    const abort = () => stop.abort();
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    const timer = setTimeout(abort, ANSWER_MS + 1000 * (waitSeconds ?? 0));
    try {
      const answer = await this.#fetch(`${this.#baseUrl}${path}`, {
        method,
        headers: headersOf(token, request !== undefined, waitSeconds),
        body: request === undefined ? undefined : JSON.stringify(request),
        signal: stop.signal,
        keepalive,
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const response = await answer.json();
      return { status: answer.status, response, result: resultOf(answer, response) };
    } catch {
      const result = signal?.aborted
        ? refusal("aborted", "the caller stopped the call")
        : refusal("network_error", "the server cannot be reached, or its answer was lost");
      return { status: 0, result };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}

/**
 * @param {string | undefined} token
 * @param {boolean} hasBody
 * @param {number | undefined} waitSeconds
 */
function headersOf(token, hasBody, waitSeconds) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (hasBody) headers["content-type"] = "application/json";
  if (waitSeconds !== undefined) headers.prefer = `wait=${waitSeconds}`;
  return headers;
}

/**
 * @param {Response} answer
 * @param {any} body
 * @returns {Result<any>}
 */
function resultOf(answer, body) {
  if (answer.ok) return { data: body };
  const code = String(body?.errorCode ?? body?.error ?? "unexpected_error");
  const text = String(body?.errorDescription ?? `the server answered ${answer.status}`);
  const wait = Number(answer.headers.get("retry-after") ?? NaN);
  return {
    ...refusal(code, text),
    statusCode: answer.status,
    ...(typeof body?.reason === "string" && { reason: body.reason }),
    ...(Number.isFinite(wait) && { retryAfterSeconds: wait }),
    ...(typeof body?.challengeId === "string" && { challengeId: body.challengeId }),
  };
}
