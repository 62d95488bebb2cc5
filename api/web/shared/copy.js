// A button that copies a text.

import { button } from "./dom.js";

/** Milliseconds for which the button says that it has copied. */
const TOLD_MS = 2000;

/**
 * @param {() => string} text the text to copy, as it is when the button is pressed
 * @param {{ copy: string, copied: string, failed: string }} words
 * @param {(text: string) => void} announce tells those who do not see the page
 */
export function copyButton(text, { copy, copied, failed }, announce) {
  const element = button(copy, () => void press(), "quiet");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const press = async () => {
    let told = copied;
    try {
      // Absent outside of secure contexts, and refused where the person or the browser does not allow it.
      await navigator.clipboard.writeText(text());
    } catch {
      told = failed;
    }
    element.textContent = told;
    announce(told);
    clearTimeout(timer);
    timer = setTimeout(() => (element.textContent = copy), TOLD_MS);
  };
  return element;
}
