/**
 * Tells of returns: the page is seen again, takes the focus, comes out of the browser's cache, or the browser is online
 * again. The first sign is told at once and the others of the same return not at all. Signs that follow a return too
 * closely are told once, a second after it.
 * @param {() => void} back
 * @returns {() => void} stops
 */
export function onReturn(back: () => void): () => void;
/**
 * Makes a request after a return. As the connections that the browser keeps may be dead, all of them, the request is
 * made again on the next one while there is no answer; and as the network may be slow, none is given up before the
 * first answer.
 * @template {{ errorCode?: string }} T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {AbortSignal} signal stops all of them
 * @returns {Promise<T>} the first answer, or the failure of the last request
 */
export function firstAnswer<T extends {
    errorCode?: string;
}>(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
/**
 * Waits, until the signal ends the wait at the latest.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void>;
