// The browser's side of a sign-in, as plain requests: for suites of other SDKs, which have no such calls.

import { until } from "./until.mjs";

// Above the longest wait that a long poll can ask for.
const ANSWER_MS = 60_000;

export class Web {
  #url;

  constructor(server, token) {
    this.#url = server.url;
    /** The token of its action. */
    this.token = token;
  }

  /** Starts a challenge. Gives status and body. */
  challenge(body = {}) {
    return this.#post("/client/challenge/push", body);
  }

  /** Starts a challenge that has to be accepted, and gives its id. */
  async challengeId(body = {}) {
    const { status, body: answer } = await this.challenge(body);
    if (status !== 200) throw new Error(`no challenge: ${status} ${JSON.stringify(answer)}`);
    return answer.challengeId;
  }

  /** Asks how a challenge stands; with `waitSeconds` as a long poll, which `signal` breaks off. */
  verify(challengeId, { waitSeconds, signal } = {}) {
    const prefer = waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` };
    return this.#post("/client/verify/push", { challengeId }, prefer, signal);
  }

  /** Polls a challenge, as the browser SDK does, until it has been answered. Gives the body. */
  async outcome(challengeId) {
    const answered = async () => {
      const { body } = await this.verify(challengeId);
      return body.isConsumed && body;
    };
    return until(answered, { what: `the end of challenge ${challengeId}` });
  }

  async #post(path, body, headers = {}, signal = AbortSignal.timeout(ANSWER_MS)) {
    const answer = await fetch(`${this.#url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.token}`,
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify(body),
      signal,
    });
    const text = await answer.text();
    try {
      return { status: answer.status, headers: answer.headers, body: JSON.parse(text) };
    } catch {
      throw new Error(`${path} is answered ${answer.status}, and not in JSON: ${text}`);
    }
  }
}
