// Waiting for something to happen, with an end to the wait.

import { setTimeout as pause } from "node:timers/promises";

/** Asks `check` until it answers something true, and gives that. `what` tells what was waited for. */
export async function until(check, { what, ms = 10_000, everyMs = 25 }) {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    if (performance.now() > end) {
      throw new Error(typeof what === "function" ? what() : `${what}: not within ${ms} ms`);
    }
    await pause(everyMs);
  }
}

/** What `promise` gives, unless that takes longer than `ms`. */
export async function deadline(promise, ms, what) {
  const stop = new AbortController();
  const late = pause(ms, undefined, { signal: stop.signal }).then(
    () => Promise.reject(new Error(`${what}: not within ${ms} ms`)),
    () => new Promise(() => {}),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
