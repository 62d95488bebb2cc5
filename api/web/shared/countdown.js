// Time that runs out on the screen, second by second.

import { say } from "./dom.js";

/**
 * Shows in an element how many seconds are left, until none are or the element has left the page.
 * @param {HTMLElement} element
 * @param {number} endsAt milliseconds on this device's clock
 * @param {(seconds: number) => string} text
 * @param {() => void} [done] is called once when no second is left
 */
export function countdown(element, endsAt, text, done) {
  const left = Math.max(0, endsAt - Date.now());
  const seconds = Math.ceil(left / 1000);
  const shown = text(seconds);
  if (element.textContent !== shown) element.textContent = shown;
  if (seconds === 0) return done?.();
  const next = left - (seconds - 1) * 1000;
  setTimeout(() => element.isConnected && countdown(element, endsAt, text, done), Math.max(next, 50));
}

/**
 * Minutes and seconds, such as 4:05.
 * @param {number} seconds
 */
export function clockText(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/**
 * A wait as people say it: in seconds up to a minute and a half, and then in minutes.
 * @param {number} seconds
 * @param {{ seconds: readonly [string, string], minutes: readonly [string, string] }} texts for one, and for more
 */
export function waitText(seconds, texts) {
  const [count, [one, more]] = seconds < 90 ? [seconds, texts.seconds] : [Math.ceil(seconds / 60), texts.minutes];
  return say(count === 1 ? one : more, { n: count });
}
