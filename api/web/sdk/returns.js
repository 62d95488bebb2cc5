// The person's return to a page, and the network's to a browser. A connection that was open before may be dead without
// having said so.

/** Milliseconds in which the signs of one return come: the page is seen, takes the focus, and is online. */
const RETURN_MS = 250;
/** Milliseconds between two returns that are told, however often the focus goes back and forth. */
const APART_MS = 1000;

/**
 * Tells of returns: the page is seen again, takes the focus, comes out of the browser's cache, or the browser is online
 * again. The first sign is told at once and the others of the same return not at all. Signs that follow a return too
 * closely are told once, a second after it.
 * @param {() => void} back
 * @returns {() => void} stops
 */
export function onReturn(back) {
  if (typeof window === "undefined") return () => {};
  let told = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;
  const tell = () => {
    clearTimeout(later);
    later = undefined;
    told = performance.now();
    back();
  };
  const sign = () => {
    const since = performance.now() - told;
    if (since >= APART_MS) return tell();
    if (since > RETURN_MS) later ??= setTimeout(tell, APART_MS - since);
  };
  const seen = () => {
    if (!document.hidden) sign();
  };
  // A page that is shown for the first time comes back from nowhere.
  const shown = (/** @type {PageTransitionEvent} */ { persisted }) => {
    if (persisted !== false) sign();
  };
  window.addEventListener("online", sign);
  window.addEventListener("focus", sign);
  window.addEventListener("pageshow", shown);
  document.addEventListener("visibilitychange", seen);
  return () => {
    clearTimeout(later);
    window.removeEventListener("online", sign);
    window.removeEventListener("focus", sign);
    window.removeEventListener("pageshow", shown);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Milliseconds after which a request without an answer is made once more, beside the one before. */
const AGAIN_MS = 400;
/** Requests beside each other: below the six connections that a browser opens to a server. */
const ASKED_MAX = 4;

/**
 * Makes a request after a return. As the connections that the browser keeps may be dead, all of them, the request is
 * made again on the next one while there is no answer; and as the network may be slow, none is given up before the
 * first answer.
 * @template {{ errorCode?: string }} T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {AbortSignal} signal stops all of them
 * @returns {Promise<T>} the first answer, or the failure of the last request
 */
export async function firstAnswer(ask, signal) {
  const round = new AbortController();
  const stop = () => round.abort();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    return await new Promise((resolve, reject) => {
      let [asked, lost] = [0, 0];
      const again = () => {
        asked += 1;
        if (asked < ASKED_MAX) timer = setTimeout(again, AGAIN_MS);
        ask(round.signal).then((result) => {
          if (result.errorCode === "network_error") lost += 1;
          if (result.errorCode !== "network_error" || lost === asked) resolve(result);
        }, reject);
      };
      again();
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/**
 * Waits, until the signal ends the wait at the latest.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    function end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}
