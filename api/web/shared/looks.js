// Looking again and again for something that happens elsewhere, such as a phone that is added.

import { firstAnswer, onReturn, pause } from "../sdk/returns.js";

/**
 * Looks until there is something, or until `stop`. A hidden page does not look. Once the person or the network is back,
 * the page looks at once, and gives up a look that was under way, because its connection may be dead.
 * @template {{ errorCode?: string }} R
 * @template T
 * @param {(signal: AbortSignal) => Promise<R>} look
 * @param {(result: R) => T | undefined} found reads a result; undefined as long as there is nothing
 * @param {{ everyMs: number, stop: AbortSignal }} options
 * @returns {Promise<T | undefined>} undefined once it was stopped
 */
export async function lookUntil(look, found, { everyMs, stop }) {
  let round = new AbortController();
  let isBack = false;
  const end = () => round.abort();
  const stopWatching = onReturn(() => {
    isBack = true;
    end();
  });
  stop.addEventListener("abort", end);
  try {
    for (;;) {
      round = new AbortController();
      if (!isBack) await pause(everyMs, round.signal);
      if (stop.aborted) return undefined;
      if (document.hidden) {
        isBack = false;
        continue;
      }
      round = new AbortController();
      const looked = isBack ? firstAnswer(look, round.signal) : look(round.signal);
      isBack = false;
      const thing = found(await looked);
      if (stop.aborted) return undefined;
      if (thing !== undefined) return thing;
    }
  } finally {
    stopWatching();
    stop.removeEventListener("abort", end);
  }
}
