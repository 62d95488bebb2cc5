// The demo's own backend, which holds the secret. Each of these asks it to make one call to the server.

import { showBackend } from "./calls.js";

/** @import { Shown } from "./calls.js" */

/**
 * @param {"enroll" | "signIn" | "pay" | "validate" | "reset"} call
 * @param {object} order
 * @returns {Promise<Shown>} with status 0 if the backend cannot be reached
 */
export async function backend(call, order) {
  try {
    const answer = await fetch(new URL(`./backend/${call}`, import.meta.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    });
    const shown = await answer.json();
    // The backend itself has refused: it has made no call.
    if (!answer.ok) return { method: "POST", path: call, request: order, status: answer.status, response: shown, milliseconds: 0 };
    showBackend(shown);
    return shown;
  } catch {
    const response = { errorCode: "network_error", errorDescription: "the demo's backend cannot be reached" };
    return { method: "POST", path: call, request: order, status: 0, response, milliseconds: 0 };
  }
}
