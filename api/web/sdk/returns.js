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

/** Milliseconds that the first look after a return may take, so that a dead connection costs no more. */
const LOOK_MS = 1000;
/** Milliseconds that a look may take at most. */
const LOOK_MS_MAX = 10_000;

/**
 * Milliseconds that a look may take, so that a slow network gets its answer too.
 * @param {number} looks how many there were since the return, with this one
 */
export const lookMs = (looks) => Math.min(LOOK_MS * 2 ** (looks - 1), LOOK_MS_MAX);

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
