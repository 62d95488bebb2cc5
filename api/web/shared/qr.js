// A QR code as a picture. Dark on light in either colour scheme: not every camera reads the inverse.

import encodeQR from "../vendor/qr/index.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} text
 * @param {string} label the picture's meaning, for those who do not see it
 */
export function qrCode(text, label) {
  const rows = encodeQR(text, "raw", { ecc: "low", border: 3 });
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${rows.length} ${rows.length}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("class", "qr");
  svg.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", rows.map((row, y) => row.map((on, x) => (on ? `M${x} ${y}h1v1h-1z` : "")).join("")).join(""));
  svg.append(path);
  return svg;
}
