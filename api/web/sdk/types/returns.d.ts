/**
 * Tells of returns: the page is seen again, takes the focus, comes out of the browser's cache, or the browser is online
 * again. The first sign is told at once and the others of the same return not at all. Signs that follow a return too
 * closely are told once, a second after it.
 * @param {() => void} back
 * @returns {() => void} stops
 */
export function onReturn(back: () => void): () => void;
/**
 * Waits, until the signal ends the wait at the latest.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void>;
export function lookMs(looks: number): number;
