// The server's clock, as the `Date` of its answers tells it: the device's own may be wrong by hours.

/** `Date` counts whole seconds: the server's clock may be that much further. */
const WHOLE_MS = 1000;
/** Milliseconds by which the clocks of two answers may differ, because answers travel. */
const SAME_MS = 2000;

export class ServerClock {
  /** Milliseconds by which the server is ahead of this device, at most. @type {number | undefined} */
  #ahead;

  /**
   * Sends a request, and notes the time of its answer.
   * @param {Parameters<typeof fetch>} request
   */
  fetch = async (...request) => {
    const answer = await fetch(...request);
    this.#hear(Date.parse(answer.headers.get("date") ?? ""));
    return answer;
  };

  /** @param {number} date */
  #hear(date) {
    if (Number.isNaN(date)) return;
    const ahead = date + WHOLE_MS - Date.now();
    // Of two that agree the lesser one is nearer. Never too little, so that no time is promised that there is not.
    const agrees = this.#ahead !== undefined && Math.abs(ahead - this.#ahead) < SAME_MS;
    this.#ahead = agrees ? Math.min(ahead, this.#ahead ?? ahead) : ahead;
  }

  /**
   * A time of the server's on this device's clock, in milliseconds.
   * @param {number} seconds Unix seconds
   */
  here(seconds) {
    return seconds * 1000 - (this.#ahead ?? 0);
  }
}
