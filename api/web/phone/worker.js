// The phone's service worker: it keeps the phone's own files, so that the phone opens without a connection and
// says so. Nothing of the API passes through it. Web Push belongs here, when it comes: a `push` event that shows a
// notification, and a `notificationclick` that opens the phone.

/// <reference lib="webworker" />
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const CACHE = "countersign phone";
/** Files that are kept: the page, and those that it loads. */
const KEPT = /\/(phone|shared|vendor|sdk)(\/|$)/;

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = url.origin === worker.location.origin && KEPT.test(url.pathname);
  if (event.request.method === "GET" && ours) event.respondWith(newest(event.request));
});

/**
 * A file as the server has it, or as it was last.
 * @param {Request} request
 */
async function newest(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
