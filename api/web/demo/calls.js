// The calls, as they happen: their caller and address, their answer, and the time they took.

import { copyButton } from "../shared/copy.js";
import { byId, fill, h, say } from "../shared/dom.js";
import { snippets } from "./snippets.js";
import { TEXT } from "./text.js";

/** @import { Call } from "../sdk/http.js" */
/**
 * A call of the backend, as it told of it.
 * @typedef {{ method: string, path: string, request: unknown, status: number, response: any,
 *   milliseconds: number }} Shown
 */

const CALLS_MAX = 40;

/** Tokens are long, and are not to be read from a screen. @param {unknown} value */
function json(value) {
  const short = (/** @type {string} */ _, /** @type {unknown} */ one) =>
    typeof one === "string" && one.length > 60 ? one.replace(/[\w-]{40,}(?:\.[\w-]+)*/g, (token) => `${token.slice(0, 12)}…`) : one;
  return JSON.stringify(value, short, 2) ?? "";
}

/** @param {number} milliseconds */
const time = (milliseconds) => (milliseconds < 10_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`);

/** One line of the list. @param {string} from @param {string} method @param {string} path */
function line(from, method, path) {
  const status = h("span", { class: "status open" }, "…");
  const took = h("span", { class: "time" });
  const text = h("pre", { tabindex: "0" });
  const summary = h("summary", {}, h("span", { class: "from" }, from), h("span", { class: "path" }, `${method} ${path}`), status, took);
  const item = h("li", {}, h("details", {}, summary, text));
  const list = byId("calls");
  list.prepend(item);
  while (list.childElementCount > CALLS_MAX) list.lastElementChild?.remove();
  return { status, took, text };
}

/** @param {ReturnType<typeof line>} line @param {number} code @param {number} milliseconds @param {string} shown */
function end({ status, took, text }, code, milliseconds, shown) {
  status.textContent = code === 0 ? "lost" : String(code);
  status.className = `status ${code === 200 ? "good" : "bad"}`;
  took.textContent = time(milliseconds);
  text.textContent = shown;
}

/** @param {Shown} call */
export function showBackend({ method, path, request, status, response, milliseconds }) {
  const sent = request === null ? "" : `${json(request)}\n\n`;
  end(line("backend", method, path), status, milliseconds, `${sent}${status}\n${json(response)}`);
}

/** @type {Map<number, ReturnType<typeof line> & { timer: ReturnType<typeof setInterval> }>} */
const open = new Map();

/** A call of the page's SDK, when it begins and when it has ended. @param {Call} call */
export function showBrowser(call) {
  const { id, method, path, request, waitSeconds, status, response, milliseconds } = call;
  if (status === undefined) {
    const begun = line("browser", method, `/v1${path}`);
    const began = performance.now();
    const waits = waitSeconds ? "waiting" : "…";
    begun.status.textContent = waits;
    begun.text.textContent = json(request);
    const timer = setInterval(() => (begun.took.textContent = time(performance.now() - began)), 100);
    return void open.set(id, { ...begun, timer });
  }
  const begun = open.get(id);
  if (!begun) return;
  clearInterval(begun.timer);
  open.delete(id);
  const head = waitSeconds ? `Prefer: wait=${waitSeconds}\n` : "";
  const sent = request === undefined ? "" : `${json(request)}\n\n`;
  end(begun, status, milliseconds ?? 0, `${head}${sent}${status}\n${json(response)}`);
}

/** @param {string} text */
const announce = (text) => (byId("status").textContent = text);

/**
 * Shows the code of a step, with a button that copies it.
 * @param {Parameters<typeof snippets>[0]} step
 * @param {import("./snippets.js").Payment} [payment]
 */
export function showCode(step, payment) {
  const each = snippets(step, payment).flatMap(({ title, code }) => {
    const copy = copyButton(() => code, TEXT.copy, announce);
    copy.setAttribute("aria-label", say(TEXT.copy.named, { title }));
    return [h("div", { class: "title" }, h("h3", {}, title), copy), h("pre", { tabindex: "0" }, code)];
  });
  fill(byId("code"), ...each);
}
