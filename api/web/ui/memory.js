// A tab's memory of its challenge, so that a page that is loaded again asks nobody a second time.

const KEY = "countersign challenge";

/** @typedef {{ token: string, challengeId: string, number?: string, endsAt?: number, done?: boolean }} Remembered */

/** @param {Remembered} challenge */
export function remember(challenge) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(challenge));
  } catch {
    // Storage is full or not allowed: a page that is loaded again asks once more.
  }
}

/**
 * The challenge of this token.
 * @param {string} token
 * @returns {Remembered | undefined}
 */
export function recall(token) {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return found?.token === token ? found : undefined;
  } catch {
    return undefined;
  }
}

export function forget() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Then there was nothing to forget.
  }
}
