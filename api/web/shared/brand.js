// A tenant's look on a page: name, logo and colour.

import { h } from "./dom.js";

/** @typedef {{ name: string, logo?: string, colour?: string }} Brand */

/**
 * The logo, or the first letter of the name.
 * @param {Brand} brand
 */
export function mark(brand) {
  if (brand.logo) return h("img", { class: "mark", src: brand.logo, alt: "" });
  const letter = [...brand.name.trim()][0]?.toUpperCase() ?? "";
  return h("span", { class: "mark letter", "aria-hidden": "true" }, letter);
}

/**
 * Has an element, and all in it, use the tenant's colour, with text on it that can be read.
 * @param {Brand} brand
 * @param {HTMLElement} element
 */
export function paint(brand, element) {
  if (!brand.colour) return;
  element.style.setProperty("--accent", brand.colour);
  element.style.setProperty("--on-accent", textOn(brand.colour));
}

/**
 * Black or white, whichever has the greater contrast (WCAG 2.2, relative luminance).
 * @param {string} colour `#rrggbb`
 */
export function textOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
