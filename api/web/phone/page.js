// The phone's page: one view at a time.

import { byId, fill, h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { TEXT } from "./text.js";

/** @import { Child } from "../shared/dom.js" */

/**
 * Shows a view. Its heading takes the focus; `aside` stands beside it.
 * @param {{ badge?: [string, string], heading: string, text?: string, aside?: Node }} head
 * @param {...Child} rest
 */
export function view({ badge, heading, text, aside }, ...rest) {
  const title = h("h1", { tabindex: "-1" }, heading);
  const card = h(
    "div",
    { class: "card" },
    badge && h("div", { class: `badge ${badge[1]}` }, icon(badge[0])),
    h("div", { class: badge ? "head center" : "head" }, aside ? h("div", { class: "title" }, title, aside) : title, text && h("p", { class: "muted" }, text)),
    ...rest,
  );
  fill(byId("view"), card);
  title.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  return card;
}

/** Pixels of height below which the page is drawn tight. A keyboard on a small phone leaves about 300. */
const SHORT_PX = 480;

/**
 * Follows the part of the page that is seen. Some browsers draw the keyboard over the page and do not shrink it;
 * the parts that stick to the bottom are to stay above it.
 */
function followKeyboard() {
  const { visualViewport: seen, document: { documentElement: root } } = window;
  if (!seen) return;
  const fit = () => {
    const zoomed = seen.scale > 1.01;
    const covered = zoomed ? 0 : Math.max(0, window.innerHeight - seen.height - seen.offsetTop);
    root.style.setProperty("--keyboard", `${Math.round(covered)}px`);
    root.classList.toggle("short", seen.height * seen.scale < SHORT_PX);
  };
  seen.addEventListener("resize", fit);
  seen.addEventListener("scroll", fit);
  fit();
}
// Tests read this module without a page.
if ("document" in globalThis) followKeyboard();

/** More, below the view's card. @param {...Child} rest */
export function below(...rest) {
  byId("view").append(.../** @type {Node[]} */ (rest.filter(Boolean)));
}

/** Says something in passing to those who do not see the page. @param {string} text */
export function announce(text) {
  byId("status").textContent = text;
}

/** @param {"waiting" | "reconnecting" | "offline" | ""} connection */
export function showConnection(connection) {
  const element = byId("connection");
  element.dataset.state = connection;
  element.textContent = connection ? TEXT.connection[connection] : "";
}
