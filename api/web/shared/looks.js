// Looking again and again for something that happens elsewhere, such as a phone that is added.

import { lookMs, onReturn, pause } from "../sdk/returns.js";

/**
 * Looks until there is something, or until `stop`. A hidden page does not look. Once the person or the network is back,
 * the page looks at once, and gives up a look that was under way, because its connection may be dead.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T | undefined>} look
 * @param {{ everyMs: number, stop: AbortSignal }} options
 * @returns {Promise<T | undefined>} undefined once it was stopped
 */
export async function lookUntil(look, { everyMs, stop }) {
  let round = new AbortController();
  let looks = 1;
  let isDue = false;
  const end = () => round.abort();
  const stopWatching = onReturn(() => {
    looks = 1;
    isDue = true;
    end();
  });
  stop.addEventListener("abort", end);
  try {
    for (;;) {
      round = new AbortController();
      if (!isDue) await pause(everyMs, round.signal);
      isDue = false;
      if (stop.aborted) return undefined;
      if (document.hidden) continue;
      const { signal } = (round = new AbortController());
      const late = () => {
        looks += 1;
        isDue = true;
        end();
      };
      const timer = setTimeout(late, lookMs(looks));
      const found = await look(signal);
      clearTimeout(timer);
      if (stop.aborted) return undefined;
      if (found !== undefined) return found;
    }
  } finally {
    stopWatching();
    stop.removeEventListener("abort", end);
  }
}
